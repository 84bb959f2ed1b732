//! Requests whose length two readers could see differently: what reaches the server behind has one meaning.

use super::harness::{each, http};
use super::{GET, proxy, reached};

/// Requests of a client. Each contains the request line "GET /smuggled", as content or in a place where it is none.
const ROWS: [&str; 20] = [
    "Content-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 40\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdeGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "Content-Length: 5, 6\r\n\r\nabcdeGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "Content-Length: +5\r\n\r\nabcdeGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "Content-Length: 0x5\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "Content-Length : 5\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "X: a\r\n Content-Length: 5\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "X: a\rTransfer-Encoding: chunked\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "X: a\r\rGET /smuggled HTTP/1.1\r\rX: b\r\n\r\n",
    "X: a\0b\r\nContent-Length: 0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
     GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "Transfer-Encoding\r\n : chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nabcdeGET /smuggled HTTP/1.1\r\nHost: h",
    "Transfer-Encoding: chunked\r\n\r\n5;a=\n\r\nabcde\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h",
    "Transfer-Encoding: chunked\r\n\r\n5\rabcde\r0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h",
    "Transfer-Encoding: chunked\r\n\r\n-1\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nabcdeGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
];

#[test]
fn a_request_with_two_meanings_is_refused_or_passed_with_one() {
    for directives in ["", "proxy_request_buffering off;"] {
        let (up, s) = proxy(directives);
        each(ROWS, |fields| {
            let mut client = s.connect();
            client.send(format!("POST /a HTTP/1.1\r\nHost: h\r\n{fields}"));
            client.half_close();
            let mut peers = Vec::new();
            while let Some(mut peer) = up.accept_unless_answered(&mut client) {
                // The reader of requests is strict: it fails if the head or its lengths are not well-formed.
                if let Some(ask) = peer.try_ask() {
                    assert!(!ask.line.contains("smuggled"), "{directives} {fields:?}: {ask:?}");
                    peer.ok(b"");
                    client.wait_some();
                }
                peers.push(peer);
            }
            client.rest();
            for mut peer in peers {
                let rest = peer.waiting();
                assert_eq!(http::find(&rest, b"smuggled"), None, "{directives}: {}", rest.escape_ascii());
            }
        });
    }
}

/// `Connection` names fields for this server alone (RFC 9110 section 7.6.1); it must not remove what frames the body.
#[test]
fn connection_cannot_name_the_length_away() {
    let body = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
    let length = body.len();
    for framed in [
        format!("Content-Length: {length}\r\n\r\n{body}"),
        format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"),
    ] {
        for directives in ["", "proxy_request_buffering off;"] {
            let (up, s) = proxy(directives);
            let named = "Connection: Content-Length, Transfer-Encoding, content-length";
            let ask = reached(&up, &s, format!("POST /a HTTP/1.1\r\nHost: h\r\n{named}\r\n{framed}"));
            assert_eq!(ask.body, body.as_bytes(), "{directives} {framed:?}");
        }
    }
}

#[test]
fn connection_takes_away_what_it_names() {
    let (up, s) = proxy("proxy_set_header X-Real-IP $remote_addr;");
    let fields = "Connection: close, X-Private, X-Real-IP, Host, Content-Length\r\nX-Private: 1\r\nX-Public: 2\r\n";
    let ask = reached(&up, &s, format!("POST /a HTTP/1.1\r\nHost: h\r\n{fields}Content-Length: 4\r\n\r\nbody"));
    assert_eq!((ask.must("X-Public"), &ask.body[..]), ("2", &b"body"[..]));
    assert_eq!((ask.must("X-Real-IP"), ask.must("Host")), ("127.0.0.1", &up.address[..]), "set for the server behind");
    assert!(ask.all("X-Private").is_empty(), "{ask:?}");
}

/// What a parameter of the configuration inserts cannot begin another field line.
#[test]
fn inserted_variables_stay_in_their_line() {
    let (up, s) = proxy("proxy_set_header X-Path $uri; proxy_set_header X-Query $arg_q;");
    let mut client = s.connect();
    client.send("GET /a%0d%0aX-Evil:%201?q=1%0d%0aX-Evil:2 HTTP/1.1\r\nHost: h\r\n\r\n");
    if let Some(mut peer) = up.accept_unless_answered(&mut client) {
        let ask = peer.ask();
        assert!(ask.all("X-Evil").is_empty(), "{ask:?}");
        peer.ok(b"");
        client.response();
    }
}

/// A client's second request is one of its own, with fields and a place of its own.
#[test]
fn pipelined_requests_are_passed_one_by_one() {
    let (up, s) = proxy("");
    let mut client = s.connect();
    client.send(format!("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc{GET}{}", GET.replace("/a", "/3")));
    let (mut peer, ask) = up.asked();
    assert_eq!((ask.line.as_str(), &ask.body[..]), ("POST /1 HTTP/1.1", &b"abc"[..]));
    for (line, body) in [("GET /a HTTP/1.1", "one"), ("GET /3 HTTP/1.1", "two")] {
        peer.ok(body.as_bytes());
        assert_eq!(client.response().text(), body);
        peer = up.accept_again(peer);
        assert_eq!(peer.ask().line, line);
    }
    peer.ok(b"three");
    assert_eq!(client.response().text(), "three");
}
