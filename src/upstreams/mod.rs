//! The servers behind this one, as one worker knows them: which peer gets a request, how the peers are doing, and the
//! connections that are kept open for later requests.
//!
//! A worker makes the state of a group when a request is passed to it for the first time. Workers share the states of
//! the peers of a group with a `zone`; kept connections are each worker's own.

mod kept;
mod peers;

pub use peers::{MadeUpstream, Peer, PeerKey};

use crate::balance::{Ask, PeerResult, Tried};
use crate::config::{Address, Config, Upstream, UpstreamServer};
use kept::KeptConnections;
use peers::PeerList;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::{Moment, Token};

/// No peer is left for a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoPeer;

impl fmt::Display for NoPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no live upstreams: each server of the group was tried, has failed lately, is down or is full")
    }
}

/// The number of a group of a worker. It is never used again, so a kept connection may have it after a reload, too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UpstreamId(u64);

impl UpstreamId {
    /// No group of a worker: that of a request alone.
    const NONE: UpstreamId = UpstreamId(0);
}

/// The groups of a worker.
#[derive(Default)]
pub struct Upstreams {
    /// The number of a group by the address of its configuration; sorted.
    ids: Vec<(usize, UpstreamId)>,
    /// Sorted by the number.
    groups: Vec<Group>,
    /// The last number of a group.
    last_id: u64,
    /// The number of lists of peers so far.
    versions: u32,
}

/// The state of a group.
struct Group {
    id: UpstreamId,
    /// Its configuration. It lives as long, so that no other one gets its address.
    upstream: Arc<Upstream>,
    peers: Rc<PeerList>,
    kept: KeptConnections,
    /// A reload has come, and requests of the old configuration still use it. It keeps no connections.
    is_old: bool,
}

impl Upstreams {
    /// Chooses a peer for a request. The peer counts the request until it is dropped. `tried` has what was tried for
    /// this request before.
    ///
    /// # Errors
    /// Each peer was tried, has failed, is `down`, or has as many requests as `max_conns` permits.
    pub fn choose(
        &mut self,
        upstream: &Arc<Upstream>,
        ask: &Ask<'_>,
        tried: &mut Tried,
        now: Moment,
    ) -> Result<Peer, NoPeer> {
        let group = self.group(upstream);
        PeerList::choose(&group.peers, ask, tried, now.millis()).ok_or(NoPeer)
    }

    /// How many peers of the group a request may be passed to, one after the other; those with `down` do not count.
    pub fn tries(&mut self, upstream: &Arc<Upstream>) -> usize {
        self.group(upstream).peers.tries()
    }

    /// Says what has become of a request. Returns true if the peer is not asked for the time of its `fail_timeout` from
    /// now on; the caller logs that.
    pub fn note(&mut self, peer: &Peer, result: PeerResult, now: Moment) -> bool {
        peer.note(result, now.millis())
    }

    /// Takes a kept connection to this peer's address out of the pool: the one that was used last.
    pub fn take_idle(&mut self, peer: &Peer) -> Option<Token> {
        let group = self.known(peer.group())?;
        let place = group.upstream.keepalive.is_local.then_some(peer.place());
        group.kept.take(peer.address(), place)
    }

    /// Keeps a connection to a peer, as its task. Returns the task whose connection must be closed for that, if
    /// there are more than `keepalive` permits; that is this one if the group keeps none.
    pub fn keep(&mut self, peer: &PeerKey, token: Token) -> Option<Token> {
        match self.known(peer.group).filter(|group| !group.is_old) {
            Some(group) => group.kept.keep(&peer.address, peer.place, token, group.upstream.keepalive.connections),
            None => Some(token),
        }
    }

    /// Forgets a kept connection, whose task ends.
    pub fn forget_idle(&mut self, group: UpstreamId, token: Token) {
        if let Some(group) = self.known(group) {
            group.kept.forget(token);
        }
    }

