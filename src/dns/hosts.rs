//! What is known of a host: its addresses, or why there are none.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use webserv_sys::Moment;

/// The addresses of a host, at least one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostAddresses {
    all: Rc<[IpAddr]>,
    /// The place of the first one of its kind.
    first: usize,
    /// How long they are right.
    pub until: Moment,
}

impl HostAddresses {
    /// These addresses, which are right until then.
    pub fn new(all: Rc<[IpAddr]>, until: Moment) -> Self {
        Self { all, first: 0, until }
    }

    /// The same addresses, beginning with another one, so that not all clients begin with the same.
    #[must_use]
    pub fn rotated(&self, by: usize) -> Self {
        Self { first: self.first.wrapping_add(by), ..self.clone() }
    }

    /// The addresses in the order in which they are tried: as in nginx, those of IPv4 come first.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let kind = |is_ipv4| {
            let of_kind = move || self.all.iter().copied().filter(move |ip| ip.is_ipv4() == is_ipv4);
            let count = of_kind().count();
            of_kind().cycle().skip(self.first % count.max(1)).take(count)
        };
        kind(true).chain(kind(false))
    }
}

/// Why a host has no address. Displays as nginx's log lines have it: `3: Host not found`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResolveError {
    /// The RCODE of the answer (RFC 1035 section 4.1.1). 3: there is no such name, or it has no address.
    Rcode(u8),
    /// No answer came within `resolver_timeout`.
    TimedOut,
    /// There is no `resolver`.
    NoResolver,
    /// The system refuses to send to any of the name servers.
    Unreachable,
    /// Too many other names are being asked for.
    Busy,
}

impl ResolveError {
    /// There is no such name, or it has no address.
    pub const NOT_FOUND: Self = ResolveError::Rcode(3);
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResolveError::Rcode(code) => {
                let text = match code {
                    1 => "Format error",
                    2 => "Server failure",
                    3 => "Host not found",
                    4 => "Unimplemented",
                    5 => "Operation refused",
                    _ => "Unknown error",
                };
                write!(f, "{code}: {text}")
            }
            ResolveError::TimedOut => f.write_str("110: Operation timed out"),
            ResolveError::NoResolver => f.write_str("no resolver is defined"),
            ResolveError::Unreachable => f.write_str("no name server can be reached"),
            ResolveError::Busy => f.write_str("too many names are being asked for"),
        }
    }
}

/// The address, if a host is written as one: `127.0.0.1`, `[::1]` or `::1`.
pub fn literal(host: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(host).ok()?;
    let in_brackets = text.strip_prefix('[').map(|rest| rest.strip_suffix(']'));
    match in_brackets {
        Some(inner) => inner?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse::<Ipv4Addr>().map(IpAddr::V4).or_else(|_| text.parse().map(IpAddr::V6)).ok(),
    }
}
