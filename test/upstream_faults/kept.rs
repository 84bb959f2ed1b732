//! Connections that are kept and end while nobody looks: a request that may be sent again is, once.

use super::harness::gateways::{Ask, Protocol};
use super::harness::http::find;
use super::harness::upstream::{Peer, Upstream};
use super::harness::{Client, Server, each, host, server};
use super::{End, Fds, assert_logged, to};

const KEEPS: [Protocol; 2] = [Protocol::Http, Protocol::Fastcgi];

/// A server that keeps connections to this one, and one such connection.
fn with_kept(protocol: Protocol, directives: &str) -> (Upstream, Server, Client, Peer) {
    let up = Upstream::tcp(protocol);
    let s = to(&up, "keepalive 4;", &format!("{} {directives}", protocol.keep()));
    let mut client = s.connect();
    client.send_get("/first");
    let (mut peer, _) = up.asked();
    peer.ok(b"first");
    assert_eq!(client.response().text(), "first");
    (up, s, client, peer)
}

/// The bytes of a request with this method; all but GET have a body.
fn request(method: &str) -> String {
    match method {
        "GET" => "GET /again HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        _ => format!("{method} /again HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"),
    }
}

#[track_caller]
fn assert_is(ask: &Ask, method: &str) {
    assert_eq!(ask.what(), format!("{method} /again"));
    assert_eq!(ask.body, if method == "GET" { &b""[..] } else { b"body" });
}

/// The connection ends while it is idle. The next request does not notice, whatever its method.
#[test]
fn a_connection_that_ended_while_idle_is_not_used() {
    for protocol in KEEPS {
        for end in [End::Close, End::Reset] {
            let (up, s, mut client, peer) = with_kept(protocol, "");
            let fds = Fds::of(&s);
            end.of(peer);
            // The server has noticed when the descriptor is closed.
            super::harness::wait_for("the idle connection's end", || (s.process.open_fds() < fds.count).then_some(()));
            client.send(request("POST"));
            let (mut peer, ask) = up.asked();
            assert_is(&ask, "POST");
            peer.ok(b"again");
            assert_eq!(client.response().expect(200, "POST").text(), "again");
            fds.assert_level(&s);
            assert!(!s.said().contains("[error]"), "an idle connection may end: {}", s.said());
        }
    }
}

/// The connection ends instead of an answer to the second request. RFC 9110 section 9.2.2: only a request that may be
/// done twice is sent again.
#[test]
fn a_request_that_may_be_sent_again_is_once() {
    let ends = [End::Close, End::Reset];
    let rows = KEEPS.into_iter().flat_map(|protocol| ends.map(|end| (protocol, end)));
    each(rows, |(protocol, end)| {
        for method in ["GET", "PUT", "DELETE"] {
            let (up, s, mut client, mut peer) = with_kept(*protocol, "");
            let fds = Fds::of(&s);
            client.send(request(method));
            assert_is(&peer.ask(), method);
            end.of(peer);
            let (mut peer, ask) = up.asked();
            assert_is(&ask, method);
            peer.ok(b"again");
            assert_eq!(client.response().expect(200, method).text(), "again");
            fds.assert_level(&s);
        }
    });
}

#[test]
fn a_request_that_may_not_be_done_twice_is_not_sent_again() {
    each(KEEPS, |protocol| {
        for method in ["POST", "PATCH"] {
            let (up, s, mut client, mut peer) = with_kept(*protocol, "");
            client.send(request(method));
            assert_is(&peer.ask(), method);
            drop(peer);
            client.response().expect(502, method);
            up.assert_not_asked(method);
            assert_logged(&s, &up.address, "/again");
        }
        let (up, _s, mut client, mut peer) = with_kept(*protocol, "PREFIX_next_upstream error non_idempotent;");
        client.send(request("POST"));
        assert_is(&peer.ask(), "POST");
        drop(peer);
        let (mut peer, ask) = up.asked();
        assert_is(&ask, "POST");
        peer.ok(b"again");
        assert_eq!(client.response().expect(200, "POST, as configured").text(), "again");
    });
}

