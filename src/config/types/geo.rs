//! `geo`: a variable whose value is looked up by an address.

use super::{Networks, Template};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// `geo [$address] $variable { ... }`
#[derive(Clone, Debug, Default)]
pub struct Geo {
    /// The text with the address. None: the client's address.
    pub source: Option<Template>,
    /// `proxy`: if the address is one of these, X-Forwarded-For is used.
    pub proxies: Networks,
    /// `proxy_recursive`: as `real_ip_recursive`.
    pub proxy_recursive: bool,
    /// The values by address.
    pub addresses: GeoAddresses,
    /// The values, each of them once. The first one is the default of `ranges`.
    pub values: Vec<Arc<[u8]>>,
}

/// The indices of values by address: each entry is for the addresses from its own up to the next one. They begin with
/// address 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GeoAddresses {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u32)]>,
    /// `ranges`: only IPv4 addresses are looked up, and all others are as [`NO_ADDRESS`].
    is_v4_only: bool,
}

impl Default for GeoAddresses {
    fn default() -> Self {
        Self { v4: [(0, 0)].into(), v6: [(0, 0)].into(), is_v4_only: false }
    }
}

/// What is looked up for a client of a unix socket, and for a text that is no address: 255.255.255.255, as in nginx.
const NO_ADDRESS: u32 = u32::MAX;

impl GeoAddresses {
    /// The index of the value of an address; `None` for a unix socket, or if there is no address.
    pub fn find(&self, ip: Option<IpAddr>) -> u32 {
        match ip.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => value_of(&self.v4, ip.to_bits()),
            Some(IpAddr::V6(ip)) if !self.is_v4_only => value_of(&self.v6, ip.to_bits()),
            _ => value_of(&self.v4, NO_ADDRESS),
        }
    }
}

fn value_of<T: Copy + Ord>(entries: &[(T, u32)], address: T) -> u32 {
    let behind = entries.partition_point(|entry| entry.0 <= address);
    behind.checked_sub(1).map_or(0, |at| entries[at].1)
}

/// Networks with values; a network inside another has its own value.
#[derive(Default)]
pub struct GeoNetworks {
    /// By the first address and the last one.
    v4: HashMap<(u32, u32), u32>,
    v6: HashMap<(u128, u128), u32>,
}

/// An address range that means all addresses of IPv4, and one of IPv6.
const ALL: ((u32, u32), (u128, u128)) = ((0, u32::MAX), (0, u128::MAX));

impl GeoNetworks {
    /// Gives a value to IPv4 addresses. Returns the value that they had already.
    pub fn add_v4(&mut self, first: u32, last: u32, value: u32) -> Option<u32> {
        self.v4.insert((first, last), value)
    }

    /// Gives a value to IPv6 addresses. Returns the value that they had already.
    pub fn add_v6(&mut self, first: u128, last: u128, value: u32) -> Option<u32> {
        self.v6.insert((first, last), value)
    }

    /// Gives a value to all addresses. Returns the value that IPv4 addresses had already.
    pub fn add_default(&mut self, value: u32) -> Option<u32> {
        self.v6.insert(ALL.1, value);
        self.v4.insert(ALL.0, value)
    }

    /// Removes a network. Returns false if it is not there.
    pub fn remove_v4(&mut self, first: u32, last: u32) -> bool {
        self.v4.remove(&(first, last)).is_some()
    }

    /// Removes a network. Returns false if it is not there.
    pub fn remove_v6(&mut self, first: u128, last: u128) -> bool {
        self.v6.remove(&(first, last)).is_some()
    }

    /// The whole table.
    pub fn finish(self) -> GeoAddresses {
        let v4 = flat(self.v4, 0, |address| address.checked_add(1));
        let v6 = flat(self.v6, 0, |address| address.checked_add(1));
        GeoAddresses { v4, v6, is_v4_only: false }
    }
}

