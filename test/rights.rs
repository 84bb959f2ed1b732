//! Who may do what: the user and the groups of the server, and the files of unix sockets, its own and those of servers
//! behind it.

mod harness;

use harness::gateways::Protocol;
use harness::upstream::Upstream;
use harness::{Client, Setup, each, host, site, wait_for};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// True if the tests run as root. Otherwise it says that this one is skipped.
fn is_root() -> bool {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !is_root {
        println!("skipped: only root can become another user");
    }
    is_root
}

/// The lines of a table such as /etc/passwd, as their fields.
fn table(path: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split(':').map(str::to_owned).collect()).collect()
}

/// A user but root with one more group than its own: its name, the number of its own group, and of the other one.
fn user_with_two_groups() -> Option<(String, String, String)> {
    let users = table("/etc/passwd");
    table("/etc/group").iter().find_map(|group| {
        let name = group.get(3)?.split(',').find(|name| !name.is_empty() && *name != "root")?;
        let user = users.iter().find(|user| user[0] == name && user[2] != "0")?;
        (user[3] != group[2]).then(|| (name.to_owned(), user[3].clone(), group[2].clone()))
    })
}

/// A line of /proc/PID/status of the process that serves, as its words.
fn status_line(pid: u32, name: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

/// `user NAME [GROUP]`: the process has the group, all other groups of the user, and none of root's.
#[test]
fn the_server_has_the_groups_of_its_user() {
    if !is_root() {
        return;
    }
    let Some((name, own, other)) = user_with_two_groups() else {
        return println!("skipped: no user of this machine has a second group");
    };
    let nobody = table("/etc/group").into_iter().find(|group| group[0] == "nogroup" || group[0] == "nobody").unwrap();
    for (group, number) in [("", &own), (&nobody[0][..], &nobody[2])] {
        let main = format!("user {name} {group}; error_log stderr notice;");
        let s = Setup::new(&host("return 200 ok;"), &[]).main(&main).start();
        let pid = s.process.serving_pid();
        assert_eq!(status_line(pid, "Gid:"), vec![number.clone(); 4], "{main}");
        let groups = status_line(pid, "Groups:");
        assert!(groups.contains(&other) && groups.contains(number) && !groups.contains(&"0".to_owned()), "{groups:?}");
    }
}

/// Options, and the mode of the socket; then it is used.
#[test]
fn a_socket_has_the_mode_of_its_options() {
    for (options, mode) in [("", 0o666), (" mode=660", 0o660), (" mode=0600", 0o600), (" mode=777", 0o777)] {
        let http = format!("server {{ listen unix:a.sock{options}; return 200 ok; }}");
        let s = Setup::new(&http, &[]).main("worker_processes 2; error_log stderr notice;").start();
        let there = s.path("a.sock").metadata().unwrap();
        assert_eq!(there.mode() & 0o777, mode, "{options}");
        assert_eq!(Client::connect(&s.addresses[0]).get("/").text(), "ok");
    }
}

#[test]
fn a_socket_has_the_owner_of_its_options() {
    if !is_root() {
        return;
    }
    let nobody = table("/etc/passwd").into_iter().find(|user| user[0] == "nobody").unwrap();
    let rows = [
        (" owner=nobody", &nobody[2][..], "0", 0o666),
        (" group=12345 mode=660", "0", "12345", 0o660),
        (" owner=nobody group=12345 mode=640", &nobody[2], "12345", 0o640),
    ];
    for main in ["error_log stderr notice;", "user nobody; error_log stderr notice;"] {
        each(rows, |(options, owner, group, mode)| {
            let http = format!("server {{ listen unix:a.sock{options}; return 200 ok; }}");
            let s = Setup::new(&http, &[]).main(main).start();
            let there = s.path("a.sock").metadata().unwrap();
            assert_eq!((&there.uid().to_string()[..], &there.gid().to_string()[..]), (*owner, *group), "{options}");
            assert_eq!(there.mode() & 0o777, *mode, "{options}");
            assert_eq!(Client::connect(&s.addresses[0]).get("/").text(), "ok");
        });
    }
}

/// After a reload the open socket goes on, and has the file that it had: the log says so.
#[test]
fn the_file_of_an_open_socket_stays_as_it_is() {
    let http = |options: &str, text: &str| format!("server {{ listen unix:a.sock{options}; return 200 {text}; }}");
    let main = "error_log stderr notice;";
    let s = Setup::new(&http("", "one"), &[]).main(main).start();
    s.rewrite(main, &http(" mode=600", "two"));
    s.process.signal("HUP");
    let is_new = || (Client::connect(&s.addresses[0]).get("/").text() == "two").then_some(());
    wait_for("the new configuration", is_new);
    assert_eq!(s.path("a.sock").metadata().unwrap().mode() & 0o777, 0o666);
    s.wait_said("\"mode=, owner=, group=\" of unix:");
}

/// The application listens, and this server's user may not write to its socket: 502, and a line that says what to do.
#[test]
fn a_socket_that_may_not_be_used_is_named_in_the_log() {
    let up = Upstream::unix(Protocol::Http);
    let path = up.address.strip_prefix("unix:").unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
    let locations = format!("location / {{ {} }}", up.pass());
    let s = match is_root() {
        true => {
            let main = "user nobody; error_log stderr notice;";
            Setup::new(&host(&locations), &[]).main(main).start()
        }
        false => site(&locations, &[]),
    };
    s.get("/").expect(502, "no permission");
    s.wait_said(
        "may not write to the socket, or not search a folder above it; give the socket the mode 660 and a group",
    );
    let said = s.said();
    let line = said.lines().find(|line| line.contains("may not write")).unwrap();
    assert!(line.contains(path) && line.contains("Permission denied"), "{line}");
    assert!(!is_root() || line.contains("the user nobody "), "{line}");
    fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
    let mut client = s.connect();
    client.send_get("/");
    let (mut peer, _) = up.asked();
    peer.ok(b"");
    client.response().expect(200, "with permission");
}
