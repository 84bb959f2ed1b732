//! RFC 9112, sections 3.2 and 5 (with RFC 9110, sections 5 and 7.2): Host and field lines, row by row.
//! For the format of a row, see test/harness/conform.rs.

mod harness;

use harness::conform::{Row, bench, borrow, build, judged, refused, served};
use harness::{Setup, each, host};

/// A GET with these field lines after Host.
fn fields(part: &str) -> String {
    format!("GET /a.txt HTTP/1.1\r\nHost: h\r\n{part}\r\n\r\n")
}

/// A GET with only these field lines.
fn head(part: &str) -> String {
    format!("GET /a.txt HTTP/1.1\r\n{part}\r\n")
}

#[test]
fn the_authority_of_an_absolute_target_overrides_host() {
    let vhosts = host("server_name one; location / { return 200 one; }")
        + &host("server_name two; location / { return 200 two; }");
    let s = Setup::new(&vhosts, &[("ok.txt", b"ok")]).start();
    let rows = [
        ("9112 3.2.2 MUST", "GET http://two/ HTTP/1.1\r\nHost: one\r\n\r\n", "two"),
        ("9112 3.2.2 MUST", "GET http://one/ HTTP/1.1\r\nHost: two\r\n\r\n", "one"),
        ("9112 3.2.2 MUST", "GET http://two:8080/ HTTP/1.1\r\nHost: one:80\r\n\r\n", "two"),
        ("9112 3.2.2 MUST", "GET http://TWO HTTP/1.1\r\nHost: one\r\n\r\n", "two"),
        ("9112 3.2.2 MUST", "GET http://two?q HTTP/1.1\r\nHost: one\r\n\r\n", "two"),
        ("9112 3.2.2 MUST", "GET http://two/ HTTP/1.0\r\n\r\n", "two"),
        ("9110 7.2", "GET / HTTP/1.1\r\nHost: TWO\r\n\r\n", "two"),
        ("9110 7.2", "GET / HTTP/1.1\r\nHost: two:8080\r\n\r\n", "two"),
        ("9110 7.2", "GET / HTTP/1.0\r\nHost: two\r\n\r\n", "two"),
    ];
    each(rows, |(rule, request, body)| {
        let response = s.ask(request).expect(200, request);
        assert_eq!(response.text(), *body, "{rule}: {request:?}: {response}");
    });
}

/// Valid values of Host (RFC 3986, section 3.2.2).
const HOSTS: &[&str] = &[
    "h",
    "h:80",
    "h:",
    "h:00080",
    "H.Example",
    "h.",
    "1.2.3.4",
    "1.2.3.4.5",
    "a-b_c~d",
    "h!$&'()*+;=x",
    "%41b:8080",
    "[::1]",
    "[::1]:80",
    "[::]",
    "[::ffff:1.2.3.4]",
    "[1:2:3:4:5:6:7:8]",
    "[FE80::A]",
    " \t h \t ",
];

/// Invalid values of Host.
const NO_HOSTS: &[&str] = &[
    "",
    " ",
    ":80",
    "a b",
    "a\tb",
    "h:port",
    "h:8a",
    "h:-1",
    "h:+80",
    "h: 80",
    "h :80",
    "h:80:80",
    "user@h",
    "u:p@h",
    "h/",
    "h/path",
    "h?q",
    "h#f",
    "http://h",
    "h\\x",
    "<h>",
    "\"h\"",
    "h|x",
    "h^x",
    "h`x",
    "{h}",
    "h%",
    "h%4",
    "h%zz",
    "h, other",
    "h\u{1}",
    "h\0",
    "h\u{7f}",
    "h\u{e9}",
    "[::1",
    "::1",
    "[::1]x",
    "[::1]80",
    "x[::1]",
    "[]",
    "[h]",
    "[::g]",
    "[:::]",
    "[1::2::3]",
    "[1:2:3:4:5:6:7:8:9]",
    "[1:2:3:4:5:6:7]",
    "[12345::]",
    "[1.2.3.4]",
    "[::1.2.3]",
    "[::1.2.3.256]",
    "[::1%eth0]",
    "[::1]:x",
];

