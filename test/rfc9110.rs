//! RFC 9110, sections 6, 8, 9, 10 and 15: methods, response fields, request fields without effect, and that no input
//! can write a header field. For the format of a row, see test/harness/conform.rs.

mod harness;

use harness::client::show;
use harness::conform::{Row, bench, borrow, build, check_lawful, judged, kept, refused, served};
use harness::http::Framing;
use harness::{Response, Server, date, each, site};
use std::fs::File;
use std::time::{Duration, SystemTime};

/// A request with this request line and a Host.
fn line(part: &str) -> String {
    format!("{part} HTTP/1.1\r\nHost: h\r\n\r\n")
}

/// The methods in the Allow field of a response.
#[track_caller]
fn allowed(response: &Response) -> Vec<String> {
    let methods: Vec<String> = response.must("Allow").split(',').map(|m| m.trim().to_owned()).collect();
    let token = |m: &String| !m.is_empty() && m.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    assert!(methods.iter().all(token), "9110 10.2.1: {response}");
    methods
}

#[track_caller]
fn check_allow(response: &Response) {
    let methods = allowed(response);
    let has = |method: &str| methods.iter().any(|m| m == method);
    assert!(has("GET") && has("HEAD"), "9110 9.1 MUST: {response}");
    assert!(!has("POST") && !has("PUT") && !has("DELETE") && !has("CONNECT"), "9110 15.5.6: {response}");
}

