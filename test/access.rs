//! `allow`, `deny` and `limit_except`: who gets an answer, and that nothing leads around them.

mod harness;

use harness::scripts::{scripts, text};
use harness::{Setup, each, site};

#[test]
fn the_first_rule_that_fits_the_address_counts() {
    let s = site(
        "location /none/ { } location /all/ { deny all; } location /net/ { deny 127.0.0.0/8; } \
         location /one/ { allow 127.0.0.1; deny all; } location /late/ { deny 127.0.0.2; deny all; allow 127.0.0.1; } \
         location /six/ { deny ::/0; } location /unix/ { deny unix:; } location = /403.html { return 200 sorry; } \
         location /page/ { deny all; error_page 403 /403.html; } \
         location /closed/ { deny all; error_page 403 /closed/403.html; }",
        &[
            ("none/a", b"x"),
            ("all/a", b"x"),
            ("net/a", b"x"),
            ("one/a", b"x"),
            ("late/a", b"x"),
            ("six/a", b"x"),
            ("unix/a", b"x"),
            ("page/a", b"x"),
            ("closed/a", b"x"),
            ("closed/403.html", b"secret"),
        ],
    );
    let rows = [
        ("/none/a", 200),
        ("/all/a", 403),
        ("/net/a", 403),
        ("/one/a", 200),
        ("/late/a", 403),
        ("/six/a", 200),
        ("/unix/a", 200),
        ("/page/a", 403),
        ("/closed/a", 403),
        ("/all/none", 403),
    ];
    each(rows, |(target, status)| {
        for _ in 0..3 {
            s.get(target).expect(*status, target); // the third answer of a file may come from the cache
        }
    });
    assert_eq!(s.get("/page/a").text(), "sorry");
    assert!(!s.get("/closed/a").text().contains("secret"), "an error page is for those who may have it");
    s.wait_said("access forbidden by rule while checking access");
}

#[test]
fn clients_of_a_unix_socket_have_a_rule_of_their_own() {
    let setup = Setup::new("", &[]);
    let socket = setup.path("s.sock").display().to_string();
    let http = format!(
        "server {{ listen 127.0.0.1:0; listen unix:{socket}; location /unix {{ deny unix:; }} \
         location /inet {{ allow unix:; deny all; }} }}"
    );
    let s = Setup::new(&http, &[]).start();
    let over_unix = |target: &str| {
        use std::io::{Read, Write};
        let mut client = std::os::unix::net::UnixStream::connect(&socket).expect("it listens");
        write!(client, "GET {target} HTTP/1.0\r\n\r\n").expect("it is sent");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("it answers");
        answer[9..12].to_owned()
    };
    assert_eq!((over_unix("/unix"), over_unix("/inet")), ("403".to_owned(), "404".to_owned()));
    s.get("/unix").expect(404, "/unix");
    s.get("/inet").expect(403, "/inet");
}

#[test]
fn other_methods_have_their_own_rules() {
    let s = site(
        "location /a/ { dav_methods PUT DELETE; limit_except GET { deny all; } } \
         location /b/ { dav_methods PUT; limit_except GET { allow 127.0.0.1; deny all; } } \
         location /c/ { deny all; dav_methods PUT; limit_except GET { allow all; } } \
         location /d/ { dav_methods PUT; limit_except GET { deny 127.0.0.1; } error_page 403 /d/page.html; }",
        &[("a/x", b"x"), ("b/x", b"x"), ("c/x", b"x"), ("d/x", b"x"), ("d/page.html", b"page")],
    );
    let ask = |method: &str, target: &str| {
        s.ask(format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\ny"))
    };
    each(
        [
            ("GET", "/a/x", 200),
            ("PUT", "/a/x", 403),
            ("DELETE", "/a/x", 403),
            ("OPTIONS", "/a/x", 403),
            ("PUT", "/b/x", 204),
            ("GET", "/c/x", 403),
            ("PUT", "/c/x", 204),
            ("GET", "/d/x", 200),
            ("PUT", "/d/x", 403),
        ],
        |(method, target, status)| drop(ask(method, target).expect(*status, target)),
    );
    assert_eq!(ask("PUT", "/d/x").text(), "page", "an error page is fetched by GET");
    assert_eq!((s.text("html/a/x"), s.text("html/d/x")), ("x".into(), "x".into()));
}

/// A client is refused before it sends its body, and the connection stays usable if the body came all the same.
#[test]
fn a_body_is_not_taken_from_a_client_that_is_refused() {
    let s = site("location /a/ { dav_methods PUT; deny all; }", &[("ok", b"ok")]);
    let mut client = s.connect();
    client.send("PUT /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let refused = client.response().expect(403, "no 100 before it");
    assert!(refused.says_close(), "the body may come or not");
    let mut client = s.connect();
    client.send("POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloGET /ok HTTP/1.1\r\nHost: h\r\n\r\n");
    client.response().expect(403, "/a/x");
    assert_eq!(client.response().expect(200, "/ok").text(), "ok");
    assert!(!s.path("html/a").exists());
}

/// The file of a location with rules cannot be had or changed by a request to another location.
#[test]
fn no_other_location_leads_around_the_rules() {
    let s = site(
        "dav_methods PUT DELETE COPY MOVE; location /closed/ { deny all; } location = /b/index.html { deny all; } \
         location = /c/index.html { deny all; } location /c/ { index none.html index.html; }",
        &[("a", b"a"), ("closed/x", b"secret"), ("b/index.html", b"secret"), ("c/index.html", b"secret")],
    );
    for target in ["/b/", "/c/", "/closed/x", "//closed/x", "/./closed/x", "/%63losed/x"] {
        s.get(target).expect(403, target);
    }
    let ask = |method: &str, from: &str, to: &str| {
        s.ask(format!("{method} {from} HTTP/1.1\r\nHost: h\r\nDestination: {to}\r\n\r\n"))
    };
    for (method, from, to) in [
        ("COPY", "/a", "/closed/a"),
        ("MOVE", "/a", "/closed/a"),
        ("COPY", "/closed/", "/open/"),
        ("COPY", "/closed", "/open"),
        ("MOVE", "/closed", "/open"),
        ("DELETE", "/closed", ""),
        ("COPY", "/b/", "/open/"),
    ] {
        ask(method, from, to).expect(403, &format!("{method} {from} {to}"));
    }
    assert_eq!((s.text("html/closed/x"), s.path("html/open").exists()), ("secret".into(), false));
    assert!(!s.path("html/closed/a").exists());
    ask("COPY", "/a", "/open").expect(201, "no rule is in the way");
}

#[test]
fn a_program_runs_only_if_the_rules_of_its_own_location_let_it() {
    let s = scripts(
        "location = /closed.sh { deny all; } location = /open.sh { allow all; }",
        &[("closed.sh", &text("echo ran >> ran; echo x")), ("open.sh", &text("echo x"))],
    );
    s.get("/closed.sh").expect(403, "/closed.sh");
    s.get("/closed.sh/rest").expect(403, "/closed.sh/rest");
    s.get("/open.sh").expect(200, "/open.sh");
    assert!(!s.path("html/ran").exists());
}
