//! Invalid requests are refused with the right status and a close, and nothing after them is read as a request
//! (RFC 9112, sections 2, 3, 5, 6 and 7). Unusual but valid requests are served.

mod harness;

use harness::client::show;
use harness::{PATIENCE, Response, Server, each, site};
use std::time::Instant;

const NEXT: &str = "GET /ok.txt HTTP/1.1\r\nHost: h\r\n\r\n";

fn alpha() -> Server {
    site("client_header_timeout 1s;", &[("a.txt", b"alpha"), ("ok.txt", b"next")])
}

/// Sends the bytes and a valid request after them; returns the one response that may come before the close.
#[track_caller]
fn refused(s: &Server, request: &[u8]) -> Response {
    let mut client = s.connect();
    client.send([request, NEXT.as_bytes()].concat());
    let response = client.response();
    let more = client.read_more();
    assert!(more.is_empty(), "{}: more than one answer: {response}{}", show(request), show(&more));
    response
}

/// Each row: bytes of a request, and the allowed statuses, the best one first.
fn check_refused(rows: &[(&str, &[u16])]) {
    let s = alpha();
    each(rows, |(request, statuses)| {
        let response = refused(&s, request.as_bytes());
        assert!(statuses.contains(&response.status), "{request:?}: expected {statuses:?}, got {response}");
        assert!(response.says_close(), "RFC 9112, 9.6; {request:?}: {response}");
        assert!(response.text().contains(&response.status.to_string()), "{request:?}: {response}");
    });
    s.assert_alive("bad requests");
}

/// A request for `/a.txt` with these lines after Host.
fn with_fields(fields: &str) -> String {
    format!("GET /a.txt HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n")
}

#[test]
fn request_lines() {
    let h = "\r\nHost: h\r\n\r\n";
    let long = "A".repeat(33);
    let lines: [(&str, &[u16]); 47] = [
        // Without a version: HTTP/0.9 is not supported (nginx supports it).
        ("GET /", &[400]),
        ("GET /a.txt", &[400]),
        ("GET", &[400]),
        ("GET ", &[400]),
        ("GET  HTTP/1.1", &[400]),
        ("/ HTTP/1.1", &[400]),
        // Exactly one space, and nothing else (nginx allows several).
        (" GET /a.txt HTTP/1.1", &[400]),
        ("GET  /a.txt HTTP/1.1", &[400]),
        ("GET /a.txt  HTTP/1.1", &[400]),
        ("GET /a.txt HTTP/1.1 ", &[400]),
        ("GET\t/a.txt\tHTTP/1.1", &[400]),
        ("GET /a.txt HTTP/1.1\t", &[400]),
        ("GET /a b.txt HTTP/1.1", &[400]),
        ("GET /a.txt HTTP/1.1 x", &[400]),
        ("GET /a.txt HTTP/1.1\rX: y", &[400]),
        ("GET /a\r.txt HTTP/1.1", &[400]),
        // Methods are tokens of at most 32 bytes.
        ("G@T /a.txt HTTP/1.1", &[400]),
        ("\"GET\" /a.txt HTTP/1.1", &[400]),
        ("GET: /a.txt HTTP/1.1", &[400]),
        (&(long + " /a.txt HTTP/1.1"), &[400]),
        // Versions.
        ("GET /a.txt HTTP/1", &[400]),
        ("GET /a.txt HTTP/1.", &[400]),
        ("GET /a.txt HTTP/.1", &[400]),
        ("GET /a.txt HTTP/01.1", &[400]),
        ("GET /a.txt HTTP/1.01", &[400]),
        ("GET /a.txt HTTP/1.1.1", &[400]),
        ("GET /a.txt HTTP/1,1", &[400]),
        ("GET /a.txt HTTP/1.x", &[400]),
        ("GET /a.txt HTTP/-1.1", &[400]),
        ("GET /a.txt HTTP/ 1.1", &[400]),
        ("GET /a.txt HTTP 1.1", &[400]),
        ("GET /a.txt http/1.1", &[400]),
        ("GET /a.txt HTTPS/1.1", &[400]),
        ("GET /a.txt FTP/1.1", &[400]),
        ("GET /a.txt HTTP/0.9", &[400, 505]),
        ("GET /a.txt HTTP/2.0", &[505]),
        ("GET /a.txt HTTP/3.7", &[505]),
        ("GET /a.txt HTTP/9.9", &[505]),
        // Targets.
        ("GET a.txt HTTP/1.1", &[400]),
        ("GET * HTTP/1.1", &[400]),
        ("GET ?q HTTP/1.1", &[400]),
        ("GET h:80 HTTP/1.1", &[400]),
        ("GET http:///a.txt HTTP/1.1", &[400]),
        ("GET /%zz HTTP/1.1", &[400]),
        ("GET /%4 HTTP/1.1", &[400]),
        ("GET /a.txt% HTTP/1.1", &[400]),
        ("GET /a%00.txt HTTP/1.1", &[400]),
    ];
    let whole: Vec<(String, &[u16])> = lines.iter().map(|(line, statuses)| (format!("{line}{h}"), *statuses)).collect();
    check_refused(&whole.iter().map(|(request, statuses)| (request.as_str(), *statuses)).collect::<Vec<_>>());
}

