//! Connections to servers behind that carry more than one request: `keepalive`.

use super::harness::gateways::Protocol;
use super::harness::upstream::{Served, Upstream};
use super::harness::{Client, Server, each, host, server, wait_for};

/// A group of one server with these directives, passed to from `location /` with those.
fn kept(up: &str, group: &str, directives: &str) -> Server {
    let upstream = format!("upstream app {{ server {up}; {group} }}");
    server(&(upstream + &host(&format!("location / {{ proxy_pass http://app; {directives} }}"))), &[("ok.txt", b"ok")])
}

fn serve(answer: &'static str) -> Served {
    Upstream::tcp(Protocol::Http).serve(move |_| answer.as_bytes().to_vec())
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn ask_times(client: &mut Client, count: usize) {
    for n in 0..count {
        client.get(&format!("/{n}")).expect(200, "a kept connection");
    }
}

/// Directives of the group, of the location, an answer; how many connections five requests take.
type Row = (&'static str, &'static str, &'static str, usize);

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
const NONE: &str = "HTTP/1.1 204 No\r\n\r\n";
const CLOSES: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
const OLD: &str = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok";
const MORE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";

const ROWS: [Row; 12] = [
    // nginx since 1.29.7 keeps connections of a group by default.
    ("", "", OK, 1),
    ("keepalive 1;", "", OK, 1),
    ("keepalive 1;", "", CHUNKED, 1),
    ("keepalive 1;", "", NONE, 1),
    ("keepalive 1;", "proxy_buffering off;", OK, 1),
    ("keepalive 1;", "proxy_buffering off;", CHUNKED, 1),
    ("keepalive 0;", "", OK, 5),
    ("keepalive 1; keepalive_requests 2;", "", OK, 3),
    ("keepalive 1;", "proxy_http_version 1.0;", OK, 5),
    ("keepalive 1;", "proxy_set_header Connection close;", OK, 5),
    ("keepalive 1;", "", CLOSES, 5),
    ("keepalive 1;", "", OLD, 5),
];

#[test]
fn connections_are_used_again_if_both_sides_agree() {
    each(ROWS, |(group, directives, answer, connections)| {
        let up = serve(answer);
        let s = kept(&up.address, group, directives);
        let mut client = s.connect();
        for _ in 0..5 {
            let status = client.get("/a").status;
            assert!([200, 204].contains(&status), "{status}");
        }
        assert_eq!(up.requests().len(), *connections, "{:?}", up.requests());
    });
}

/// Bytes after the answer are nobody's: the connection is not used again, and the next client gets its own answer.
#[test]
fn what_follows_an_answer_is_no_other_answer() {
    let up = serve(MORE);
    let s = kept(&up.address, "keepalive 4;", "");
    let mut client = s.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/a").text(), "ok");
    }
    assert_eq!(up.requests(), [1, 1, 1]);
}

/// Bytes that come while nobody is asked are not the answer to the next request.
#[test]
fn an_answer_before_its_request_is_dropped_with_its_connection() {
    let up = Upstream::tcp(Protocol::Http);
    let s = kept(&up.address, "keepalive 4;", "");
    let mut client = s.connect();
    client.send_get("/1");
    let (mut peer, _) = up.asked();
    peer.ok(b"one");
    assert_eq!(client.response().text(), "one");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    peer.assert_closed("bytes that nobody has asked for");
    client.send_get("/2");
    let (mut peer, _) = up.asked();
    peer.ok(b"two");
    assert_eq!(client.response().text(), "two");
}

/// After an answer that came before the end of the request, the rest of the request must not be read as another one.
#[test]
fn a_connection_with_an_unsent_body_is_not_kept() {
    let up = Upstream::tcp(Protocol::Http);
    let s = kept(&up.address, "keepalive 4;", "proxy_request_buffering off;");
    let mut client = s.connect();
    client.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    let mut peer = up.accept();
    assert!(peer.http_head().line.starts_with("POST /1 "));
    peer.ok(b"early");
    assert_eq!(client.response().text(), "early");
    let mut other = s.connect();
    other.send_get("/2");
    let (mut second, ask) = up.asked();
    assert_eq!(ask.line, "GET /2 HTTP/1.1", "on a connection of its own");
    second.ok(b"two");
    assert_eq!(other.response().text(), "two");
}

#[test]
fn the_number_of_kept_connections_is_limited() {
    let up = Upstream::tcp(Protocol::Http);
    let s = kept(&up.address, "keepalive 2;", "");
    let mut open = Vec::new();
    for n in 0..4 {
        let mut client = s.connect();
        client.send_get(&format!("/{n}"));
        open.push((client, up.asked().0));
    }
    for (client, peer) in &mut open {
        peer.ok(b"");
        client.response().expect(200, "GET");
    }
    let closed = |open: &mut Vec<(Client, super::harness::upstream::Peer)>| {
        open.iter_mut().filter_map(|(_, peer)| peer.wire.has_some().then_some(())).count()
    };
    wait_for("two closed connections", || (closed(&mut open) == 2).then_some(()));
    let mut client = s.connect();
    ask_kept(&mut client, &up, &mut open);
}

/// The next request comes on one of the connections that are open, and not on a new one.
#[track_caller]
fn ask_kept(client: &mut Client, up: &Upstream, open: &mut Vec<(Client, super::harness::upstream::Peer)>) {
    client.send_get("/again");
    let mut peer = wait_for("the request", || {
        let at = open.iter_mut().position(|(_, peer)| peer.has_bytes())?;
        Some(open.remove(at).1)
    });
    assert_eq!(peer.ask().line, "GET /again HTTP/1.1");
    peer.ok(b"again");
    assert_eq!(client.response().text(), "again");
    up.assert_not_asked("a kept connection was there");
}

/// An idle connection is closed after `keepalive_timeout`.
#[test]
fn an_idle_connection_is_closed_in_time() {
    let up = Upstream::tcp(Protocol::Http);
    let s = kept(&up.address, "keepalive 2; keepalive_timeout 1s;", "");
    let mut client = s.connect();
    client.send_get("/1");
    let (mut peer, _) = up.asked();
    peer.ok(b"");
    client.response().expect(200, "GET");
    peer.assert_closed("idle for a second");
}

/// Clients that close do not take the connection behind with them, and each new client can use it.
#[test]
fn a_kept_connection_outlives_its_client() {
    let up = serve(OK);
    let s = kept(&up.address, "keepalive 2;", "");
    for _ in 0..5 {
        s.get("/a").expect(200, "/a");
    }
    assert_eq!(up.requests(), [5]);
    ask_times(&mut s.connect(), 3);
    assert_eq!(up.requests(), [8]);
}