#[test]
fn host_fields() {
    let s = bench("");
    each(HOSTS, |value| served(&s, &[("9110 7.2, 3986 3.2.2", &head(&format!("Host:{value}\r\n")))]));
    served(
        &s,
        &[
            ("9112 5 MUST", &head("X: y\r\nhOsT: h\r\n")),
            ("9112 3.2", "GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            ("9112 3.2", "GET /a.txt HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n"),
        ],
    );
    each(NO_HOSTS, |value| refused(&s, &[("9112 3.2 MUST", &head(&format!("Host: {value}\r\n")), &[400])]));
    let free = ["a,b", "h:99999", "h:0", "[v1.x:y]", "[::1%25eth0]"];
    let free = free.map(|value| ("3986 3.2", head(&format!("Host: {value}\r\n")), &[200u16, 400][..]));
    judged(&s, &borrow(&free));
}

#[test]
fn one_host_and_no_more() {
    let s = bench("");
    let rows: &[Row] = &[
        ("9112 3.2 MUST", &head(""), &[400]),
        ("9112 3.2 MUST", &head("X: y\r\n"), &[400]),
        ("9112 3.2 MUST", &head("Hostname: h\r\n"), &[400]),
        ("9112 3.2 MUST", &head("Host: h\r\nHost: h\r\n"), &[400]),
        ("9112 3.2 MUST", &head("Host: h\r\nX: y\r\nhost: other\r\n"), &[400]),
        ("9112 3.2 MUST", &head("Host: h\r\nHost:\r\n"), &[400]),
        ("9112 3.2 MUST", &head("Host:\r\nHost: h\r\n"), &[400]),
        ("9112 5.1 MUST", &head("Host : h\r\n"), &[400]),
        ("9112 5.2 MUST", &head("Host: h\r\n .example\r\n"), &[400]),
        ("9112 5.2 MUST", &head("Host:\r\n h\r\n"), &[400]),
        ("9112 3.2 MUST", "GET http://h/a.txt HTTP/1.1\r\n\r\n", &[400]),
        ("9112 3.2 MUST", "GET http://h/a.txt HTTP/1.1\r\nHost: a b\r\n\r\n", &[400]),
        ("9112 3.2 MUST", "GET http://h/a.txt HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", &[400]),
        ("9112 3.2 MUST", "OPTIONS * HTTP/1.1\r\n\r\n", &[400]),
        ("9112 3.2 MUST", "GET /a.txt HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", &[400]),
        ("9112 3.2 MUST", "GET /a.txt HTTP/1.0\r\nHost: a b\r\n\r\n", &[400]),
        ("9112 3.2 MUST", "POST /text HTTP/1.1\r\nContent-Length: 0\r\n\r\n", &[400]),
    ];
    refused(&s, rows);
    // The field is valid (uri-host may be empty), and the target does not need it.
    judged(&s, &[("9112 3.2", "GET http://h/a.txt HTTP/1.1\r\nHost:\r\n\r\n", &[200, 400])]);
}

#[test]
fn field_lines() {
    let s = bench("");
    let good = [
        ("9112 5", "X:y"),
        ("9112 5", "X: \t y \t "),
        ("9110 5.5", "X:"),
        ("9110 5.5", "X: \t "),
        ("9110 5.5", "X: a\tb  c"),
        ("9110 5.5 (obs-text)", "X: gr\u{fc}n \u{80}\u{ff}"),
        ("9110 5.5", "X: !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        ("9110 5.1", "!#$%&'*+-.^_`|~0aZ: y"),
        ("9110 5.1", "X_y.z: y"),
        ("9110 5.2", "X: a\r\nX: b\r\nX:\r\nx: c"),
        ("9112 5", "X: y: z"),
        ("9112 5", "X::y"),
    ];
    let good = good.map(|(rule, part)| (rule, fields(part)));
    served(&s, &good.each_ref().map(|(rule, text)| (*rule, text.as_str())));
    let rows: &[Row] = &[
        ("9112 5.1 MUST", "X : y", &[400]),
        ("9112 5.1 MUST", "X\t: y", &[400]),
        ("9112 5.1 MUST", "X \t : y", &[400]),
        ("9112 5.1 MUST", "X\u{b}: y", &[400]),
        ("9112 5", ": y", &[400]),
        ("9112 5", " : y", &[400]),
        ("9112 5", ":", &[400]),
        ("9112 5", "X", &[400]),
        ("9112 5", "X y", &[400]),
        ("9112 5", "X y: z", &[400]),
        ("9112 5", "GET /a.txt HTTP/1.1", &[400]),
        ("9112 5.2 MUST", "X: a\r\n b", &[400]),
        ("9112 5.2 MUST", "X: a\r\n\tb", &[400]),
        ("9112 5.2 MUST", "X:\r\n a", &[400]),
        ("9112 5.2 MUST", "X: a\r\n ", &[400]),
        ("9112 5.2 MUST", "X: a\r\n Content-Length: 5", &[400]),
        ("9112 5.2 MUST", "X: a\n b", &[400]),
        ("9110 5.5 MUST", "X: a\0b", &[400]),
        ("9110 5.5 MUST", "X: \0", &[400]),
        ("9110 5.5 MUST", "X: a\rb", &[400]),
        ("9110 5.5 MUST", "X: a\r b", &[400]),
        ("9110 5.5 MUST", "X: a\r", &[400]),
        ("9110 5.5 (house)", "X: a\u{1}b", &[400]),
        ("9110 5.5 (house)", "X: a\u{8}b", &[400]),
        ("9110 5.5 (house)", "X: a\u{b}b", &[400]),
        ("9110 5.5 (house)", "X: a\u{1b}[0m", &[400]),
        ("9110 5.5 (house)", "X: a\u{7f}", &[400]),
        ("9110 5.1", "X\0: y", &[400]),
        ("9110 5.1", "X\r: y", &[400]),
        ("9110 5.1", "\u{c9}: y", &[400]),
        ("9110 5.1", "X\u{7f}: y", &[400]),
    ];
    refused(&s, &borrow(&build(rows, fields)));
    let delimiters = ['"', '(', ')', ',', '/', ';', '<', '=', '>', '?', '@', '[', '\\', ']', '{', '}'];
    let rows = delimiters.map(|c| ("9110 5.1, 5.6.2", fields(&format!("X{c}: y")), &[400u16][..]));
    refused(&s, &borrow(&rows));
}