#[test]
fn bytes_that_a_head_may_not_hold() {
    let s = alpha();
    let places = [("GET /a", "b HTTP/1.1\r\nHost: h\r\n\r\n"), ("GET /a.txt?", " HTTP/1.1\r\nHost: h\r\n\r\n")];
    let places = places.map(|(a, b)| (a, b, &[0u8, 1, 8, 11, 12, 13, 27, 31, 127, 128, 195, 255][..]));
    let fields = [
        ("GET /a.txt HTTP/1.1\r\nHost: h\r\nX: a", "b\r\n\r\n", &[0u8, 1, 8, 11, 12, 13, 27, 31, 127][..]),
        ("GET /a.txt HTTP/1.1\r\nHost: h\r\nX", "Y: b\r\n\r\n", &[0, 1, 9, 13, 32, 40, 47, 127, 128, 255]),
    ];
    for (before, after, bad) in places.into_iter().chain(fields) {
        each(bad, |byte| {
            let request = [before.as_bytes(), &[**byte], after.as_bytes()].concat();
            assert_eq!(refused(&s, &request).status, 400, "byte {byte} in {}", show(&request));
        });
    }
}

#[test]
fn host_fields() {
    let get = "GET /a.txt HTTP/1.1\r\n";
    let row = |fields: &str| (format!("{get}{fields}\r\n"), &[400u16][..]);
    let rows = [
        row(""),
        row("Host: h\r\nHost: h\r\n"),
        row("Host: h\r\nHost: other\r\n"),
        row("Host:\r\n"),
        row("Host: a b\r\n"),
        row("Host: a/b\r\n"),
        row("Host: a\\b\r\n"),
        row("Host: user@h\r\n"),
        row("Host: h?q\r\n"),
        row("Host: h#f\r\n"),
        row("Host: <h>\r\n"),
        row("Host: http://h\r\n"),
        row("Host: h:port\r\n"),
        row("Host: h:80:80\r\n"),
        row("Host: h:-1\r\n"),
        row("Host: [::1\r\n"),
        row("Host: ::1\r\n"),
        row("Host: [::1]x\r\n"),
        row("Host: [h]\r\n"),
        row("Host: :80\r\n"),
        ("GET /a.txt HTTP/1.0\r\nHost: a b\r\n\r\n".to_owned(), &[400]),
    ];
    check_refused(&rows.iter().map(|(request, statuses)| (request.as_str(), *statuses)).collect::<Vec<_>>());
}

#[test]
fn field_lines() {
    let row = |fields: &str| (with_fields(fields), &[400u16][..]);
    let rows = [
        row("X : a"),
        row("X\t: a"),
        row(": a"),
        row("X"),
        row("no colon at all"),
        row("X y: a"),
        row("X(y): a"),
        row("X[y]: a"),
        row("X\"y\": a"),
        // Folded lines (RFC 9112, 5.2).
        row("X: a\r\n b"),
        row("X: a\r\n\tb"),
        row("X: a\r\n \r\n b: c"),
        ("GET /a.txt HTTP/1.1\r\n X: a\r\nHost: h\r\n\r\n".to_owned(), &[400]),
        row("X: a\rb"),
        row("X: a\r\r\nY: b"),
    ];
    check_refused(&rows.iter().map(|(request, statuses)| (request.as_str(), *statuses)).collect::<Vec<_>>());
}

