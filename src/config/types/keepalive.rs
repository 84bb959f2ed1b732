//! How long a connection may be used, which fields of a request are seen, and who resolves names.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keepalive {
    /// `keepalive_timeout`: how long an idle connection stays open; zero closes after each response. Default 75 s.
    pub timeout: Duration,
    /// The second value of `keepalive_timeout`, which the client gets in a Keep-Alive field.
    pub header: Option<Duration>,
    /// The number of requests up to which no rule has to be looked at: `requests`, or 0 if there are other rules.
    pub unasked: u64,
    /// `keepalive_requests`: requests per connection. Default 1000.
    pub requests: u64,
    /// `keepalive_time`: how long requests are answered on a connection; None: as long as they come.
    pub time: Option<Duration>,
    /// `keepalive_disable`: the browsers whose connections end after each response. Default none.
    pub disable: OldBrowsers,
}

bitflags::bitflags! {
    /// Old browsers that had faults with kept connections.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct OldBrowsers: u8 {
        /// Internet Explorer up to 6, after POST.
        const MSIE6 = 1;
        /// Safari on macOS.
        const SAFARI = 2;
    }
}

/// Which names of fields are passed to programs, and found by `$http_NAME`, beside those of letters, digits and
/// hyphens.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct FieldNames {
    /// `underscores_in_headers`: names with underscores, which look like hyphens there. Default off.
    pub underscores: bool,
    /// `ignore_invalid_headers off`: all names that are allowed in a request. Default: they are not.
    pub all: bool,
}

impl FieldNames {
    /// Whether a field with this name is passed on.
    pub fn takes(self, name: &[u8]) -> bool {
        let is_plain = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-' || (self.underscores && *b == b'_');
        self.all || name.iter().all(is_plain)
    }
}

/// `resolver ADDRESS ... [valid=TIME] [ipv4=on|off] [ipv6=on|off];`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolver {
    /// The name servers, in the order of the file; all addresses of those that have a name. Default: none.
    pub servers: Arc<[SocketAddr]>,
    /// How long an answer is kept; None: as long as the answer says.
    pub valid: Option<Duration>,
    /// Names are looked up as IPv4 addresses.
    pub ipv4: bool,
    /// Names are looked up as IPv6 addresses.
    pub ipv6: bool,
    /// `resolver_timeout`: how long a request waits for one name; zero: no limit. Default 30 s.
    pub timeout: Duration,
}

impl Resolver {
    /// Whether an answer for this one is right for the other, too: they differ in `resolver_timeout` at most.
    pub fn asks_as(&self, other: &Resolver) -> bool {
        (Arc::ptr_eq(&self.servers, &other.servers) || self.servers == other.servers)
            && (self.valid, self.ipv4, self.ipv6) == (other.valid, other.ipv4, other.ipv6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_passed_on() {
        let with = |underscores, all| FieldNames { underscores, all };
        for (name, rules, expected) in [
            ("X-Y9", with(false, false), true),
            ("X_Y", with(false, false), false),
            ("X_Y", with(true, false), true),
            ("X.Y", with(true, false), false),
            ("X.Y_", with(false, true), true),
        ] {
            assert_eq!(rules.takes(name.as_bytes()), expected, "{name} {rules:?}");
        }
    }
}