/// Networks, each wholly inside another or apart from it, as entries that do not overlap. `zero` is the first address,
/// and `next` returns the address behind one.
fn flat<T: Copy + Ord>(networks: HashMap<(T, T), u32>, zero: T, next: fn(T) -> Option<T>) -> Box<[(T, u32)]> {
    let mut sorted: Vec<((T, T), u32)> = networks.into_iter().collect();
    sorted.sort_by_key(|((first, last), _)| (*first, std::cmp::Reverse(*last))); // an outer one before those inside
    let mut entries = vec![(zero, 0)];
    let mut open: Vec<(T, u32)> = Vec::new(); // the networks around the present address: last address, value
    let mut push = |first: T, value: u32| match entries.last_mut() {
        Some(last) if last.0 == first => last.1 = value,
        Some(last) if last.1 == value => {}
        _ => entries.push((first, value)),
    };
    let close = |open: &mut Vec<(T, u32)>, push: &mut dyn FnMut(T, u32)| {
        let closed = open.pop();
        if let Some(first) = closed.and_then(|(last, _)| next(last)) {
            push(first, open.last().map_or(0, |(_, value)| *value));
        }
    };
    for ((first, last), value) in sorted {
        while open.last().is_some_and(|(end, _)| *end < first) {
            close(&mut open, &mut push);
        }
        push(first, value);
        open.push((last, value));
    }
    while !open.is_empty() {
        close(&mut open, &mut push);
    }
    entries.into()
}

/// Ranges of IPv4 addresses with values, which do not overlap (`ranges`).
#[derive(Default)]
pub struct GeoRanges(BTreeMap<u32, (u32, u32)>);

/// What became of a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RangeAdded {
    /// It has its value.
    New,
    /// It has replaced the value of the same range.
    Again(u32),
    /// It overlaps this range, and neither is inside the other. Nothing has changed.
    Overlaps(u32, u32),
}

/// nginx keeps ranges in pieces of 65,536 addresses, so two ranges that overlap at the border of a piece do not disturb
/// it. Whether an address is the first one of a piece:
fn begins_piece(address: u32) -> bool {
    address & 0xffff == 0
}

impl GeoRanges {
    /// Gives a value to a range. It may be inside a range with another value.
    pub fn add(&mut self, first: u32, last: u32, value: u32) -> RangeAdded {
        let overlapped = self.overlapped(first, last);
        if let [(start, end, former)] = overlapped[..]
            && (start, end) == (first, last)
        {
            self.0.insert(first, (last, value));
            return RangeAdded::Again(former);
        }
        let cuts = |(start, end): (u32, u32)| {
            start > first && !begins_piece(start) || end < last && !begins_piece(end.wrapping_add(1))
        };
        if let Some((start, end, _)) = overlapped.iter().find(|(start, end, _)| cuts((*start, *end))) {
            return RangeAdded::Overlaps(*start, *end);
        }
        overlapped.iter().for_each(|range| self.cut(*range, first, last));
        self.0.insert(first, (last, value));
        RangeAdded::New
    }

    /// Takes the value away from a range. Returns false if there is no such range, and then changes nothing.
    pub fn remove(&mut self, first: u32, last: u32) -> bool {
        let overlapped = self.overlapped(first, last);
        let fits = |(start, end, _): &(u32, u32, u32)| {
            (*start == first || begins_piece(first.max(*start)))
                && (*end == last || begins_piece(last.min(*end).wrapping_add(1)))
        };
        let fits = !overlapped.is_empty() && overlapped.iter().all(fits);
        if fits {
            overlapped.iter().for_each(|range| self.cut(*range, first, last));
        }
        fits
    }

    /// The ranges that overlap this one: first, last, value.
    fn overlapped(&self, first: u32, last: u32) -> Vec<(u32, u32, u32)> {
        let before = self.0.range(..first).next_back().filter(|(_, (end, _))| *end >= first);
        let all = before.into_iter().chain(self.0.range(first..=last));
        all.map(|(start, (end, value))| (*start, *end, *value)).collect()
    }

    /// Leaves of a range what is not between these addresses.
    fn cut(&mut self, (start, end, value): (u32, u32, u32), first: u32, last: u32) {
        self.0.remove(&start);
        if start < first {
            self.0.insert(start, (first - 1, value));
        }
        if end > last {
            self.0.insert(last + 1, (end, value));
        }
    }

    /// The whole table. Addresses outside of all ranges have the first value.
    pub fn finish(self) -> GeoAddresses {
        let networks = self.0.into_iter().map(|(first, (last, value))| ((first, last), value)).collect();
        let v4 = flat(networks, 0, |address| address.checked_add(1));
        GeoAddresses { v4, is_v4_only: true, ..GeoAddresses::default() }
    }
}

#[cfg(test)]
mod tests;
