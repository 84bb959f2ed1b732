//! RFC 9110, sections 10.1.1, 15.5.9 and 15.5.14: Expect, content that is too large, and deadlines.
//! For the format of a row, see test/harness/conform.rs.

mod harness;

use harness::client::show;
use harness::conform::{NEXT, Row, bench, check_lawful, judged, kept, refused};
use harness::{Client, PATIENCE, Response, Server, each, site};
use std::time::Duration;

const GET: &str = "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn content_too_large() {
    let s = bench("client_max_body_size 10; location = /any { client_max_body_size 0; return 200 any; }");
    let post = |target: &str, fields: &str| format!("POST {target} HTTP/1.1\r\nHost: h\r\n{fields}");
    let whole = |n: usize| post("/text", &format!("Content-Length: {n}\r\n\r\n{}", "x".repeat(n)));
    let chunk = |content: &str| post("/text", &format!("Transfer-Encoding: chunked\r\n\r\n{content}"));
    kept(
        &s,
        &[
            ("9110 15.5.14", &whole(0), &[200]),
            ("9110 15.5.14", &whole(10), &[200]),
            ("9110 15.5.14", &chunk("A\r\n0123456789\r\n0\r\n\r\n"), &[200]),
            ("9110 15.5.14", &chunk("5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"), &[200]),
            ("9110 15.5.14", &post("/any", &format!("Content-Length: 99\r\n\r\n{}", "x".repeat(99))), &[200]),
            ("9110 15.5.14", &post("/any", "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n"), &[200]),
        ],
    );
    judged(&s, &[("9110 15.5.14", &whole(11), &[413])]);
    let rows: &[Row] = &[
        ("9110 15.5.14", &chunk("B\r\n01234567890\r\n0\r\n\r\n"), &[413]),
        ("9110 15.5.14", &chunk("5\r\n01234\r\n6\r\n567890\r\n0\r\n\r\n"), &[413]),
        ("9110 15.5.14", &chunk(&format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(11))), &[413]),
        ("9110 15.5.14", &chunk("ffffffff\r\n"), &[413]),
        ("9110 15.5.14", &chunk("5\r\n01234\r\nffffffffffffffff\r\n"), &[413, 400]),
        ("9110 15.5.14", &post("/text", "Content-Length: 18446744073709551615\r\n\r\n"), &[413]),
    ];
    refused(&s, rows);
    // The refusal comes before the content.
    each(["Content-Length: 11\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nb\r\n"], |fields| {
        let mut client = s.connect();
        client.send(post("/text", fields));
        check_lawful(&client.response().expect(413, fields));
    });
}

/// Sends a head and reads the next response, 1xx included; the content is not sent before it.
#[track_caller]
fn without_content(s: &Server, request: &str) -> (Client, Response) {
    let mut client = s.connect();
    client.send(request);
    let response = client.any_response();
    (client, response)
}

#[test]
fn expectations() {
    let s = bench("client_max_body_size 100;");
    let head = |line: &str, fields: &str| format!("{line} HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n");
    // The server does not need the content: the final response comes at once (9110 10.1.1), with the right Connection
    // field.
    let rows = [
        ("POST /text", "Expect: 100-continue\r\nContent-Length: 5", &[200][..]),
        ("POST /text", "Expect: 100-Continue\r\nTransfer-Encoding: chunked", &[200]),
        ("POST /a.txt", "Expect: 100-continue\r\nContent-Length: 5", &[405]),
        ("PUT /a.txt", "Expect: 100-continue\r\nContent-Length: 5", &[405]),
        ("POST /absent", "Expect: 100-continue\r\nContent-Length: 5", &[404, 405]),
        ("POST /text", "Expect: 100-continue\r\nContent-Length: 101", &[413]),
        ("POST /text", "Expect: 100-continue\r\nContent-Length: 99999999999", &[413]),
        ("POST /text", "Expect: 100-continue\r\nContent-Length: x", &[400]),
        ("GET /a.txt", "Expect: 100-continue\r\nContent-Length: 5", &[200]),
        ("GET /gone", "Expect: 100-continue\r\nContent-Length: 5", &[410]),
    ];
    each(rows, |(line, fields, statuses)| {
        let (mut client, response) = without_content(&s, &head(line, fields));
        assert!(statuses.contains(&response.status), "9110 10.1.1 (house): {line} {fields:?}: {response}");
        check_lawful(&response);
        if response.says_close() {
            client.assert_ended("9110 10.1.1: says close");
        } else {
            let chunked = fields.contains("chunked");
            client.send(if chunked { "5\r\nhello\r\n0\r\n\r\n" } else { "hello" });
            client.send(NEXT);
            assert_eq!(client.response().text(), "next", "9110 10.1.1: says that it will read the content");
        }
    });
    // There is no content, or it was already sent.
    let whole = |fields: &str| format!("POST /text HTTP/1.1\r\nHost: h\r\n{fields}");
    judged(
        &s,
        &[
            ("9110 10.1.1", &whole("Expect: 100-continue\r\n\r\n"), &[200]),
            ("9110 10.1.1", &whole("Expect: 100-continue\r\nContent-Length: 0\r\n\r\n"), &[200]),
            ("9110 10.1.1", &whole("Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"), &[200]),
            ("9110 10.1.1", &whole("expect:100-CONTINUE\r\nContent-Length: 5\r\n\r\nhello"), &[200]),
            ("9110 10.1.1", &head("GET /a.txt", "Expect: 100-continue"), &[200]),
            ("9110 10.1.1", &head("HEAD /a.txt", "Expect: 100-continue"), &[200]),
            ("9110 10.1.1 (house)", &head("GET /a.txt", "Expect: 200-ok"), &[417]),
            ("9110 10.1.1 (house)", &head("GET /a.txt", "Expect: 100"), &[417]),
            ("9110 10.1.1 (house)", &head("GET /a.txt", "Expect: 100-continued"), &[417]),
            ("9110 10.1.1 (house)", &head("GET /a.txt", "Expect: 100-continue, x"), &[417]),
            ("9110 10.1.1 (house)", &head("GET /a.txt", "Expect: x=y;z"), &[417]),
            ("9110 10.1.1 (house)", &head("GET /a.txt", "Expect: 100-continue\r\nExpect: x"), &[417]),
            ("9110 10.1.1 (house)", &whole("Expect: x\r\nContent-Length: 5\r\n\r\nhello"), &[417]),
            ("9110 10.1.1", &head("GET /a.txt", "Expect:"), &[200, 417]),
        ],
    );
    // The server must not send 1xx to HTTP/1.0 (9110 15.2 MUST NOT), and must ignore 100-continue there (10.1.1 MUST).
    let request = "POST /text HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let (mut client, response) = without_content(&s, &format!("{request}hello"));
    assert_eq!(response.status, 200, "9110 10.1.1 MUST: {response}");
    client.assert_ended("HTTP/1.0");
}

