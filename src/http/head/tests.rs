//! The rules one by one; each table names its sections of RFC 9110 or 9112.

use super::*;
use crate::http::{Framing, TargetForm};

fn parse(bytes: &[u8]) -> Result<Option<(Rc<Request>, usize)>, HeadError> {
    request(bytes, &mut Scan::default(), &HeadLimits::default())
}

fn accepted(bytes: &[u8]) -> Rc<Request> {
    match parse(bytes) {
        Ok(Some((request, taken))) if taken == bytes.len() => request,
        result => panic!("{} gave {result:?}", bytes.escape_ascii()),
    }
}

fn refused(bytes: &[u8]) -> HeadError {
    match parse(bytes) {
        Err(error) => error,
        result => panic!("{} gave {result:?}", bytes.escape_ascii()),
    }
}

/// A head with these lines after a good start.
fn with(lines: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n").into_bytes()
}

#[test]
fn a_plain_request_in_all_its_parts() {
    let bytes = b"GET /a/b?c=d#e HTTP/1.1\r\nHost: Example.ORG:8080\r\nX-Y:  z \r\n\r\nGET ";
    let (request, taken) = parse(bytes).unwrap().unwrap();
    assert_eq!(taken, bytes.len() - 4);
    assert_eq!(request.line(), b"GET /a/b?c=d#e HTTP/1.1");
    assert_eq!(request.head(), &bytes[..taken]);
    assert_eq!((request.method, request.version, request.form), (Method::Get, Version::HTTP_1_1, TargetForm::Origin));
    assert_eq!(request.method_text(), b"GET");
    assert_eq!(request.target(), b"/a/b?c=d#e");
    assert_eq!((request.path(), request.query()), (&b"/a/b"[..], Some(&b"c=d"[..])));
    assert_eq!((request.host(), request.port()), (Some(&b"example.org"[..]), Some(8080)));
    assert_eq!(request.fields.get(Known::Host), Some(&b"Example.ORG:8080"[..]));
    assert_eq!(request.fields.get_by_name(b"x-y"), Some(&b"z"[..]));
    assert_eq!((request.framing, request.keep_alive, request.expect_continue), (Framing::None, true, false));
}

