//! Bodies in both directions, with both framings and any size.

use super::harness::http::{Framing, find};
use super::harness::scripts::{both_ways, chunked};
use super::harness::{each, noise};
use super::{GET, answered, proxy};

/// The client's body as it is framed.
fn post(is_chunked: bool, body: &[u8]) -> Vec<u8> {
    let head = "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
    match is_chunked {
        true => {
            [format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes(), &chunked(body, &[1, 70_000, 333])].concat()
        }
        false => [format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat(),
    }
}

#[test]
fn bodies_of_any_size_reach_the_server_behind() {
    let rows =
        [("", false), ("", true), ("proxy_request_buffering off;", false), ("proxy_request_buffering off;", true)];
    each(rows, |(directives, is_chunked)| {
        for size in [0, 1, 5_000, 70_000, 3 << 20] {
            let (up, s) = proxy(&format!("client_max_body_size 0; {directives}"));
            let body = noise(size, 7);
            let request = post(*is_chunked, &body);
            let (ask, answer) = std::thread::scope(|scope| {
                let behind = scope.spawn(|| {
                    let (mut peer, ask) = up.asked();
                    peer.ok(b"done");
                    ask
                });
                let answer = both_ways(&s, &request);
                (behind.join().unwrap(), answer)
            });
            assert!(answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"done"), "{}", answer.escape_ascii());
            assert!(ask.body == body, "{size} bytes: {} came", ask.body.len());
            // A buffered body has a known length; the reader of requests allows one framing only.
            let length = size.to_string();
            let is_known = !is_chunked || directives.is_empty();
            assert!(!is_known || ask.field("Content-Length") == Some(&length), "{size} bytes");
        }
    });
}

/// Without buffering, the server behind gets the head at once, and each piece when it comes.
#[test]
fn an_unbuffered_body_is_passed_as_it_comes() {
    for framed in [
        ["Content-Length: 6", "abc", "def", ""],
        ["Transfer-Encoding: chunked", "3\r\nabc\r\n", "3\r\ndef\r\n", "0\r\n\r\n"],
    ] {
        let (up, s) = proxy("proxy_request_buffering off;");
        let mut client = s.connect();
        client.send(format!("POST /a HTTP/1.1\r\nHost: h\r\n{}\r\n\r\n", framed[0]));
        let mut peer = up.accept();
        let head = peer.http_head();
        assert!(head.line.starts_with("POST /a "));
        for (piece, text) in [(framed[1], b"abc"), (framed[2], b"def")] {
            client.send(piece);
            let seen = peer.bytes_until(|bytes| find(bytes, text).is_some());
            assert!(seen.len() < 20, "{}", seen.escape_ascii());
        }
        client.send(framed[3]);
        if framed[3] == "0\r\n\r\n" {
            peer.bytes_until(|bytes| bytes.ends_with(b"0\r\n\r\n"));
        }
        peer.ok(b"done");
        assert_eq!(client.response().text(), "done");
    }
}

/// With buffering, the server behind is not asked before the body is complete.
#[test]
fn a_buffered_body_comes_first() {
    let (up, s) = proxy("");
    let mut client = s.connect();
    client.send("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.any_response().status, 100);
    up.assert_not_asked("before the body");
    client.send("3\r\nabc\r\n0\r\n\r\n");
    let (mut peer, ask) = up.asked();
    assert_eq!((&ask.body[..], ask.must("Content-Length")), (&b"abc"[..], "3"));
    peer.ok(b"");
    client.response().expect(200, "POST");
}

/// An answer before the end of the request's body: the client gets it whole, and can still send.
#[test]
fn the_server_behind_may_answer_early() {
    for directives in ["", "proxy_request_buffering off;"] {
        let (up, s) = proxy(&format!("client_max_body_size 0; {directives}"));
        let request = post(false, &noise(2 << 20, 3));
        let answer = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut peer = up.accept();
                peer.http_head();
                peer.send("HTTP/1.1 413 Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge");
                // Closes in order, and without a reset: what comes is read and dropped.
                peer.wire.half_close();
                peer.rest();
            });
            both_ways(&s, &request)
        });
        assert!(
            answer.starts_with(b"HTTP/1.1 413 ") && answer.ends_with(b"\r\n\r\nlarge"),
            "{}",
            answer.escape_ascii()
        );
    }
}

