//! `least_conn` and `max_conns`: the requests that servers work for.

use super::harness::gateways::Protocol;
use super::harness::upstream::{Peer, Upstream};
use super::harness::{Client, Server, server, wait_for};
use super::http;

/// Servers behind that the test plays.
struct Played {
    ups: [Upstream; 2],
    s: Server,
}

fn played(directives: &str) -> Played {
    let ups = [(); 2].map(|()| Upstream::tcp(Protocol::Http));
    let s = server(&http(directives, &ups.each_ref().map(|up| &up.address[..])), &[]);
    Played { ups, s }
}

/// A request that has reached a server and waits for its answer.
struct Waiting {
    client: Client,
    peer: Peer,
}

impl Played {
    /// Sends a request, which must reach the server with this number.
    #[track_caller]
    fn send(&self, number: usize) -> Waiting {
        let mut client = self.s.connect();
        client.send_get("/x");
        let (peer, _) = self.ups[number].asked();
        self.ups[1 - number].assert_not_asked("the request is for the other one");
        Waiting { client, peer }
    }

    /// Sends a request. Returns the number of the server that it has reached.
    fn send_to_any(&self) -> (usize, Waiting) {
        let mut client = self.s.connect();
        client.send_get("/x");
        let look = || self.ups.iter().enumerate().find_map(|(number, up)| Some((number, up.accepted()?)));
        let (number, mut peer) = wait_for("the request", look);
        peer.ask();
        (number, Waiting { client, peer })
    }
}

impl Waiting {
    /// Answers, and returns when the client has the answer.
    fn finish(mut self) {
        self.peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        self.client.response().expect(200, "a request that waited");
    }
}

#[test]
fn the_server_with_the_fewest_requests_is_chosen() {
    let played = played("least_conn; server A; server B;");
    let (first, second) = (played.send(0), played.send(1));
    second.finish();
    let second = played.send(1);
    first.finish();
    let first = played.send(0);
    [first, second].into_iter().for_each(Waiting::finish);
}

#[test]
fn a_higher_weight_bears_more_requests() {
    let played = played("least_conn; server A weight=3; server B;");
    let open: Vec<Waiting> = [0, 1, 0, 0].map(|number| played.send(number)).into();
    open.into_iter().for_each(Waiting::finish);
}

#[test]
fn a_server_that_is_full_gets_no_request() {
    for method in ["", "least_conn;", "hash x;", "hash x consistent;"] {
        let played = played(&format!("{method} server A max_conns=1; server B max_conns=1;"));
        let (number, first) = played.send_to_any();
        let second = played.send(1 - number);
        let refused = played.s.get("/x").expect(502, "both are full");
        assert_eq!(refused.must("X-Addr"), "app", "{method}");
        second.finish();
        played.send(1 - number).finish();
        first.finish();
    }
}

#[test]
fn a_backup_steps_in_for_full_servers() {
    let played = played("server A max_conns=2; server B backup;");
    let open = [0, 0, 1, 1].map(|number| played.send(number));
    let [first, ..] = open;
    first.finish();
    played.send(0).finish();
}

/// A place is free when the client of its request has gone.
#[test]
fn a_client_that_is_gone_takes_no_place() {
    let played = played("server A max_conns=1;server B down;");
    let waiting = played.send(0);
    drop(waiting.client);
    let mut peer = waiting.peer;
    peer.assert_closed("its client is gone");
    drop(peer);
    played.send(0).finish();
}
