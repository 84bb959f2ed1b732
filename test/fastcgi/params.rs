//! The parameters and the body of a request, as an application receives them.

use super::harness::gateways::{PARAMS, Protocol, records};
use super::harness::scripts::{both_ways, chunked};
use super::harness::upstream::Upstream;
use super::harness::{each, noise, site};
use super::{fastcgi, reached};

/// Directives, a request's head without its end, a parameter, and its values.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

const ROWS: [Row; 25] = [
    ("fastcgi_param A b;", "GET / HTTP/1.1", "A", &["b"]),
    ("fastcgi_param A \"\";", "GET / HTTP/1.1", "A", &[""]),
    ("fastcgi_param A $arg_x if_not_empty;", "GET / HTTP/1.1", "A", &[]),
    ("fastcgi_param A $arg_x if_not_empty;", "GET /?x=1 HTTP/1.1", "A", &["1"]),
    ("fastcgi_param Q $query_string;", "GET /?a%20b&c HTTP/1.1", "Q", &["a%20b&c"]),
    ("fastcgi_param U $document_uri;", "GET /a%20b/../c%C3%A9 HTTP/1.1", "U", &["/c\u{e9}"]),
    ("", "GET /a%20b?c HTTP/1.1", "REQUEST_URI", &["/a%20b?c"]),
    ("fastcgi_param P $server_protocol;", "GET / HTTP/1.0", "P", &["HTTP/1.0"]),
    ("fastcgi_param R $remote_addr:$server_addr;", "GET / HTTP/1.1", "R", &["127.0.0.1:127.0.0.1"]),
    ("fastcgi_param S $https if_not_empty;", "GET / HTTP/1.1", "S", &[]),
    // Fields of the client.
    ("", "GET / HTTP/1.1\r\nX-One-Two: 3", "HTTP_X_ONE_TWO", &["3"]),
    ("", "GET / HTTP/1.1\r\nHost: example.org:81", "HTTP_HOST", &["example.org:81"]),
    ("", "GET / HTTP/1.1\r\nX-A: 1\r\nX-A: 2", "HTTP_X_A", &["1, 2"]),
    ("", "GET / HTTP/1.1\r\nCookie: a=1\r\nCookie: b=2", "HTTP_COOKIE", &["a=1; b=2"]),
    ("", "GET / HTTP/1.1\r\nAuthorization: Basic x", "HTTP_AUTHORIZATION", &["Basic x"]),
    ("fastcgi_param HTTP_X_A mine;", "GET / HTTP/1.1\r\nX-A: 1", "HTTP_X_A", &["mine"]),
    // An empty value takes a field of the client away.
    ("fastcgi_param HTTP_X_A \"\";", "GET / HTTP/1.1\r\nX-A: 1", "HTTP_X_A", &[]),
    ("fastcgi_param HTTP_X_A \"\" if_not_empty;", "GET / HTTP/1.1\r\nX-A: 1", "HTTP_X_A", &[]),
    ("fastcgi_pass_request_headers off;", "GET / HTTP/1.1\r\nX-A: 1", "HTTP_X_A", &[]),
    // CVE-2016-5385: programs take HTTP_PROXY for the address of a proxy.
    ("", "GET / HTTP/1.1\r\nProxy: http://evil/", "HTTP_PROXY", &[]),
    // A client cannot choose between two names that look the same to an application.
    ("", "GET / HTTP/1.1\r\nX-A: 1\r\nX_A: 2", "HTTP_X_A", &["1"]),
    ("fastcgi_param SCRIPT $fastcgi_script_name;", "GET /x/ HTTP/1.1", "SCRIPT", &["/x/"]),
    ("fastcgi_index i.php; fastcgi_param SCRIPT $fastcgi_script_name;", "GET /x/ HTTP/1.1", "SCRIPT", &["/x/i.php"]),
    ("fastcgi_index i.php; fastcgi_param SCRIPT $fastcgi_script_name;", "GET /x HTTP/1.1", "SCRIPT", &["/x"]),
    ("fastcgi_param F /srv$fastcgi_script_name;", "GET /a.php HTTP/1.1", "F", &["/srv/a.php"]),
];

