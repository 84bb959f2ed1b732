//! Groups, peers, and kept connections.

use super::*;
use crate::config::{UpstreamKeepalive, UpstreamServer};
use std::net::{Ipv4Addr, SocketAddr};

fn inet(port: u16) -> Address {
    Address::Inet(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

fn server(name: &str, addresses: &[Address]) -> UpstreamServer {
    UpstreamServer::new(name, addresses.to_vec())
}

/// A group of these servers, which keeps 2 connections.
fn upstream(servers: Vec<UpstreamServer>) -> Upstream {
    let keepalive = UpstreamKeepalive { connections: 2, is_local: false, ..UpstreamKeepalive::default() };
    Upstream { servers, keepalive, is_implicit: false, ..Upstream::implicit("app", Vec::new()) }
}

fn choose(upstreams: &mut Upstreams, upstream: &Arc<Upstream>) -> Peer {
    upstreams.choose(upstream, &Ask::default(), &mut Tried::default(), Moment::now()).expect("a peer is left")
}

fn task(index: u32) -> Token {
    Token { index, generation: 0 }
}

fn names(upstreams: &mut Upstreams, upstream: &Arc<Upstream>, count: usize) -> Vec<String> {
    (0..count).map(|_| choose(upstreams, upstream).name().to_string()).collect()
}

#[test]
fn each_address_of_each_server_is_a_peer() {
    let unix = Address::Unix("/run/app.sock".into());
    let servers = vec![server("two.example:1", &[inet(1), inet(2)]), server("unix:/run/app.sock", &[unix])];
    let (mut upstreams, upstream) = (Upstreams::default(), Arc::new(upstream(servers)));
    let expected = ["127.0.0.1:1", "127.0.0.1:2", "unix:/run/app.sock", "127.0.0.1:1"];
    assert_eq!(names(&mut upstreams, &upstream, 4), expected);
    assert_eq!(upstreams.tries(&upstream), 3);
    let mut tried = Tried::default();
    for _ in 0..3 {
        drop(upstreams.choose(&upstream, &Ask::default(), &mut tried, Moment::now()).expect("one is left"));
    }
    let none = upstreams.choose(&upstream, &Ask::default(), &mut tried, Moment::now());
    assert_eq!(none.err(), Some(NoPeer));
}

#[test]
fn groups_with_equal_servers_are_apart() {
    let servers = || vec![server("a", &[inet(1)]), server("b", &[inet(2)])];
    let (one, other) = (Arc::new(upstream(servers())), Arc::new(upstream(servers())));
    let mut upstreams = Upstreams::default();
    assert!(upstreams.note(&choose(&mut Upstreams::default(), &one), PeerResult::Failure, Moment::now()));
    let first = choose(&mut upstreams, &one);
    assert!(upstreams.note(&first, PeerResult::Failure, Moment::now()));
    assert_eq!(names(&mut upstreams, &one, 2), ["127.0.0.1:2", "127.0.0.1:2"]);
    assert_eq!(names(&mut upstreams, &other, 2), ["127.0.0.1:1", "127.0.0.1:2"]);
}

/// A bug that must not come: a task that panics would keep the place of its request.
#[test]
fn a_peer_gives_its_place_back() {
    let limited = UpstreamServer { max_conns: 1, ..server("a", &[inet(1)]) };
    let (mut upstreams, upstream) = (Upstreams::default(), Arc::new(upstream(vec![limited])));
    let peer = choose(&mut upstreams, &upstream);
    assert!(upstreams.choose(&upstream, &Ask::default(), &mut Tried::default(), Moment::now()).is_err());
    let task = std::panic::AssertUnwindSafe(move || {
        let _peer = peer;
        panic!("as a task does that is wrong");
    });
    assert!(std::panic::catch_unwind(task).is_err());
    drop(choose(&mut upstreams, &upstream));
}

#[test]
fn the_connection_that_was_used_last_is_used_again() {
    let (mut upstreams, upstream) =
        (Upstreams::default(), Arc::new(upstream(vec![server("a", &[inet(1)]), server("b", &[inet(2)])])));
    let (a, b) = (choose(&mut upstreams, &upstream), choose(&mut upstreams, &upstream));
    assert_eq!(upstreams.take_idle(&a), None);
    assert_eq!((upstreams.keep(&a.key(), task(1)), upstreams.keep(&a.key(), task(2))), (None, None));
    assert_eq!((upstreams.take_idle(&b), upstreams.take_idle(&a)), (None, Some(task(2))));
    assert_eq!(upstreams.keep(&b.key(), task(3)), None);
    assert_eq!(upstreams.keep(&b.key(), task(4)), Some(task(1)), "the one that was used least recently must close");
    assert_eq!((upstreams.idle(), upstreams.take_idle(&a)), (2, None));
    upstreams.forget_idle(b.group(), task(4));
    upstreams.forget_idle(b.group(), task(9));
    assert_eq!((upstreams.take_idle(&b), upstreams.take_idle(&b)), (Some(task(3)), None));
}

#[test]
fn a_group_may_keep_no_connections() {
    let mut none = upstream(vec![server("a", &[inet(1)])]);
    none.keepalive.connections = 0;
    let (mut upstreams, none) = (Upstreams::default(), Arc::new(none));
    let peer = choose(&mut upstreams, &none);
    assert_eq!(upstreams.keep(&peer.key(), task(1)), Some(task(1)));
    assert!(!upstreams.is_kept(peer.group()));
}

#[test]
fn a_location_s_connections_are_its_own_if_they_are_local() {
    let mut local = upstream(vec![server("a", &[inet(1)])]);
    local.keepalive.is_local = true;
    let (mut upstreams, local) = (Upstreams::default(), Arc::new(local));
    let peer_of = |upstreams: &mut Upstreams, place| {
        let ask = Ask { place, ..Ask::default() };
        upstreams.choose(&local, &ask, &mut Tried::default(), Moment::now()).expect("a peer is left")
    };
    let (one, other) = (peer_of(&mut upstreams, 1), peer_of(&mut upstreams, 2));
    assert_eq!(upstreams.keep(&one.key(), task(1)), None);
    assert_eq!((upstreams.take_idle(&other), upstreams.take_idle(&one)), (None, Some(task(1))));
}

#[test]
fn a_reload_keeps_old_groups_only_for_their_requests() {
    let old = Arc::new(upstream(vec![server("a", &[inet(1)])]));
    let new = Arc::new(upstream(vec![server("a", &[inet(1)])]));
    let mut upstreams = Upstreams::default();
    let peer = choose(&mut upstreams, &old);
    assert_eq!(upstreams.keep(&peer.key(), task(1)), None);
    let config = Config { upstreams: vec![Arc::clone(&new)], ..Config::default() };
    assert!(upstreams.is_kept(peer.group()));
    upstreams.retain(&config);
    assert!(!upstreams.is_kept(peer.group()));
    assert_eq!((upstreams.take_idle(&peer), upstreams.keep(&peer.key(), task(2))), (None, Some(task(2))));
    assert_eq!(choose(&mut upstreams, &old).group(), peer.group(), "a request of the old configuration tries again");
    assert_ne!(choose(&mut upstreams, &new).group(), peer.group());
    drop(peer);
    upstreams.retain(&config);
    assert_eq!((upstreams.groups.len(), upstreams.ids.len(), Arc::strong_count(&old)), (1, 1, 1));
}

#[test]
fn a_zone_has_one_state_for_all_workers_and_after_a_reload() {
    let shared = |ports: &[u16]| {
        let servers = ports.iter().map(|port| server(&format!("s{port}"), &[inet(*port)])).collect();
        Arc::new(Upstream { is_shared: true, ..upstream(servers) })
    };
    let group = shared(&[1, 2]);
    let (mut one, mut other) = (Upstreams::default(), Upstreams::default());
    assert_eq!(names(&mut one, &group, 1), ["127.0.0.1:1"]);
    let second = choose(&mut other, &group);
    assert_eq!(&**second.name(), "127.0.0.1:2", "it is the other one's turn");
    other.note(&second, PeerResult::Failure, Moment::now());
    assert_eq!(names(&mut one, &group, 2), ["127.0.0.1:1", "127.0.0.1:1"]);
    let (same, fewer) = (shared(&[1, 2]), shared(&[2]));
    [&same, &fewer].into_iter().for_each(|new| new.adopt(&[Arc::clone(&group)]));
    assert_eq!(names(&mut one, &same, 2), ["127.0.0.1:1", "127.0.0.1:1"]);
    assert_eq!(names(&mut one, &fewer, 1), ["127.0.0.1:2"]);
}

#[test]
fn new_addresses_of_a_name() {
    let resolved = UpstreamServer { resolve: Some(("app.example".into(), 1)), ..server("app.example:1", &[]) };
    let group = Arc::new(upstream(vec![resolved, UpstreamServer { is_backup: true, ..server("b", &[inet(9)]) }]));
    let mut upstreams = Upstreams::default();
    assert_eq!(names(&mut upstreams, &group, 1), ["127.0.0.1:9"]);
    assert_eq!(upstreams.set_addresses(&group, 0, &[inet(1), inet(2), inet(1)]), []);
    assert_eq!(names(&mut upstreams, &group, 3), ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:1"]);
    let mut tried = Tried::default();
    let now = Moment::now();
    let second = upstreams.choose(&group, &Ask::default(), &mut tried, now).expect("the second");
    let first = choose(&mut upstreams, &group);
    assert_eq!((upstreams.keep(&first.key(), task(1)), upstreams.keep(&second.key(), task(2))), (None, None));
    upstreams.note(&second, PeerResult::Failure, now);
    assert_eq!(upstreams.set_addresses(&group, 0, &[inet(3), inet(2)]), [task(1)], "its address has gone");
    assert_eq!(upstreams.take_idle(&second), Some(task(2)));
    assert_eq!(names(&mut upstreams, &group, 2), ["127.0.0.1:3", "127.0.0.1:3"], "what had failed has failed");
    let again = upstreams.choose(&group, &Ask::default(), &mut tried, now).expect("the third");
    assert_eq!((&**again.name(), &**first.name()), ("127.0.0.1:3", "127.0.0.1:1"));
    assert_eq!(upstreams.set_addresses(&group, 0, &[]), []);
    assert_eq!(names(&mut upstreams, &group, 1), ["127.0.0.1:9"]);
    assert_eq!(upstreams.set_addresses(&group, 7, &[inet(5)]), [], "there is no such server");
}

#[test]
fn a_reload_keeps_the_addresses_of_names() {
    let resolved = |host: &str, port| UpstreamServer { resolve: Some((host.into(), port)), ..server(host, &[]) };
    let config = |servers| Config { upstreams: vec![Arc::new(upstream(servers))], ..Config::default() };
    let old = config(vec![server("b", &[inet(9)]), resolved("app.example", 1), resolved("unknown.example", 1)]);
    let mut upstreams = Upstreams::default();
    assert_eq!(upstreams.set_addresses(&old.upstreams[0], 1, &[inet(1)]), []);
    let new = config(vec![resolved("unknown.example", 2), resolved("app.example", 2), resolved("other.example", 2)]);
    upstreams.adopt_addresses(&old, &new);
    upstreams.retain(&new);
    assert_eq!(names(&mut upstreams, &new.upstreams[0], 2), ["127.0.0.1:2", "127.0.0.1:2"]);
    assert_eq!(upstreams.groups.len(), 1);
}

#[test]
fn a_group_for_one_request() {
    let made = MadeUpstream::new("app.example:80", vec![inet(1), inet(2)]);
    let (mut tried, now) = (Tried::default(), Moment::now());
    let first = made.choose(&mut tried, now).expect("the first");
    let mut upstreams = Upstreams::default();
    assert!(upstreams.note(&first, PeerResult::Failure, now));
    assert_eq!((upstreams.keep(&first.key(), task(1)), upstreams.take_idle(&first)), (Some(task(1)), None));
    assert!(!upstreams.is_kept(first.group()));
    assert_eq!((&**made.choose(&mut tried, now).expect("the second").name(), made.tries()), ("127.0.0.1:2", 2));
    assert_eq!(made.choose(&mut tried, now).err(), Some(NoPeer));
}
