//! RFC 9112, sections 8 and 9: keep-alive, close and pipelining, incomplete and split messages, and the end of a
//! connection. For the format of a row, see test/harness/conform.rs.

mod harness;

use harness::client::show;
use harness::conform::{NEXT, bench, check_lawful};
use harness::{Client, Server, each};
use std::time::Duration;

const GET: &str = "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n";

/// Version, Connection lines, and true if the connection stays open.
const PERSISTENCE: &[(&str, &str, &str, bool)] = &[
    ("9112 9.3 SHOULD", "HTTP/1.1", "", true),
    ("9112 9.3 SHOULD", "HTTP/1.1", "Connection: keep-alive\r\n", true),
    ("9112 9.3 SHOULD", "HTTP/1.1", "Connection:\r\n", true),
    ("9112 9.3 SHOULD", "HTTP/1.1", "Connection: ,\r\n", true),
    ("9112 9.3 SHOULD", "HTTP/1.1", "Connection: x\r\nX: close\r\n", true),
    ("9112 9.3 SHOULD", "HTTP/1.1", "Connection: closed\r\n", true),
    ("9112 9.3 SHOULD", "HTTP/1.1", "Connection: not-close, xclose\r\n", true),
    ("9112 9.3 SHOULD", "HTTP/1.1", "Keep-Alive: timeout=1, max=1\r\n", true),
    ("9112 9.3 SHOULD", "HTTP/1.1", "Proxy-Connection: close\r\n", true),
    ("9110 7.6.1", "HTTP/1.1", "Connection: host, content-length\r\n", true),
    ("9110 7.8 MAY", "HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket\r\n", true),
    ("9110 7.8 MAY", "HTTP/1.1", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n", true),
    ("9110 7.8 MAY", "HTTP/1.1", "Upgrade: HTTP/2.0, SHTTP/1.3\r\n", true),
    ("9112 9.6 MUST", "HTTP/1.1", "Connection: close\r\n", false),
    ("9110 7.6.1 (case-insensitive)", "HTTP/1.1", "Connection: Close\r\n", false),
    ("9110 7.6.1 (case-insensitive)", "HTTP/1.1", "connection: CLOSE\r\n", false),
    ("9112 9.6 MUST", "HTTP/1.1", "Connection:close \t \r\n", false),
    ("9112 9.3 MUST", "HTTP/1.1", "Connection: keep-alive, close\r\n", false),
    ("9112 9.3 MUST", "HTTP/1.1", "Connection: close, keep-alive\r\n", false),
    ("9112 9.3 MUST", "HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n", false),
    ("9112 9.3 MUST", "HTTP/1.1", "Connection: close\r\nConnection: keep-alive\r\n", false),
    ("9110 5.6.1 MUST", "HTTP/1.1", "Connection: ,, x ,close\t, y\r\n", false),
    ("9110 7.6.1", "HTTP/1.1", "Connection: upgrade, close\r\nUpgrade: websocket\r\n", false),
    ("9112 9.3 MUST", "HTTP/1.0", "", false),
    ("9112 9.3 MUST", "HTTP/1.0", "Connection: close\r\n", false),
    ("9112 9.3 MUST", "HTTP/1.0", "Connection: x\r\n", false),
    ("9112 9.3 MUST", "HTTP/1.0", "Connection: keep-alive, close\r\n", false),
    ("9112 C.2.2", "HTTP/1.0", "Proxy-Connection: keep-alive\r\n", false),
    ("9112 C.2.2", "HTTP/1.0", "Keep-Alive: timeout=5\r\n", false),
    ("9112 9.3", "HTTP/1.0", "Connection: keep-alive\r\n", true),
    ("9112 9.3", "HTTP/1.0", "Connection: Keep-Alive\r\nKeep-Alive: timeout=5\r\n", true),
    ("9112 9.3", "HTTP/1.0", "Connection: x, KEEP-ALIVE\r\n", true),
    ("9112 9.3", "HTTP/1.2", "", true),
];

#[test]
fn kept_or_closed() {
    let s = bench("");
    each(PERSISTENCE, |(rule, version, fields, kept)| {
        for (method, target, status) in
            [("GET", "/a.txt", 200), ("HEAD", "/a.txt", 200), ("GET", "/absent", 404), ("GET", "/none", 204)]
        {
            let mut client = s.connect();
            client.send(format!("{method} {target} {version}\r\nHost: h\r\n{fields}\r\n{NEXT}"));
            let when = format!("{rule}: {method} {target} {version} {fields:?}");
            let response = client.response().expect(status, &when);
            check_lawful(&response);
            assert_eq!(response.version, "HTTP/1.1", "9110 2.5, 6.2 SHOULD: {when}: {response}");
            assert_eq!(response.field("Transfer-Encoding"), None, "9112 6.1 MUST: {when}: {response}");
            assert_eq!(response.field("Upgrade"), None, "{when}: {response}");
            assert_eq!(response.says_close(), !kept, "9112 9.6: {when}: {response}");
            if *kept {
                let told = response.field("Connection").is_some_and(|v| v.eq_ignore_ascii_case("keep-alive"));
                assert!(told || *version != "HTTP/1.0", "9112 9.3 (C.2.2): {when}: {response}");
                assert_eq!(client.response().text(), "next", "{when}");
            } else {
                client.assert_ended(&when);
            }
        }
    });
}

#[test]
fn pipelined_requests_of_every_kind_are_answered_in_order() {
    let s = bench("");
    let tag = s.tag("/a.txt");
    let request = |line: &str, fields: &str| format!("{line} HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
    // HEAD has separate rows, since the reader cannot know which response belongs to HEAD.
    let rows = [
        (request("GET /a.txt", ""), 200),
        (request("GET /absent", ""), 404),
        (request("GET /a.txt", &format!("If-None-Match: {tag}\r\n")), 304),
        (request("GET /a.txt", "Range: bytes=1-2\r\n"), 206),
        (request("GET /none", ""), 204),
        (request("GET /a.txt", "Range: bytes=99-\r\n"), 416),
        (request("POST /text", "Content-Length: 5\r\n") + "hello", 200),
        (request("POST /text", "Transfer-Encoding: chunked\r\n") + "3\r\nGET\r\n0\r\nX: y\r\n\r\n", 200),
        (request("GET /moved", ""), 301),
        (request("GET /dir/", "If-Match: \"x\"\r\n"), 412),
        (request("GET /dir", ""), 301),
        (request("GET /a.txt", "Content-Length: 3\r\n") + "\r\n\r", 200),
        (request("OPTIONS *", ""), 200),
        (request("GET http://h/gone", ""), 410),
        (request("GET /a.txt", "Connection: close\r\n"), 200),
    ];
    let mut client = s.connect();
    client.send(rows.iter().map(|(text, _)| text.as_str()).collect::<String>() + NEXT);
    for (text, status) in &rows {
        let response = client.response();
        check_lawful(&response);
        let right = response.status == *status || text.starts_with("OPTIONS") && response.status == 204;
        assert!(right, "9112 9.3.2 MUST: {text:?} was answered by {response}");
    }
    client.assert_ended("9112 9.6 MUST: nothing is answered behind Connection: close");
}

#[test]
fn head_requests_in_a_pipeline() {
    let s = bench("");
    for target in ["/a.txt", "/absent", "/text", "/moved", "/none", "/dir/"] {
        let mut client = s.connect();
        client.send(format!("HEAD {target} HTTP/1.1\r\nHost: h\r\n\r\n{NEXT}"));
        check_lawful(&client.response());
        assert_eq!(client.response().text(), "next", "9110 9.3.2 MUST: no content after HEAD {target}");
    }
}

#[test]
fn a_bad_request_ends_the_pipeline_behind_good_ones() {
    let s = bench("");
    let bad = [
        "GET /a.txt HTTP/1.1\r\n\r\n",
        "GET  /a.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        "\0",
        "GET /a.txt HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n",
        "POST /text HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 2\r\n\r\n12",
        "POST /text HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /text HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        // If Content-Length is too small, the rest of the content is the next request.
        "POST /text HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\nhello\r\n\r\n",
    ];
    each(bad, |bad| {
        let mut client = s.connect();
        client.send(format!("{GET}{GET}{bad}\r\n{NEXT}"));
        assert_eq!(client.response().text(), "alpha", "the first");
        assert_eq!(client.response().text(), "alpha", "the second");
        let mut response = client.response();
        if bad.contains("Length: 0") {
            response = client.response();
        }
        check_lawful(&response);
        assert_eq!(response.status, 400, "9112 2.2: {bad:?}: {response}");
        client.assert_ended("9112 9.6: nothing is answered behind a bad request");
    });
}

#[test]
fn content_cut_at_every_byte() {
    let s = bench("");
    let fields = "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let content = "5;a=\"b c\"\r\nhello\r\n1\r\n\n\r\n00\r\nX: y\r\n\r\n";
    let whole = format!("POST /text HTTP/1.1\r\n{fields}{content}{NEXT}");
    let start = whole.find(content).unwrap();
    let mut clients: Vec<Client> = (start..start + content.len()).map(|_| s.connect()).collect();
    for (i, client) in clients.iter_mut().enumerate() {
        client.send(&whole[..start + i]);
    }
    // Time for the server to read the first halves; the result must not depend on it.
    std::thread::sleep(Duration::from_millis(50));
    for (i, client) in clients.iter_mut().enumerate() {
        client.send(&whole[start + i..]);
        client.response().expect(200, &format!("9112 7.1: cut after {i} bytes of content"));
        assert_eq!(client.response().text(), "next", "9112 7.1: cut after {i} bytes of content");
    }
}

#[test]
fn what_is_broken_is_broken_at_every_cut() {
    let s = bench("");
    let rows = [
        "GET  /a.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a.txt HTTP/1.1 \r\nHost: h\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: h\r\nX: y\r\n z\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: h\r\nX: y\rZ: z\r\n\r\n",
        "GET /a.txt HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
        "POST /text HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 2\r\n\r\n1",
        "POST /text HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /text HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"\r\nhello\r\n0\r\n\r\n",
        "POST /text HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        "POST /text HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n z\r\n\r\n",
        "POST /text HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
    ];
    each(rows, |text| {
        let mut clients: Vec<Client> = (1..text.len()).map(|_| s.connect()).collect();
        for (i, client) in clients.iter_mut().enumerate() {
            client.send(&text[..i + 1]);
        }
        // Time for the server to read the first halves; the result must not depend on it.
        std::thread::sleep(Duration::from_millis(20));
        for (i, client) in clients.iter_mut().enumerate() {
            client.send(format!("{}{NEXT}", &text[i + 1..]));
            let when = format!("9112 2.2: {text:?} cut after {} bytes", i + 1);
            check_lawful(&client.response().expect(400, &when));
            client.assert_ended(&when);
        }
    });
}

#[test]
fn what_comes_late_is_not_answered() {
    let s = bench("");
    let rows = [
        ("GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 200),
        ("GET /a.txt HTTP/1.0\r\n\r\n", 200),
        ("GET /a.txt HTTP/1.1\r\n\r\n", 400),
        ("GET /a.txt HTTP/2.0\r\n\r\n", 505),
        ("POST /text HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST /text HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
    ];
    each(rows, |(request, status)| {
        let mut client = s.connect();
        client.send(request);
        assert!(client.response().expect(*status, request).says_close(), "9112 9.6 MUST: {request:?}");
        // The server may ignore it or send a reset, but must not treat it as a request (9112 9.6 MUST NOT).
        let _ = client.try_send(NEXT.as_bytes());
        let rest = client.rest();
        assert!(rest.is_empty(), "9112 9.6 MUST NOT: {request:?}: {}", show(&rest));
    });
}

#[test]
fn messages_cut_short() {
    // 9112 8: the server may answer with an error, and must not treat the message as complete.
    let s = bench("");
    let rows = [
        ("G", false),
        ("GET /a.txt", false),
        ("GET /a.txt HTTP/1.1\r\n", false),
        ("GET /a.txt HTTP/1.1\r\nHost: h", false),
        ("GET /a.txt HTTP/1.1\r\nHost: h\r\n", false),
        ("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r", false),
        ("POST /text HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhello", true),
        ("POST /text HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", true),
        ("POST /text HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true),
        ("POST /text HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", true),
        ("POST /text HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n", true),
    ];
    each(rows, |(text, whole_head)| {
        let mut client = s.connect();
        client.send(text);
        client.half_close();
        let rest = client.rest();
        // A request that needs no content may be answered before the missing content is noticed.
        let answered = *whole_head && rest.starts_with(b"HTTP/1.1 200 ");
        let refused = rest.is_empty() || rest.starts_with(b"HTTP/1.1 400 ") || rest.starts_with(b"HTTP/1.1 408 ");
        assert!(answered || refused, "9112 8: {text:?}: {}", show(&rest));
        assert!(rest.windows(9).filter(|w| w == b"HTTP/1.1 ").count() <= 1, "9112 8: {text:?}: {}", show(&rest));
    });
    let mut client = s.connect();
    client.send(format!("{GET}{NEXT}"));
    client.half_close();
    assert_eq!(client.response().text(), "alpha", "a half-closed connection gets its answers");
    assert_eq!(client.response().text(), "next", "a half-closed connection gets its answers");
    client.assert_ended("nothing more can come");
}

/// Sends a request that the server will not read to its end: the client must be able to read the response, and then the
/// connection must end without a reset, however much the client still sends (9112 9.6).
#[track_caller]
fn check_lingering(s: &Server, request: &str, filler: usize, statuses: &[u16]) {
    let when = format!("{:.60?} and {filler} bytes", request);
    let mut client = s.connect();
    let piece = [b'x'; 50_000];
    // In one segment: a server lingers after the response only if more bytes came with the request, and cannot expect
    // later ones.
    client.send([request.as_bytes(), &piece].concat());
    for _ in 1..filler / piece.len() {
        client.try_send(&piece).unwrap_or_else(|e| panic!("{when}: the server does not take what is sent: {e}"));
    }
    let response = client.response();
    assert!(statuses.contains(&response.status), "{when}: {response}");
    assert!(response.says_close(), "9112 9.6 MUST: {when}: {response}");
    check_lawful(&response);
    client.assert_ended(&when);
}

#[test]
fn the_answer_is_readable_while_the_client_still_sends() {
    let s = bench("client_max_body_size 10k;");
    let post = |fields: &str| format!("POST /text HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n");
    let rows: Vec<(String, &[u16])> = vec![
        (post("Content-Length: 3000000"), &[413]),
        (post("Transfer-Encoding: chunked") + "2DC6C0\r\n", &[413]),
        (post("Content-Length: x"), &[400]),
        (post("Content-Length: 5\r\nTransfer-Encoding: chunked"), &[400]),
        (post("Transfer-Encoding: gzip"), &[400, 501]),
        (post("Transfer-Encoding: chunked") + "x\r\n", &[400]),
        (post("X : y"), &[400]),
        ("POST /text HTTP/1.1\r\n\r\n".into(), &[400]),
        ("GET  /text HTTP/1.1\r\n\r\n".into(), &[400]),
        ("GET /text HTTP/2.0\r\n\r\n".into(), &[505]),
        ("GET /".into(), &[414]),
        ("POST /text HTTP/1.1\r\nHost: h\r\nX: ".into(), &[400, 431]),
        ("POST /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3000000\r\n\r\n".into(), &[405, 413]),
        ("GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".into(), &[200]),
        ("GET /a.txt HTTP/1.0\r\n\r\n".into(), &[200]),
    ];
    each(rows, |(request, statuses)| check_lingering(&s, request, 3_000_000, statuses));
}
