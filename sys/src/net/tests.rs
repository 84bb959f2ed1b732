//! Real sockets on 127.0.0.1, [::1] and in a temporary directory.

use super::*;
use crate::testing::{
    TempDir, assert_flags, assert_own_process, failure, limit_descriptors, passes_in_own_process, wait_for,
};
use std::io::IoSlice;

fn inet(text: &str) -> Address {
    Address::Inet(text.parse().unwrap())
}

/// A listening socket and its bound address.
fn listening(address: &Address, options: &ListenOptions) -> (OwnedFd, Address) {
    let listener = listen(address, options).unwrap();
    let address = local_address(listener.as_fd()).unwrap();
    (listener, address)
}

/// A connection: the client's socket, the server's socket, and the address from accept(2).
fn connected(listener: &OwnedFd, address: &Address) -> (OwnedFd, OwnedFd, Address) {
    let client = connect(address).unwrap();
    wait_for(listener.as_fd(), libc::POLLIN);
    let (server, peer) = accept(listener.as_fd()).unwrap();
    wait_for(client.as_fd(), libc::POLLOUT);
    take_error(client.as_fd()).unwrap();
    (client, server, peer)
}

/// A TCP connection: the client's socket and the server's socket.
fn tcp_pair() -> (OwnedFd, OwnedFd) {
    let (listener, address) = listening(&inet("127.0.0.1:0"), &ListenOptions::default());
    let (client, server, _) = connected(&listener, &address);
    (client, server)
}

/// Waits for bytes, and returns those that are there.
fn received(socket: &OwnedFd) -> Vec<u8> {
    wait_for(socket.as_fd(), libc::POLLIN);
    let mut buffer = [0; 4096];
    let n = recv(socket.as_fd(), &mut buffer).unwrap();
    buffer[..n].to_vec()
}

/// Sends until the socket is full; returns the error.
fn fill(socket: &OwnedFd) -> (&'static str, i32) {
    let chunk = [b'x'; 65536];
    loop {
        if let Err(error) = send(socket.as_fd(), &chunk, false) {
            return (error.call(), error.errno());
        }
    }
}

#[test]
fn inet_connections_know_both_addresses() {
    for any_port in ["127.0.0.1:0", "[::1]:0"] {
        let (listener, address) = listening(&inet(any_port), &ListenOptions::default());
        assert_flags(listener.as_fd(), true);
        assert_eq!(failure(accept(listener.as_fd())), (ACCEPT, libc::EAGAIN));

        let (client, server, peer) = connected(&listener, &address);
        assert_flags(client.as_fd(), true);
        assert_flags(server.as_fd(), true);
        assert_eq!(peer, local_address(client.as_fd()).unwrap());
        assert_eq!(peer, peer_address(server.as_fd()).unwrap());
        assert_eq!(address, peer_address(client.as_fd()).unwrap());
        assert_eq!(address, local_address(server.as_fd()).unwrap());
    }
}

/// The name of the call behind [`accept`].
const ACCEPT: &str = if cfg!(target_os = "macos") { "accept" } else { "accept4" };

#[test]
fn unix_connections_have_a_path_on_one_side() {
    let dir = TempDir::new();
    let address = Address::Unix(dir.join("socket"));
    let (listener, local) = listening(&address, &ListenOptions::default());
    assert_eq!(local, address);
    let (client, server, peer) = connected(&listener, &address);
    assert_eq!(peer, Address::Unix("".into()));
    assert_eq!(peer_address(client.as_fd()).unwrap(), address);
    assert_eq!(send(client.as_fd(), b"hello", false), Ok(5));
    assert_eq!(received(&server), b"hello");
}

#[test]
fn pairs_are_connected() {
    let (one, other) = pair().unwrap();
    assert_flags(one.as_fd(), true);
    assert_flags(other.as_fd(), true);
    assert_eq!(send(one.as_fd(), b"there", false), Ok(5));
    assert_eq!(received(&other), b"there");
    assert_eq!(send(other.as_fd(), b"back", false), Ok(4));
    assert_eq!(received(&one), b"back");
}

