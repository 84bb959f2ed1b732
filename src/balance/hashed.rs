//! The methods that come to a peer by a number: ip_hash, hash and random. After [`STEPS_MAX`] steps to peers that
//! cannot be used, the round robin chooses; the caller does that if these return None.

use super::crc32::Crc32;
use super::{HashRing, PeerGroup, Tried};
use std::net::IpAddr;

/// As in nginx.
const STEPS_MAX: u8 = 20;

/// The start and the arithmetic of `ip_hash`, as in nginx: for the same client, both choose the same server.
const IP_HASH: (u32, u32, u32) = (89, 113, 6271);

impl PeerGroup {
    /// `ip_hash`. Clients of one IPv4 network of 256 addresses have the same server.
    pub(super) fn by_address(&self, client: Option<IpAddr>, tried: &mut Tried, now_ms: u64) -> Option<usize> {
        let (start, factor, modulus) = IP_HASH;
        let octets = match client {
            Some(IpAddr::V4(ip)) => ip.to_ipv6_mapped().octets(),
            Some(IpAddr::V6(ip)) => ip.octets(),
            None => [0; 16],
        };
        let octets = match client {
            Some(IpAddr::V4(_)) => &octets[12..15],
            Some(IpAddr::V6(_)) => &octets[..],
            None => &octets[..3],
        };
        self.step(tried, now_ms, |tried| {
            let before = tried.hash.unwrap_or(start);
            let hash = octets.iter().fold(before, |hash, octet| (hash * factor + u32::from(*octet)) % modulus);
            tried.hash = Some(hash);
            self.at_weight(hash.into())
        })
    }

    /// `hash KEY`: as Cache::Memcached, the key is hashed again with a number before it until a peer can be used.
    pub(super) fn by_key(&self, key: &[u8], tried: &mut Tried, now_ms: u64) -> Option<usize> {
        if key.is_empty() {
            return None;
        }
        self.step(tried, now_ms, |tried| {
            let mut crc = Crc32::default();
            if tried.rehashes > 0 {
                crc.update(tried.rehashes.to_string().as_bytes());
            }
            crc.update(key);
            tried.rehashes += 1;
            let hash = tried.hash.unwrap_or(0).wrapping_add(crc.value() >> 16 & 0x7fff);
            tried.hash = Some(hash);
            self.at_weight(hash.into())
        })
    }

    /// `hash KEY consistent`. A server may have several addresses; they take turns.
    pub(super) fn on_ring(&self, ring: &HashRing, key: &[u8], tried: &mut Tried, now_ms: u64) -> Option<usize> {
        if key.is_empty() || ring.is_empty() {
            return None;
        }
        while tried.steps <= STEPS_MAX {
            let at = tried.hash.unwrap_or_else(|| ring.point(Crc32::of(key)));
            let server = ring.server(at);
            let is_of_server = |index| self.server(index) == server && self.is_usable(index, tried, now_ms);
            let found = self.weighted(self.primaries(), is_of_server);
            tried.hash = Some(at);
            if found.is_some() {
                return found;
            }
            tried.hash = Some(at.wrapping_add(1));
            tried.steps += 1;
        }
        None
    }

    /// `random`.
    pub(super) fn by_chance(&self, random: u64, tried: &mut Tried, now_ms: u64) -> Option<usize> {
        let mut numbers = Numbers(random);
        self.step(tried, now_ms, |_| self.at_weight(numbers.next()))
    }

    /// `random two`.
    pub(super) fn by_chance_of_two(&self, random: u64, tried: &mut Tried, now_ms: u64) -> Option<usize> {
        let mut numbers = Numbers(random);
        let first = self.step(tried, now_ms, |_| self.at_weight(numbers.next()))?;
        while tried.steps <= STEPS_MAX {
            let second = self.step(tried, now_ms, |_| self.at_weight(numbers.next()))?;
            if second != first {
                return Some(if self.load_order(second, first).is_gt() { first } else { second });
            }
            tried.steps += 1;
        }
        None
    }

    /// Takes steps until a peer can be used.
    fn step(&self, tried: &mut Tried, now_ms: u64, mut next: impl FnMut(&mut Tried) -> usize) -> Option<usize> {
        while tried.steps <= STEPS_MAX {
            let index = next(tried);
            if self.is_usable(index, tried, now_ms) {
                return Some(index);
            }
            tried.steps += 1;
        }
        None
    }
}

/// Numbers that come of one random number: splitmix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