#[test]
fn parameters_come_from_the_configuration_and_the_request() {
    each(ROWS, |(directives, head, name, values)| {
        let (up, s) = fastcgi(directives);
        let host = if head.contains("Host:") { "" } else { "\r\nHost: h" };
        let ask = reached(&up, &s, format!("{head}{host}\r\nConnection: close\r\n\r\n"));
        assert_eq!(ask.all(name), *values, "{directives} {head:?}");
        assert_eq!(ask.marks, [1, 0], "a responder whose connection is not kept");
    });
}

/// The location of the seeds and of nginx's documentation.
#[test]
fn a_path_is_split_into_script_and_path_info() {
    let up = Upstream::tcp(Protocol::Fastcgi);
    let split = "fastcgi_split_path_info ^(.+\\.php)(/.*)$; fastcgi_param SCRIPT_NAME $fastcgi_script_name; \
                 fastcgi_param PATH_INFO $fastcgi_path_info; fastcgi_index index.php;";
    let s = site(
        &format!("location ~ \\.php(/|$) {{ {} {split} }} location /d/ {{ {} {split} }}", up.pass(), up.pass()),
        &[],
    );
    let rows = [
        ("/app.php", "/app.php", ""),
        ("/app.php/", "/app.php", "/"),
        ("/app.php/a/b", "/app.php", "/a/b"),
        ("/x/app.php/a%20b%2Fc?q", "/x/app.php", "/a b/c"),
        ("/a.php/b.php/c", "/a.php/b.php", "/c"),
        ("/d/", "/d/index.php", ""),
    ];
    each(rows, |(target, script, info)| {
        let ask = reached(&up, &s, format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!((ask.must("SCRIPT_NAME"), ask.must("PATH_INFO")), (*script, *info), "{target}");
    });
}

/// Values and their sum may be longer than a record. Lengths from 128 on take four bytes.
#[test]
fn parameters_of_any_length() {
    let double = "set $big 0123456789abcdef; set $big \"$big$big$big$big\"; set $big \"$big$big$big$big\"; \
                  set $big \"$big$big$big$big\"; set $big \"$big$big$big$big\"; set $big \"$big$big$big$big\";";
    let name = "N".repeat(200);
    let (up, s) = fastcgi(&format!(
        "{double} fastcgi_param BIG $big; fastcgi_param BIG2 $big$big$big$big$big; fastcgi_param {name} 1; \
         fastcgi_param L127 {0}; fastcgi_param L128 {0}x; fastcgi_param LAST end;",
        "y".repeat(127)
    ));
    let big = "0123456789abcdef".repeat(1024);
    let ask = reached(&up, &s, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(ask.must("BIG") == big && ask.must("BIG2") == big.repeat(5), "16 KiB and 80 KiB");
    assert_eq!((ask.must(&name), ask.must("LAST")), ("1", "end"));
    assert_eq!((ask.must("L127").len(), ask.must("L128").len()), (127, 128));
    let lengths: Vec<_> = records(&ask.raw).iter().filter(|r| r.0 == PARAMS).map(|r| r.1.len()).collect();
    assert_eq!(lengths.last(), Some(&0), "the stream is ended: {lengths:?}");
    assert!(lengths.iter().sum::<usize>() > 96 << 10, "{lengths:?}");
}

/// Bodies with each framing of the client, buffered and not.
#[test]
fn bodies_of_any_size_are_streamed() {
    let modes =
        [("", false), ("", true), ("fastcgi_request_buffering off;", false), ("fastcgi_request_buffering off;", true)];
    each(modes, |(directives, is_chunked)| {
        for size in [0, 1, 8, 65_535, 65_536, 1 << 20] {
            let (up, s) = fastcgi(&format!("client_max_body_size 0; {directives}"));
            let body = noise(size, 5);
            let head = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Type: a/b\r\nConnection: close\r\n";
            let request = match is_chunked {
                true => [format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes(), &chunked(&body, &[1, 40_000])]
                    .concat(),
                false => [format!("{head}Content-Length: {size}\r\n\r\n").as_bytes(), &body].concat(),
            };
            let (ask, answer) = std::thread::scope(|scope| {
                let behind = scope.spawn(|| {
                    let (mut peer, ask) = up.asked();
                    peer.ok(b"done");
                    ask
                });
                let answer = both_ways(&s, &request);
                (behind.join().unwrap(), answer)
            });
            assert!(answer.ends_with(b"done"), "{}", answer.escape_ascii());
            assert!(ask.body == body, "{size} bytes: {} came", ask.body.len());
            if !is_chunked || directives.is_empty() {
                assert_eq!(ask.must("CONTENT_LENGTH"), size.to_string(), "chunked: {is_chunked}");
            }
        }
    });
}

#[test]
fn a_body_may_be_left_out() {
    let (up, s) = fastcgi("fastcgi_pass_request_body off;");
    let ask = reached(&up, &s, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(ask.body, b"");
}

/// Each piece of an unbuffered body is a record as soon as it is there.
#[test]
fn an_unbuffered_body_is_passed_as_it_comes() {
    let (up, s) = fastcgi("fastcgi_request_buffering off;");
    let mut client = s.connect();
    client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
    let mut peer = up.accept();
    let first = peer.bytes_until(|bytes| bytes.windows(3).any(|w| w == b"abc"));
    assert!(first.starts_with(&[1, 1, 0, 1]), "FCGI_BEGIN_REQUEST");
    client.send("def");
    let second = peer.bytes_until(|bytes| records(bytes).iter().any(|r| r.1.is_empty()));
    assert_eq!(records(&second).iter().flat_map(|r| r.1.to_vec()).collect::<Vec<u8>>(), b"def");
    peer.ok(b"done");
    drop(peer);
    assert_eq!(client.response().text(), "done");
}

/// The shipped files are there for `include`, wherever the configuration is.
#[test]
fn the_usual_parameters_are_shipped() {
    if std::env::var("WEBSERV_TEST_BIN").is_ok() {
        return; // another program has no such files in the test's folder
    }
    for (file, script) in [("fastcgi_params", false), ("fastcgi.conf", true)] {
        let up = Upstream::tcp(Protocol::Fastcgi);
        let s = site(&format!("location / {{ include {file}; fastcgi_pass {}; }}", up.address), &[]);
        let ask =
            reached(&up, &s, "POST /a.php?q=1 HTTP/1.1\r\nHost: h\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nab");
        let root = s.path("html").display().to_string();
        let rows = [
            ("QUERY_STRING", "q=1"),
            ("REQUEST_METHOD", "POST"),
            ("CONTENT_TYPE", "a/b"),
            ("CONTENT_LENGTH", "2"),
            ("SCRIPT_NAME", "/a.php"),
            ("REQUEST_URI", "/a.php?q=1"),
            ("DOCUMENT_URI", "/a.php"),
            ("DOCUMENT_ROOT", &root),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("REQUEST_SCHEME", "http"),
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("SERVER_ADDR", "127.0.0.1"),
            ("REDIRECT_STATUS", "200"),
        ];
        each(rows, |(name, value)| assert_eq!(ask.must(name), *value, "{name} of {file}"));
        assert_eq!(ask.must("SERVER_PORT"), s.port().to_string());
        let wanted = script.then(|| format!("{root}/a.php"));
        assert_eq!(ask.field("SCRIPT_FILENAME"), wanted.as_deref(), "{file}");
    }
}
