//! Where the server listens, and who answers there.

use super::{Address, NameMap, Server, Settings};
use crate::password::Users;
use std::sync::Arc;
use std::time::Duration;

/// An address that is listened on and the virtual hosts behind it.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where.
    pub address: Address,
    /// `backlog=`: connections that the kernel completes ahead of accept. Default 511.
    pub backlog: i32,
    /// `reuseport`: other processes of the same user may listen here as well, and the kernel spreads the connections.
    pub reuseport: bool,
    /// A wildcard address and a specific one share the port, which the kernel allows only if both sockets say so.
    pub overlaps: bool,
    /// `ipv6only=`: an IPv6 socket takes no IPv4 connections. Default on; of no meaning for other addresses.
    pub ipv6only: bool,
    /// Who answers. Shared, since each connection keeps the hosts that it was accepted with.
    pub hosts: Arc<Hosts>,
    /// Not HTTP but the directory protocol is spoken here. Of `hosts` the first server's settings are the connections'.
    pub directory: Option<Arc<DirectoryServer>>,
}

/// The virtual hosts of one address.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// All servers; the first is the default, whatever order the file has.
    pub servers: Vec<Arc<Server>>,
    /// Exact names, lower case, to an index of `servers`.
    pub exact: NameMap<usize>,
    /// `*.example.org` as ".example.org", the longest first.
    pub suffixes: Vec<(String, usize)>,
    /// `www.example.*` as "www.example.", the longest first.
    pub prefixes: Vec<(String, usize)>,
}

/// A `server` in `directory`.
#[derive(Clone, Debug)]
pub struct DirectoryServer {
    /// How its files are read: below `root`, through no symbolic link.
    pub settings: Arc<Settings>,
    /// `users`: who may log in; `None`: nobody need.
    pub users: Option<Arc<Users>>,
    /// `timeout`: how long a client may take for a line, or take nothing of an answer. Default 60 s.
    pub timeout: Duration,
}
