//! Sockets: IPv4, IPv6 and unix streams.

use std::net::SocketAddr;
use std::path::PathBuf;

/// A socket address.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Address {
    /// IPv4 or IPv6 with port.
    Inet(SocketAddr),
    /// A unix socket's path; empty for an unnamed peer.
    Unix(PathBuf),
}
