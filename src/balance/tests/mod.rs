//! Sequences of choices. Those of the hashing methods were computed by another program with zlib's CRC-32.

mod failures;
mod hashing;
mod turns;

use super::*;
use std::sync::Arc;

/// A group without backups, of peers with these weights.
fn weighted(method: Balancing, weights: &[u32]) -> PeerGroup {
    let rules: Vec<PeerRules> =
        weights.iter().map(|weight| PeerRules { weight: *weight, ..Default::default() }).collect();
    group(method, &rules, weights.len())
}

/// A group of peers with these rules, each of a server of its own.
fn group(method: Balancing, rules: &[PeerRules], primaries: usize) -> PeerGroup {
    let peer = |(server, rules): (u32, &PeerRules)| BalancedPeer {
        rules: *rules,
        state: Arc::new(PeerState::new(rules.weight)),
        server,
    };
    PeerGroup::new(method, (0..).zip(rules).map(peer).collect(), primaries)
}

/// The peer for a new request, which is answered at once.
fn pick(group: &PeerGroup, ask: &Ask<'_>, now_ms: u64) -> Option<usize> {
    let index = group.pick(ask, &mut Tried::default(), now_ms)?;
    group.give_back(index);
    Some(index)
}

/// The peers for this number of requests, one after the other.
fn series(group: &PeerGroup, count: usize, now_ms: u64) -> Vec<usize> {
    (0..count).map_while(|_| pick(group, &Ask::default(), now_ms)).collect()
}

/// The peers that one request is passed to, one after the other.
fn tries(group: &PeerGroup, ask: &Ask<'_>, now_ms: u64) -> Vec<usize> {
    let mut tried = Tried::default();
    let found: Vec<usize> = std::iter::from_fn(|| group.pick(ask, &mut tried, now_ms)).take(300).collect();
    found.iter().for_each(|index| group.give_back(*index));
    found
}