#[test]
fn heads_that_are_too_large() {
    let field = |n: usize| format!("X-Long: {}", "x".repeat(n));
    let fields = |n: usize, size: usize| vec![field(size); n].join("\r\n");
    let target = |n: usize| format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(n));
    check_refused(&[
        (&target(9000), &[414]),
        (&target(100_000), &[414]),
        (&with_fields(&field(9000)), &[400]),
        (&with_fields(&field(100_000)), &[400]),
        (&with_fields(&fields(40, 1000)), &[400]),
        (&with_fields(&vec!["a: b"; 1001].join("\r\n")), &[400]),
    ]);
    let s = alpha();
    for (fields, what) in [(fields(20, 1000), "20 KB of fields"), (vec!["a: b"; 900].join("\r\n"), "900 fields")] {
        s.get_with("/a.txt", &(fields + "\r\n")).expect(200, what);
    }
    s.get(&format!("/{}", "x".repeat(7000))).expect(404, "a target of 7000 bytes");
    let small = site("client_header_buffer_size 256; large_client_header_buffers 2 512;", &[("a.txt", b"alpha")]);
    small.get_with("/a.txt", &(field(400) + "\r\n")).expect(200, "a field within its buffer");
    small.get_with("/a.txt", &(field(600) + "\r\n")).expect(400, "a field of 600 bytes, buffers of 512");
    small.get(&format!("/{}", "x".repeat(600))).expect(414, "a target of 600 bytes, buffers of 512");
    small.get_with("/a.txt", &(fields(5, 400) + "\r\n")).expect(400, "five fields of 400 bytes, two buffers of 512");
}

