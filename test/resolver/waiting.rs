//! Requests that wait for a name: together, until their clients leave, with bodies, and through a reload.

use super::harness::gateways::Protocol;
use super::harness::name_server::{NameServer, a};
use super::harness::upstream::{Fds, Upstream};
use super::harness::{noise, site};
use super::{passing, serve};

#[test]
fn requests_wait_for_one_question() {
    let (ns, up, s) = passing("");
    let mut clients: Vec<_> = (0..5).map(|_| s.connect()).collect();
    for client in &mut clients {
        client.send_get("/a");
    }
    let [ipv4, ipv6] = ns.asked_both("a");
    s.assert_alive("the loop goes on");
    ns.answer(&ipv4, &[a(60, 1)]);
    s.assert_alive("one kind has come");
    ns.answer(&ipv6, &[]);
    for _ in 0..clients.len() {
        serve(&up);
    }
    for client in &mut clients {
        client.response().expect(200, "/a");
    }
    ns.assert_not_asked("they have waited for the same");
}

#[test]
fn a_client_may_leave() {
    let (ns, up, s) = passing("");
    (0..3).for_each(|_| s.assert_alive("its start")); // the cache of files has its descriptor
    let level = Fds::of(&s);
    let (mut stays, mut leaves) = (s.connect(), s.connect());
    leaves.send_get("/a");
    let [ipv4, ipv6] = ns.asked_both("a");
    stays.send_get("/a");
    s.assert_alive("both wait"); // the server has read what came before
    drop(leaves);
    s.wait_said("the client closed while");
    ns.answer(&ipv4, &[a(60, 1)]);
    ns.answer(&ipv6, &[]);
    serve(&up);
    stays.response().expect(200, "the other one");
    drop(stays);
    level.assert_level(&s);
    up.assert_not_asked("nobody waits for the answer");
}

#[test]
fn nobody_is_asked_when_all_clients_have_left() {
    let (ns, _, s) = passing("");
    let level = Fds::of(&s);
    for number in 0..20 {
        let mut client = s.connect();
        client.send_get(&format!("/host{}", number % 3));
        ns.asked_both(&format!("host{}", number % 3));
    }
    level.assert_level(&s); // the sockets to the name server are closed, too
}

#[test]
fn sockets_are_closed_with_their_answers() {
    let (ns, up, s) = passing("");
    let level = Fds::of(&s);
    for number in 0..20 {
        let mut client = s.connect();
        client.send_get(&format!("/host{number}"));
        ns.answer_both(&format!("host{number}"), &[a(60, 1)]);
        serve(&up);
        client.response().expect(200, "a name");
    }
    level.assert_level(&s);
}

#[test]
fn bodies_wait_too() {
    let body = noise(300_000, 7);
    for buffering in ["on", "off"] {
        let (up, ns) = (Upstream::tcp(Protocol::Http), NameServer::new());
        let port = up.address.rsplit(':').next().expect("a port").to_owned();
        let s = site(
            &format!(
                "location / {{ resolver {} ipv6=off; proxy_pass http://$arg_to:{port}; \
                 proxy_request_buffering {buffering}; client_max_body_size 1m; client_body_in_file_only clean; }}",
                ns.address()
            ),
            &[],
        );
        let mut client = s.connect();
        let mut sender = client.second();
        let bytes = body.clone();
        let sending = std::thread::spawn(move || {
            sender.send(format!("PUT /?to=a HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", bytes.len()));
            sender.send(bytes);
        });
        ns.answer(&ns.asked(), &[a(60, 1)]);
        let (mut peer, ask) = up.asked();
        assert!(ask.body == body, "{buffering}: {} bytes have come", ask.body.len());
        peer.ok(b"");
        client.response().expect(200, buffering);
        sending.join().expect("all was sent");
    }
}

#[test]
fn a_waiting_request_keeps_its_configuration() {
    let (ns, up, s) = passing("");
    let mut client = s.connect();
    client.send_get("/a");
    let [ipv4, ipv6] = ns.asked_both("a");
    s.rewrite("error_log stderr notice;", "server { listen 127.0.0.1:0; return 404; }");
    s.process.signal("HUP");
    s.wait_said("reloaded: the new configuration is in use");
    ns.answer(&ipv4, &[a(60, 1)]);
    ns.answer(&ipv6, &[]);
    serve(&up);
    client.response().expect(200, "/a");
}