#[test]
fn an_address_in_use_says_so() {
    let (_listener, address) = listening(&inet("127.0.0.1:0"), &ListenOptions::default());
    assert_eq!(failure(listen(&address, &ListenOptions::default())), ("bind", libc::EADDRINUSE));
}

#[test]
fn an_address_whose_connections_have_just_ended_is_free() {
    let (listener, address) = listening(&inet("127.0.0.1:0"), &ListenOptions::default());
    let (client, server, _) = connected(&listener, &address);
    drop(server); // the side that closes first keeps the connection in TIME_WAIT
    wait_for(client.as_fd(), libc::POLLIN);
    drop((client, listener));
    listen(&address, &ListenOptions::default()).unwrap();
}

#[test]
fn a_foreign_address_cannot_be_bound() {
    // 192.0.2.0/24 is for documentation (RFC 5737): no host has it.
    assert_eq!(failure(listen(&inet("192.0.2.1:0"), &ListenOptions::default())), ("bind", libc::EADDRNOTAVAIL));
}

#[test]
fn reuse_port_lets_two_listen() {
    let options = ListenOptions { reuse_port: true, ..ListenOptions::default() };
    let (_first, address) = listening(&inet("127.0.0.1:0"), &options);
    let _second = listen(&address, &options).unwrap();
    assert_eq!(failure(listen(&address, &ListenOptions::default())), ("bind", libc::EADDRINUSE));
}

#[test]
fn ipv6_only_leaves_ipv4_to_others() {
    for (ipv6_only, outcome) in [(true, Err(libc::ECONNREFUSED)), (false, Ok(()))] {
        let options = ListenOptions { ipv6_only, ..ListenOptions::default() };
        let (_listener, address) = listening(&inet("[::]:0"), &options);
        let Address::Inet(bound) = address else { panic!("{address:?}") };
        let client = connect(&inet(&format!("127.0.0.1:{}", bound.port()))).unwrap();
        wait_for(client.as_fd(), libc::POLLOUT);
        assert_eq!(take_error(client.as_fd()).map_err(|e| e.errno()), outcome);
    }
}

#[test]
fn a_stale_unix_socket_is_replaced_and_a_live_one_is_not() {
    let dir = TempDir::new();
    let address = Address::Unix(dir.join("socket"));
    drop(listen(&address, &ListenOptions::default()).unwrap());
    assert!(dir.join("socket").exists(), "closing leaves the file");
    let (listener, _) = listening(&address, &ListenOptions::default());
    assert_eq!(failure(listen(&address, &ListenOptions::default())), ("bind", libc::EADDRINUSE));
    connected(&listener, &address);
}

#[test]
fn a_live_unix_socket_with_a_full_backlog_is_not_stale() {
    let dir = TempDir::new();
    let address = Address::Unix(dir.join("socket"));
    let options = ListenOptions { backlog: 0, ..ListenOptions::default() };
    let _listener = listen(&address, &options).unwrap();
    let _waiting: Vec<_> = (0..3).map_while(|_| connect(&address).ok()).collect();
    assert_eq!(failure(listen(&address, &options)), ("bind", libc::EADDRINUSE));
}

#[test]
fn a_file_in_the_place_of_a_unix_socket_stays() {
    let dir = TempDir::new();
    std::fs::write(dir.join("file"), "precious").unwrap();
    drop(listen(&Address::Unix(dir.join("stale")), &ListenOptions::default()).unwrap());
    for (to, link) in [("file", "link to a file"), ("stale", "link to a stale socket")] {
        std::os::unix::fs::symlink(dir.join(to), dir.join(link)).unwrap();
    }
    for name in ["file", "link to a file", "link to a stale socket"] {
        let outcome = listen(&Address::Unix(dir.join(name)), &ListenOptions::default());
        assert_eq!(failure(outcome), ("bind", libc::EADDRINUSE));
        assert!(dir.join(name).exists());
    }
    assert_eq!(std::fs::read(dir.join("file")).unwrap(), b"precious");
}

