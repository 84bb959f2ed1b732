//! 101 Switching Protocols: bytes pass both ways until an end.

use super::harness::gateways::{Ask, Protocol};
use super::harness::upstream::{Peer, Upstream};
use super::harness::{Client, Server, noise, site};
use super::proxy;

const UPGRADE: &str = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
                       proxy_set_header Connection upgrade;";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: lines\r\nConnection: Upgrade\r\n\r\n";

/// A request for an upgrade, with bytes right after its head, and its answer, with bytes right after its head.
fn tunnel(early: &str, first: &str) -> (Server, Client, Peer, Ask) {
    let (up, s) = proxy(UPGRADE);
    let mut client = s.connect();
    client.send(format!("GET /t HTTP/1.1\r\nHost: h\r\nUpgrade: lines\r\nConnection: upgrade\r\n\r\n{early}"));
    let (mut peer, ask) = up.asked();
    peer.send(format!("{SWITCH}{first}"));
    let response = client.any_response();
    assert_eq!((response.status, response.must("Upgrade")), (101, "lines"));
    assert!(response.must("Connection").eq_ignore_ascii_case("upgrade"), "{response}");
    (s, client, peer, ask)
}

fn exactly(peer: &mut Peer, count: usize) -> Vec<u8> {
    peer.bytes_until(|bytes| bytes.len() >= count)
}

#[test]
fn bytes_pass_both_ways_also_those_that_come_with_the_heads() {
    let (_s, mut client, mut peer, ask) = tunnel("early-c", "early-u");
    assert_eq!((ask.must("Upgrade"), ask.must("Connection")), ("lines", "upgrade"));
    assert_eq!(exactly(&mut peer, 7), b"early-c");
    assert_eq!(client.exactly(7), b"early-u");
    for n in 0..20 {
        let line = format!("{n}: \0\r\n\r\nGET / HTTP/1.1");
        client.send(&line);
        assert_eq!(exactly(&mut peer, line.len()), line.as_bytes());
        peer.send(&line);
        assert_eq!(client.exactly(line.len()), line.as_bytes());
    }
}

#[test]
fn the_end_of_either_side_ends_the_tunnel_after_the_last_byte() {
    let (_s, mut client, mut peer, _) = tunnel("", "");
    client.send("last");
    client.half_close();
    assert_eq!(peer.rest(), b"last");
    drop(peer);
    client.assert_closed("both have ended");
    let (_s, mut client, mut peer, _) = tunnel("", "");
    peer.send("last");
    drop(peer);
    assert_eq!(client.rest(), b"last");
}

#[test]
fn one_direction_goes_on_after_the_other_has_ended() {
    let (_s, mut client, mut peer, _) = tunnel("", "");
    client.send("question");
    client.half_close();
    assert_eq!(peer.rest(), b"question", "the end is passed on");
    peer.send("answer");
    drop(peer);
    assert_eq!(client.rest(), b"answer");
}

#[test]
fn much_passes_both_ways_at_once() {
    let (_s, mut client, mut peer, _) = tunnel("", "");
    let (out, back) = (noise(3 << 20, 1), noise(3 << 20, 2));
    let mut writer = (client.second(), peer.wire.second());
    std::thread::scope(|scope| {
        scope.spawn(|| writer.0.send(&out));
        scope.spawn(|| writer.1.send(&back));
        let far = scope.spawn(|| exactly(&mut peer, out.len()));
        assert!(client.exactly(back.len()) == back, "to the client");
        assert!(far.join().unwrap() == out, "to the server behind");
    });
}

#[test]
fn a_client_that_is_gone_ends_the_tunnel() {
    let (s, client, mut peer, _) = tunnel("", "");
    client.reset();
    peer.assert_closed("a reset of the client");
    let (_, client, peer, _) = tunnel("", "");
    peer.reset();
    let mut client = client;
    client.assert_closed("a reset of the server behind");
    drop(s);
}

/// The fields of a 101 are passed on as those of other heads are: hidden, rewritten and added to.
#[test]
fn the_head_of_a_switch_is_one_of_this_server() {
    let rules = "proxy_hide_header X-Own; proxy_cookie_path /in/ /; add_header X-Added $upstream_status always;";
    let (up, s) = proxy(&format!("{UPGRADE} {rules}"));
    let mut client = s.connect();
    client.send("GET /t HTTP/1.1\r\nHost: h\r\nUpgrade: lines\r\nConnection: upgrade\r\n\r\n");
    let (mut peer, _) = up.asked();
    let fields = "Server: inner/1\r\nX-Own: 1\r\nX-Accel-Expires: 1\r\nSet-Cookie: a=b; Path=/in/\r\nX-Kept: 2\r\n\r\n";
    peer.send(format!("{}{fields}", SWITCH.strip_suffix("\r\n").unwrap()));
    let response = client.any_response();
    let names: Vec<&str> = response.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Server", "Date", "Connection", "Upgrade", "Set-Cookie", "X-Kept", "X-Added"]);
    assert!(response.must("Server").starts_with("webserv"), "{response}");
    assert_eq!((response.must("Set-Cookie"), response.must("X-Added")), ("a=b; Path=/", "101"));
}

/// RFC 9110 section 7.8: 101 is only for a client that has asked.
#[test]
fn a_switch_that_nobody_asked_for_is_a_bad_gateway() {
    let (up, s) = proxy("");
    let mut client = s.connect();
    client.send(super::GET);
    let (mut peer, _) = up.asked();
    peer.send(format!("{SWITCH}evil"));
    let answer = client.response_or_end();
    assert!(answer.is_none_or(|response| response.status == 502), "no tunnel and no answer of the client's protocol");
}

#[test]
fn a_server_behind_may_decline() {
    let (up, s) = proxy(UPGRADE);
    let mut client = s.connect();
    client.send("GET /t HTTP/1.1\r\nHost: h\r\nUpgrade: lines\r\nConnection: upgrade\r\n\r\n");
    let (mut peer, _) = up.asked();
    peer.ok(b"plain");
    assert_eq!(client.response().text(), "plain");
    client.send(super::GET);
    let mut peer = up.accept_again(peer);
    peer.ask();
    peer.ok(b"on the same connection");
    assert_eq!(client.response().text(), "on the same connection");
}

/// The time without a byte in either direction is limited; then both sides are closed.
#[test]
fn a_silent_tunnel_ends_with_the_read_timeout() {
    let up = Upstream::tcp(Protocol::Http);
    let s = site(&format!("location / {{ {} {UPGRADE} proxy_read_timeout 1s; }}", up.pass()), &[]);
    let mut client = s.connect();
    client.send("GET /t HTTP/1.1\r\nHost: h\r\nUpgrade: lines\r\nConnection: upgrade\r\n\r\n");
    let (mut peer, _) = up.asked();
    peer.send(SWITCH);
    assert_eq!(client.any_response().status, 101);
    client.assert_closed("nothing for a second");
    peer.assert_closed("nothing for a second");
}