/// The second connection is new: if it ends, too, the server behind is at fault.
#[test]
fn a_request_is_not_sent_a_third_time() {
    each(KEEPS, |protocol| {
        let (up, s, mut client, mut peer) = with_kept(*protocol, "");
        client.send(request("GET"));
        assert_is(&peer.ask(), "GET");
        drop(peer);
        let (peer, ask) = up.asked();
        assert_is(&ask, "GET");
        drop(peer);
        client.response().expect(502, "GET");
        up.assert_not_asked("twice is enough");
        assert_logged(&s, &up.address, "/again");
    });
}

/// A bug: each server of a group was asked over a kept connection only. If all of these had ended, the client got 502.
#[test]
fn kept_connections_of_all_servers_of_a_group_had_ended() {
    let (one, two) = (Upstream::tcp(Protocol::Http), Upstream::tcp(Protocol::Http));
    let upstream = format!("upstream app {{ server {}; server {}; }}", one.address, two.address);
    let s = server(&(upstream + &host("location / { proxy_pass http://app; }")), &[]);
    let mut client = s.connect();
    let kept: Vec<Peer> = [&one, &two]
        .map(|up| {
            client.send_get("/first");
            let (mut peer, _) = up.asked();
            peer.ok(b"first");
            assert_eq!(client.response().text(), "first");
            peer
        })
        .into();
    client.send(request("GET"));
    let mut kept = kept.into_iter();
    let mut peer = kept.next().expect("the first server's");
    assert_is(&peer.ask(), "GET");
    drop(peer);
    let (mut peer, ask) = one.asked();
    assert_is(&ask, "GET");
    peer.ok(b"again");
    assert_eq!(client.response().expect(200, "GET").text(), "again");
    two.assert_not_asked("the first server has not failed");
}

/// Several kept connections may all have ended.
#[test]
fn many_kept_connections_may_have_ended() {
    each(KEEPS, |protocol| {
        let up = Upstream::tcp(*protocol);
        let s = to(&up, "keepalive 4;", protocol.keep());
        let mut open: Vec<(Client, Peer)> = Vec::new();
        for n in 0..3 {
            let mut client = s.connect();
            client.send_get(&format!("/{n}"));
            open.push((client, up.asked().0));
        }
        let mut peers = Vec::new();
        for (mut client, mut peer) in open {
            peer.ok(b"one");
            assert_eq!(client.response().text(), "one");
            peers.push(peer);
        }
        let mut client = s.connect();
        client.send(request("GET"));
        // Each of them takes the request and ends, until a new connection comes.
        let mut peer = loop {
            match up.accept_or_any(&mut peers) {
                Ok(new) => break new,
                Err(at) => {
                    let mut peer = peers.remove(at);
                    assert_is(&peer.ask(), "GET");
                    drop(peer);
                }
            }
        };
        assert_is(&peer.ask(), "GET");
        peer.ok(b"again");
        assert_eq!(client.response().expect(200, "GET").text(), "again");
    });
}

/// After a failed answer, the connection is not used again.
#[test]
fn a_connection_with_a_bad_answer_is_closed() {
    each(KEEPS, |protocol| {
        let (up, s, mut client, mut peer) = with_kept(*protocol, "");
        client.send_get("/bad");
        peer.ask();
        peer.send(protocol.wrap(b"HTTP/1.1 200 OK\r\nno field line\r\n\r\n", false));
        client.response().expect(502, "/bad");
        peer.assert_closed("a bad answer");
        client.send_get("/next");
        let (mut peer, _) = up.asked();
        peer.ok(b"next");
        assert_eq!(client.response().text(), "next");
        assert_logged(&s, &up.address, "/bad");
    });
}

/// A body that is not stored cannot be sent again: with request_buffering off, only what was not begun is.
#[test]
fn an_unbuffered_body_is_not_sent_again() {
    each(KEEPS, |protocol| {
        let (up, _s, mut client, mut peer) = with_kept(*protocol, "PREFIX_request_buffering off;");
        // The body comes in two pieces, so it is not there when the server behind is asked.
        let request = request("PUT");
        let (first, second) = request.split_at(request.len() - 2);
        client.send(first);
        peer.bytes_until(|bytes| find(bytes, b"bo").is_some());
        client.send(second);
        peer.bytes_until(|bytes| find(bytes, b"dy").is_some());
        drop(peer);
        client.response().expect(502, "PUT");
        up.assert_not_asked("its body is gone");
    });
}
