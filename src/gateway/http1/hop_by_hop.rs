//! Fields that belong to one connection (RFC 9110 section 7.6.1) and are not forwarded.

use crate::http::octets::trim;
use crate::http::{Fields, Known};

/// Whether a field of this name belongs to the connection, in both directions.
pub(super) const fn is_of_the_connection(known: Known) -> bool {
    matches!(
        known,
        Known::Connection
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::Te
            | Known::Trailer
            | Known::TransferEncoding
            | Known::Upgrade
    )
}

/// The members of one Connection field.
pub(super) fn options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim).filter(|option| !option.is_empty())
}

/// Which fields of a client's request are not forwarded.
pub struct HopByHop<'a> {
    request: &'a Fields,
}

impl<'a> HopByHop<'a> {
    /// The rules for the fields of this request.
    pub fn of(request: &'a Fields) -> Self {
        Self { request }
    }

    /// Whether a field of this name is for this server only: because it belongs to the connection, because the
    /// client's Connection names it, or because the gateway prints its own value (Host, Content-Length, Expect).
    pub fn stays_here(&self, name: &[u8], known: Option<Known>) -> bool {
        let is_ours =
            |known| is_of_the_connection(known) || matches!(known, Known::Host | Known::ContentLength | Known::Expect);
        known.is_some_and(is_ours)
            || self.request.members(Known::Connection).any(|option| option.eq_ignore_ascii_case(name))
    }
}
