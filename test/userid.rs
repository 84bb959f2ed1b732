//! `userid`: a client without a cookie gets one, a client with a cookie is recognised, and the log has the id.

mod harness;

use harness::{Response, Server, each, server, wait_for};
use std::collections::HashSet;

/// A server that logs `$uid_got` and `$uid_set`.
fn known(config: &str) -> Server {
    let http = format!(
        "log_format uids '$request_uri got $uid_got set $uid_set cookie $cookie_uid'; \
         server {{ listen 127.0.0.1:0; access_log logs/access.log uids; {config} }}"
    );
    server(&http, &[("ok.txt", b"ok")])
}

/// The line of this request in the access log.
fn logged(s: &Server, target: &str) -> String {
    wait_for(&format!("{target} in the log"), || {
        let log = s.text("logs/access.log");
        log.lines().find(|line| line.starts_with(&format!("{target} "))).map(str::to_owned)
    })
}

/// The cookie's value.
#[track_caller]
fn value<'a>(response: &'a Response, name: &str) -> &'a str {
    let cookie = response.must("Set-Cookie").split(';').next().unwrap();
    cookie.strip_prefix(&format!("{name}=")).unwrap_or_else(|| panic!("{cookie}"))
}

#[test]
fn a_visitor_is_known_again() {
    let s = known("userid on; add_header X-Got $uid_got; add_header X-Set $uid_set;");
    let first = s.get("/ok.txt?first").expect(200, "/ok.txt");
    assert!(first.must("Set-Cookie").ends_with("; path=/"), "{first}");
    let cookie = value(&first, "uid").to_owned();
    assert_eq!((cookie.len(), &cookie[..6]), (24, "fwAAAW"), "127.0.0.1 gave it");
    let id = first.must("X-Set").to_owned();
    assert!(id.starts_with("uid=0100007F") && id.len() == 36, "{id}");
    assert_eq!(first.field("X-Got"), None);
    assert_eq!(logged(&s, "/ok.txt?first"), format!("/ok.txt?first got - set {id} cookie -"));

    let again = s.get_with("/ok.txt?again", &format!("Cookie: a=b; uid={cookie}\r\n"));
    assert_eq!((again.field("Set-Cookie"), again.field("X-Set")), (None, None));
    assert_eq!(again.must("X-Got"), id);
    assert_eq!(logged(&s, "/ok.txt?again"), format!("/ok.txt?again got {id} set - cookie {cookie}"));

    let broken = s.get_with("/ok.txt?broken", "Cookie: uid=nonsense\r\n");
    assert_eq!(value(&broken, "uid").len(), 24, "a cookie that is not ours is replaced");
}

#[test]
fn each_answer_gives_another_one_and_errors_do_too() {
    let s = known("userid on; location /moved { return 302 /ok.txt; } location /nothing { return 204; }");
    let mut client = s.connect();
    let mut seen = HashSet::new();
    for i in 0..50 {
        let target = ["/ok.txt", "/none", "/moved", "/nothing"][i % 4];
        assert!(seen.insert(value(&client.get(target), "uid").to_owned()), "{target}");
    }
}

#[test]
fn what_the_cookie_says_is_configured() {
    let flags = "userid_flags secure httponly samesite=strict;";
    let s = known(&format!(
        "userid on; location /off/ {{ userid off; }} location /log/ {{ userid log; }} \
         location /named/ {{ userid_name visitor; userid_domain example.org; userid_path /named; {flags} }} \
         location /year/ {{ userid_expires 365d; }} location /max/ {{ userid_expires max; userid_flags samesite=lax; }}"
    ));
    each(["/off/", "/log/"], |target| assert_eq!(s.get(target).field("Set-Cookie"), None, "{target}"));
    let rows = [
        ("/named/x", "visitor", "; domain=example.org; path=/named; secure; httponly; samesite=strict"),
        ("/max/x", "uid", "; expires=Thu, 31 Dec 2037 23:55:55 GMT; path=/; samesite=lax"),
        ("/x", "uid", "; path=/"),
    ];
    each(rows, |(target, name, rest)| {
        let response = s.get(target);
        assert_eq!(response.must("Set-Cookie"), format!("{name}={}{rest}", value(&response, name)));
    });
    let year = s.get("/year/x");
    assert!(year.must("Set-Cookie").contains("; expires=") && year.must("Set-Cookie").ends_with(" GMT; path=/"));
    let cookie = "fwAAAWXjvQABAgMEBQYHCA==";
    s.get_with("/log/x", &format!("Cookie: uid={cookie}\r\n"));
    let line = logged(&s, "/log/x");
    assert!(line.contains("got uid=0100007F00BDE3650403020108070605 set - "), "{line}");
    s.get_with("/off/x", &format!("Cookie: uid={cookie}\r\n"));
    assert!(logged(&s, "/off/x").contains("got - set - "), "off: it is not looked at");
}

#[test]
fn marks_services_and_versions() {
    let s = known(
        "userid on; userid_service 65534; \
         location /mark/ { userid_mark z; userid_p3p 'policyref=\"/w3c/p3p.xml\"'; } location /v1/ { userid v1; }",
    );
    let old = "fwAAAWXjvQABAgMEBQYHCA==";
    let id = "uid=0100007F00BDE3650403020108070605";
    let marked = s.get_with("/mark/1", &format!("Cookie: uid={old}\r\n"));
    assert_eq!(value(&marked, "uid"), "fwAAAWXjvQABAgMEBQYHCAz=", "the same identifier with the mark");
    assert_eq!(marked.must("P3P"), "policyref=\"/w3c/p3p.xml\"");
    assert_eq!(logged(&s, "/mark/1"), format!("/mark/1 got {id} set {id} cookie {old}"));
    let again = s.get_with("/mark/2", "Cookie: uid=fwAAAWXjvQABAgMEBQYHCAz=\r\n");
    assert_eq!((again.field("Set-Cookie"), again.field("P3P")), (None, None));

    s.get("/ok.txt");
    assert!(logged(&s, "/ok.txt").contains("set uid=FEFF0000"), "{}", logged(&s, "/ok.txt"));
    s.get("/v1/x");
    assert!(logged(&s, "/v1/x").contains("set uid=0000FFFE"), "{}", logged(&s, "/v1/x"));
}

#[test]
fn an_identifier_is_reset() {
    let s = known("error_log logs/error.log notice; userid on; location /reset { set $uid_reset $arg_x; return 204; }");
    let cookie = "Cookie: uid=fwAAAWXjvQABAgMEBQYHCA==\r\n";
    for (target, is_reset) in [("/reset", false), ("/reset?x=0", false), ("/reset?x=1", true), ("/reset?x=log", true)] {
        let response = s.get_with(target, cookie).expect(204, target);
        assert_eq!(response.field("Set-Cookie").is_some(), is_reset, "{target}: {response}");
    }
    let told = "userid cookie \"uid=0100007F00BDE3650403020108070605\" was reset";
    wait_for("the line in the error log", || s.text("logs/error.log").contains(told).then_some(()));
    assert_eq!(s.text("logs/error.log").matches("was reset").count(), 1, "only of \"log\"");
}
