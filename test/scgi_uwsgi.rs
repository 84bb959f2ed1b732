//! `scgi_pass` and `uwsgi_pass`: two heads, and all else as with FastCGI's heads and HTTP's ends.

mod harness;

use harness::gateways::{Ask, Protocol};
use harness::http::Framing;
use harness::scripts::{both_ways, chunked};
use harness::upstream::Upstream;
use harness::{Server, each, noise, site};

const BOTH: [Protocol; 2] = [Protocol::Scgi, Protocol::Uwsgi];

/// An application on a unix socket, and a server that passes requests to it; "PREFIX" stands for the family.
fn passing(protocol: Protocol, directives: &str) -> (Upstream, Server) {
    let up = Upstream::unix(protocol);
    let directives = directives.replace("PREFIX", protocol.prefix());
    let s =
        site(&format!("location / {{ {} {directives} }} location = /ok.txt {{ }}", up.pass()), &[("ok.txt", b"ok")]);
    (up, s)
}

#[track_caller]
fn reached(up: &Upstream, s: &Server, request: impl AsRef<[u8]>) -> Ask {
    let mut client = s.connect();
    client.send(&request);
    let (mut peer, ask) = up.asked();
    peer.ok(b"");
    drop(peer);
    client.response().expect(200, &String::from_utf8_lossy(request.as_ref()));
    ask
}

/// Directives, a head without its end, a parameter and its values.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

const ROWS: [Row; 11] = [
    ("", "GET /a?b HTTP/1.1", "REQUEST_URI", &["/a?b"]),
    ("PREFIX_param A b;", "GET / HTTP/1.1", "A", &["b"]),
    ("PREFIX_param A \"\";", "GET / HTTP/1.1", "A", &[""]),
    ("PREFIX_param A $arg_x if_not_empty;", "GET / HTTP/1.1", "A", &[]),
    ("PREFIX_param P $document_uri;", "GET /a%20b HTTP/1.1", "P", &["/a b"]),
    ("", "GET / HTTP/1.1\r\nX-One: 1", "HTTP_X_ONE", &["1"]),
    ("", "GET / HTTP/1.1\r\nX-A: 1\r\nX-A: 2", "HTTP_X_A", &["1, 2"]),
    ("PREFIX_param HTTP_X_A mine;", "GET / HTTP/1.1\r\nX-A: 1", "HTTP_X_A", &["mine"]),
    ("PREFIX_pass_request_headers off;", "GET / HTTP/1.1\r\nX-A: 1", "HTTP_X_A", &[]),
    ("", "GET / HTTP/1.1\r\nProxy: http://evil/", "HTTP_PROXY", &[]),
    ("set $x y; PREFIX_param S $x$scheme;", "GET / HTTP/1.1", "S", &["yhttp"]),
];

#[test]
fn parameters_come_from_the_configuration_and_the_request() {
    for protocol in BOTH {
        each(ROWS, |(directives, head, name, values)| {
            let (up, s) = passing(protocol, directives);
            let ask = reached(&up, &s, format!("{head}\r\nHost: h\r\nConnection: close\r\n\r\n"));
            assert_eq!(ask.all(name), *values, "{protocol:?} {directives}");
        });
    }
}

