//! The peers of a group, and a peer that was chosen for a request.

use super::{NoPeer, UpstreamId};
use crate::balance::{Ask, BalancedPeer, Balancing, HashRing, PeerGroup, PeerResult, PeerRules, PeerState, Tried};
use crate::config::{Address, Balance, Upstream, UpstreamServer};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::Moment;

/// The peers of a group, each an address of a `server`. When the addresses of a name change, a new value takes the
/// place of this one.
pub(super) struct PeerList {
    id: UpstreamId,
    version: u32,
    group: PeerGroup,
    /// For each peer of `group`.
    facts: Vec<Facts>,
}

/// What a request needs to know of its peer.
struct Facts {
    /// The index of its `server` in the configuration.
    server: usize,
    /// Peers with the same address share it.
    address: Arc<Address>,
    name: Arc<str>,
}

/// A peer that was chosen for a request. It counts the request for `max_conns` and `least_conn` until it is dropped.
#[must_use]
pub struct Peer {
    peers: Rc<PeerList>,
    index: u32,
    place: usize,
}

/// Which peer a connection is to. It counts no request.
#[derive(Clone, Debug)]
pub struct PeerKey {
    /// The number of its group.
    pub group: UpstreamId,
    pub(super) address: Arc<Address>,
    pub(super) place: usize,
}

impl Peer {
    /// Which peer this is, for a connection to it that stays open.
    pub fn key(&self) -> PeerKey {
        PeerKey { group: self.group(), address: Arc::clone(self.address()), place: self.place }
    }

    /// Its address.
    pub fn address(&self) -> &Arc<Address> {
        &self.facts().address
    }

    /// Its address as text, for `$upstream_addr` and the log: `127.0.0.1:8080`, `unix:/run/app.sock`.
    pub fn name(&self) -> &Arc<str> {
        &self.facts().name
    }

    /// The number of its group.
    pub fn group(&self) -> UpstreamId {
        self.peers.id
    }

    pub(super) fn place(&self) -> usize {
        self.place
    }

    pub(super) fn note(&self, result: PeerResult, now_ms: u64) -> bool {
        self.peers.group.note(self.index as usize, result, now_ms)
    }

    fn facts(&self) -> &Facts {
        &self.peers.facts[self.index as usize]
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.peers.group.give_back(self.index as usize);
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.name())
    }
}

/// The addresses of a target that was made of variables, for one request. It keeps no connections, and what is known of
/// its peers ends with it.
#[derive(Clone)]
pub struct MadeUpstream(Rc<PeerList>);

impl MadeUpstream {
    /// A group of these addresses.
    pub fn new(name: &str, addresses: Vec<Address>) -> Self {
        let upstream = Upstream::implicit(name, addresses);
        Self(Rc::new(PeerList::new(UpstreamId::NONE, &upstream, 0)))
    }

    /// Chooses a peer, as [`Upstreams::choose`](super::Upstreams::choose) does.
    ///
    /// # Errors
    /// Each peer was tried or has failed.
    pub fn choose(&self, tried: &mut Tried, now: Moment) -> Result<Peer, NoPeer> {
        PeerList::choose(&self.0, &Ask::default(), tried, now.millis()).ok_or(NoPeer)
    }

    /// The number of peers.
    pub fn tries(&self) -> usize {
        self.0.tries()
    }
}

impl PeerList {
    /// The peers of a configuration.
    pub fn new(id: UpstreamId, upstream: &Upstream, version: u32) -> Self {
        let addresses: Vec<&[Address]> = upstream.servers.iter().map(|server| &server.addresses[..]).collect();
        Self::made(id, upstream, &addresses, version, None)
    }

    /// The same peers, but for one `server`, which has these addresses.
    pub fn with_addresses(&self, upstream: &Upstream, server: usize, new: &[Address], version: u32) -> Self {
        let own: Vec<Vec<Address>> = (0..upstream.servers.len())
            .map(|number| match number == server {
                true => without_twins(new),
                false => self.addresses(number),
            })
            .collect();
        let addresses: Vec<&[Address]> = own.iter().map(|addresses| &addresses[..]).collect();
        Self::made(self.id, upstream, &addresses, version, Some(self))
    }

    /// The addresses of this server.
    pub fn addresses(&self, server: usize) -> Vec<Address> {
        self.facts.iter().filter(|it| it.server == server).map(|it| (*it.address).clone()).collect()
    }

