//! The peers of a group, and the choice of one: round robin and least_conn. The methods that hash are in `hashed.rs`.

use super::{Ask, HashRing, PeerResult, PeerRules, PeerState, Tried};
use std::ops::Range;
use std::sync::Arc;

/// How a peer is chosen.
#[derive(Debug)]
pub enum Balancing {
    /// In turns, by weight.
    RoundRobin,
    /// `least_conn`: the one with the fewest requests for its weight.
    LeastConn,
    /// `ip_hash`: by the client's address.
    IpHash,
    /// `hash KEY`.
    Hash,
    /// `hash KEY consistent`.
    ConsistentHash(HashRing),
    /// `random`.
    Random,
    /// `random two`: of two random peers, the one with fewer requests for its weight.
    RandomTwo,
}

/// An address of a `server`.
#[derive(Debug)]
pub struct BalancedPeer {
    /// What the configuration says of it.
    pub rules: PeerRules,
    /// How it is doing.
    pub state: Arc<PeerState>,
    /// The number of its `server`, for [`HashRing`]; those with the same name have the same number.
    pub server: u32,
}

/// The peers of an `upstream`. A peer's index never changes.
#[derive(Debug)]
pub struct PeerGroup {
    method: Balancing,
    /// First the primary peers, then those with `backup`.
    peers: Vec<BalancedPeer>,
    /// The number of primary peers.
    primaries: usize,
    /// The sum of the weights of the primary peers.
    weight: u64,
}

impl PeerGroup {
    /// A group. The first `primaries` of the peers are the primary ones, the others have `backup`.
    pub fn new(method: Balancing, peers: Vec<BalancedPeer>, primaries: usize) -> Self {
        let primaries = primaries.min(peers.len());
        let weight = peers[..primaries].iter().map(|peer| u64::from(peer.rules.weight)).sum();
        Self { method, peers, primaries, weight }
    }

    /// The peers.
    pub fn peers(&self) -> &[BalancedPeer] {
        &self.peers
    }

    /// The number of peers that a request may be passed to, one after the other: those without `down`.
    pub fn tries(&self) -> usize {
        self.peers.iter().filter(|peer| !peer.rules.is_down).count()
    }

    /// Chooses a peer and takes a place of it, which [`give_back`](Self::give_back) gives back. Returns None if no peer
    /// is left: nginx says "no live upstreams". `now_ms` is a time in milliseconds that never goes back.
    pub fn pick(&self, ask: &Ask<'_>, tried: &mut Tried, now_ms: u64) -> Option<usize> {
        if self.is_single() {
            // It has no other one to step in, so its failures do not count.
            let BalancedPeer { rules, state, .. } = self.peers.first()?;
            return (state.has_room(rules) && state.take_place(rules)).then_some(0);
        }
        loop {
            let index = self.choose(ask, tried, now_ms)?;
            let BalancedPeer { rules, state, .. } = &self.peers[index];
            if state.take_place(rules) {
                state.begin(rules, now_ms);
                tried.add(index);
                return Some(index);
            }
        }
    }

    /// Gives back the place that [`pick`](Self::pick) has taken.
    pub fn give_back(&self, index: usize) {
        if let Some(peer) = self.peers.get(index) {
            peer.state.give_back();
        }
    }

    /// Counts a success or a failure of a peer. Returns true if the peer is not asked any more for the time of
    /// `fail_timeout`: nginx says "upstream server temporarily disabled".
    pub fn note(&self, index: usize, result: PeerResult, now_ms: u64) -> bool {
        let Some(peer) = self.peers.get(index) else { return false };
        if self.is_single() {
            peer.state.forgive();
            return false;
        }
        peer.state.note(&peer.rules, result, now_ms)
    }

    /// There is one peer, and nothing to choose.
    fn is_single(&self) -> bool {
        self.peers.len() == 1 && self.primaries == 1
    }