#[test]
fn a_netstring_begins_with_the_length_of_the_body() {
    let (up, s) = passing(Protocol::Scgi, "");
    let ask = reached(&up, &s, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(ask.fields[0], ("CONTENT_LENGTH".into(), "0".into()), "also without a body");
    let ask = reached(&up, &s, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!((ask.must("CONTENT_LENGTH"), &ask.body[..]), ("4", &b"body"[..]));
}

#[test]
fn the_modifiers_are_those_of_the_configuration() {
    let (up, s) = passing(Protocol::Uwsgi, "");
    assert_eq!(reached(&up, &s, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n").marks, [0, 0]);
    let (up, s) = passing(Protocol::Uwsgi, "uwsgi_modifier1 14; uwsgi_modifier2 255;");
    assert_eq!(reached(&up, &s, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n").marks, [14, 255]);
}

#[test]
fn bodies_of_any_size_follow_the_head() {
    let rows = BOTH.into_iter().flat_map(|protocol| {
        // The head has the length, so a body in chunks is stored first in any case.
        let off = "PREFIX_request_buffering off;";
        [("", false), ("", true), (off, false), (off, true)].map(|m| (protocol, m))
    });
    each(rows, |(protocol, (directives, is_chunked))| {
        for size in [0, 1, 70_000, 1 << 20] {
            let (up, s) = passing(*protocol, &format!("client_max_body_size 0; {directives}"));
            let body = noise(size, 6);
            let head = "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
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
            assert_eq!(ask.must("CONTENT_LENGTH"), size.to_string());
        }
    });
}

/// uwsgi's head has 16 bits for its size: more must not become a head that lies.
#[test]
fn a_head_that_does_not_fit_is_an_error_and_not_sent() {
    let double = "set $big 0123456789abcdef; set $big \"$big$big$big$big\"; set $big \"$big$big$big$big\"; \
                  set $big \"$big$big$big$big\"; set $big \"$big$big$big$big\"; set $big \"$big$big$big$big\";";
    let (up, s) = passing(Protocol::Uwsgi, &format!("{double} uwsgi_param BIG $big$big$big$big$big;"));
    let status = s.get("/a").status;
    assert!(status >= 500, "{status}");
    if let Some(mut peer) = up.accepted() {
        assert_eq!(peer.rest(), b"", "nothing of the head");
    }
    // A netstring has no such limit.
    let (up, s) = passing(Protocol::Scgi, &format!("{double} scgi_param BIG $big$big$big$big$big;"));
    let ask = reached(&up, &s, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(ask.must("BIG").len(), 80 << 10);
}

/// Output; then status, body, a field and its value.
type Answer = (&'static str, u16, &'static str, &'static str, Option<&'static str>);

const ANSWERS: [Answer; 9] = [
    ("Content-Type: text/html\r\n\r\nhi", 200, "hi", "Content-Type", Some("text/html")),
    ("Status: 404 Not Here\r\nX-A: 1\r\n\r\nno", 404, "no", "X-A", Some("1")),
    ("HTTP/1.1 404 Not Here\r\nX-A: 1\r\n\r\nno", 404, "no", "X-A", Some("1")),
    ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", "Content-Length", Some("2")),
    ("Location: http://h/x\r\n\r\n", 302, "", "Location", Some("http://h/x")),
    ("Status: 200\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", "Content-Length", Some("2")),
    ("X-Accel-Redirect: /ok.txt\r\n\r\n", 200, "ok", "X-Accel-Redirect", None),
    ("Status: 304\r\nETag: \"x\"\r\n\r\n", 304, "", "ETag", Some("\"x\"")),
    ("HTTP/1.1 204 No\r\n\r\n", 204, "", "Content-Length", None),
];

#[test]
fn answers_are_heads_of_cgi_or_http() {
    for protocol in BOTH {
        each(ANSWERS, |(text, status, body, name, value)| {
            let (up, s) = passing(protocol, "");
            let mut client = s.connect();
            client.send_get("/a");
            let (mut peer, _) = up.asked();
            peer.send(text);
            drop(peer);
            let response = client.response().expect(*status, text);
            assert_eq!((response.text().as_str(), response.field(name)), (*body, *value), "{protocol:?}: {response}");
        });
    }
}

/// The end of the connection is the end of the answer, if it has no length.
#[test]
fn an_answer_may_come_byte_by_byte() {
    for protocol in BOTH {
        let (up, s) = passing(protocol, "");
        let mut client = s.connect();
        client.send_get("/a");
        let (mut peer, _) = up.asked();
        for byte in b"Status: 201\r\nContent-Type: a/b\r\n\r\nsome" {
            peer.send([*byte]);
        }
        drop(peer);
        let response = client.response().expect(201, "/a");
        assert_eq!((response.framing, response.text().as_str()), (Framing::Chunked, "some"));
    }
}

/// Both protocols end a connection with each request.
#[test]
fn each_request_has_a_connection_of_its_own() {
    for protocol in BOTH {
        let up = Upstream::unix(protocol).serve(move |ask| protocol.ok(ask.what().as_bytes()));
        let s = site(&format!("location / {{ {} }}", up.pass()), &[]);
        let mut client = s.connect();
        for n in 0..3 {
            assert_eq!(client.get(&format!("/{n}")).text(), format!("GET /{n}"));
        }
        assert_eq!(up.requests(), [1, 1, 1], "{protocol:?}");
    }
}

/// The shipped files are there for `include`, wherever the configuration is.
#[test]
fn the_usual_parameters_are_shipped() {
    if std::env::var("WEBSERV_TEST_BIN").is_ok() {
        return; // another program has no such files in the test's folder
    }
    for protocol in BOTH {
        let (up, name) = (Upstream::unix(protocol), protocol.prefix());
        let s = site(&format!("location / {{ include {name}_params; {name}_pass {}; }}", up.address), &[]);
        let ask = reached(&up, &s, "POST /a?q=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab");
        let rows =
            [("QUERY_STRING", "q=1"), ("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "2"), ("REQUEST_URI", "/a?q=1")];
        each(rows, |(key, value)| assert_eq!(ask.must(key), *value));
        assert_eq!((&ask.body[..], ask.must("SERVER_PORT")), (&b"ab"[..], s.port().to_string().as_str()));
    }
}