    /// Chooses a peer.
    pub fn choose(this: &Rc<Self>, ask: &Ask<'_>, tried: &mut Tried, now_ms: u64) -> Option<Peer> {
        tried.begin(this.version);
        let index = this.group.pick(ask, tried, now_ms)?;
        Some(Peer { peers: Rc::clone(this), index: index as u32, place: ask.place })
    }

    /// The number of peers that may be tried.
    pub fn tries(&self) -> usize {
        self.group.tries()
    }

    /// Whether a peer has this address.
    pub fn has(&self, address: &Arc<Address>) -> bool {
        self.facts.iter().any(|it| Arc::ptr_eq(&it.address, address))
    }

    /// The peers of these addresses, a list for each server. What `before` knows of the same ones stays.
    fn made(
        id: UpstreamId,
        upstream: &Upstream,
        addresses: &[&[Address]],
        version: u32,
        before: Option<&PeerList>,
    ) -> Self {
        let (mut peers, mut facts, mut primaries) = (Vec::new(), Vec::<Facts>::new(), 0);
        for is_backup in [false, true] {
            let servers = upstream.servers.iter().zip(addresses).enumerate();
            for (number, (server, addresses)) in servers.filter(|(_, (server, _))| server.is_backup == is_backup) {
                let same_name = upstream
                    .servers
                    .iter()
                    .position(|it| it.name == server.name && it.is_backup == is_backup)
                    .unwrap_or(number);
                for address in *addresses {
                    let known = facts.iter().chain(before.iter().flat_map(|it| &it.facts));
                    let known = known.map(|it| &it.address).find(|known| ***known == *address);
                    let address = known.map_or_else(|| Arc::new(address.clone()), Arc::clone);
                    let name: Arc<str> = address.to_string().into();
                    let rules = rules(server);
                    let state = before.and_then(|before| before.state(number, &address));
                    let state = state.unwrap_or_else(|| new_state(upstream, number, &name, server.weight));
                    peers.push(BalancedPeer { rules, state, server: same_name as u32 });
                    facts.push(Facts { server: number, address, name });
                }
            }
            if !is_backup {
                primaries = peers.len();
            }
        }
        let group = PeerGroup::new(balancing(upstream), peers, primaries);
        Self { id, version, group, facts }
    }

    /// The state of this server's peer with this address.
    fn state(&self, server: usize, address: &Arc<Address>) -> Option<Arc<PeerState>> {
        let is_it = |it: &Facts| it.server == server && Arc::ptr_eq(&it.address, address);
        let index = self.facts.iter().position(is_it)?;
        Some(Arc::clone(&self.group.peers()[index].state))
    }
}

/// Each address once.
fn without_twins(addresses: &[Address]) -> Vec<Address> {
    let is_first = |(index, address): &(usize, &Address)| !addresses[..*index].contains(address);
    addresses.iter().enumerate().filter(is_first).map(|(_, address)| address.clone()).collect()
}

/// The state of a new peer: that of all workers, if the group has a `zone`.
fn new_state(upstream: &Upstream, server: usize, name: &str, weight: u32) -> Arc<PeerState> {
    match upstream.is_shared {
        true => upstream.states.state(server, name, weight),
        false => Arc::new(PeerState::new(weight)),
    }
}

fn rules(server: &UpstreamServer) -> PeerRules {
    PeerRules {
        weight: server.weight.max(1),
        max_fails: server.max_fails,
        fail_timeout_ms: server.fail_timeout.as_millis() as u64,
        max_conns: server.max_conns,
        is_down: server.is_down,
    }
}

fn balancing(upstream: &Upstream) -> Balancing {
    match &upstream.balance {
        Balance::RoundRobin => Balancing::RoundRobin,
        Balance::LeastConn => Balancing::LeastConn,
        Balance::IpHash => Balancing::IpHash,
        Balance::Hash { consistent: false, .. } => Balancing::Hash,
        Balance::Hash { consistent: true, .. } => {
            let weight = |server: &UpstreamServer| if server.is_backup { 0 } else { server.weight };
            let servers = upstream.servers.iter().map(|server| (&server.name[..], weight(server)));
            Balancing::ConsistentHash(HashRing::new(servers))
        }
        Balance::Random { two: false } => Balancing::Random,
        Balance::Random { two: true } => Balancing::RandomTwo,
    }
}
