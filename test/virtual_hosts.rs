//! Selection of the server: first by address, then by name (nginx's `listen` and `server_name`).

mod harness;

use harness::{Server, Setup, TempDir, each, server};

/// A server on port 0 that answers with its own name.
fn named(listen: &str, names: &str, answer: &str) -> String {
    format!("server {{ listen {listen}; server_name {names}; return 200 {answer}; }}\n")
}

/// The name of the server that answers a request with this text after the method.
fn who(s: &Server, listener: usize, head: &str) -> String {
    let mut client = s.connect_to(listener);
    client.send(format!("GET {head}\r\nConnection: close\r\n\r\n"));
    client.response().expect(200, head).text()
}

fn check_hosts(s: &Server, rows: &[(&str, &str)]) {
    each(rows, |(host, answer)| {
        assert_eq!(&who(s, 0, &format!("/ HTTP/1.1\r\nHost: {host}")), answer, "Host: {host}");
    });
}

#[test]
fn exact_names_wildcards_and_the_default() {
    let a = "127.0.0.1:0";
    let config = [
        named(a, "first.example", "default"),
        named(a, "www.example.org example.org", "exact"),
        named(a, "*.example.org", "suffix"),
        named(a, "*.deep.example.org", "deep-suffix"),
        named(a, "mail.*", "prefix"),
        named(a, "mail.example.*", "long-prefix"),
        named(a, ".dotted.example", "dotted"),
        named(a, "UPPER.Example", "upper"),
    ];
    let s = server(&config.concat(), &[]);
    assert_eq!(s.addresses.len(), 1, "one address is one listener: {:?}", s.addresses);
    check_hosts(
        &s,
        &[
            ("example.org", "exact"),
            ("www.example.org", "exact"),
            ("other.example.org", "suffix"),
            ("a.b.example.org", "suffix"),
            ("x.deep.example.org", "deep-suffix"),
            ("deep.example.org", "suffix"),
            ("mail.test", "prefix"),
            ("mail.a.b.c", "prefix"),
            ("mail.example.com", "long-prefix"),
            // A wildcard at the start has priority over one at the end.
            ("mail.example.org", "suffix"),
            ("dotted.example", "dotted"),
            ("www.dotted.example", "dotted"),
            ("upper.example", "upper"),
            ("unknown.example", "default"),
            ("first.example", "default"),
            ("127.0.0.1", "default"),
            ("[::1]", "default"),
            ("notexample.org", "default"),
            ("mail", "default"),
            ("org", "default"),
        ],
    );
}

#[test]
fn case_port_and_trailing_dot_do_not_count() {
    let config = named("127.0.0.1:0", "_", "default") + &named("127.0.0.1:0", "example.org *.example.org", "right");
    let s = server(&config, &[]);
    check_hosts(
        &s,
        &[
            ("EXAMPLE.ORG", "right"),
            ("Example.Org", "right"),
            ("example.org:80", "right"),
            ("example.org:65535", "right"),
            ("example.org:", "right"),
            ("example.org.", "right"),
            ("example.org.:8080", "right"),
            ("WWW.example.org.", "right"),
            ("example.org.evil", "default"),
        ],
    );
}

#[test]
fn an_absolute_target_overrides_host() {
    let a = "127.0.0.1:0";
    let s = server(&(named(a, "one", "one") + &named(a, "two", "two") + &named(a, "three", "three")), &[]);
    let rows = [
        ("http://two/ HTTP/1.1\r\nHost: three", "two"),
        ("http://TWO:8080/ HTTP/1.1\r\nHost: three", "two"),
        ("HTTP://three/x?y HTTP/1.1\r\nHost: two", "three"),
        ("http://two HTTP/1.1\r\nHost: three", "two"),
        ("http://two?q HTTP/1.1\r\nHost: three", "two"),
        ("http://unknown/ HTTP/1.1\r\nHost: three", "one"),
        ("http://two/ HTTP/1.0", "two"),
        ("/ HTTP/1.0", "one"),
        ("/ HTTP/1.0\r\nHost: three", "three"),
    ];
    each(rows, |(head, answer)| assert_eq!(&who(&s, 0, head), answer, "{head:?}"));
}

#[test]
fn default_server_need_not_come_first() {
    let config = named("127.0.0.1:0", "one", "one") + &named("127.0.0.1:0 default_server", "two", "two");
    let s = server(&config, &[]);
    check_hosts(&s, &[("unknown", "two"), ("one", "one"), ("two", "two")]);
}