#[test]
fn invalid_unix_paths() {
    let dir = TempDir::new();
    let long = Address::Unix(dir.join(&"x".repeat(UNIX_PATH_BYTES_MAX)));
    assert_eq!(failure(listen(&long, &ListenOptions::default())), ("bind", libc::ENAMETOOLONG));
    assert_eq!(failure(connect(&long)), ("connect", libc::ENAMETOOLONG));
    let nowhere = Address::Unix(dir.join("no/socket"));
    assert_eq!(failure(listen(&nowhere, &ListenOptions::default())), ("bind", libc::ENOENT));
    assert_eq!(failure(connect(&nowhere)), ("connect", libc::ENOENT));
}

#[test]
fn a_refused_connection_is_told_by_take_error() {
    let (listener, address) = listening(&inet("127.0.0.1:0"), &ListenOptions::default());
    drop(listener);
    let client = connect(&address).unwrap();
    wait_for(client.as_fd(), libc::POLLOUT);
    assert_eq!(failure(take_error(client.as_fd())), ("connect", libc::ECONNREFUSED));
    assert_eq!(take_error(client.as_fd()), Ok(()), "the error is taken once");
    assert_eq!(failure(peer_address(client.as_fd())), ("getpeername", libc::ENOTCONN));
}

#[test]
fn recv_says_nothing_yet_and_the_end() {
    let (client, server) = tcp_pair();
    let mut buffer = [0; 8];
    assert_eq!(failure(recv(server.as_fd(), &mut buffer)), ("recv", libc::EAGAIN));
    shutdown_write(client.as_fd()).unwrap();
    wait_for(server.as_fd(), libc::POLLIN);
    assert_eq!(recv(server.as_fd(), &mut buffer), Ok(0));
    // The other direction is open.
    assert_eq!(send(server.as_fd(), b"late", false), Ok(4));
    assert_eq!(received(&client), b"late");
}

#[test]
fn sends_say_when_nothing_fits() {
    let (_client, server) = tcp_pair();
    assert_eq!(fill(&server), ("send", libc::EAGAIN));
    let slices = [IoSlice::new(b"a"), IoSlice::new(b"b")];
    assert_eq!(failure(sendv(server.as_fd(), &slices, false)), ("writev", libc::EAGAIN));
    assert_eq!(failure(sendv(server.as_fd(), &slices, true)), ("sendmsg", libc::EAGAIN));
}

