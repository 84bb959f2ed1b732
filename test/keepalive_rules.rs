//! When connections end by rule (`keepalive_time`, `keepalive_disable`, `worker_shutdown_timeout`), which fields of a
//! request are seen, and the limit of open files.

mod harness;

use harness::{Client, Response, Setup, each, host, site};

const MAIN: &str = "error_log stderr notice;";

/// The response to a request with these field lines.
fn ask(client: &mut Client, line: &str, fields: &str) -> Response {
    client.send(format!("{line} HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
    client.response()
}

#[test]
fn connections_of_old_browsers_end() {
    let s = site(
        "location /msie/ { keepalive_disable msie6; return 200 x; } location /both/ { keepalive_disable msie6 safari; \
         return 200 x; } location /none/ { keepalive_disable none; return 200 x; } location / { return 200 x; }",
        &[],
    );
    let (msie, safari) = ("MSIE 5.0", "Mozilla/5.0 (Mac OS X) Safari/7534");
    let rows = [
        ("POST /msie/", msie, true),
        ("GET /msie/", msie, false),
        ("POST /msie/", "Mozilla/4.0 (MSIE 6.0; Windows)", true),
        ("POST /msie/", "Mozilla/4.0 (MSIE 6.0; Windows; SV1)", false),
        ("POST /msie/", "MSIE 7.0", false),
        ("POST /msie/", "MSIE ", false),
        ("GET /msie/", safari, false),
        ("GET /both/", safari, true),
        ("GET /both/", "Mac OS X Chrome/1 Safari/1", false),
        ("POST /none/", msie, false),
        ("POST /", msie, false),
    ];
    each(rows, |(line, agent, ends)| {
        let mut client = s.connect();
        let fields = format!("User-Agent: {agent}\r\nContent-Length: 0\r\n");
        assert_eq!(ask(&mut client, line, &fields).expect(200, line).says_close(), *ends, "{line} {agent}");
        if *ends {
            client.assert_closed(line);
        } else {
            ask(&mut client, "GET /none/", "").expect(200, "the next request");
        }
    });
}

#[test]
fn a_connection_has_its_time() {
    let s = site("location / { keepalive_time 20ms; return 200 x; } location /free/ { return 200 x; }", &[]);
    let mut client = s.connect();
    // As long as it takes: the last response says so, and the one before did not.
    let count = (0..1_000_000).take_while(|_| !ask(&mut client, "GET /", "").says_close()).count();
    assert!(count < 1_000_000, "the connection never ended");
    client.assert_closed("keepalive_time");
    // Elsewhere the age does not matter.
    let mut client = s.connect();
    for _ in 0..100 {
        assert!(!ask(&mut client, "GET /free/", "").says_close());
    }
}

#[test]
fn fields_with_unusual_names() {
    let server = |rule: &str, name: &str| {
        format!("server {{ listen 127.0.0.1:0; server_name {name}; {rule} return 200 '$http_x_y'; }}\n")
    };
    let http = [
        server("", "plain"),
        server("underscores_in_headers on;", "underscores"),
        server("ignore_invalid_headers off;", "all"),
    ];
    let s = harness::server(&http.concat(), &[]);
    each([("plain", "b"), ("underscores", "a, b"), ("all", "a, b")], |(host, expected)| {
        let mut client = s.connect();
        client.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nX_Y: a\r\nX-Y: b\r\n\r\n"));
        assert_eq!(client.response().text(), *expected, "{host}");
    });
}

#[test]
fn a_server_that_shuts_down_does_not_wait_for_ever() {
    for workers in ["", "worker_processes 2;"] {
        let main = format!("{MAIN} {workers} worker_shutdown_timeout 10ms;");
        let mut s = Setup::new(&host("return 200 x;"), &[]).main(&main).start();
        let mut half = s.connect();
        half.send("GET / HT"); // would have 60 s for the rest
        ask(&mut s.connect(), "GET /", "");
        s.process.signal("QUIT");
        let status = s.process.exit();
        assert!(status.success(), "{status}");
        half.assert_ended("the server has gone");
        s.wait_said("worker_shutdown_timeout");
    }
}

#[test]
fn a_reload_gives_old_connections_their_time() {
    let s = Setup::new(&host("return 200 x;"), &[]).main(&format!("{MAIN} worker_shutdown_timeout 10ms;")).start();
    let mut old = s.connect();
    ask(&mut old, "GET /", "");
    s.process.signal("HUP");
    old.assert_ended("10 ms after the reload");
    ask(&mut s.connect(), "GET /", "").expect(200, "a new connection");
    // Without the directive they stay.
    let s = Setup::new(&host("return 200 x;"), &[]).main(MAIN).start();
    let mut old = s.connect();
    ask(&mut old, "GET /", "");
    s.process.signal("HUP");
    s.wait_said("is in use");
    ask(&mut old, "GET /", "").expect(200, "the same connection");
}

#[test]
fn the_limit_of_open_files() {
    if !cfg!(target_os = "linux") {
        return println!("skipped: only Linux shows the limits of another process");
    }
    let s = Setup::new(&host("return 200 x;"), &[]).main(&format!("{MAIN} worker_rlimit_nofile 700;")).start();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", s.process.pid())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("there is one");
    let numbers: Vec<&str> = line.split_whitespace().filter(|word| word.parse::<u64>().is_ok()).collect();
    assert_eq!(numbers, ["700", "700"], "{line}");
}
