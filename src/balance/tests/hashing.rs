//! ip_hash, hash and random.

use super::*;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The peers for the keys "1" to "20".
fn by_keys(group: &PeerGroup) -> Vec<usize> {
    let ask = |n: u32| pick(group, &Ask { key: n.to_string().as_bytes(), ..Ask::default() }, 0);
    (1..=20).map_while(ask).collect()
}

#[test]
fn keys_go_where_cache_memcached_looks_for_them() {
    let even = weighted(Balancing::Hash, &[1, 1, 1]);
    assert_eq!(by_keys(&even), [1, 2, 1, 0, 1, 0, 0, 2, 2, 0, 2, 0, 2, 2, 1, 2, 0, 1, 1, 2]);
    let uneven = weighted(Balancing::Hash, &[1, 2, 5]);
    assert_eq!(by_keys(&uneven), [2, 2, 1, 2, 1, 0, 2, 0, 2, 2, 1, 2, 2, 0, 2, 2, 1, 2, 1, 0]);
    assert_eq!(series(&even, 6, 0), [0, 1, 2, 0, 1, 2], "an empty key is no key");
}

fn on_ring(servers: &[(&str, u32)]) -> PeerGroup {
    let weights: Vec<u32> = servers.iter().map(|(_, weight)| *weight).collect();
    weighted(Balancing::ConsistentHash(HashRing::new(servers.iter().copied())), &weights)
}

#[test]
fn keys_go_where_cache_memcached_fast_looks_for_them() {
    let even = on_ring(&[("127.0.0.1:8081", 1), ("127.0.0.1:8082", 1), ("127.0.0.1:8083", 1)]);
    assert_eq!(by_keys(&even), [0, 2, 0, 2, 0, 2, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 2, 0, 0, 1]);
    let uneven = on_ring(&[("127.0.0.1:8081", 1), ("127.0.0.1:8082", 1), ("127.0.0.1:8083", 10)]);
    assert_eq!(by_keys(&uneven), [2, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
    let others = on_ring(&[("a.example", 1), ("unix:/run/a.sock", 2), ("[::1]:80", 1)]);
    assert_eq!(by_keys(&others), [1, 0, 1, 2, 1, 2, 2, 1, 1, 2, 1, 2, 1, 1, 1, 2, 1, 0, 2, 2]);
    assert_eq!(series(&even, 6, 0), [0, 1, 2, 0, 1, 2], "an empty key is no key");
}

/// When a server goes, only its keys move.
#[test]
fn the_ring_is_consistent() {
    let all = by_keys(&on_ring(&[("127.0.0.1:8081", 1), ("127.0.0.1:8082", 1), ("127.0.0.1:8083", 1)]));
    let fewer = by_keys(&on_ring(&[("127.0.0.1:8081", 1), ("127.0.0.1:8083", 1)]));
    for (before, after) in all.iter().zip(fewer) {
        assert!(*before == 1 || *before == after * 2, "{before} {after}");
    }
}

#[test]
fn the_addresses_of_one_server_take_turns_on_the_ring() {
    let peer = |server| BalancedPeer { rules: PeerRules::default(), state: Arc::new(PeerState::new(1)), server };
    let ring = HashRing::new([("two.example", 1), ("one.example", 1)]);
    let group = PeerGroup::new(Balancing::ConsistentHash(ring), [0, 0, 1].map(peer).into(), 3);
    let ask = |n: u8| pick(&group, &Ask { key: &[n], ..Ask::default() }, 0);
    let found: Vec<_> = (0..4).flat_map(|n| [ask(n), ask(n)]).collect();
    for pair in found.chunks(2) {
        assert!(matches!(pair, [Some(0), Some(1)] | [Some(1), Some(0)] | [Some(2), Some(2)]), "{found:?}");
    }
}

#[test]
fn a_failed_peer_s_keys_go_to_others() {
    for method in [Balancing::Hash, Balancing::ConsistentHash(HashRing::new([("a:1", 1), ("b:1", 1), ("c:1", 1)]))] {
        let group = weighted(method, &[1, 1, 1]);
        let before = by_keys(&group);
        group.note(0, PeerResult::Failure, 0);
        let after = by_keys(&group);
        assert!(!after.contains(&0));
        assert!(before.iter().zip(&after).all(|(before, after)| *before == 0 || before == after));
        assert_eq!(tries(&group, &Ask { key: b"1", ..Ask::default() }, 0).len(), 2);
    }
}

#[test]
fn clients_go_where_nginx_sends_them() {
    let at = |weights: &[u32], client| {
        let group = weighted(Balancing::IpHash, weights);
        pick(&group, &Ask { client, ..Ask::default() }, 0)
    };
    for n in 1..=30 {
        let client = Some(Ipv4Addr::new(127, 0, n, 2).into());
        assert_eq!(at(&[1, 1], client), Some(usize::from(n) % 2));
        assert_eq!(at(&[1, 1, 1], client), Some((usize::from(n) + 2) % 3));
        assert_eq!(at(&[1, 1, 1], Some(Ipv4Addr::new(127, 0, n, 200).into())), at(&[1, 1, 1], client));
        assert_eq!(at(&[7], client), Some(0));
    }
    assert_eq!(at(&[1, 1, 1], Some("2001:db8::1".parse::<Ipv6Addr>().unwrap().into())), Some(2));
    assert_eq!(at(&[1, 1, 1], None), Some(1));
}

#[test]
fn chance_follows_the_weights() {
    let group = weighted(Balancing::Random, &[1, 3]);
    let mut had = [0; 2];
    for random in 0..4000 {
        had[pick(&group, &Ask { random, ..Ask::default() }, 0).unwrap()] += 1;
    }
    assert!((900..1100).contains(&had[0]), "{had:?}: the numbers are the same in each run");
}

#[test]
fn the_better_one_of_two() {
    let group = weighted(Balancing::RandomTwo, &[1, 1]);
    assert!(group.pick(&Ask { random: 5, ..Ask::default() }, &mut Tried::default(), 0).is_some());
    let busy = group.peers().iter().position(|peer| peer.state.conns() == 1).unwrap();
    for random in 0..50 {
        let found = pick(&group, &Ask { random, ..Ask::default() }, 0);
        assert_eq!(found, Some(1 - busy), "{random}");
    }
}