#[test]
fn slices_arrive_in_order() {
    let slices: Vec<Vec<u8>> = (0..2000).map(|i: u32| i.to_be_bytes().to_vec()).collect();
    let slices: Vec<IoSlice<'_>> = slices.iter().map(|s| IoSlice::new(s)).collect();
    for more in [false, true] {
        let (client, server) = tcp_pair();
        assert_eq!(sendv(server.as_fd(), &slices, more), Ok(4 * 1024), "as many slices as one call takes");
        set_nopush(server.as_fd(), false).unwrap(); // pushes what `more` holds back
        let mut all = Vec::new();
        while all.len() < 4 * 1024 {
            all.extend(received(&client));
        }
        let expected: Vec<u8> = (0..1024).flat_map(|i: u32| i.to_be_bytes()).collect();
        assert_eq!(all, expected);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn more_joins_writes_into_one_segment() {
    let segments = |more| {
        let (client, server) = tcp_pair();
        set_nodelay(server.as_fd(), true).unwrap(); // else Nagle's algorithm joins some writes, too
        send(server.as_fd(), b"head", more).unwrap();
        sendv(server.as_fd(), &[IoSlice::new(b"er")], more).unwrap();
        send(server.as_fd(), b"body", false).unwrap();
        let mut all = Vec::new();
        while all.len() < 10 {
            all.extend(received(&client));
        }
        assert_eq!(all, b"headerbody");
        segments_with_data_out(&server)
    };
    assert_eq!((segments(true), segments(false)), (1, 3));
}

/// `tcpi_data_segs_out` in linux/tcp.h.
#[cfg(target_os = "linux")]
fn segments_with_data_out(socket: &OwnedFd) -> u32 {
    const OFFSET: usize = 156;
    let mut info = [0u8; 256];
    let mut length = info.len() as libc::socklen_t;
    let to = info.as_mut_ptr().cast();
    // SAFETY: the kernel writes at most `length` bytes.
    unsafe { syscall!(getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, to, &raw mut length)) }
        .unwrap();
    assert!(length as usize >= OFFSET + 4);
    u32::from_ne_bytes(info[OFFSET..OFFSET + 4].try_into().unwrap())
}

#[test]
fn nopush_holds_a_short_segment_until_it_is_off() {
    let (client, server) = tcp_pair();
    set_nopush(server.as_fd(), true).unwrap();
    send(server.as_fd(), b"held", false).unwrap();
    set_nopush(server.as_fd(), false).unwrap();
    assert_eq!(received(&client), b"held");
}

#[cfg(target_os = "linux")]
#[test]
fn a_few_bytes_below_the_low_water_mark_do_not_wake_the_poller() {
    let (client, server) = tcp_pair();
    set_receive_low_water(server.as_fd(), 1000).unwrap();
    send(client.as_fd(), &[b'x'; 999], false).unwrap();
    // The loopback interface delivers within send(2): if the socket is not readable now, it will not become so.
    assert!(!is_readable(&server));
    send(client.as_fd(), b"x", false).unwrap();
    assert_eq!(received(&server).len(), 1000);
    send(client.as_fd(), b"more", false).unwrap();
    assert!(!is_readable(&server));
    set_receive_low_water(server.as_fd(), 1).unwrap();
    assert_eq!(received(&server), b"more");

    set_receive_low_water(server.as_fd(), 1 << 20).unwrap();
    send(client.as_fd(), b"the end", false).unwrap();
    shutdown_write(client.as_fd()).unwrap();
    assert_eq!((received(&server), received(&server)), (b"the end".to_vec(), vec![]));
}

/// True if a poller reports the socket as readable now.
#[cfg(target_os = "linux")]
fn is_readable(socket: &OwnedFd) -> bool {
    let mut one = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: the kernel writes the one entry that is given.
    unsafe { syscall!(poll(&raw mut one, 1, 0)) }.unwrap() == 1
}

/// True if `TCP_NODELAY` is set.
fn is_nodelay(socket: &OwnedFd) -> bool {
    let (mut on, mut length): (c_int, libc::socklen_t) = (0, 4);
    let (fd, to) = (socket.as_raw_fd(), (&raw mut on).cast());
    // SAFETY: the kernel writes at most 4 bytes, the size of the integer.
    unsafe { syscall!(getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, to, &raw mut length)) }.unwrap();
    on != 0
}

#[test]
fn nodelay_is_inherited_from_the_listener() {
    let (listener, address) = listening(&inet("127.0.0.1:0"), &ListenOptions::default());
    let (_client, server, _) = connected(&listener, &address);
    assert!(!is_nodelay(&server));
    set_nodelay(server.as_fd(), true).unwrap();
    assert!(is_nodelay(&server));

    set_nodelay(listener.as_fd(), true).unwrap();
    let (_client, server, _) = connected(&listener, &address);
    assert!(is_nodelay(&server));
}

#[test]
fn tcp_options_fail_on_unix_sockets() {
    let (one, _other) = pair().unwrap();
    for outcome in [set_nodelay(one.as_fd(), true), set_nopush(one.as_fd(), true)] {
        let (call, errno) = failure(outcome);
        assert!(call == "setsockopt" && [libc::EOPNOTSUPP, libc::EINVAL].contains(&errno), "{call} {errno}");
    }
}

#[test]
fn reset_on_close_resets() {
    let (client, server) = tcp_pair();
    set_reset_on_close(server.as_fd()).unwrap();
    drop(server);
    wait_for(client.as_fd(), libc::POLLIN);
    assert_eq!(failure(recv(client.as_fd(), &mut [0; 8])), ("recv", libc::ECONNRESET));
    assert_eq!(failure(shutdown_write(client.as_fd())), ("shutdown", libc::ENOTCONN));
}

