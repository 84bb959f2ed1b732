//! A server behind that dies in the middle of answers and is started again.

use super::harness::each;
use super::harness::gateways::ALL;
use super::harness::http;
use super::harness::upstream::Upstream;
use super::{Fds, assert_logged, to};

#[test]
fn a_killed_server_is_back_as_soon_as_it_listens() {
    each(ALL, |protocol| {
        let up = Upstream::tcp(*protocol);
        let s = to(&up, "keepalive 4;", &format!("{} PREFIX_buffering off;", protocol.keep()));
        let mut clients = [s.connect(), s.connect()];
        clients.iter_mut().for_each(|client| drop(client.get("/ok.txt")));
        let fds = Fds::of(&s);
        // One request is in its answer, one waits for it.
        clients[0].send_get("/begun");
        let (mut peer, _) = up.asked();
        peer.send(protocol.part(100, b"begun"));
        clients[0].wait_some();
        clients[1].send_get("/waiting");
        let (waiting, _) = up.asked();
        let address = up.address.clone();
        drop(up);
        peer.reset();
        waiting.reset();
        let bytes = clients[0].rest();
        assert!(matches!(http::parse(&bytes, false, true), Ok(None)), "{}", bytes.escape_ascii());
        clients[1].response().expect(502, "/waiting");
        assert_eq!(clients[1].get("/down").status, 502);
        for target in ["/begun", "/waiting", "/down"] {
            assert_logged(&s, &address, target);
        }
        let up = Upstream::again(*protocol, &address);
        for n in 0..3 {
            clients[1].send_get(&format!("/{n}"));
            let (mut peer, _) = up.asked();
            peer.ok(b"back");
            drop(peer);
            assert_eq!(clients[1].response().expect(200, "after the start").text(), "back");
        }
        fds.assert_level(&s);
    });
}
