//! Which requests get a line, and where: conditions, paths with variables, several error logs, syslog.

mod harness;

use harness::{PATIENCE, Server, Setup, each, host, wait_for};
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;

/// Waits until a file has at least `n` lines; returns them.
fn lines(s: &Server, name: &str, n: usize) -> Vec<String> {
    wait_for(&format!("{n} lines in {name}"), || {
        let text = s.text(name);
        (text.matches('\n').count() >= n).then(|| text.lines().map(String::from).collect())
    })
}

#[test]
fn a_condition_that_is_empty_or_zero_makes_no_line() {
    let http = "log_format uri '$request_uri'; access_log logs/all.log uri; \
                access_log logs/a.log uri if=$arg_a$arg_b; access_log logs/bad.log uri if=$sent_http_x;"
        .to_owned()
        + &host("location / { return 200 ok; } location /x { add_header X 1; return 200 ok; }");
    let s = Setup::new(&http, &[]).start();
    let targets = ["/", "/?a=", "/?a=0", "/?a=1", "/?b=no", "/?a=0&b=0", "/x"];
    targets.iter().for_each(|target| drop(s.get(target)));
    assert_eq!(lines(&s, "logs/all.log", targets.len()), targets);
    assert_eq!(lines(&s, "logs/a.log", 3), ["/?a=1", "/?b=no", "/?a=0&b=0"]);
    assert_eq!(lines(&s, "logs/bad.log", 1), ["/x"], "the response's head is known");
}

#[test]
fn the_path_of_a_log_has_variables() {
    let http = "log_format uri '$uri'; access_log logs/$arg_to.log uri; open_log_file_cache max=2 min_uses=2;"
        .to_owned()
        + &host("location / { return 200 ok; } location /absent/ { root absent; return 200 ok; }");
    let s = Setup::new(&http, &[("a.txt", b"")]).start();
    for target in ["/1?to=a", "/2?to=a", "/3?to=a", "/1?to=b", "/1?to=c", "/4?to=a"] {
        s.get(target);
    }
    assert_eq!(lines(&s, "logs/a.log", 4), ["/1", "/2", "/3", "/4"]);
    assert_eq!((lines(&s, "logs/b.log", 1).len(), lines(&s, "logs/c.log", 1).len()), (1, 1));
    // Nothing outside, nothing for a site without a root, and each time the reason.
    s.get("/1?to=../up");
    s.wait_said("lead upwards");
    s.get("/absent/?to=d");
    s.wait_said("there is no document root");
    s.get("/1?to=no/such");
    s.wait_said("No such file");
    assert!(!s.path("up.log").exists() && !s.path("logs/d.log").exists());
    // After a rename the worker opens the path again when it is told to.
    std::fs::rename(s.path("logs/a.log"), s.path("logs/old.log")).expect("renamed");
    s.process.signal("USR1");
    wait_for("a new file", || {
        s.get("/5?to=a");
        s.path("logs/a.log").exists().then_some(())
    });
}

#[test]
fn each_of_several_error_logs_has_its_level() {
    let http = host(
        "error_log logs/info.log info; error_log logs/error.log; error_log logs/error.log warn;
         error_log logs/crit.log crit;
         location /quiet/ { log_not_found off; } location /off/ { error_log logs/off.log; log_not_found off; }",
    );
    let s = Setup::new(&http, &[]).main("error_log stderr notice; error_log logs/main.log notice;").start();
    s.get("/absent").expect(404, "/absent");
    s.get("/quiet/absent").expect(404, "/quiet/absent");
    s.get("/off/absent").expect(404, "/off/absent");
    let found = lines(&s, "logs/error.log", 2);
    assert!(found.len() == 2 && found[0] == found[1] && found[0].contains("[error]"), "{found:?}");
    assert!(lines(&s, "logs/info.log", 1)[0].contains("/absent\" failed (2: No such file or directory)"));
    assert_eq!((s.text("logs/crit.log"), s.text("logs/off.log")), (String::new(), String::new()));
    assert!(s.text("logs/main.log").contains("started") && !s.text("logs/main.log").contains("/absent"));
}

/// The text behind `<PRI>Mmm dd hh:mm:ss `, and the number.
fn parts(datagram: &[u8]) -> (u8, String) {
    let text = String::from_utf8_lossy(datagram).into_owned();
    let (priority, rest) = text.strip_prefix('<').and_then(|rest| rest.split_once('>')).expect("a priority");
    assert!(rest.as_bytes()[3] == b' ' && rest.as_bytes()[15] == b' ', "a time: {text}");
    (priority.parse().expect("a number"), rest[16..].to_owned())
}

#[test]
fn syslog_gets_a_datagram_for_each_line() {
    let udp = UdpSocket::bind("127.0.0.1:0").expect("bound");
    udp.set_read_timeout(Some(PATIENCE)).expect("set");
    let server = udp.local_addr().expect("it has one");
    let http = format!(
        "log_format uri '$request_uri'; access_log syslog:server={server},facility=user,severity=alert,tag=SITE uri;
         {}",
        host(&format!(
            "location / {{ return 200 ok; }}
             location /e/ {{ error_log syslog:server={server},nohostname; root absent; access_log off; }}"
        ))
    );
    let s = Setup::new(&http, &[]).start();
    let receive = || {
        let mut buffer = [0; 2048];
        let bytes = udp.recv(&mut buffer).expect("a datagram");
        parts(&buffer[..bytes])
    };
    s.get("/a?b");
    let (priority, text) = receive();
    let (name, line) = text.split_once(' ').expect("a host's name");
    assert_eq!((priority, line), (9, "SITE: /a?b"));
    assert!(!name.is_empty() && name == name.to_ascii_lowercase(), "{name}");
    s.get("/e/absent").expect(404, "/e/absent");
    let (priority, text) = receive();
    assert!(priority == 187 && text.starts_with("webserv: 20") && text.contains(" [error] "), "{priority} {text}");
    assert!(!text.ends_with('\n') && text.contains("GET /e/absent"), "{text}");
}

#[test]
fn a_daemon_that_is_not_there_or_does_not_read_delays_no_answer() {
    each(["absent", "stuck"], |case| {
        let http = "access_log syslog:server=unix:log.sock combined;".to_owned() + &host("return 200 ok;");
        let setup = Setup::new(&http, &[]);
        let daemon = (*case == "stuck").then(|| UnixDatagram::bind(setup.path("log.sock")).expect("bound"));
        let s = setup.start();
        let mut client = s.connect();
        for _ in 0..900 {
            assert_eq!(client.get("/").status, 200, "{case}");
        }
        s.wait_said("lines are lost");
        assert_eq!(s.said().matches("lines are lost").count(), 1, "{case}: one line about it");
        drop(daemon);
    });
}
