use super::*;
use crate::config::Config;

/// The listeners of these `listen` directives.
fn listeners(listens: &str) -> Vec<Listener> {
    let text = format!("http {{ server {{ {listens} }} }}");
    Config::from_text("test", &text, &std::env::temp_dir(), "").expect("the configuration is right").listeners
}

fn temp(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("webserv-listen-{name}-{}", std::process::id()))
}

fn open(open: &mut Open, listens: &str, workers: usize) -> Sockets {
    open.open(&listeners(listens), workers).expect("opens")
}

#[test]
fn each_worker_has_a_socket_at_the_port_that_the_kernel_chose() {
    let mut sockets = open(&mut Open::default(), "listen 127.0.0.1:0;", 3);
    let address = sockets.addresses().remove(0).0;
    let taken: Vec<_> = (0..3).map(|worker| sockets.take(worker).remove(0).1).collect();
    for socket in &taken {
        assert_eq!(net::local_address(socket.as_fd()).as_ref(), Ok(&address));
    }
    assert!(sockets.take(0).is_empty() && sockets.take(3).is_empty(), "each can be taken once");
}

#[test]
fn with_reuseport_off_all_workers_share_one_socket() {
    let mut all = Open::default();
    let mut sockets = open(&mut all, "listen 127.0.0.1:0 reuseport=off;", 3);
    let taken: Vec<_> = (0..3).map(|worker| sockets.take(worker).remove(0).1).collect();
    assert!(taken.iter().all(|socket| Arc::ptr_eq(socket, &taken[0])));
    assert!(sockets.take(0).is_empty(), "each can be taken once");
    assert_eq!(all.fixed_options(&listeners("listen 127.0.0.1:0;")), ["\"reuseport=\" of 127.0.0.1:0"]);
    assert_eq!(all.fixed_options(&listeners("listen 127.0.0.1:0 reuseport=off;")), [""; 0]);
}

#[test]
fn a_shared_port_is_refused_if_another_program_listens_there() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = other.local_addr().expect("has an address").port();
    for (listens, workers) in [(format!("listen 127.0.0.1:{port};"), 2), (format!("listen {port} reuseport;"), 1)] {
        let refused = Open::default().open(&listeners(&listens), workers).err().expect(&listens).to_string();
        assert!(refused.contains("another program listens there"), "{listens}: {refused}");
    }
}

#[test]
fn which_addresses_conflict() {
    let socket = |address: &str, ipv6_only| Socket {
        _name: None,
        fd: webserv_sys::pipe::pipe().expect("a descriptor").0,
        address: Address::Inet(address.parse().expect("an address")),
        ipv6_only,
        one_socket: false,
        file: Default::default(),
    };
    for (a, b, expected) in [
        (("0.0.0.0:80", true), ("127.0.0.1:80", true), true),
        (("0.0.0.0:80", true), ("127.0.0.1:81", true), false),
        (("127.0.0.1:80", true), ("127.0.0.1:80", true), true),
        (("127.0.0.1:80", true), ("127.0.0.2:80", true), false),
        (("[::]:80", true), ("127.0.0.1:80", true), false),
        (("[::]:80", false), ("127.0.0.1:80", true), true),
        (("[::]:80", false), ("0.0.0.0:80", true), true),
        (("[::]:80", true), ("[::1]:80", true), true),
        (("0.0.0.0:80", true), ("[::1]:80", true), false),
    ] {
        for ((a, a_only), (b, b_only)) in [(a, b), (b, a)] {
            let other = Address::Inet(b.parse().expect("an address"));
            assert_eq!(socket(a, a_only).meets(&other, b_only), expected, "{a} {b}");
        }
    }
}

#[test]
fn a_unix_socket_has_mode_0666_and_is_removed_with_its_last_owner() {
    let path = temp("name");
    let mut sockets = open(&mut Open::default(), &format!("listen unix:{};", path.display()), 2);
    let (first, second) = (sockets.take(0), sockets.take(1));
    let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
    drop(first);
    assert!(path.exists(), "the second worker listens");
    drop(second);
    assert!(!path.exists());
}

#[test]
fn a_socket_file_of_another_program_is_not_removed() {
    let path = temp("other");
    let mut sockets = open(&mut Open::default(), &format!("listen unix:{};", path.display()), 1);
    let ours = sockets.take(0);
    std::fs::remove_file(&path).expect("removed");
    let _other = std::os::unix::net::UnixListener::bind(&path).expect("binds");
    drop(ours);
    assert!(path.exists());
    std::fs::remove_file(&path).expect("removed");
}

/// Only for Linux: other systems report a full backlog with other errors.
#[cfg(target_os = "linux")]
#[test]
fn the_first_worker_that_ended_removed_the_unix_socket_of_all() {
    let path = temp("adopted");
    let listeners = listeners(&format!("listen unix:{};", path.display()));
    let mut of_master = Open::default();
    let bound = of_master.open(&listeners, 3).expect("opens");
    let handed = bound.descriptors().map(|(at, fd)| (at.to_string(), fd.try_clone_to_owned().expect("cloned")));
    let mut adopted = Open::default().adopt(&listeners, 3, handed.collect()).unwrap_or_else(|error| panic!("{error}"));
    let taken: Vec<_> = (0..3).map(|worker| adopted.take(worker).remove(0).1).collect();
    for socket in taken {
        assert!(net::connect(&Address::Unix(path.clone())).is_ok());
        drop(socket);
    }
    assert!(!path.exists(), "the last one removes it");
}

#[test]
fn a_backlog_can_be_changed_while_the_socket_is_open() {
    let path = temp("backlog");
    let listen = |backlog| format!("listen unix:{} backlog={backlog};", path.display());
    let mut all = Open::default();
    let _sockets = open(&mut all, &listen(1), 1);
    let address = Address::Unix(path.clone());
    let mut clients = Vec::new();
    let refused = loop {
        match net::connect(&address) {
            Ok(client) => clients.push(client),
            Err(error) => break error,
        }
        assert!(clients.len() < 100, "there is no limit");
    };
    assert!(refused.would_block(), "{refused}");
    all.adapt(&listeners(&listen(100)));
    assert!(net::connect(&address).is_ok());
}

#[test]
fn an_option_that_cannot_be_changed_is_named_once() {
    let mut all = Open::default();
    let mut sockets = open(&mut all, "listen [::1]:0;", 2);
    let taken = (sockets.take(0), sockets.take(1));
    let off = listeners("listen [::1]:0 ipv6only=off;");
    assert_eq!(all.fixed_options(&off), ["\"ipv6only=\" of [::1]:0"]);
    drop(taken);
    assert_eq!(all.fixed_options(&off), [""; 0], "it is closed");
}