#[test]
fn methods() {
    let s = bench("");
    kept(&s, &[("9110 9.1 MUST", &line("GET /a.txt"), &[200]), ("9110 9.1 MUST", &line("HEAD /a.txt"), &[200])]);
    let known: &[Row] = &[
        ("9110 15.5.6 (house)", "POST /a.txt", &[405]),
        ("9110 15.5.6 (house)", "PUT /a.txt", &[405]),
        ("9110 15.5.6 (house)", "DELETE /a.txt", &[405]),
        ("9110 15.5.6 (house)", "PATCH /a.txt", &[405]),
        ("9110 15.5.6", "POST /dir/", &[405]),
        ("9110 15.5.6", "DELETE /absent", &[405, 404]),
        ("9110 15.5.6", "PUT /new.txt", &[405, 404]),
        ("9110 9.3.8", "TRACE /a.txt", &[405, 501]),
        ("9110 9.3.8", "TRACE http://h/a.txt", &[405, 501]),
        ("9110 15.6.2", "PROPFIND /a.txt", &[501, 405]),
        ("9110 15.6.2", "MKCOL /new", &[501, 405]),
        ("9110 15.6.2", "QUERY /a.txt", &[501, 405]),
        // Methods are case-sensitive, so these are unknown ones (9110 9.1).
        ("9110 15.6.2 (house)", "get /a.txt", &[501]),
        ("9110 15.6.2 (house)", "Get /a.txt", &[501]),
        ("9110 15.6.2 (house)", "gET /a.txt", &[501]),
        ("9110 15.6.2 (house)", "options *", &[501, 400]),
        ("9110 15.6.2 (house)", "GE /a.txt", &[501]),
        ("9110 15.6.2 (house)", "GETS /a.txt", &[501]),
        ("9110 15.6.2 (house)", "FOO /a.txt", &[501]),
        ("9110 15.6.2 (house)", "FOO /absent", &[501]),
        ("9110 15.6.2 (house)", "FOO /text", &[501]),
        ("9110 15.6.2 (house)", "FOO http://h/a.txt", &[501]),
        ("9110 15.6.2 (house)", "FOO *", &[501, 400]),
        ("9110 5.6.2 (tchar)", "!#$%&'*+-.^_`|~0a /a.txt", &[501]),
        ("9110 15.6.2 (house)", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF /a.txt", &[501]),
        // An origin server does not offer tunnels (9110 9.3.6); the target is an authority with a port (9112 3.2.3).
        ("9110 9.3.6 (house)", "CONNECT h:80", &[405, 501]),
        ("9110 9.3.6 (house)", "CONNECT [::1]:443", &[405, 501]),
        ("9112 3.2.3", "CONNECT h", &[400]),
        ("9112 3.2.3", "CONNECT h:", &[400]),
        ("9112 3.2.3", "CONNECT :80", &[400]),
        ("9112 3.2.3", "CONNECT /a.txt", &[400]),
        ("9112 3.2.3", "CONNECT http://h:80/", &[400]),
        ("9112 3.2.3", "CONNECT *", &[400]),
    ];
    judged(&s, &borrow(&build(known, line)));
    refused(&s, &[("9112 3.2 MUST", "CONNECT h:80 HTTP/1.1\r\n\r\n", &[400])]);
    each(["POST", "PUT", "DELETE", "PATCH"], |method| {
        let response = s.ask(line(&format!("{method} /a.txt"))).expect(405, method);
        check_allow(&response);
        assert_eq!(response.reason, "Not Allowed", "(house) {response}");
    });
}

#[test]
fn options() {
    let s = bench("");
    let rows: &[Row] = &[
        ("9110 9.3.7 (house)", "OPTIONS *", &[200, 204]),
        ("9112 3.2.4", "OPTIONS http://h", &[200, 204]),
        ("9110 9.3.7 (house)", "OPTIONS /a.txt", &[200, 204]),
        ("9110 9.3.7 (house)", "OPTIONS /a.txt?q", &[200, 204]),
        ("9110 9.3.7 (house)", "OPTIONS http://h/a.txt", &[200, 204]),
        ("9110 9.3.7 (house)", "OPTIONS /dir/", &[200, 204]),
        ("9110 9.3.7", "OPTIONS /", &[200, 204]),
        ("9110 9.3.7", "OPTIONS /absent", &[204]),
    ];
    kept(&s, &borrow(&build(rows, line)));
    each(["*", "/a.txt", "/dir/"], |target| {
        for fields in
            ["", "Max-Forwards: 0\r\n", "Accept: text/html\r\n", "If-Match: \"x\"\r\n", "Range: bytes=0-1\r\n"]
        {
            let response = s.ask(format!("OPTIONS {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
            assert!(matches!(response.status, 200 | 204), "9110 9.3.7: OPTIONS {target} {fields:?}: {response}");
            check_allow(&response);
            assert!(response.body.is_empty() || response.status == 200, "{response}");
        }
        let old = format!("OPTIONS {target} HTTP/1.0\r\n\r\n");
        check_allow(&s.ask(old));
    });
    let content = "OPTIONS * HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    judged(&s, &[("9110 9.3.7", content, &[200, 204])]);
}

#[test]
fn reason_phrases_are_nginx_s() {
    let s = bench("client_max_body_size 3;");
    let field = |fields: &str| format!("GET /a.txt HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n");
    let rows: Vec<(String, u16, &str)> = vec![
        (line("GET /a.txt"), 200, "OK"),
        (line("GET /none"), 204, "No Content"),
        (field("Range: bytes=0-1"), 206, "Partial Content"),
        (line("GET /dir"), 301, "Moved Permanently"),
        (field("If-None-Match: *"), 304, "Not Modified"),
        (line("GET"), 400, "Bad Request"),
        (line("GET /"), 403, "Forbidden"),
        (line("GET /absent"), 404, "Not Found"),
        (line("PUT /a.txt"), 405, "Not Allowed"),
        (line("GET /gone"), 410, "Gone"),
        (field("If-Match: \"x\""), 412, "Precondition Failed"),
        (field("Content-Length: 4"), 413, "Request Entity Too Large"),
        (line(&format!("GET /{}", "x".repeat(9000))), 414, "Request-URI Too Large"),
        (field("Range: bytes=9-"), 416, "Requested Range Not Satisfiable"),
        (field("Expect: x"), 417, "Expectation Failed"),
        (line("FOO /a.txt"), 501, "Not Implemented"),
        (line("GET /a.txt").replace("1.1", "2.0"), 505, "HTTP Version Not Supported"),
    ];
    each(rows, |(request, status, reason)| {
        let response = s.ask(request).expect(*status, request);
        assert_eq!(response.reason, *reason, "{response}");
        check_lawful(&response);
        // An error page describes the error, in the language that Content-Language names (9110 15.5, 15.6 SHOULD).
        if *status >= 400 {
            assert_eq!(response.must("Content-Type"), "text/html", "{response}");
            assert!(response.text().contains(&format!("{status} {reason}")), "{response}");
        }
    });
}

/// The fields of a response that must be the same in a second response to the same request.
fn lasting(response: &Response) -> Vec<(String, String)> {
    response.fields.iter().filter(|(name, _)| name != "Date").cloned().collect()
}

#[test]
fn head_is_get_without_content() {
    // 9110 9.3.2: the server SHOULD send the same fields.
    let s = bench("location = /found { return 302 /a.txt; } location = /teapot { return 418 teapot; }");
    s.write("html/large.bin", &vec![7; 300_000]);
    s.write("html/empty.txt", b"");
    let [tag, ..] = ["/a.txt", "/empty.txt", "/large.bin"].map(|target| s.tag(target));
    let none_match = format!("If-None-Match: {tag}\r\n");
    let rows = [
        ("/a.txt", "", 200),
        ("/empty.txt", "", 200),
        ("/large.bin", "", 200),
        ("/dir/", "", 200),
        ("/text", "", 200),
        ("/none", "", 204),
        ("/dir", "", 301),
        ("/moved", "", 301),
        ("/found", "", 302),
        ("/a.txt", none_match.as_str(), 304),
        ("/", "", 403),
        ("/absent", "", 404),
        ("/gone", "", 410),
        ("/a.txt", "If-Match: \"x\"\r\n", 412),
        ("/teapot", "", 418),
        ("/a.txt", "Expect: x\r\n", 417),
        ("/a.txt", "Connection: close\r\n", 200),
        ("/absent", "Connection: close\r\n", 404),
        ("/%zz", "", 400),
    ];
    each(rows, |(target, fields, status)| {
        let ask = |method: &str| {
            let request = format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
            s.ask(&request).expect(*status, &request)
        };
        let (get, head) = (ask("GET"), ask("HEAD"));
        assert_eq!(lasting(&get), lasting(&head), "9110 9.3.2 SHOULD: {target} {fields:?}");
        assert!(head.body.is_empty(), "9110 9.3.2 MUST NOT: {head}");
        check_lawful(&head);
    });
    // Nothing comes after the head.
    let bytes = s.exchange(b"HEAD /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert!(bytes.ends_with(b"\r\n\r\n"), "9110 9.3.2 MUST NOT: {}", show(&bytes));
}

#[test]
fn responses_that_have_no_content() {
    let s = bench(
        "location = /words { return 204 words; } location = /same { return 304 words; } \
         location = /reset { return 205; }",
    );
    let rows = [("/none", 204), ("/words", 204), ("/same", 304), ("/reset", 205)];
    let methods = ["GET", "HEAD", "POST"];
    each(rows.iter().flat_map(|row| methods.map(|method| (method, row))), |(method, (target, status))| {
        let mut client = s.connect();
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"));
        let response = client.response().expect(*status, target);
        assert!(response.body.is_empty(), "9110 15.3.5, 15.3.6, 15.4.5 MUST NOT: content: {response}");
        match status {
            205 => assert!(response.framing != Framing::Close, "9110 15.3.6: {response}"),
            _ => assert_eq!(response.field("Transfer-Encoding"), None, "9112 6.1: {response}"),
        }
        let length = response.field("Content-Length");
        assert!(length.is_none() || *status != 204, "9110 8.6 MUST NOT: {response}");
        assert_eq!(client.get("/next.txt").text(), "next", "9112 6.3 MUST: the head was the end of {target}");
    });
}

/// Sets a file's modification time.
fn set_time(s: &Server, name: &str, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    File::options().write(true).open(s.path(name)).unwrap().set_modified(time).unwrap();
}

#[test]
fn what_a_response_says_of_a_file() {
    let s = bench("");
    set_time(&s, "html/a.txt", 784_111_777);
    let response = s.get("/a.txt").expect(200, "/a.txt");
    check_lawful(&response);
    s.tag("/a.txt");
    let response = s.get("/a.txt").expect(200, "/a.txt");
    assert_eq!(response.must("Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT", "9110 8.8.2, 5.6.7: {response}");
    assert_eq!(response.must("Content-Length"), "5", "9110 8.6: {response}");
    assert_eq!(response.must("Content-Type"), "text/plain", "9110 8.3 SHOULD: {response}");
    assert_eq!(response.must("Accept-Ranges"), "bytes", "9110 14.3: {response}");
    assert_eq!(response.field("Transfer-Encoding"), None, "9112 6.2 MUST NOT: {response}");
    let tag = response.must("ETag");
    let opaque = tag.strip_prefix("W/").unwrap_or(tag);
    let etagc = |b: u8| b == 0x21 || (0x23..=0x7e).contains(&b);
    let inner = opaque.strip_prefix('"').and_then(|t| t.strip_suffix('"')).map(str::as_bytes);
    assert!(inner.is_some_and(|t| t.iter().all(|b| etagc(*b))), "9110 8.8.3: {response}");
    // Another content has another tag; the same content has the same tag.
    assert_eq!(s.get("/a.txt").must("ETag"), tag, "9110 8.8.3");
    s.write("html/a.txt", b"alphabet");
    assert_ne!(s.get("/a.txt").must("ETag"), tag, "9110 8.8.1");
    // A date in the future must not be sent as a validator (8.8.2.1 MUST NOT).
    set_time(&s, "html/a.txt", date::now() + 86400);
    let response = s.get("/a.txt").expect(200, "/a.txt");
    let (sent, now) = (response.field("Last-Modified"), date::now());
    let past = sent.is_none_or(|sent| (now - 60..=now).any(|second| date::imf(second) == sent));
    assert!(past, "9110 8.8.2.1 MUST NOT: Last-Modified later than Date: {response}");
}

#[test]
fn redirects() {
    let s = bench("location /go/ { return 302 $uri; } location = /there { return 307 http://other/x?y; }");
    s.write("html/d\r\nX-Evil: y/index.html", b"x");
    s.write("html/s p/index.html", b"x");
    let place = |response: &Response| response.must("Location").to_owned();
    let location = place(&s.get("/dir?a=b").expect(301, "/dir"));
    assert!(location.ends_with("/dir/?a=b"), "9110 15.4.2: {location}");
    let location = place(&s.get("/s%20p").expect(301, "/s%20p"));
    assert!(location.ends_with("/s%20p/"), "9110 10.2.2 (a URI reference): {location}");
    assert_eq!(place(&s.get("/there").expect(307, "/there")), "http://other/x?y");
    // No input can write a header field (9110 5.5, 17.5).
    let targets = [
        "/d%0d%0aX-Evil:%20y",
        "/go/%0d%0aX-Evil:%20y",
        "/go/%0aX-Evil:%20y",
        "/go/%0dX-Evil:%20y",
        "/go/x?%0d%0aX-Evil:%20y",
        "/dir?%0d%0aX-Evil:%20y",
        "/moved?%0d%0aX-Evil:%20y",
    ];
    each(targets, |target| {
        let bytes = s.exchange(format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").as_bytes());
        let head_end = harness::http::find(&bytes, b"\r\n\r\n").unwrap_or_else(|| panic!("{}", show(&bytes)));
        let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
        let (mut lines, bare) = (head.split("\r\n"), head.replace("\r\n", ""));
        let split = lines.any(|line| line.starts_with("X-Evil")) || bare.contains(['\r', '\n']);
        assert!(!split, "9110 5.5 MUST: {target}: {}", show(&bytes));
    });
}

#[test]
fn fields_that_change_nothing() {
    let s = bench("");
    let rows = [
        ("9110 12.5.1", "Accept: application/nothing"),
        ("9110 12.5.1", "Accept: ;;;,,"),
        ("9110 12.5.2", "Accept-Charset: x"),
        ("9110 12.5.3", "Accept-Encoding: gzip;q=1.0, identity; q=0.5, *;q=0"),
        ("9110 12.5.3", "Accept-Encoding:"),
        ("9110 12.5.4", "Accept-Language: tlh"),
        ("9110 11.6.2", "Authorization: Basic nonsense"),
        ("9111 5.2", "Cache-Control: no-cache, only-if-cached, max-age=x"),
        ("9111 5.4", "Pragma: no-cache"),
        ("9110 6.6.1", "Date: yesterday"),
        ("9110 6.6.2", "Trailer: X, Content-Length"),
        ("9110 7.6.2", "Max-Forwards: 0"),
        ("9110 7.6.3", "Via: 1.0 fred, 1.1 p.example"),
        ("9110 7.8", "Upgrade: h2c, websocket/13"),
        ("9110 8.3", "Content-Type: ///"),
        ("9110 8.5", "Content-Language: x"),
        ("9110 10.1.2", "From: @"),
        ("9110 10.1.3", "Referer: http://user@h/#x"),
        ("9110 10.1.4", "TE: trailers, deflate;q=0.5\r\nConnection: TE"),
        ("9110 10.1.5", "User-Agent: \u{fc}(((;"),
        ("9110 14.4", "Content-Range: bytes 0-1/5"),
        ("9110 13.1.5", "If-Range: \"x\""),
        ("9110 5.1", "Cookie: a=b\r\nCookie: c"),
        ("9110 5.1", "X-Forwarded-Host: other\r\nForwarded: for=_x"),
        ("9110 5.1", "X-HTTP-Method-Override: DELETE"),
        ("9110 5.1", "Location: /b\r\nAllow: POST\r\nServer: x\r\nETag: \"x\""),
    ];
    let rows = rows.map(|(rule, part)| (rule, format!("GET /a.txt HTTP/1.1\r\nHost: h\r\n{part}\r\n\r\n")));
    served(&s, &rows.each_ref().map(|(rule, text)| (*rule, text.as_str())));
    // These may be refused or ignored.
    let refusable: &[Row] = &[
        ("9110 12.5.3", "Accept-Encoding: identity;q=0", &[200, 406, 415]),
        ("9110 8.4", "Content-Encoding: gzip\r\nContent-Length: 0", &[200, 415]),
    ];
    let get = |part: &str| format!("GET /a.txt HTTP/1.1\r\nHost: h\r\n{part}\r\n\r\n");
    judged(&s, &borrow(&build(refusable, get)));
    let put = "PUT /a.txt HTTP/1.1\r\nHost: h\r\nContent-Range: bytes 0-1/5\r\nContent-Length: 2\r\n\r\nxx";
    judged(&s, &[("9110 14.5", put, &[405, 400])]);
}

#[test]
fn service_unavailable_says_when_to_retry() {
    let s = site("location = /busy { return 503; }", &[]);
    let response = s.get("/busy").expect(503, "/busy");
    assert!(response.field("Retry-After").is_some(), "9110 15.6.4 MAY (house): {response}");
}
