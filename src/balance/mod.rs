//! Chooses one of several servers for a request: pure, without sockets and without a clock of its own.
//!
//! Each address of each `server` is a peer ([`BalancedPeer`]). A [`PeerGroup`] has the peers of an `upstream`, and
//! [`PeerGroup::pick`] chooses one of them. The numbers that change while the server runs are in [`PeerState`]; workers
//! may share them. [`Tried`] has what one request has tried already.
//!
//! The methods are nginx's, with the same sequences: whoever replaces nginx finds the same client at the same server.

mod crc32;
mod group;
mod hashed;
mod ring;
mod shared;
mod state;
mod tried;

pub use group::{BalancedPeer, Balancing, PeerGroup};
pub use ring::HashRing;
pub use shared::SharedStates;
pub use state::{PeerResult, PeerRules, PeerState};
pub use tried::Tried;

use std::net::IpAddr;

/// What the choice depends on, besides the peers.
#[derive(Clone, Copy, Default, Debug)]
pub struct Ask<'a> {
    /// The client's address, for `ip_hash`. None: it has no IP address.
    pub client: Option<IpAddr>,
    /// The value of the key of `hash`; empty for other methods.
    pub key: &'a [u8],
    /// A random number, for `random`.
    pub random: u64,
    /// Who asks, as a number that only means itself. With `keepalive ... local`, a kept connection is used again by the
    /// same location only.
    pub place: usize,
}

#[cfg(test)]
mod tests;