#[test]
fn body_framing() {
    let row = |fields: &str, statuses: &'static [u16]| (with_fields(fields), statuses);
    let rows = [
        row("Content-Length: 5\r\nTransfer-Encoding: chunked", &[400]),
        row("Transfer-Encoding: chunked\r\nContent-Length: 5", &[400]),
        row("Transfer-Encoding: gzip", &[501, 400]),
        row("Transfer-Encoding: gzip, chunked", &[501]),
        row("Transfer-Encoding: chunked, gzip", &[400, 501]),
        row("Transfer-Encoding: chunked, chunked", &[400, 501]),
        row("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", &[400]),
        row("Transfer-Encoding: identity", &[501, 400]),
        row("Transfer-Encoding: xchunked", &[501, 400]),
        row("Transfer-Encoding: chunked;a=b", &[400, 501]),
        row("Transfer-Encoding: \"chunked\"", &[400, 501]),
        row("Transfer-Encoding:", &[400, 501]),
        row("Content-Length: +1", &[400]),
        row("Content-Length: -1", &[400]),
        row("Content-Length: 0x10", &[400]),
        row("Content-Length:", &[400]),
        row("Content-Length: abc", &[400]),
        row("Content-Length: 1.0", &[400]),
        row("Content-Length: 1 2", &[400]),
        row("Content-Length: 1,2", &[400]),
        row("Content-Length: 1;2", &[400]),
        row("Content-Length: 99999999999999999999999", &[400, 413]),
        row("Content-Length: 18446744073709551616", &[400, 413]),
        row("Content-Length: 5\r\nContent-Length: 6", &[400]),
        ("GET /a.txt HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), &[400]),
    ];
    check_refused(&rows.iter().map(|(request, statuses)| (request.as_str(), *statuses)).collect::<Vec<_>>());
}

#[test]
fn a_broken_chunk_ends_the_connection() {
    // The server may answer with the file before it reads the useless body; the bytes after it must not be a request.
    let s = alpha();
    let rows = [
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\r\nhell\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        ";ext\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
    ];
    each(rows, |body| {
        let request = with_fields("Transfer-Encoding: chunked") + body;
        let response = refused(&s, request.as_bytes());
        assert!(matches!(response.status, 200 | 400), "{request:?}: {response}");
        assert!(!response.text().contains("next"), "{request:?}: {response}");
    });
    s.assert_alive("broken chunks");
}

#[test]
fn methods() {
    let s = alpha();
    let ask = |method: &str| {
        let length = if method == "POST" || method == "PUT" { "Content-Length: 0\r\n" } else { "" };
        s.ask(format!("{method} /a.txt HTTP/1.1\r\nHost: h\r\n{length}Connection: close\r\n\r\n"))
    };
    let lists_get_and_head = |response: &Response| {
        let allowed: Vec<&str> = response.must("Allow").split(',').map(str::trim).collect();
        allowed.contains(&"GET") && allowed.contains(&"HEAD") && !allowed.contains(&"POST")
    };
    each(["POST", "PUT", "DELETE", "PATCH"], |method| {
        let response = ask(method).expect(405, method);
        assert_eq!(response.reason, "Not Allowed", "{response}");
        assert!(lists_get_and_head(&response), "RFC 9110, 15.5.6; {method}: {response}");
    });
    each(["TRACE", "CONNECT"], |method| {
        let response = ask(method);
        assert!(matches!(response.status, 400 | 405 | 501), "{method}: {response}");
    });
    let response = s.ask("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(response.must("Connection"), "close", "as nginx: {response}");
    each(["FOO", "get", "Get", "GETT", "GE", "!#$%&'*+-.^_`|~", &"A".repeat(32)], |method| {
        ask(method).expect(501, method);
    });
    let response = s.ask("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\nConnection: close\r\n\r\n");
    assert!(matches!(response.status, 405 | 501), "CONNECT: {response}");
    let preface = refused(&s, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(matches!(preface.status, 400 | 501 | 505), "HTTP/2's preface: {preface}");
    each(["*", "/a.txt"], |target| {
        let response = s.ask(format!("OPTIONS {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        assert!(matches!(response.status, 200 | 204) && lists_get_and_head(&response), "OPTIONS {target}: {response}");
    });
}

#[test]
fn what_only_looks_odd_is_served() {
    let s = alpha();
    let rows = [
        "\r\nGET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        "\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a.txt HTTP/1.1\nHost: h\n\n",
        "GET /a.txt HTTP/1.1\r\nHost: h\nX: y\r\n\n",
        "GET /a.txt HTTP/1.0\r\n\r\n",
        "GET /a.txt HTTP/1.2\r\nHost: h\r\n\r\n",
        "GET /a.txt HTTP/1.9\r\nHost: h\r\n\r\n",
        "GET http://h/a.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET HTTP://H:80/a.txt HTTP/1.1\r\nHost: other\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost:h\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: \t h \t \r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nhOST: h\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: h:\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: h:8080\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: under_score.example\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX-Tab: a\tb\r\nX!#$%&'*+-.^_`|~9: token\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: h\r\nX-Text: gr\u{fc}n\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: h\r\nX: a\r\nX: b\r\nX: \r\n\r\n",
        "GET /a.txt?x=[]{}|^`\"<> HTTP/1.1\r\nHost: h\r\n\r\n",
    ];
    each(rows, |request| {
        let response = s.ask(request).expect(200, request);
        assert_eq!(response.text(), "alpha", "{request:?}: {response}");
    });
}

#[test]
fn garbage() {
    let s = alpha();
    let hello = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03random bytes of a TLS hello\x00\x00\x13\x01\r\n";
    let rows: [&[u8]; 6] = [
        hello,
        b"\x00\x00\x00\x00\r\n\r\n",
        b"\xff\xff\xff\xff\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"{\"a\":1}\n",
        b"\x80\n",
    ];
    each(rows, |bytes| {
        let response = refused(&s, bytes);
        assert_eq!(response.status, 400, "{}: {response}", show(bytes));
    });
    s.assert_alive("garbage");
}

#[test]
fn nothing_at_all() {
    let s = alpha();
    for bytes in ["", "\r\n", "\r\n\r\n", "\n"] {
        let mut client = s.connect();
        client.send(bytes);
        client.half_close();
        let rest = client.rest();
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 400 "), "{bytes:?}: {}", show(&rest));
    }
    // A client must not keep a connection open by sending empty lines.
    let mut client = s.connect();
    let end = Instant::now() + PATIENCE;
    while client.try_send(&b"\r\n".repeat(1000)).is_ok() {
        assert!(Instant::now() < end, "a flood of empty lines holds its connection");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    s.assert_alive("empty lines");
}
