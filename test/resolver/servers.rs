//! `server NAME resolve`: the addresses of a server behind follow its name while the server runs.

use super::harness::gateways::Protocol;
use super::harness::name_server::{NameServer, a};
use super::harness::upstream::Upstream;
use super::harness::{Client, Response, Server, Setup, host, wait_for};

/// An http block: the group `app` with the server app.example on this port, and a host that passes all requests to it.
fn http(ns: &NameServer, options: &str, port: u16, more: &str) -> String {
    let group = format!(
        "zone app 64k; resolver {} ipv6=off {options}; server app.example:{port} resolve max_fails=0; {more}",
        ns.address()
    );
    let location = "location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection \"\"; \
                    add_header X-To $upstream_addr always; } \
                    location /by/ { proxy_pass http://$arg_to; add_header X-To $upstream_addr always; }";
    format!("upstream app {{ {group} }}\n{}", host(location))
}

fn start(ns: &NameServer, options: &str, port: u16, more: &str) -> Server {
    Setup::new(&http(ns, options, port, more), &[]).main("error_log stderr info;").start()
}

fn port_of(up: &Upstream) -> u16 {
    up.address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}

/// GET, answered by this server behind.
#[track_caller]
fn get(client: &mut Client, up: &Upstream, target: &str) -> Response {
    client.send_get(target);
    let (mut peer, _) = up.asked();
    peer.ok(b"well");
    client.response().expect(200, target)
}

#[test]
fn the_server_starts_before_the_name_is_known() {
    let (ns, up) = (NameServer::new(), Upstream::tcp(Protocol::Http));
    let s = start(&ns, "", port_of(&up), "");
    let asked = ns.asked();
    assert_eq!(asked.name, "app.example");
    s.get("/").expect(502, "nothing is known");
    s.wait_said("\"app\" has no live upstreams");
    ns.answer(&asked, &[a(60, 1)]);
    s.wait_said(&format!("has now: {}", up.address));
    assert_eq!(get(&mut s.connect(), &up, "/").must("X-To"), up.address);
    assert_eq!(get(&mut s.connect(), &up, "/by/?to=app").must("X-To"), up.address);
    ns.assert_not_asked("a request asks nothing");
}

#[test]
fn other_servers_are_asked_meanwhile() {
    let (ns, up) = (NameServer::new(), Upstream::tcp(Protocol::Http));
    let s = start(&ns, "", port_of(&up), &format!("server {} backup;", up.address));
    assert_eq!(get(&mut s.connect(), &up, "/").must("X-To"), up.address);
}

#[test]
fn kept_connections_to_an_address_that_has_gone_are_closed() {
    let (ns, one) = (NameServer::new(), Upstream::tcp(Protocol::Http));
    let port = port_of(&one);
    let other = Upstream::again(Protocol::Http, &format!("127.0.0.2:{port}"));
    let s = start(&ns, "valid=1s", port, "keepalive 4;");
    ns.answer(&ns.asked(), &[a(60, 1)]);
    s.wait_said(&format!("has now: 127.0.0.1:{port}"));
    let mut client = s.connect();
    client.send_get("/");
    let (mut kept, _) = one.asked();
    kept.ok(b"well");
    client.response().expect(200, "/");
    client.send_get("/");
    kept.ask();
    kept.ok(b"well");
    client.response().expect(200, "on the same connection");
    ns.answer(&ns.asked(), &[a(60, 2)]);
    s.wait_said(&format!("has now: 127.0.0.2:{port}"));
    kept.assert_closed("its address has gone");
    assert_eq!(get(&mut client, &other, "/").must("X-To"), other.address);
}

#[test]
fn a_failure_changes_nothing_and_no_address_is_one() {
    let (ns, up) = (NameServer::new(), Upstream::tcp(Protocol::Http));
    let s = start(&ns, "valid=1s; resolver_timeout 1s", port_of(&up), "");
    ns.answer(&ns.asked(), &[a(60, 1)]);
    s.wait_said("has now: ");
    let asked = ns.asked();
    ns.send(&asked, &asked.answer(2, &[]));
    s.wait_said("\"app.example\" could not be resolved (2: Server failure)");
    get(&mut s.connect(), &up, "/");
    let asked = ns.asked();
    ns.send(&asked, &asked.answer(3, &[]));
    s.wait_said("has now: no address");
    s.get("/").expect(502, "there is no server");
    ns.answer(&ns.asked(), &[a(60, 1)]);
    let now = format!("has now: {}", up.address);
    wait_for(&now, || (s.said().matches(&now).count() == 2).then_some(()));
    get(&mut s.connect(), &up, "/");
}

#[test]
fn a_reload_keeps_the_addresses() {
    let (ns, up) = (NameServer::new(), Upstream::tcp(Protocol::Http));
    let s = start(&ns, "", port_of(&up) - 1, "");
    ns.answer(&ns.asked(), &[a(1, 1)]);
    s.wait_said("has now: ");
    // Another port, and other name servers, which are silent.
    let silent = NameServer::new();
    s.rewrite("error_log stderr info;", &http(&silent, "", port_of(&up), ""));
    s.process.signal("HUP");
    silent.asked();
    assert_eq!(get(&mut s.connect(), &up, "/").must("X-To"), up.address);
    s.rewrite("error_log stderr info;", &host("return 204;"));
    s.process.signal("HUP");
    wait_for("the last configuration", || (s.get("/").status == 204).then_some(()));
}

#[test]
fn each_worker_knows_the_addresses() {
    let (ns, up) = (NameServer::new(), Upstream::tcp(Protocol::Http));
    let main = "error_log stderr info; worker_processes 2;";
    let s = Setup::new(&http(&ns, "", port_of(&up), ""), &[]).main(main).start();
    for _ in 0..2 {
        ns.answer(&ns.asked(), &[a(60, 1)]);
    }
    wait_for("both workers", || (s.said().matches("has now: ").count() == 2).then_some(()));
    for _ in 0..10 {
        get(&mut s.connect(), &up, "/");
    }
}
