//! The head of an application's answer, as the client gets it.

use super::harness::each;
use super::harness::gateways::Protocol;
use super::harness::http::Framing;
use super::harness::scripts::scripts;
use super::harness::upstream::Upstream;
use super::{answered, fastcgi};

/// A head and a body in FCGI_STDOUT, and the end.
fn output(text: &str) -> Vec<u8> {
    Protocol::Fastcgi.wrap(text.as_bytes(), true)
}

/// Output; then status, body, a field and its value.
type Row = (&'static str, u16, &'static str, &'static str, Option<&'static str>);

const ROWS: [Row; 15] = [
    ("Content-Type: text/html\r\n\r\nhi", 200, "hi", "Content-Type", Some("text/html")),
    ("Content-Type: text/html\n\nhi", 200, "hi", "Content-Type", Some("text/html")),
    ("Status: 404 Not Here\r\nContent-Type: a/b\r\n\r\nno", 404, "no", "Content-Type", Some("a/b")),
    ("status: 503\r\n\r\n", 503, "", "Status", None),
    ("X-Powered-By: PHP/8\r\nContent-type: text/html; charset=UTF-8\r\n\r\n", 200, "", "X-Powered-By", Some("PHP/8")),
    ("Location: http://h/x\r\n\r\n", 302, "", "Location", Some("http://h/x")),
    ("Location: /x\r\nContent-Type: a/b\r\n\r\nmoved", 302, "moved", "Location", Some("/x")),
    ("Status: 301\r\nLocation: /x\r\n\r\n", 301, "", "Location", Some("/x")),
    ("Status: 201\r\nLocation: /new\r\n\r\n", 201, "", "Location", Some("/new")),
    ("Content-Length: 2\r\n\r\nhi", 200, "hi", "Content-Length", Some("2")),
    ("Set-Cookie: a=b\r\n\r\n", 200, "", "Set-Cookie", Some("a=b")),
    ("Expires: Thu, 19 Nov 1981 08:52:00 GMT\r\nPragma: no-cache\r\n\r\n", 200, "", "Pragma", Some("no-cache")),
    ("X-Accel-Expires: 1\r\n\r\n", 200, "", "X-Accel-Expires", None),
    ("Status: 304\r\nETag: \"x\"\r\n\r\n", 304, "", "ETag", Some("\"x\"")),
    ("Status: 204\r\n\r\n", 204, "", "Content-Length", None),
];

#[test]
fn heads_are_those_of_cgi() {
    each(ROWS, |(text, status, body, name, value)| {
        let (up, s) = fastcgi("");
        let response = answered(&up, &s, output(text)).expect(*status, text);
        assert_eq!((response.text().as_str(), response.field(name)), (*body, *value), "{response}");
    });
}

/// As in nginx, the words behind a status are the client's, too.
#[test]
fn the_reason_phrase_is_passed_on() {
    for (line, phrase) in [("Status: 404 My Words", "My Words"), ("Status: 404", "Not Found"), ("X-A: 1", "OK")] {
        let (up, s) = fastcgi("");
        assert_eq!(answered(&up, &s, output(&format!("{line}\r\n\r\n"))).reason, phrase);
    }
}

#[test]
fn an_answer_without_a_length_is_chunked() {
    let (up, s) = fastcgi("");
    let response = answered(&up, &s, output("Content-Type: a/b\r\n\r\nsome"));
    assert_eq!((response.framing, response.text().as_str()), (Framing::Chunked, "some"));
}

/// Directives, output; then status, body, and a field that the client does not get.
#[test]
fn directives_of_the_family_apply() {
    let powered = "X-Powered-By: PHP\r\nContent-Type: a/b\r\n\r\nhi";
    let rows = [
        ("fastcgi_hide_header X-Powered-By;", powered, 200, "hi", "X-Powered-By"),
        ("fastcgi_intercept_errors on; error_page 404 /ok.txt;", "Status: 404\r\nX-A: 1\r\n\r\nno", 404, "ok", "X-A"),
        ("error_page 404 /ok.txt;", "Status: 404\r\n\r\nown", 404, "own", "X-A"),
        ("", "X-Accel-Redirect: /ok.txt\r\n\r\n", 200, "ok", "X-Accel-Redirect"),
        (
            "fastcgi_ignore_headers X-Accel-Redirect;",
            "X-Accel-Redirect: /ok.txt\r\n\r\nown",
            200,
            "own",
            "X-Accel-Redirect",
        ),
    ];
    each(rows, |(directives, text, status, body, hidden)| {
        let (up, s) = fastcgi(directives);
        let response = answered(&up, &s, output(text)).expect(*status, directives);
        assert_eq!((response.text().as_str(), response.field(hidden)), (*body, None), "{directives}: {response}");
    });
}

/// The program's answer, or its failure, is not taken for that of the application.
#[test]
fn a_program_may_be_the_page_of_an_intercepted_answer() {
    let up = Upstream::tcp(Protocol::Fastcgi);
    let pages = "fastcgi_intercept_errors on; fastcgi_hide_header X-B; error_page 404 /page.sh; error_page 500 /no.sh;";
    let says = "printf 'X-B: 1\\n\\npage'";
    let s = scripts(&format!("location /a {{ {} {pages} }}", up.pass()), &[("page.sh", says), ("no.sh", "exit")]);
    let response = answered(&up, &s, output("Status: 404\r\nX-A: 1\r\n\r\nno")).expect(404, "a page");
    assert_eq!((response.text().as_str(), response.field("X-A"), response.must("X-B")), ("page", None, "1"));
    let response = answered(&up, &s, output("Status: 500\r\nX-A: 1\r\n\r\nno")).expect(500, "no page");
    assert_eq!(response.field("X-A"), None, "{response}");
}

#[test]
fn head_has_the_fields_and_no_body() {
    let (up, s) = fastcgi("");
    let mut client = s.connect();
    client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
    let (mut peer, ask) = up.asked();
    assert_eq!(ask.must("REQUEST_METHOD"), "HEAD");
    peer.send(output("Content-Type: a/b\r\nContent-Length: 5\r\n\r\nextra"));
    drop(peer);
    let response = client.response();
    assert_eq!((response.framing, response.must("Content-Length")), (Framing::None, "5"));
    assert_eq!(client.get("/ok.txt").text(), "ok", "nothing of the body was sent");
}
