//! Groups of servers that requests are passed to: `upstream`.

use super::{Address, Resolver, Template};
use crate::balance::SharedStates;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A group as a directive names it. A directive may name a group before the block that defines it, so the definition
/// comes later. After the configuration has been read, every group that is used is defined.
#[derive(Clone, Debug, Default)]
pub struct UpstreamUse(Arc<OnceLock<Arc<Upstream>>>);

impl UpstreamUse {
    /// Defines the group. Returns false if it was defined already.
    pub fn define(&self, upstream: Arc<Upstream>) -> bool {
        self.0.set(upstream).is_ok()
    }

    /// The definition.
    pub fn get(&self) -> Option<&Arc<Upstream>> {
        self.0.get()
    }
}

/// A group of servers, or a single address that a `_pass` directive names.
#[derive(Debug)]
pub struct Upstream {
    /// The name of the group, or the address as it is written.
    pub name: String,
    /// The servers, in the order of the file.
    pub servers: Vec<UpstreamServer>,
    /// How a server is chosen.
    pub balance: Balance,
    /// How many connections are kept open for later requests, and how long.
    pub keepalive: UpstreamKeepalive,
    /// `zone`: the state of the servers is common to all workers.
    pub is_shared: bool,
    /// The state that `zone` shares.
    pub states: SharedStates,
    /// The name servers that are asked for the addresses of servers with `resolve`.
    pub resolver: Resolver,
    /// A `_pass` directive names the address itself: there is no `upstream` block.
    pub is_implicit: bool,
}

impl Upstream {
    /// A group without an `upstream` block: the addresses of one name.
    pub fn implicit(name: &str, addresses: Vec<Address>) -> Self {
        Self {
            name: name.to_owned(),
            servers: vec![UpstreamServer::new(name, addresses)],
            balance: Balance::RoundRobin,
            keepalive: UpstreamKeepalive::default(),
            is_shared: false,
            states: SharedStates::default(),
            resolver: Resolver::default(),
            is_implicit: true,
        }
    }

    /// After a reload, a group with the same `zone` and servers goes on with its state.
    pub fn adopt(&self, earlier: &[Arc<Upstream>]) {
        let is_same = |old: &&Arc<Upstream>| old.is_shared && old.name == self.name && old.servers == self.servers;
        if let Some(old) = earlier.iter().find(is_same).filter(|_| self.is_shared) {
            self.states.adopt(&old.states);
        }
    }
}

/// A `server` of an `upstream`.
#[derive(Clone, PartialEq, Debug)]
pub struct UpstreamServer {
    /// The address as it is written.
    pub name: String,
    /// The addresses that its name has. Each is a peer of its own.
    pub addresses: Vec<Address>,
    /// `resolve`: the host and port whose addresses are looked up while the server runs.
    pub resolve: Option<(String, u16)>,
    /// `weight`. Default 1.
    pub weight: u32,
    /// `max_fails`: after this number of failures within `fail_timeout`, the server is not asked for that time; 0: it
    /// always is. Default 1.
    pub max_fails: u32,
    /// `fail_timeout`. Default 10 s.
    pub fail_timeout: Duration,
    /// `max_conns`: the most connections at a time; 0: no limit. Default 0.
    pub max_conns: u32,
    /// `backup`: only asked if no other server is left.
    pub is_backup: bool,
    /// `down`: never asked.
    pub is_down: bool,
}

impl UpstreamServer {
    /// A server with the defaults.
    pub fn new(name: &str, addresses: Vec<Address>) -> Self {
        Self {
            name: name.to_owned(),
            addresses,
            resolve: None,
            weight: 1,
            max_fails: 1,
            fail_timeout: Duration::from_secs(10),
            max_conns: 0,
            is_backup: false,
            is_down: false,
        }
    }
}

/// How the server for a request is chosen.
#[derive(Clone, PartialEq, Debug)]
pub enum Balance {
    /// In turns, by weight.
    RoundRobin,
    /// `least_conn`: the one with the fewest connections for its weight.
    LeastConn,
    /// `ip_hash`: always the same for a client's address.
    IpHash,
    /// `hash KEY [consistent]`.
    Hash {
        /// The key.
        key: Template,
        /// By ketama: most keys stay with their server when the group changes.
        consistent: bool,
    },
    /// `random [two [least_conn]]`.
    Random {
        /// The better one of two.
        two: bool,
    },
}

/// The `keepalive` directives of a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UpstreamKeepalive {
    /// `keepalive`: idle connections of each worker; 0: none is kept. Default 32, as in nginx since 1.29.7.
    pub connections: usize,
    /// `keepalive NUMBER local`: a connection is used again by the same location only. Default on without `keepalive`.
    pub is_local: bool,
    /// `keepalive_requests`. Default 1000.
    pub requests: u64,
    /// `keepalive_time`. Default 1 h.
    pub time: Duration,
    /// `keepalive_timeout`. Default 60 s.
    pub timeout: Duration,
}

impl Default for UpstreamKeepalive {
    fn default() -> Self {
        let (time, timeout) = (Duration::from_secs(3600), Duration::from_secs(60));
        Self { connections: 32, is_local: true, requests: 1000, time, timeout }
    }
}