/// Answers as they are framed behind, and how the client gets them.
#[test]
fn answers_with_each_framing() {
    let body = noise(300_000, 9);
    let rows = [("length", Framing::Length), ("chunked", Framing::Chunked), ("close", Framing::Chunked)];
    each(rows, |(kind, framing)| {
        for directives in ["", "proxy_buffering off;"] {
            let (up, s) = proxy(directives);
            let answer = match *kind {
                "length" => {
                    [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat()
                }
                "chunked" => {
                    [&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..], &chunked(&body, &[1, 9999])]
                        .concat()
                }
                _ => [&b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"[..], &body].concat(),
            };
            let response = std::thread::scope(|scope| {
                scope.spawn(|| {
                    let (mut peer, _) = up.asked();
                    peer.send(&answer);
                });
                let mut client = s.connect();
                client.send(GET);
                client.response()
            });
            assert_eq!(response.framing, *framing, "{kind}: {response}");
            assert!(response.body == body, "{kind}: {} bytes came", response.body.len());
        }
    });
}

/// HTTP/1.0 has no chunks: the end of the connection is the end of the body.
#[test]
fn an_old_client_gets_no_chunks() {
    let (up, s) = proxy("");
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    let response = answered(&up, &s, "GET /a HTTP/1.0\r\nHost: h\r\n\r\n", answer);
    assert_eq!((response.framing, response.text().as_str()), (Framing::Close, "abc"));
}

/// Chunk extensions are for this connection only (RFC 9112 section 7.1.1).
#[test]
fn chunks_may_have_extensions_and_any_case() {
    let (up, s) = proxy("");
    let answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n00A;x=\"y\"\r\n0123456789\r\n2 ;z\r\nab\r\n000;q\r\n\r\n";
    assert_eq!(answered(&up, &s, GET, answer).text(), "0123456789ab");
}

#[test]
fn trailers_are_passed_if_told() {
    let answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 42\r\n\r\n";
    for (directives, is_passed) in [("", false), ("proxy_pass_trailers on;", true)] {
        let (up, s) = proxy(directives);
        let mut client = s.connect();
        client.send("GET /a HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n");
        let (mut peer, _) = up.asked();
        peer.send(answer);
        let bytes = client.rest();
        assert_eq!(find(&bytes, b"0\r\nX-Sum: 42\r\n\r\n").is_some(), is_passed, "{}", bytes.escape_ascii());
        assert!(bytes.ends_with(b"\r\n\r\n"), "{}", bytes.escape_ascii());
    }
}

/// A request's trailer fields are not among the fields that reach the server behind.
#[test]
fn trailers_of_a_request_are_no_fields() {
    for directives in ["", "proxy_request_buffering off;"] {
        let (up, s) = proxy(directives);
        let body = "3\r\nabc\r\n0\r\nX-Trailer: 1\r\nContent-Length: 9\r\n\r\n";
        let ask =
            super::reached(&up, &s, format!("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
        assert_eq!((&ask.body[..], ask.all("X-Trailer").len()), (&b"abc"[..], 0));
    }
}

/// HTTP/1.0 has no chunks: the body is stored first, and its length is sent.
#[test]
fn a_body_in_chunks_has_a_length_behind_http_1_0() {
    let (up, s) = proxy("proxy_http_version 1.0; proxy_request_buffering off;");
    let body = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let ask =
        super::reached(&up, &s, format!("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
    assert_eq!((&ask.body[..], ask.must("Content-Length"), ask.field("Transfer-Encoding")), (&b"abcde"[..], "5", None));
}