#[test]
fn each_address_has_its_own_servers() {
    let config = [
        named("127.0.0.1:0", "a", "one-a"),
        named("127.0.0.1:0", "b", "one-b"),
        named("127.0.0.2:0", "b", "two-b"),
        "server { listen 127.0.0.1:0; listen 127.0.0.2:0; server_name both; return 200 both; }".to_owned(),
    ];
    let s = server(&config.concat(), &[]);
    assert_eq!(s.addresses.len(), 2, "{:?}", s.addresses);
    assert!(s.addresses[0].starts_with("127.0.0.1:") && s.addresses[1].starts_with("127.0.0.2:"), "{:?}", s.addresses);
    let rows = [
        (0, "a", "one-a"),
        (0, "b", "one-b"),
        (0, "both", "both"),
        (0, "unknown", "one-a"),
        (1, "a", "two-b"),
        (1, "b", "two-b"),
        (1, "both", "both"),
        (1, "unknown", "two-b"),
    ];
    each(rows, |&(listener, host, answer)| {
        assert_eq!(who(&s, listener, &format!("/ HTTP/1.1\r\nHost: {host}")), answer, "{host} on {listener}");
    });
}

#[test]
fn a_port_may_be_reused_with_another_backlog_and_option() {
    let s = server("server { listen 127.0.0.1:0 backlog=16 reuseport; return 200 ok; }", &[]);
    assert_eq!(who(&s, 0, "/ HTTP/1.1\r\nHost: h"), "ok");
}

#[test]
fn ipv6() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("this machine has no [::1]: nothing to test");
        return;
    }
    let s = server(&(named("[::1]:0", "six", "six") + &named("127.0.0.1:0", "four", "four")), &[]);
    assert!(s.addresses[0].starts_with("[::1]:"), "{:?}", s.addresses);
    assert_eq!(who(&s, 0, "/ HTTP/1.1\r\nHost: [::1]:8080"), "six");
    assert_eq!(who(&s, 1, "/ HTTP/1.1\r\nHost: h"), "four");
}

#[test]
fn unix_sockets() {
    let place = TempDir::new();
    let path = place.path().join("web.sock");
    let listen = format!("unix:{}", path.display());
    let config = named(&listen, "sock", "socket") + &named("127.0.0.1:0", "tcp", "tcp");
    let mut s = Setup::new(&config, &[]).start();
    let unix = s.addresses.iter().position(|a| *a == listen).unwrap_or_else(|| panic!("{:?}", s.addresses));
    assert_eq!(who(&s, unix, "/ HTTP/1.1\r\nHost: h"), "socket");
    assert_eq!(who(&s, 1 - unix, "/ HTTP/1.1\r\nHost: h"), "tcp");
    let mut client = s.connect_to(unix);
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "socket", "keep-alive on a unix socket");
    }
    // A stopped server removes its socket, so that the next one can start.
    s.process.signal("TERM");
    assert!(s.process.exit().success());
    assert!(!path.exists(), "{} is left", path.display());
}

#[test]
fn redirects_name_the_host_that_was_asked_for() {
    let s = server("server { listen 127.0.0.1:0; server_name configured; }", &[("dir/x", b"x")]);
    let port = s.port();
    let rows = [
        ("GET /dir HTTP/1.1\r\nHost: asked:1234", format!("http://asked:{port}/dir/")),
        ("GET /dir HTTP/1.1\r\nHost: ASKED", format!("http://asked:{port}/dir/")),
        ("GET http://target/dir HTTP/1.1\r\nHost: asked", format!("http://target:{port}/dir/")),
    ];
    each(rows, |(head, location)| {
        let response = s.ask(format!("{head}\r\nConnection: close\r\n\r\n")).expect(301, head);
        assert_eq!(response.must("Location"), location, "{head:?}: {response}");
    });
    // Without Host: the address (as in nginx) and the server's own name.
    let response = s.ask("GET /dir HTTP/1.0\r\n\r\n").expect(301, "/dir without Host");
    let location = response.must("Location");
    let hosts = ["127.0.0.1", "configured"].map(|host| format!("http://{host}:{port}/dir/"));
    assert!(hosts.iter().any(|h| h == location), "{response}");
}