    fn choose(&self, ask: &Ask<'_>, tried: &mut Tried, now_ms: u64) -> Option<usize> {
        if !tried.on_backups && self.primaries > 1 {
            let found = match &self.method {
                Balancing::RoundRobin | Balancing::LeastConn => None,
                Balancing::IpHash => self.by_address(ask.client, tried, now_ms),
                Balancing::Hash => self.by_key(ask.key, tried, now_ms),
                Balancing::ConsistentHash(ring) => self.on_ring(ring, ask.key, tried, now_ms),
                Balancing::Random => self.by_chance(ask.random, tried, now_ms),
                Balancing::RandomTwo => self.by_chance_of_two(ask.random, tried, now_ms),
            };
            if found.is_some() {
                return found;
            }
        }
        match self.method {
            Balancing::LeastConn => self.in_turns(tried, |range, tried| self.least(range, tried, now_ms)),
            _ => self.in_turns(tried, |range, tried| self.weighted(range, |i| self.is_usable(i, tried, now_ms))),
        }
    }

    /// Chooses among the primary peers, and, if none of them is left, among the backups.
    fn in_turns(&self, tried: &mut Tried, choose: impl Fn(Range<usize>, &Tried) -> Option<usize>) -> Option<usize> {
        if !tried.on_backups {
            let found = choose(0..self.primaries, tried);
            if found.is_some() {
                return found;
            }
            tried.on_backups = true;
        }
        choose(self.primaries..self.peers.len(), tried)
    }

    /// The smooth weighted round robin among those peers of the range that `may_be` permits: all their weights grow,
    /// and the highest one wins, and falls by the sum of what all have grown by.
    pub(super) fn weighted(&self, range: Range<usize>, may_be: impl Fn(usize) -> bool) -> Option<usize> {
        let (mut best, mut total) = (None, 0);
        for index in range.filter(|index| may_be(*index)) {
            let BalancedPeer { rules, state, .. } = &self.peers[index];
            let (current, grown) = state.grow(rules);
            total += grown;
            if best.is_none_or(|(_, most)| current > most) {
                best = Some((index, current));
            }
        }
        let (index, _) = best?;
        self.peers[index].state.win(total);
        Some(index)
    }

    /// The peer with the fewest requests for its weight; of equal ones, the one whose turn it is.
    fn least(&self, range: Range<usize>, tried: &Tried, now_ms: u64) -> Option<usize> {
        let (mut best, mut has_equals) = (None, false);
        for index in range.clone().filter(|index| self.is_usable(*index, tried, now_ms)) {
            match best.map(|best| self.load_order(index, best)) {
                Some(std::cmp::Ordering::Greater) => {}
                Some(std::cmp::Ordering::Equal) => has_equals = true,
                None | Some(std::cmp::Ordering::Less) => (best, has_equals) = (Some(index), false),
            }
        }
        let best = best?;
        if !has_equals {
            return Some(best);
        }
        let is_equal = |index| self.is_usable(index, tried, now_ms) && self.load_order(index, best).is_eq();
        self.weighted(best..range.end, is_equal)
    }

    /// Compares the requests of two peers, each for its weight.
    pub(super) fn load_order(&self, a: usize, b: usize) -> std::cmp::Ordering {
        let (a, b) = (&self.peers[a], &self.peers[b]);
        let load =
            |of: &BalancedPeer, other: &BalancedPeer| u64::from(of.state.conns()) * u64::from(other.rules.weight);
        load(a, b).cmp(&load(b, a))
    }

    /// Whether the request may be passed to this peer.
    pub(super) fn is_usable(&self, index: usize, tried: &Tried, now_ms: u64) -> bool {
        let BalancedPeer { rules, state, .. } = &self.peers[index];
        !tried.has(index) && state.is_usable(rules, now_ms)
    }

    /// The primary peer at this number, when each stands as many times in a row as its weight is.
    pub(super) fn at_weight(&self, number: u64) -> usize {
        let mut left = number % self.weight.max(1);
        let is_it = |peer: &BalancedPeer| match left.checked_sub(peer.rules.weight.into()) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        };
        self.peers[..self.primaries].iter().position(is_it).unwrap_or(0)
    }

    /// The indices of the primary peers.
    pub(super) fn primaries(&self) -> Range<usize> {
        0..self.primaries
    }

    /// The number of this peer's `server`.
    pub(super) fn server(&self, index: usize) -> u32 {
        self.peers[index].server
    }
}