#[test]
fn writing_to_a_closed_peer_is_an_error_not_a_signal() {
    let slices = [IoSlice::new(b"x")];
    for (call, write) in [
        ("send", Box::new(|fd: BorrowedFd<'_>| send(fd, b"x", false)) as Box<dyn Fn(BorrowedFd<'_>) -> Result<usize>>),
        ("writev", Box::new(|fd| sendv(fd, &slices, false))),
        ("sendmsg", Box::new(|fd| sendv(fd, &slices, true))),
    ] {
        let (one, other) = pair().unwrap();
        drop(other);
        assert_eq!(failure(write(one.as_fd())), (call, libc::EPIPE));
    }
    passes_in_own_process("net::tests::sending_without_sigpipe", &[]);
}

#[test]
#[ignore = "run in a process of its own, by writing_to_a_closed_peer_is_an_error_not_a_signal"]
fn sending_without_sigpipe() {
    assert_own_process("net::tests::sending_without_sigpipe");
    crate::signal::reset(crate::signal::Signal::Pipe).unwrap(); // Rust's runtime ignores it
    let (one, other) = pair().unwrap();
    drop(other);
    assert_eq!(failure(send(one.as_fd(), b"x", false)), ("send", libc::EPIPE));
    assert_eq!(failure(sendv(one.as_fd(), &[IoSlice::new(b"x")], true)), ("sendmsg", libc::EPIPE));
}

#[test]
fn accept_says_when_no_descriptor_is_free() {
    passes_in_own_process("net::tests::accept_without_a_free_descriptor", &[]);
}

#[test]
#[ignore = "run in a process of its own, by accept_says_when_no_descriptor_is_free"]
fn accept_without_a_free_descriptor() {
    assert_own_process("net::tests::accept_without_a_free_descriptor");
    let (listener, address) = listening(&inet("127.0.0.1:0"), &ListenOptions::default());
    let _client = connect(&address).unwrap();
    wait_for(listener.as_fd(), libc::POLLIN);
    limit_descriptors(64, 64);
    let mut hogs = Vec::new();
    while let Ok((one, other)) = pair() {
        hogs.push((one, other));
    }
    let _last = connect(&address); // uses the last free descriptor
    assert_eq!(failure(accept(listener.as_fd())), (ACCEPT, libc::EMFILE));
    hogs.pop();
    accept(listener.as_fd()).expect("the connection has waited");
}

#[test]
fn options_of_a_listening_socket_are_set() {
    let options = SocketOptions {
        send_buffer: Some(64 << 10),
        receive_buffer: Some(32 << 10),
        deferred: true,
        fastopen: Some(7),
        keepalive: Some(true),
        keepalive_idle_secs: Some(600),
        keepalive_interval_secs: Some(11),
        keepalive_probes: Some(3),
    };
    let options = ListenOptions { socket: options, ..ListenOptions::default() };
    let (listener, _) = listening(&inet("127.0.0.1:0"), &options);
    let value = |level, option| {
        let (mut value, mut length): (libc::c_int, _) = (0, std::mem::size_of::<libc::c_int>() as libc::socklen_t);
        let to = (&raw mut value).cast();
        // SAFETY: the kernel writes at most `length` bytes, the size of `value`; both outlive the call.
        let outcome = unsafe { libc::getsockopt(listener.as_raw_fd(), level, option, to, &raw mut length) };
        assert_eq!(outcome, 0, "{level} {option}");
        value
    };
    assert!(value(libc::SOL_SOCKET, libc::SO_SNDBUF) >= 64 << 10);
    assert!(value(libc::SOL_SOCKET, libc::SO_RCVBUF) >= 32 << 10);
    assert_ne!(value(libc::SOL_SOCKET, libc::SO_KEEPALIVE), 0);
    #[cfg(target_os = "linux")]
    for (option, expected) in [
        (libc::TCP_KEEPIDLE, 600),
        (libc::TCP_KEEPINTVL, 11),
        (libc::TCP_KEEPCNT, 3),
        (libc::TCP_DEFER_ACCEPT, 1),
        (libc::TCP_FASTOPEN, 7),
    ] {
        assert_eq!(value(libc::IPPROTO_TCP, option), expected);
    }
    // A unix socket has no options of TCP.
    let dir = crate::testing::TempDir::new();
    listen(&Address::Unix(dir.join("socket")), &options).unwrap();
}
