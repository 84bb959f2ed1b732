//! RFC 9112, sections 2 and 3 (with RFC 3986): the request line, its target, line ends, and limits.
//! For the format of a row, see test/harness/conform.rs.

mod harness;

use harness::conform::{Row, bench, borrow, build, judged, kept, refused, served};

/// This request line, with a Host after it.
fn line(part: &str) -> String {
    format!("{part}\r\nHost: h\r\n\r\n")
}

/// A GET with these field lines after Host.
fn fields(part: &str) -> String {
    format!("GET /a.txt HTTP/1.1\r\nHost: h\r\n{part}\r\n\r\n")
}

/// A GET with only these field lines.
fn head(part: &str) -> String {
    format!("GET /a.txt HTTP/1.1\r\n{part}\r\n")
}

#[test]
fn request_lines_that_are_none() {
    let rows: &[Row] = &[
        // Three parts, one SP between each. 9112 3 allows a lenient parser to split on other whitespace; this one does
        // not.
        ("9112 3 (house)", "GET  /a.txt HTTP/1.1", &[400]),
        ("9112 3 (house)", "GET /a.txt  HTTP/1.1", &[400]),
        ("9112 3 (house)", "GET /a.txt HTTP/1.1 ", &[400]),
        ("9112 3 (house)", "GET /a.txt HTTP/1.1\t", &[400]),
        ("9112 3 (house)", " GET /a.txt HTTP/1.1", &[400]),
        ("9112 3 (house)", "\tGET /a.txt HTTP/1.1", &[400]),
        ("9112 3 (house)", "GET\t/a.txt\tHTTP/1.1", &[400]),
        ("9112 3 (house)", "GET\u{b}/a.txt HTTP/1.1", &[400]),
        ("9112 3 (house)", "GET /a.txt\u{c}HTTP/1.1", &[400]),
        ("9112 3.2 SHOULD", "GET /a .txt HTTP/1.1", &[400]),
        ("9112 3.2 SHOULD", "GET /a.txt\tx HTTP/1.1", &[400]),
        ("9112 3.2 SHOULD", "GET /a.txt HTTP/1.1 HTTP/1.1", &[400]),
        ("9112 3.2 SHOULD", "GET /a.txt /b.txt HTTP/1.1", &[400]),
        // Missing parts: HTTP/0.9 is not supported.
        ("9112 3 (house)", "GET /a.txt", &[400]),
        ("9112 3", "GET /a.txt ", &[400]),
        ("9112 3", "GET", &[400]),
        ("9112 3", "GET ", &[400]),
        ("9112 3", "GET HTTP/1.1", &[400]),
        ("9112 3", "GET  HTTP/1.1", &[400]),
        ("9112 3", "/a.txt HTTP/1.1", &[400]),
        ("9112 3", " /a.txt HTTP/1.1", &[400]),
        ("9112 3", "HTTP/1.1 200 OK", &[400]),
        ("9112 3", "HTTP/1.1", &[400]),
        ("9112 3", "hello", &[400]),
        // A CR without LF is invalid or counts as a space (9112 2.2 MUST); a space is refused here, too.
        ("9112 2.2 MUST", "GET /a.txt HTTP/1.1\rHost: x", &[400]),
        ("9112 2.2 MUST", "GET\r/a.txt HTTP/1.1", &[400]),
        ("9112 2.2 MUST", "GET /a\r.txt HTTP/1.1", &[400]),
        ("9112 2.2 MUST", "GET /a.txt HTTP/1.1\r", &[400]),
        ("9112 2.2 MUST", "\rGET /a.txt HTTP/1.1", &[400]),
        // Methods are tokens (9110 9.1), which contain no delimiters.
        ("9110 5.6.2", "G(T /a.txt HTTP/1.1", &[400]),
        ("9110 5.6.2", "GET, /a.txt HTTP/1.1", &[400]),
        ("9110 5.6.2", "GET/ /a.txt HTTP/1.1", &[400]),
        ("9110 5.6.2", "GET: /a.txt HTTP/1.1", &[400]),
        ("9110 5.6.2", "G;T /a.txt HTTP/1.1", &[400]),
        ("9110 5.6.2", "<GET> /a.txt HTTP/1.1", &[400]),
        ("9110 5.6.2", "G=T /a.txt HTTP/1.1", &[400]),
        ("9110 5.6.2", "[GET] /a.txt HTTP/1.1", &[400]),
        ("9110 5.6.2", "G\"T /a.txt HTTP/1.1", &[400]),
        ("9110 5.6.2", "G@T /a.txt HTTP/1.1", &[400]),
        ("9110 5.6.2", "G\0T /a.txt HTTP/1.1", &[400]),
        ("9110 5.6.2", "G\u{7f}T /a.txt HTTP/1.1", &[400]),
        ("9110 5.6.2", "G\u{c9}T /a.txt HTTP/1.1", &[400]),
        ("9112 3 (house)", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG /a.txt HTTP/1.1", &[400]),
    ];
    refused(&bench(""), &borrow(&build(rows, line)));
}

#[test]
fn versions() {
    let rows: &[Row] = &[
        ("9112 2.3 MUST", "http/1.1", &[400]),
        ("9112 2.3 MUST", "Http/1.1", &[400]),
        ("9112 2.3", "HTTPS/1.1", &[400]),
        ("9112 2.3", "HTTP", &[400]),
        ("9112 2.3", "HTTP/", &[400]),
        ("9112 2.3", "HTTP/1", &[400]),
        ("9112 2.3", "HTTP/1.", &[400]),
        ("9112 2.3", "HTTP/.1", &[400]),
        ("9112 2.3", "HTTP/11", &[400]),
        ("9112 2.3", "HTTP/1.1.", &[400]),
        ("9112 2.3", "HTTP/1.1.1", &[400]),
        ("9112 2.3", "HTTP/1,1", &[400]),
        ("9112 2.3", "HTTP/01.1", &[400]),
        ("9112 2.3", "HTTP/1.01", &[400]),
        ("9112 2.3", "HTTP/1.10", &[400]),
        ("9112 2.3", "HTTP/10.1", &[400]),
        ("9112 2.3", "HTTP/+1.1", &[400]),
        ("9112 2.3", "HTTP/1.-1", &[400]),
        ("9112 2.3", "HTTP/1.x", &[400]),
        ("9112 2.3", "HTTP/a.b", &[400]),
        ("9112 2.3", "HTTP/1.1x", &[400]),
        ("9112 2.3", "HTTP/1.1\0", &[400]),
        ("9112 2.3", "HTTP/1.\u{b1}", &[400]),
        ("9112 2.3", "HTTP /1.1", &[400]),
        ("9112 2.3", "HTTP/ 1.1", &[400]),
        ("9112 2.3", "HTTP/1 .1", &[400]),
        ("9112 2.3", "HTTP/1. 1", &[400]),
        ("9112 2.3", "HTTP-1.1", &[400]),
        ("9112 2.3", "HTTP\\1.1", &[400]),
        ("9112 2.3", "XTTP/1.1", &[400]),
        ("9112 2.3", "ICY/1.1", &[400]),
        // Another major version: the message may have another meaning than in 1.x.
        ("9110 15.6.6", "HTTP/0.9", &[505, 400]),
        ("9110 15.6.6", "HTTP/0.0", &[505, 400]),
        ("9110 15.6.6", "HTTP/2", &[400, 505]),
        ("9110 15.6.6 (house)", "HTTP/2.0", &[505]),
        ("9110 15.6.6 (house)", "HTTP/2.1", &[505]),
        ("9110 15.6.6 (house)", "HTTP/3.0", &[505]),
        ("9110 15.6.6 (house)", "HTTP/9.9", &[505]),
    ];
    let s = bench("");
    refused(&s, &borrow(&build(rows, |version| line(&format!("GET /a.txt {version}")))));
    // A higher minor version gets a response of the highest known version (9110 2.5).
    let known = |minor| format!("GET /a.txt HTTP/1.{minor}\r\nHost: h\r\n\r\n");
    served(&s, &[("9110 2.5 SHOULD", &known(1)), ("9110 2.5 SHOULD", &known(2)), ("9110 2.5 SHOULD", &known(9))]);
    // The rules of 1.1 apply to it: Host, and chunks.
    refused(&s, &[("9112 3.2 MUST", "GET /a.txt HTTP/1.2\r\n\r\n", &[400])]);
}

#[test]
fn lines_and_their_ends() {
    let s = bench("");
    served(
        &s,
        &[
            ("9112 2.2 SHOULD", "\r\nGET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n"),
            ("9112 2.2 SHOULD", "\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n"),
            // Old clients send a CR LF after the content, which Content-Length does not include.
            ("9112 2.2 SHOULD", "GET /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi\r\n"),
            ("9112 2.2 SHOULD", "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n\r\n"),
            ("9112 2.2 MAY (house)", "GET /a.txt HTTP/1.1\nHost: h\n\n"),
            ("9112 2.2 MAY (house)", "GET /a.txt HTTP/1.1\nHost: h\r\n\r\n"),
            ("9112 2.2 MAY (house)", "GET /a.txt HTTP/1.1\r\nHost: h\n\r\n"),
            ("9112 2.2 MAY (house)", "GET /a.txt HTTP/1.1\r\nHost: h\r\n\n"),
            ("9112 2.2, 7.1", "GET /a.txt HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n0\r\n\r\n"),
        ],
    );
    judged(&s, &[("9112 2.2 MAY", "\nGET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n", &[200, 400])]);
    refused(
        &s,
        &[
            ("9112 2.2 MUST", "GET /a.txt HTTP/1.1\rHost: h\r\r", &[400]),
            ("9112 2.2 MUST", "GET /a.txt HTTP/1.1\r\r\nHost: h\r\n\r\n", &[400]),
            ("9112 2.2 MUST", "GET /a.txt HTTP/1.1\r\nHost: h\r\r\n\r\n", &[400]),
            ("9112 2.2 MUST", "GET /a.txt HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", &[400]),
            ("9112 2.2 MUST", "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\r\n", &[400]),
            ("9112 2.2 MUST", "GET /a.txt HTTP/1.1\r\nHost: h\r\n\rX: y\r\n\r\n", &[400]),
            ("9112 2.2 MUST", "GET /a.txt HTTP/1.1\n\rHost: h\n\r\n", &[400]),
            // Whitespace before the first field: the message is refused, or the line is ignored.
            ("9112 2.2 MUST", "GET /a.txt HTTP/1.1\r\n Host: h\r\n\r\n", &[400]),
            ("9112 2.2 MUST", "GET /a.txt HTTP/1.1\r\n\tX: y\r\nHost: h\r\n\r\n", &[400]),
            ("9112 2.2 MUST", "GET /a.txt HTTP/1.1\r\n \r\nHost: h\r\n\r\n", &[400]),
            ("9112 2.2 MUST", " \r\nGET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n", &[400]),
            // Bare LF and chunks.
            ("9112 7.1 (house)", "GET /a.txt HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n0\n\n", &[400]),
            // Not HTTP: 400 and close (9112 2.2).
            ("9112 2.2 SHOULD", "\u{16}\u{3}\u{1}\0\u{a5}\u{1}\0\0\u{a1}\u{3}\u{3}\r\n\r\n", &[400]),
            ("9112 2.2 SHOULD", "EHLO example.com\r\n", &[400]),
            ("9112 2.2 SHOULD", "\u{ff}\u{fe}G\0E\0T\0\r\n\r\n", &[400]),
            ("9112 2.2 SHOULD", "\u{ef}\u{bb}\u{bf}GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n", &[400]),
            ("9113 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[505, 400, 501]),
        ],
    );
}

#[test]
fn targets() {
    let s = bench("");
    served(
        &s,
        &[
            ("9112 3.2.1", &line("GET /a.txt?x=1&y=/../b HTTP/1.1")),
            ("9112 3.2.1", &line("GET /a.txt? HTTP/1.1")),
            ("9112 3.2.1", &line("GET /a.txt??/?& HTTP/1.1")),
            ("9110 4.2.3 (3986 6.2.2)", &line("GET /%61%2etxt HTTP/1.1")),
            ("9110 4.2.3 (3986 6.2.2)", &line("GET /%61%2Etxt HTTP/1.1")),
            ("9110 4.2.3 (3986 5.2.4)", &line("GET /./a.txt HTTP/1.1")),
            ("9110 4.2.3 (3986 5.2.4)", &line("GET /dir/../a.txt HTTP/1.1")),
            ("9110 4.2.3 (3986 5.2.4)", &line("GET /x/y/../.././a.txt HTTP/1.1")),
            ("9110 4.2.3 (3986 5.2.4)", &line("GET /dir/%2e%2e/a.txt HTTP/1.1")),
            ("9112 3.2 (house: cut off)", &line("GET /a.txt#fragment HTTP/1.1")),
            // Servers must accept the absolute form, although clients use it for proxies (9112 3.2.2 MUST).
            ("9112 3.2.2 MUST", &line("GET http://h/a.txt HTTP/1.1")),
            ("9112 3.2.2 MUST", &line("GET http://h:80/a.txt HTTP/1.1")),
            ("9112 3.2.2 MUST", &line("GET http://h:/a.txt HTTP/1.1")),
            ("9112 3.2.2 MUST", &line("GET http://127.0.0.1/a.txt?q HTTP/1.1")),
            ("9112 3.2.2 MUST", &line("GET http://[::1]:8080/a.txt HTTP/1.1")),
            ("3986 3.1, 6.2.2.1", &line("GET HTTP://H/a.txt HTTP/1.1")),
            ("3986 3.1, 6.2.2.1", &line("GET hTTp://h/dir/../a.txt HTTP/1.1")),
            ("9112 3.2.2 MUST", "GET http://h/a.txt HTTP/1.1\r\nHost: other\r\n\r\n"),
        ],
    );
    let rows: &[Row] = &[
        ("9112 3.2.2 (9110 4.2.3)", "GET http://h HTTP/1.1", &[403]),
        ("9112 3.2.2 (9110 4.2.3)", "GET http://h?a=/b HTTP/1.1", &[403]),
        ("9112 3.2.1", "GET //a.txt HTTP/1.1", &[200, 404]),
        ("9112 3.2.1", "GET /%2Fa.txt HTTP/1.1", &[200, 404, 400]),
        ("3986 5.2.4", "GET /../a.txt HTTP/1.1", &[400, 200, 404]),
        ("3986 5.2.4", "GET /%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1", &[400, 403, 404]),
        ("3986 5.2.4", "GET /..%2f..%2f..%2fetc/passwd HTTP/1.1", &[400, 403, 404]),
        ("3986 2.1", "GET /%252e%252e/a.txt HTTP/1.1", &[404]),
        ("3629 3", "GET /%c0%ae%c0%ae/%c0%afa.txt HTTP/1.1", &[400, 404]),
        ("3986 2.1", "GET /a.txt?%zz HTTP/1.1", &[200, 400]),
        ("3986 3.3", "GET /a\\..\\a.txt HTTP/1.1", &[400, 404]),
        ("3986 3.3", "GET /<a>\"{}|^` HTTP/1.1", &[400, 404]),
        ("9110 4.2.4 SHOULD", "GET http://user:password@h/a.txt HTTP/1.1", &[400, 200]),
        ("9110 4.3.3, 7.4", "GET https://h/a.txt HTTP/1.1", &[400, 421, 200]),
        ("9110 7.4", "GET ftp://h/a.txt HTTP/1.1", &[400, 421, 404]),
    ];
    judged(&s, &borrow(&build(rows, line)));
}

#[test]
fn targets_that_are_none() {
    let rows: &[Row] = &[
        ("9112 3.2.1 MUST", "GET a.txt HTTP/1.1", &[400]),
        ("9112 3.2.1 MUST", "GET ?x HTTP/1.1", &[400]),
        ("9112 3.2.1 MUST", "GET ./a.txt HTTP/1.1", &[400]),
        ("9112 3.2.1 MUST", "GET \\a.txt HTTP/1.1", &[400]),
        ("9112 3.2.1 MUST", "GET %2fa.txt HTTP/1.1", &[400]),
        ("9112 3.2.1 MUST", "GET #a HTTP/1.1", &[400]),
        ("9112 3.2.3", "GET h HTTP/1.1", &[400]),
        ("9112 3.2.3", "GET h:80 HTTP/1.1", &[400]),
        ("9112 3.2.3", "GET h:80/a.txt HTTP/1.1", &[400]),
        ("9112 3.2.4", "GET * HTTP/1.1", &[400]),
        ("9112 3.2.4", "HEAD * HTTP/1.1", &[400]),
        ("9112 3.2.4", "OPTIONS ** HTTP/1.1", &[400]),
        ("9112 3.2.4", "OPTIONS *?x HTTP/1.1", &[400]),
        ("9112 3.2.4", "OPTIONS */ HTTP/1.1", &[400]),
        ("9110 4.2.1 MUST", "GET http:///a.txt HTTP/1.1", &[400]),
        ("9110 4.2.1 MUST", "GET http://:80/a.txt HTTP/1.1", &[400]),
        ("9110 4.2.1 MUST", "GET http:// HTTP/1.1", &[400]),
        ("3986 3", "GET http:a.txt HTTP/1.1", &[400]),
        ("3986 3", "GET http:/a.txt HTTP/1.1", &[400]),
        ("3986 3", "GET ://h/a.txt HTTP/1.1", &[400]),
        ("3986 3.2.2", "GET http://h<x>/a.txt HTTP/1.1", &[400]),
        ("3986 3.2.2", "GET http://[::1/a.txt HTTP/1.1", &[400]),
        ("3986 3.2.2", "GET http://[x]/a.txt HTTP/1.1", &[400]),
        ("3986 3.2.3", "GET http://h:port/a.txt HTTP/1.1", &[400]),
        ("3986 3.2.3", "GET http://h:80:80/a.txt HTTP/1.1", &[400]),
        ("3986 2.1", "GET /% HTTP/1.1", &[400]),
        ("3986 2.1", "GET /%4 HTTP/1.1", &[400]),
        ("3986 2.1", "GET /%4x HTTP/1.1", &[400]),
        ("3986 2.1", "GET /%zz HTTP/1.1", &[400]),
        ("9110 17.3 (house)", "GET /a.txt%00 HTTP/1.1", &[400]),
        ("9112 3.2 (house)", "GET /a\0.txt HTTP/1.1", &[400]),
        ("9112 3.2 (house)", "GET /a\u{1}.txt HTTP/1.1", &[400]),
        ("9112 3.2 (house)", "GET /a\u{7f}.txt HTTP/1.1", &[400]),
        ("9112 3.2 (house)", "GET /\u{e9} HTTP/1.1", &[400]),
        ("9112 3.2 (house)", "GET /a.txt?\u{c3}\u{a9} HTTP/1.1", &[400]),
        ("9112 3.2 (house)", "GET /a.txt?\u{8} HTTP/1.1", &[400]),
        ("9112 3.2 (house)", "GET http://h/\u{ff} HTTP/1.1", &[400]),
        ("9112 3.2 (house)", "GET /a.txt#\u{ff} HTTP/1.1", &[400]),
    ];
    refused(&bench(""), &borrow(&build(rows, line)));
}

#[test]
fn limits_of_the_head() {
    let s = bench("");
    let long = |n: usize| "x".repeat(n);
    // A server should accept at least 8000 bytes of request line (9112 3 RECOMMENDED).
    let query = "x".repeat(8000 - "GET /a.txt? HTTP/1.1".len());
    served(
        &s,
        &[
            ("9112 3", &line(&format!("GET /a.txt?{query} HTTP/1.1"))),
            ("9110 5.4", &fields(&format!("X: {}", long(7000)))),
            ("9110 5.4", &fields(&vec![format!("X: {}", long(1000)); 20].join("\r\n"))),
            ("9110 5.4", &fields(&vec!["X: y"; 500].join("\r\n"))),
        ],
    );
    kept(&s, &[("9112 3", &line(&format!("GET /{} HTTP/1.1", long(7500))), &[404])]);
    refused(
        &s,
        &[
            ("9112 3 MUST", &line(&format!("GET /{} HTTP/1.1", long(9000))), &[414]),
            ("9112 3 MUST", &line(&format!("GET /a.txt?{} HTTP/1.1", long(60_000))), &[414]),
            ("9112 3 MUST", &line(&format!("GET http://h/{} HTTP/1.1", long(300_000))), &[414]),
            ("9112 3 (house)", &line(&format!("{} / HTTP/1.1", "A".repeat(5000))), &[400]),
            ("9112 3 (house)", &line(&format!("{} / HTTP/1.1", "A".repeat(50_000))), &[400, 414]),
            ("9110 5.4 MUST", &fields(&format!("X: {}", long(9000))), &[400, 431]),
            ("9110 5.4 MUST", &fields(&format!("X: {}", long(300_000))), &[400, 431]),
            ("9110 5.4 MUST", &fields(&format!("{}: y", long(9000))), &[400, 431]),
            ("9110 5.4 MUST", &fields(&vec![format!("X: {}", long(1000)); 100].join("\r\n")), &[400, 431]),
            ("9110 5.4 MUST", &fields(&vec!["X: y"; 3000].join("\r\n")), &[400, 431]),
            ("9110 5.4 MUST", &head(&format!("Host: {}\r\n", long(9000))), &[400, 431]),
        ],
    );
}
