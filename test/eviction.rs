//! Which connections close when there are more clients than `worker_connections`: the connection that has been idle for
//! longest, and none with a request under way. A new client does not wait for a pause to end.

mod harness;

use harness::{Client, Server, Setup, host, noise, wait_for};
use std::io::ErrorKind;
use std::time::Duration;

/// More than the kernel's socket buffers hold, so that a download is really under way.
const BIG: usize = 16 << 20;

/// The order of use is kept by the second.
const NEXT_SECOND: Duration = Duration::from_millis(1100);

const CLOSED: &str = "worker_connections are not enough: idle ones are closed";
const WAIT: &str = "worker_connections are not enough: new clients wait";

fn server(connections: u32, http: &str) -> Server {
    let files: [(&str, &[u8]); 2] = [("ok.txt", b"ok"), ("big", &noise(BIG, 3))];
    Setup::new(http, &files).connections(connections).start()
}

/// A client that has had an answer and keeps its connection.
fn idle(s: &Server) -> Client {
    let mut client = s.connect();
    client.get("/ok.txt").expect(200, "/ok.txt");
    client
}

/// A client that has not taken all of its answer.
fn busy(s: &Server, listener: usize) -> Client {
    let mut client = s.connect_to(listener);
    client.send_get("/big");
    client.wait_some();
    client
}

/// Whether the server has closed this connection.
fn is_closed(client: &mut Client) -> bool {
    match client.read_some(&mut [0; 1], Duration::from_millis(1)) {
        Ok(0) => true,
        Err(e) => e.kind() != ErrorKind::TimedOut,
        Ok(_) => panic!("it has said something"),
    }
}

/// Waits until the server has closed `count` of these connections. Returns which ones.
fn wait_closed(clients: &mut [Client], count: usize) -> Vec<usize> {
    wait_for(&format!("{count} connections being closed"), || {
        let closed: Vec<usize> = (0..clients.len()).filter(|at| is_closed(&mut clients[*at])).collect();
        (closed.len() >= count).then_some(closed)
    })
}

fn count(s: &Server, what: &str) -> usize {
    s.said().matches(what).count()
}

/// The 32 that were the first in a table were closed, however fresh they were, and the new client waited for a pause.
#[test]
fn the_least_recently_used_connection_makes_room() {
    let s = server(20, &host("keepalive_timeout 60s;"));
    let mut clients: Vec<Client> = (0..20).map(|_| idle(&s)).collect();
    std::thread::sleep(NEXT_SECOND);
    for client in &mut clients[..12] {
        client.get("/ok.txt").expect(200, "used recently");
    }
    assert!(!s.said().contains("worker_connections"), "as many as there may be, and nobody waits");
    let mut new = vec![idle(&s)];
    assert_eq!(wait_closed(&mut clients, 1), [12], "the one that was idle for longest, and no more than needed");
    new.extend((0..9).map(|_| idle(&s)));
    assert_eq!(wait_closed(&mut clients, 10), [0, 1, 12, 13, 14, 15, 16, 17, 18, 19]);
    for client in clients[2..12].iter_mut().chain(&mut new) {
        client.get("/ok.txt").expect(200, "it was not closed");
    }
    assert_eq!((count(&s, CLOSED), count(&s, WAIT)), (1, 0), "said once, and nobody had to wait for a client to leave");
}

#[test]
fn places_are_made_before_they_are_needed() {
    // Four are kept free: the 61st client finds as many, and each after it has one place made.
    let s = server(64, &host("keepalive_timeout 60s;"));
    let mut clients: Vec<Client> = (0..61).map(|_| idle(&s)).collect();
    assert!(!s.said().contains("worker_connections"));
    clients.extend((0..9).map(|_| idle(&s)));
    assert_eq!(wait_closed(&mut clients, 9), (0..9).collect::<Vec<_>>());
    assert_eq!((count(&s, CLOSED), count(&s, WAIT)), (1, 0));
}

#[test]
fn who_never_says_anything_makes_room_and_who_has_begun_does_not() {
    let s = server(20, &host("keepalive_timeout 60s; client_header_timeout 60s;"));
    let mut silent: Vec<Client> = (0..10).map(|_| s.connect()).collect();
    let mut begun: Vec<Client> = (0..10).map(|_| s.connect()).collect();
    for client in &mut begun {
        client.send("GET /ok.txt HTTP/1.1\r\nHo");
    }
    let new: Vec<Client> = (0..10).map(|_| idle(&s)).collect();
    assert_eq!(wait_closed(&mut silent, 10), (0..10).collect::<Vec<_>>());
    for client in &mut begun {
        client.send("st: h\r\n\r\n");
        client.response().expect(200, "it has begun");
    }
    drop(new);
}

#[test]
fn with_nobody_idle_the_clients_of_all_listeners_wait_for_one_that_leaves() {
    let two = "server { listen 127.0.0.1:0; root html; } server { listen 127.0.0.2:0; root html; }";
    let s = server(3, two);
    let mut open: Vec<Client> = (0..3).map(|_| busy(&s, 0)).collect();
    let mut waiting: Vec<Client> = [0, 1, 0, 1]
        .map(|listener| {
            let mut client = s.connect_to(listener);
            client.send_get("/big"); // so that it is not idle when it has its place
            client
        })
        .into();
    s.wait_said(WAIT);
    while let Some(leaves) = open.pop() {
        drop(leaves);
    }
    for client in &mut waiting {
        assert_eq!(client.response().expect(200, "/big").body.len(), BIG);
    }
    assert!(count(&s, WAIT) <= 2, "once for each listener, and not for each client");
}

/// Who waits for a place has it not only when a connection closes, but when one becomes idle that can be closed.
#[test]
fn a_download_that_ends_makes_room_though_its_client_stays() {
    let s = server(3, &host("keepalive_timeout 60s; send_timeout 60s;"));
    let mut open: Vec<Client> = (0..3).map(|_| busy(&s, 0)).collect();
    let mut waiting: Vec<Client> = (0..3).map(|_| s.connect()).collect();
    waiting.iter_mut().for_each(|client| client.send_get("/big"));
    s.wait_said(WAIT);
    let mut stays = open.remove(0);
    assert_eq!(stays.response().expect(200, "/big").body.len(), BIG);
    for client in waiting.iter_mut().chain(&mut open) {
        assert_eq!(client.response().expect(200, "/big").body.len(), BIG, "nobody lost a part of it");
    }
    stays.assert_closed("it was idle, and others waited");
}