/// Reads all bytes until the close, and sends nothing.
fn until_closed(s: &Server, begin: &str) -> Vec<u8> {
    let mut client = s.connect();
    client.send(begin);
    client.rest()
}

#[test]
fn deadlines() {
    let timeouts = "client_header_timeout 300ms; client_body_timeout 300ms; keepalive_timeout 300ms;";
    let s = site(&format!("{timeouts} location = /text {{ return 200 text; }}"), &[("a.txt", b"alpha")]);
    let heads = ["G", "GET /a.txt HTTP/1.1\r\n", "GET /a.txt HTTP/1.1\r\nHost: h\r\n", "GET / HTTP/1.1\r\nX: "];
    let second = heads.map(|head| format!("{GET}{head}"));
    std::thread::scope(|scope| {
        for head in heads {
            let s = &s;
            scope.spawn(move || {
                let rest = until_closed(s, head);
                assert!(rest.starts_with(b"HTTP/1.1 408 "), "9110 15.5.9 (house): {head:?}: {}", show(&rest));
            });
        }
        for head in &second {
            let s = &s;
            scope.spawn(move || {
                let mut client = s.connect();
                client.send(head);
                assert_eq!(client.response().text(), "alpha");
                let response = client.response().expect(408, head);
                check_lawful(&response);
                assert!(response.says_close(), "9110 15.5.9 SHOULD: {response}");
                client.assert_ended("9110 15.5.9");
            });
        }
        // Without any byte of a request, the idle connection is closed without a response.
        for nothing in ["", GET] {
            let s = &s;
            scope.spawn(move || {
                let mut client = s.connect();
                client.send(nothing);
                if !nothing.is_empty() {
                    assert_eq!(client.response().text(), "alpha");
                }
                client.assert_ended("9112 9.5: an idle connection");
            });
        }
        let bodies = ["Content-Length: 50\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"];
        for body in bodies {
            let s = &s;
            scope.spawn(move || {
                let rest = until_closed(s, &format!("POST /text HTTP/1.1\r\nHost: h\r\n{body}"));
                let right = rest.starts_with(b"HTTP/1.1 408 ") || rest.starts_with(b"HTTP/1.1 200 ");
                assert!(right, "9110 15.5.9: {body:?}: {}", show(&rest));
                assert_eq!(rest.windows(9).filter(|w| w == b"HTTP/1.1 ").count(), 1, "{}", show(&rest));
            });
        }
    });
}

#[test]
fn a_body_that_drips_does_not_hold_a_connection() {
    let s = site("client_body_timeout 300ms; location = /text { return 200 text; }", &[]);
    // Within each timeout there is a byte, but the chunk extension never ends.
    let mut client = s.connect();
    client.send("POST /text HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=");
    let end = std::time::Instant::now() + PATIENCE;
    let mut piece = [0; 512];
    let mut ended = false;
    while !ended {
        assert!(std::time::Instant::now() < end, "9112 7.1.1: an extension without an end holds the connection");
        let sent = client.try_send(&[b'x'; 1000]);
        ended = sent.is_err() || matches!(client.read_some(&mut piece, Duration::from_millis(5)), Ok(0));
    }
}