/// Each line is refused as soon as it is complete, with nothing after it; some earlier.
#[test]
fn bad_request_lines() {
    let table: &[(&str, &[u8], u16)] = &[
        ("9112 3: no version", b"GET /\r", 400),
        ("9112 3: no version, LF", b"GET /\n", 400),
        ("9112 3: no target", b"GET\r", 400),
        ("9112 3: no target but a space", b"GET \r", 400),
        ("9112 3: two spaces", b"GET  ", 400),
        ("9112 3: two spaces before the version", b"GET /  ", 400),
        ("9112 3: a space first", b" ", 400),
        ("9112 3: a tab between", b"GET\t", 400),
        ("9112 3: a tab before the version", b"GET /\t", 400),
        ("9112 3: a space after the version", b"GET / HTTP/1.1 ", 400),
        ("9112 3: a word more", b"GET / x", 400),
        ("9112 2.2: a bare CR after the version", b"GET / HTTP/1.1\rx", 400),
        ("9112 2.2: two CR", b"GET / HTTP/1.1\r\r", 400),
        ("9112 2.2: a bare CR first", b"\rG", 400),
        ("9110 9.1: a method is a token", b"G(", 400),
        ("9110 9.1: a method is a token", b"GET:", 400),
        ("9110 9.1: NUL in the method", b"GET\0", 400),
        ("9110 9.1: obs-text in the method", b"G\xc9", 400),
        ("32 bytes of method at most", b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG", 400),
        ("9112 3.2: NUL in the target", b"GET /\0", 400),
        ("9112 3.2: a control in the target", b"GET /\x01", 400),
        ("9112 3.2: DEL in the target", b"GET /\x7f", 400),
        ("9112 3.2: UTF-8 in the target", b"GET /\xc3", 400),
        ("9112 3.2: UTF-8 in the query", b"GET /?q=\xc3", 400),
        ("9112 3.2: UTF-8 in the query of an absolute target", b"GET http://h/?q=\xc3", 400),
        ("9112 3.2: a fragment is visible ASCII too", b"GET /#\xff", 400),
        ("9112 2.3: case", b"GET / h", 400),
        ("9112 2.3: another protocol", b"GET / HTTPS", 400),
        ("9112 2.3: no number", b"GET / HTTP/\r", 400),
        ("9112 2.3: no minor", b"GET / HTTP/1\r", 400),
        ("9112 2.3: no minor after the dot", b"GET / HTTP/1.\r", 400),
        ("9112 2.3: no major", b"GET / HTTP/.", 400),
        ("9112 2.3: a leading zero", b"GET / HTTP/0", 400),
        ("9112 2.3: two digits of major", b"GET / HTTP/11", 400),
        ("9112 2.3: two digits of minor", b"GET / HTTP/1.10", 400),
        ("9112 2.3: a comma", b"GET / HTTP/1,", 400),
        ("9112 2.3: a sign", b"GET / HTTP/+", 400),
        ("9110 15.6.6: HTTP/2", b"GET / HTTP/2.0\r\n", 505),
        ("9110 15.6.6: HTTP/2's preface", b"PRI * HTTP/2.0\r\n", 505),
        ("9110 15.6.6: HTTP/9.9", b"GET / HTTP/9.9\n", 505),
        ("TLS instead of HTTP", b"\x16", 400),
    ];
    for (rule, line, status) in table {
        assert_eq!(refused(line).status, *status, "{rule}: {}", line.escape_ascii());
        assert!(matches!(parse(&line[..line.len() - 1]), Ok(None)), "{rule}: not the last byte of {line:?} is wrong");
    }
}

/// RFC 9112 section 2.3: minor versions above 1 mean 1.
#[test]
fn versions() {
    for minor in 0..10 {
        let request = accepted(format!("GET / HTTP/1.{minor}\r\nHost: a\r\n\r\n").as_bytes());
        assert_eq!(request.version, Version { major: 1, minor });
        assert_eq!(request.keep_alive, minor > 0);
    }
}

#[test]
fn methods() {
    let text = "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF"; // 32 bytes: the longest
    for (name, method) in [("get", Method::Unknown), ("QUERY", Method::Unknown), (text, Method::Unknown)]
        .into_iter()
        .chain(Method::KNOWN.map(|method| (method.name(), method)).into_iter().filter(|m| m.1 != Method::Connect))
    {
        let request = accepted(format!("{name} / HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert_eq!((request.method, request.method_text()), (method, name.as_bytes()));
    }
}

/// RFC 9112 section 3.2: form, path, query, host and port of each.
#[test]
fn target_forms() {
    type Row = (&'static str, TargetForm, &'static str, Option<&'static str>, &'static str, Option<u16>);
    let table: &[Row] = &[
        ("GET /", TargetForm::Origin, "/", None, "a", Some(1)),
        ("GET /?", TargetForm::Origin, "/", Some(""), "a", Some(1)),
        ("GET /x?y?z", TargetForm::Origin, "/x", Some("y?z"), "a", Some(1)),
        ("GET /x#y?z", TargetForm::Origin, "/x", None, "a", Some(1)),
        ("GET /x?y#z", TargetForm::Origin, "/x", Some("y"), "a", Some(1)),
        ("GET /#", TargetForm::Origin, "/", None, "a", Some(1)),
        ("GET //b/c", TargetForm::Origin, "//b/c", None, "a", Some(1)),
        ("GET /http://b/", TargetForm::Origin, "/http://b/", None, "a", Some(1)),
        ("GET /%00%zz\\|{}", TargetForm::Origin, "/%00%zz\\|{}", None, "a", Some(1)), // normalize() judges the path
        ("GET http://B.c/x?y", TargetForm::Absolute, "/x", Some("y"), "b.c", None),
        ("GET HTTP://b:81", TargetForm::Absolute, "/", None, "b", Some(81)),
        ("GET http://b?y", TargetForm::Absolute, "/", Some("y"), "b", None),
        ("GET http://b/#?", TargetForm::Absolute, "/", None, "b", None),
        ("GET http://[::1]:9/", TargetForm::Absolute, "/", None, "[::1]", Some(9)),
        ("GET https://b/", TargetForm::Absolute, "/", None, "b", None),
        ("CONNECT b:443", TargetForm::Authority, "", None, "b", Some(443)),
        ("CONNECT [::1]:443", TargetForm::Authority, "", None, "[::1]", Some(443)),
        ("OPTIONS *", TargetForm::Asterisk, "", None, "a", Some(1)),
        ("M-SEARCH *", TargetForm::Asterisk, "", None, "a", Some(1)), // to be answered 501
        ("OPTIONS /", TargetForm::Origin, "/", None, "a", Some(1)),
        ("OPTIONS http://b", TargetForm::Asterisk, "", None, "b", None), // section 3.2.4
        ("OPTIONS http://b/", TargetForm::Absolute, "/", None, "b", None),
        ("OPTIONS http://b?", TargetForm::Absolute, "/", Some(""), "b", None),
    ];
    for (start, form, path, query, host, port) in table {
        let request = accepted(format!("{start} HTTP/1.1\r\nHost: a:1\r\n\r\n").as_bytes());
        assert_eq!((request.form, request.path()), (*form, path.as_bytes()), "{start}");
        assert_eq!((request.query(), request.host()), (query.map(str::as_bytes), Some(host.as_bytes())), "{start}");
        assert_eq!((request.port(), request.https), (*port, start.contains("https")), "{start}");
    }
}

#[test]
fn bad_targets() {
    let table = [
        ("9112 3.2: no form", "GET x"),
        ("9112 3.2: authority without CONNECT", "GET a:80"),
        ("9112 3.2.4: asterisk without OPTIONS", "GET *"),
        ("9112 3.2.4: more than an asterisk", "OPTIONS *x"),
        ("9112 3.2.3: CONNECT with a path", "CONNECT /"),
        ("9112 3.2.3: CONNECT with a URI", "CONNECT http://a:80/"),
        ("9112 3.2.3: CONNECT without a port", "CONNECT a"),
        ("9112 3.2.3: CONNECT with an empty port", "CONNECT a:"),
        ("9112 3.2.3: CONNECT without a host", "CONNECT :80"),
        ("9110 4.2.1: no host", "GET http:///x"),
        ("9110 4.2.1: no host but a port", "GET http://:80/x"),
        ("9110 4.2.4: user information", "GET http://user@a/"),
        ("9110 4.2.4: user and password", "GET http://user:pw@a/"),
        ("3986 3.2: a bad host", "GET http://a\\b/"),
        ("3986 3.2: a bad port", "GET http://a:b/"),
        ("3986 3.2: a bad address", "GET http://[::g]/"),
        ("3986 3: one slash", "GET http:/a/"),
        ("9112 3.2: another scheme", "GET ftp://a/"),
        ("9112 3.2: a relative path", "GET ../x"),
        ("9112 3.2: a query alone", "GET ?x"),
    ];
    for (rule, start) in table {
        let error = refused(format!("{start} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert_eq!(error.status, 400, "{rule}");
        assert_eq!(&*error.line, format!("{start} HTTP/1.1").as_bytes());
    }
}

/// RFC 9112 section 3.2, RFC 9110 section 7.2; `None` is a 400.
#[test]
fn host_fields() {
    let table: &[(&str, Option<Option<&str>>)] = &[
        ("GET / HTTP/1.1\r\nHost: A.b:80\r\n", Some(Some("a.b"))),
        ("GET / HTTP/1.1\r\nhOST:a\r\n", Some(Some("a"))),
        ("GET / HTTP/1.1\r\n", None),
        ("GET / HTTP/1.9\r\n", None),
        ("GET / HTTP/1.0\r\n", Some(None)),
        ("GET / HTTP/1.0\r\nHost: a\r\n", Some(Some("a"))),
        ("GET / HTTP/1.0\r\nHost: a/b\r\n", None),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n", None),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", None),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: b\r\n", None),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n", None),
        ("GET / HTTP/1.1\r\nHost: http://a/\r\n", None),
        ("GET / HTTP/1.1\r\nHost: user@a\r\n", None),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n", None),
        ("GET / HTTP/1.1\r\nHost: a:x\r\n", None),
        ("GET / HTTP/1.1\r\nHost:\r\n", None), // section 4.2.1: an http URI has a host
        ("GET / HTTP/1.0\r\nHost: \r\n", None),
        ("GET / HTTP/1.1\r\nHost: .\r\n", None),
        ("OPTIONS * HTTP/1.1\r\nHost:\r\n", Some(None)),
        ("GET http://b/ HTTP/1.1\r\nHost:\r\n", Some(Some("b"))), // the target overrides Host
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n", Some(Some("b"))),
        ("GET http://b/ HTTP/1.0\r\n", Some(Some("b"))),
        ("GET http://b/ HTTP/1.1\r\n", None), // 9112 3.2: any request without Host
        ("GET http://b/ HTTP/1.1\r\nHost: a/b\r\n", None),
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n", None),
    ];
    for (start, expected) in table {
        let head = format!("{start}\r\n");
        match expected {
            Some(host) => assert_eq!(accepted(head.as_bytes()).host(), host.map(str::as_bytes), "{start}"),
            None => assert_eq!(refused(head.as_bytes()).status, 400, "{start}"),
        }
    }
}

/// RFC 9112 section 5, RFC 9110 section 5.5. Found at the end of the line, before the end of the head.
#[test]
fn bad_field_lines() {
    let table: &[(&str, &[u8])] = &[
        ("9112 5.1: a blank before the colon", b"X : y\n"),
        ("9112 5.1: a tab before the colon", b"X\t: y\n"),
        ("9112 5.2: a folded line", b" y\n"),
        ("9112 5.2: a folded line of blanks", b"\t\n"),
        ("9112 5: no colon", b"X\n"),
        ("9112 5: no name", b": y\n"),
        ("9110 5.1: a name is a token", b"X(): y\n"),
        ("9110 5.1: a name is a token", b"\"X\": y\n"),
        ("9110 5.1: NUL in a name", b"X\0: y\n"),
        ("9110 5.1: obs-text in a name", b"X\xe9: y\n"),
        ("9110 5.5: NUL in a value", b"X: y\0z\n"),
        ("9110 5.5: NUL alone", b"X:\0\n"),
        ("9110 5.5: a control at the end", b"X: y\x1f\n"),
        ("9110 5.5: DEL", b"X: y\x7f\n"),
        ("9112 2.2: a bare CR", b"X: y\rz\n"),
        ("9112 2.2: two CR", b"X: y\r\r\n"),
        ("9112 2.2: a CR on its own line", b"\r\r\n"),
        ("9110 5.5: vertical tab is no blank", b"X: y\x0b\n"),
    ];
    for (rule, line) in table {
        for first in [true, false] {
            let start: &[u8] = if first { b"GET / HTTP/1.1\r\n" } else { b"GET / HTTP/1.1\r\nHost: a\r\n" };
            let bytes = [start, line].concat();
            assert_eq!(refused(&bytes).status, 400, "{rule}");
            assert!(matches!(parse(&bytes[..bytes.len() - 1]), Ok(None)), "{rule}");
        }
    }
}

/// RFC 9112 section 2.2.
#[test]
fn line_ends_and_empty_lines() {
    for start in ["", "\r\n", "\n", "\r\n\r\n\r\n\r\n", "\n\r\n\n"] {
        let request = accepted(format!("{start}GET / HTTP/1.1\nHost: a\r\nX: y\n\r\n").as_bytes());
        assert_eq!((request.line(), request.fields.len()), (&b"GET / HTTP/1.1"[..], 2));
    }
    assert_eq!(refused(b"\r\n\r\n\r\n\r\n\r\n").status, 400);
    assert_eq!(refused(b"\r\n\r\r\n").status, 400);
}

#[test]
fn limits_name_themselves() {
    let limits = HeadLimits { line_bytes_max: 40, head_bytes_max: 100, fields_max: 3 };
    let parse = |bytes: &[u8]| request(bytes, &mut Scan::default(), &limits);
    let line = |len: usize| format!("GET /{} HTTP/1.1\r\n", "x".repeat(len - "GET / HTTP/1.1\r\n".len()));
    let field = |len: usize| format!("X: {}\r\n", "x".repeat(len - "X: \r\n".len()));
    let error =
        |text: String| parse(text.as_bytes()).map(|r| r.map(|(_, taken)| taken)).map_err(|e| (e.status, e.reason));
    let host = "Host: a\r\n";

    assert_eq!(error(line(40) + host + "\r\n"), Ok(Some(51)));
    let too_long = Err((414, "the request line is over large_client_header_buffers"));
    assert_eq!(error(line(41)), too_long);
    assert_eq!(error(line(41)[..40].into()), too_long, "before the end of the line comes");
    assert_eq!(error(line(41)[..39].into()), Ok(None));

    assert_eq!(error(line(20) + host + &field(40) + "\r\n"), Ok(Some(71)));
    let too_long = Err((400, "a field line is over large_client_header_buffers"));
    assert_eq!(error(line(20) + host + &field(41)), too_long);
    assert_eq!(error(line(20) + host + &field(41)[..40]), too_long);

    assert_eq!(
        error(line(40) + host + &field(40) + "X:yzabcde\r\n"),
        Err((400, "the head is over large_client_header_buffers"))
    );
    assert_eq!(error(line(40) + host + &field(40) + "X:yzabc\r\n\r\n"), Ok(Some(100)));

    assert_eq!(error(line(20) + host + "X:\r\nX:\r\n\r\n"), Ok(Some(39)));
    assert_eq!(error(line(20) + host + "X:\r\nX:\r\nX:\r\n"), Err((400, "more field lines than max_headers")));
}

/// HEAD must get no body even for a bad request; the logs want the line.
#[test]
fn errors_know_what_has_come() {
    let error = refused(b"HEAD /x HTTP/1.1\r\nHost: a\r\nbad\r\n\r\n");
    assert_eq!((error.method, &*error.line), (Method::Head, &b"HEAD /x HTTP/1.1"[..]));
    let error = refused(b"GET /x\x01y HTTP/1.1\r\n");
    assert_eq!((error.method, &*error.line), (Method::Get, &b"GET /x\x01y HTTP/1.1"[..]));
    let error = refused(&b"\x16\x03\x01".repeat(10_000));
    assert_eq!((error.method, error.line.len()), (Method::Unknown, HeadLimits::default().line_bytes_max));
    assert_eq!(refused(&with("Authorization: Basic a\r\nAuthorization: Basic b\r\n")).status, 400);
}
