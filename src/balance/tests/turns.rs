//! Round robin, least_conn, backups and max_conns.

use super::*;
use crate::http::seeded::Seeded;

#[test]
fn the_smooth_weighted_round_robin() {
    let table: [(&[u32], &[usize]); 5] = [
        (&[1, 1, 1], &[0, 1, 2, 0, 1, 2]),
        (&[5, 1, 1], &[0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0, 0]),
        (&[1, 2], &[1, 0, 1, 1, 0, 1]),
        (&[3, 2, 1], &[0, 1, 0, 2, 1, 0]),
        (&[1], &[0, 0, 0]),
    ];
    for (weights, expected) in table {
        let group = weighted(Balancing::RoundRobin, weights);
        assert_eq!(series(&group, expected.len(), 0), expected, "{weights:?}");
    }
}

/// While all peers are up, each has had its weight after a number of requests that is the sum of the weights.
#[test]
fn every_peer_has_its_weight() {
    let mut seeded = Seeded(7);
    for _ in 0..200 {
        let weights: Vec<u32> = (0..=seeded.below(8)).map(|_| 1 + seeded.below(20) as u32).collect();
        let group = weighted(Balancing::RoundRobin, &weights);
        for _ in 0..3 {
            let mut had = vec![0; weights.len()];
            series(&group, weights.iter().sum::<u32>() as usize, 0).into_iter().for_each(|index| had[index] += 1);
            assert_eq!(had, weights);
        }
    }
}

#[test]
fn one_request_tries_each_peer_once() {
    let many = vec![1; 200];
    let table: [(Balancing, &[u32]); 5] = [
        (Balancing::RoundRobin, &many),
        (Balancing::LeastConn, &[1, 5, 1]),
        (Balancing::IpHash, &[1, 1, 1, 1]),
        (Balancing::Random, &[1, 9, 1]),
        (Balancing::RandomTwo, &[1, 9, 1]),
    ];
    for (method, weights) in table {
        let group = weighted(method, weights);
        let mut found = tries(&group, &Ask { random: 99, ..Ask::default() }, 0);
        found.sort();
        assert_eq!(found, (0..weights.len()).collect::<Vec<_>>());
    }
}

#[test]
fn a_peer_that_is_down_is_not_asked() {
    let rules = [false, true, false].map(|is_down| PeerRules { is_down, ..PeerRules::default() });
    for method in [Balancing::RoundRobin, Balancing::LeastConn, Balancing::IpHash, Balancing::Random] {
        let group = group(method, &rules, 3);
        assert!(!series(&group, 10, 0).contains(&1));
        assert_eq!(group.tries(), 2);
    }
    let single = PeerRules { is_down: true, ..PeerRules::default() };
    assert_eq!(series(&group(Balancing::RoundRobin, &[single], 1), 1, 0), [0; 0]);
    assert_eq!(series(&group(Balancing::RoundRobin, &[], 0), 1, 0), [0; 0], "no address is known yet");
}

#[test]
fn backups_come_after_all_primaries() {
    for method in [Balancing::RoundRobin, Balancing::LeastConn, Balancing::Random, Balancing::Hash] {
        let group = group(method, &[PeerRules::default(); 4], 2);
        let ask = Ask { key: b"x", ..Ask::default() };
        assert_eq!(pick(&group, &ask, 0).map(|index| index < 2), Some(true));
        let found = tries(&group, &ask, 0);
        assert_eq!((found.len(), found[..2].iter().max(), found[2..].iter().min()), (4, Some(&1), Some(&2)));
    }
    let one = group(Balancing::RoundRobin, &[PeerRules::default(); 2], 1);
    assert_eq!(series(&one, 3, 0), [0, 0, 0]);
    assert!(one.note(0, PeerResult::Failure, 0), "with a backup, a single primary peer is disabled");
    assert_eq!(series(&one, 3, 0), [1, 1, 1]);
    let only_backups = group(Balancing::RoundRobin, &[PeerRules::default(); 2], 0);
    assert_eq!(series(&only_backups, 4, 0), [0, 1, 0, 1]);
}

#[test]
fn the_fewest_requests_for_the_weight() {
    let group = weighted(Balancing::LeastConn, &[1, 2, 1]);
    let mut tried: Vec<Tried> = vec![Tried::default(); 12];
    let found: Vec<_> = tried.iter_mut().map_while(|tried| group.pick(&Ask::default(), tried, 0)).collect();
    let had: Vec<usize> = (0..3).map(|peer| found.iter().filter(|index| **index == peer).count()).collect();
    assert_eq!(had, [3, 6, 3]);
    (0..5).for_each(|_| group.give_back(1));
    for _ in 0..4 {
        assert_eq!(group.pick(&Ask::default(), &mut Tried::default(), 0), Some(1), "1 of 2 is less than 3 of 1");
    }
}

#[test]
fn equals_of_least_conn_take_turns() {
    let group = weighted(Balancing::LeastConn, &[1, 1, 1]);
    assert_eq!(series(&group, 6, 0), [0, 1, 2, 0, 1, 2]);
    assert_eq!(group.pick(&Ask::default(), &mut Tried::default(), 0), Some(0));
    assert_eq!(series(&group, 4, 0), [1, 2, 1, 2]);
}

#[test]
fn no_more_requests_than_max_conns() {
    let limits = [2, 1, 0].map(|max_conns| PeerRules { max_conns, ..PeerRules::default() });
    let count = |method, rules: &[PeerRules], primaries| {
        let group = group(method, rules, primaries);
        let mut tried: Vec<Tried> = vec![Tried::default(); 6];
        let ask = |n: u64| Ask { key: b"k", random: n, ..Ask::default() };
        let found: Vec<_> = (0..).zip(&mut tried).map_while(|(n, tried)| group.pick(&ask(n), tried, 0)).collect();
        (0..rules.len()).map(|peer| found.iter().filter(|index| **index == peer).count()).collect::<Vec<_>>()
    };
    let ring = HashRing::new([("a", 1), ("b", 1), ("c", 1)]);
    for method in [Balancing::IpHash, Balancing::Hash, Balancing::ConsistentHash(ring), Balancing::Random] {
        assert_eq!(count(method, &limits[..2], 2), [2, 1]);
    }
    assert_eq!(count(Balancing::RandomTwo, &limits[..2], 2), [2, 1]);
    assert_eq!(count(Balancing::RoundRobin, &limits[..2], 2), [2, 1]);
    assert_eq!(count(Balancing::RoundRobin, &limits, 3), [2, 1, 3]);
    assert_eq!(count(Balancing::LeastConn, &limits, 2), [2, 1, 3], "the backup has the others");
    assert_eq!(count(Balancing::RoundRobin, &limits[..1], 1), [2]);
}