    /// Whether connections of this group are kept. After a reload, those of the old configuration are not: their tasks
    /// end.
    pub fn is_kept(&self, group: UpstreamId) -> bool {
        let at = self.groups.binary_search_by_key(&group, |group| group.id);
        at.is_ok_and(|at| !self.groups[at].is_old && self.groups[at].upstream.keepalive.connections > 0)
    }

    /// The number of kept connections of all groups.
    pub fn idle(&self) -> usize {
        self.groups.iter().map(|group| group.kept.len()).sum()
    }

    /// A `server` with `resolve`, the one with this index in its group, has these addresses now. What is known of those
    /// that it had stays. Returns the tasks of kept connections to addresses that the group does not have any more; the
    /// caller closes them.
    pub fn set_addresses(&mut self, upstream: &Arc<Upstream>, server: usize, addresses: &[Address]) -> Vec<Token> {
        self.versions += 1;
        let version = self.versions;
        let group = self.group(upstream);
        group.peers = Rc::new(group.peers.with_addresses(upstream, server, addresses, version));
        let peers = &group.peers;
        group.kept.take_others(|address| peers.has(address))
    }

    /// Before a reload: servers with `resolve` begin with the addresses that their hosts have in the group of the same
    /// name of the earlier configuration, until they have been looked up.
    pub fn adopt_addresses(&mut self, earlier: &Config, new: &Config) {
        for upstream in &new.upstreams {
            let Some(before) = earlier.upstreams.iter().find(|before| before.name == upstream.name) else { continue };
            for (number, server) in upstream.servers.iter().enumerate() {
                let Some((host, port)) = &server.resolve else { continue };
                let is_it = |it: &UpstreamServer| it.resolve.as_ref().is_some_and(|(name, _)| name == host);
                let Some(at) = before.servers.iter().position(is_it) else { continue };
                let mut addresses = self.group(before).peers.addresses(at);
                for address in &mut addresses {
                    if let Address::Inet(address) = address {
                        address.set_port(*port);
                    }
                }
                if !addresses.is_empty() {
                    self.set_addresses(upstream, number, &addresses); // a new group keeps no connections
                }
            }
        }
    }

    /// After a reload: forgets the groups that the configuration does not have. The connections that they keep are
    /// forgotten at once; their tasks ask [`is_kept`](Self::is_kept).
    pub fn retain(&mut self, config: &Config) {
        for group in &mut self.groups {
            if !config.upstreams.iter().any(|upstream| Arc::ptr_eq(upstream, &group.upstream)) {
                group.is_old = true;
                group.kept = KeptConnections::default();
            }
        }
        // A peer with a request has a share of the peers.
        self.groups.retain(|group| !group.is_old || Rc::strong_count(&group.peers) > 1);
        let groups = &self.groups;
        self.ids.retain(|(_, id)| groups.binary_search_by_key(id, |group| group.id).is_ok());
    }

    /// The group of a configuration. It is made when it is needed first.
    fn group(&mut self, upstream: &Arc<Upstream>) -> &mut Group {
        let address = Arc::as_ptr(upstream) as usize;
        let at = match self.ids.binary_search_by_key(&address, |(address, _)| *address) {
            Ok(at) => {
                let id = self.ids[at].1;
                self.groups.partition_point(|group| group.id < id)
            }
            Err(at) => self.open(upstream, at),
        };
        &mut self.groups[at]
    }

    /// Makes a group, whose number goes to this place in the list.
    fn open(&mut self, upstream: &Arc<Upstream>, at: usize) -> usize {
        self.last_id += 1;
        self.versions += 1;
        let id = UpstreamId(self.last_id);
        self.ids.insert(at, (Arc::as_ptr(upstream) as usize, id));
        let peers = Rc::new(PeerList::new(id, upstream, self.versions));
        let (upstream, kept) = (Arc::clone(upstream), KeptConnections::default());
        self.groups.push(Group { id, upstream, peers, kept, is_old: false });
        self.groups.len() - 1
    }

    fn known(&mut self, id: UpstreamId) -> Option<&mut Group> {
        let at = self.groups.binary_search_by_key(&id, |group| group.id).ok()?;
        Some(&mut self.groups[at])
    }
}

#[cfg(test)]
mod tests;
