//! Sets of addresses: `set_real_ip_from`, `proxy` of `geo`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use webserv_sys::net::Address;

/// A set of addresses, as ranges that do not touch each other, in order: a search by halves finds an address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Networks {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
    /// All clients of unix sockets.
    unix: bool,
}

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// IPv4: the first and the last address.
    V4(u32, u32),
    /// IPv6: the first and the last address.
    V6(u128, u128),
    /// Clients of unix sockets.
    Unix,
}

/// Why a text is no network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoNetwork {
    /// The part before "/", or the whole text, is no address.
    Address,
    /// The part behind "/" is no number of bits of such an address.
    Bits,
}

impl Network {
    /// `192.0.2.0/24`, `192.0.2.1`, `2001:db8::/32`, `unix:`. The second value is true if bits of the address are set
    /// that the number of bits leaves out.
    ///
    /// # Errors
    /// The part that is wrong.
    pub fn parse(text: &str) -> Result<(Network, bool), NoNetwork> {
        if text == "unix:" {
            return Ok((Network::Unix, false));
        }
        let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
        let ip: IpAddr = ip.parse().map_err(|_| NoNetwork::Address)?;
        let all = if ip.is_ipv4() { u32::BITS } else { u128::BITS };
        let is_number = |bits: &&str| !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
        let bits = match bits {
            None => all,
            Some(bits) => Some(bits).filter(is_number).and_then(|bits| bits.parse().ok()).ok_or(NoNetwork::Bits)?,
        };
        if bits > all {
            return Err(NoNetwork::Bits);
        }
        Ok(match ip {
            IpAddr::V4(ip) => {
                let (ip, rest) = (ip.to_bits(), u32::MAX.checked_shr(bits).unwrap_or(0));
                (Network::V4(ip & !rest, ip | rest), ip & rest != 0)
            }
            IpAddr::V6(ip) => {
                let (ip, rest) = (ip.to_bits(), u128::MAX.checked_shr(bits).unwrap_or(0));
                (Network::V6(ip & !rest, ip | rest), ip & rest != 0)
            }
        })
    }
}

impl From<IpAddr> for Network {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Network::V4(ip.to_bits(), ip.to_bits()),
            IpAddr::V6(ip) => Network::V6(ip.to_bits(), ip.to_bits()),
        }
    }
}

impl Networks {
    /// Adds addresses.
    pub fn add(&mut self, network: Network) {
        match network {
            Network::V4(first, last) => add(&mut self.v4, (first, last), |value| value.checked_add(1)),
            Network::V6(first, last) => add(&mut self.v6, (first, last), |value| value.checked_add(1)),
            Network::Unix => self.unix = true,
        }
    }

    /// Whether the address is in the set. An IPv6 address that stands for an IPv4 one (`::ffff:192.0.2.1`) is that.
    pub fn contain_ip(&self, ip: IpAddr) -> bool {
        match ip.to_canonical() {
            IpAddr::V4(ip) => contains(&self.v4, ip.to_bits()),
            IpAddr::V6(ip) => contains(&self.v6, ip.to_bits()),
        }
    }

    /// Whether the address is in the set.
    pub fn contain(&self, address: &Address) -> bool {
        match address {
            Address::Inet(address) => self.contain_ip(address.ip()),
            Address::Unix(_) => self.unix,
        }
    }

    /// Whether the set has no address.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty() && !self.unix
    }
}

/// Adds a range, which swallows those that it touches.
fn add<T: Copy + Ord>(ranges: &mut Vec<(T, T)>, new: (T, T), next: impl Fn(T) -> Option<T>) {
    let touches_before = |range: &(T, T)| next(range.1).is_none_or(|next| next >= new.0);
    let from = ranges.partition_point(|range| !touches_before(range));
    let touches_behind = |range: &(T, T)| next(new.1).is_none_or(|next| range.0 <= next);
    let to = from + ranges[from..].partition_point(touches_behind);
    let swallowed = &ranges[from..to];
    let first = swallowed.first().map_or(new.0, |range| range.0.min(new.0));
    let last = swallowed.last().map_or(new.1, |range| range.1.max(new.1));
    ranges.splice(from..to, [(first, last)]);
}

fn contains<T: Copy + Ord>(ranges: &[(T, T)], value: T) -> bool {
    let behind = ranges.partition_point(|range| range.0 <= value);
    behind.checked_sub(1).is_some_and(|at| value <= ranges[at].1)
}

/// For messages: `192.0.2.0-192.0.2.255`.
impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Network::V4(first, last) => write!(f, "{}-{}", Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last)),
            Network::V6(first, last) => write!(f, "{}-{}", Ipv6Addr::from_bits(first), Ipv6Addr::from_bits(last)),
            Network::Unix => f.write_str("unix:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match Network::parse(text) {
            Ok((network, has_low_bits)) => format!("{network}{}", if has_low_bits { " low bits" } else { "" }),
            Err(fault) => format!("{fault:?}"),
        }
    }

    #[test]
    fn texts() {
        let table = [
            ("192.0.2.1", "192.0.2.1-192.0.2.1"),
            ("192.0.2.0/24", "192.0.2.0-192.0.2.255"),
            ("192.0.2.7/24", "192.0.2.0-192.0.2.255 low bits"),
            ("0.0.0.0/0", "0.0.0.0-255.255.255.255"),
            ("192.0.2.1/32", "192.0.2.1-192.0.2.1"),
            ("::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2001:db8::/32", "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::1", "::1-::1"),
            ("::1/128", "::1-::1"),
            ("unix:", "unix:"),
            ("192.0.2.1/33", "Bits"),
            ("::1/129", "Bits"),
            ("192.0.2.1/", "Bits"),
            ("192.0.2.1/+8", "Bits"),
            ("192.0.2/24", "Address"),
            ("", "Address"),
            ("localhost", "Address"),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    /// Random ranges of few addresses, compared with a list of each address.
    #[test]
    fn a_set_has_what_was_added() {
        let mut state = 11_u64;
        let mut next = |most: u32| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 16) as u32 % most
        };
        for _ in 0..300 {
            let (mut set, mut model) = (Networks::default(), [false; 64]);
            for _ in 0..8 {
                let (first, len) = (next(56), next(8));
                let end = u32::MAX - 63;
                set.add(Network::V4(end + first, end + first + len));
                model[first as usize..=(first + len) as usize].fill(true);
            }
            for (at, is_in) in model.iter().enumerate() {
                let ip = Ipv4Addr::from_bits(u32::MAX - 63 + at as u32);
                assert_eq!((set.contain_ip(ip.into()), set.contain_ip(ip.to_ipv6_mapped().into())), (*is_in, *is_in));
            }
            let apart = set.v4.windows(2).all(|pair| pair[0].1 < u32::MAX && pair[0].1 + 1 < pair[1].0);
            assert!(apart, "{:?}", set.v4);
        }
        let mut all = Networks::default();
        all.add(Network::V6(0, u128::MAX));
        all.add(Network::V6(5, 7));
        assert!(all.contain_ip(IpAddr::V6(Ipv6Addr::LOCALHOST)) && !all.contain_ip([127, 0, 0, 1].into()));
        assert!(!all.contain(&Address::Unix("".into())) && all.v6.len() == 1);
    }
}
