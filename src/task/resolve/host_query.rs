//! A host that name servers are asked for: what is known so far, and which name server is next.

use crate::config::Resolver;
use crate::dns::{DnsLookup, HostAddresses, LookupStep, ResolveError};
use crate::engine::Notice;
use crate::limits::{NAME_SERVERS_ASKED_MAX, NAME_SERVERS_PAUSE};
use crate::log::Level;
use crate::task::Context;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// RCODEs that say something of the name server and not of the host (RFC 1035 section 4.1.1).
const FORMAT_ERROR: u8 = 1;
const NOT_IMPLEMENTED: u8 = 4;
const REFUSED: u8 = 5;

/// The tasks that ask pass this on to each other.
pub(super) struct HostQuery {
    pub resolver: Resolver,
    /// As the waiting tasks name it.
    pub host: Box<[u8]>,
    pub lookup: DnsLookup,
    /// Which name server is asked, by its place in `resolver`.
    server: usize,
    /// How many rounds of questions were asked.
    rounds: usize,
    /// How many name servers in a row could not be asked.
    refusals: usize,
    /// How many name servers do not answer questions like these.
    complaints: usize,
}

/// Who is asked next, and when.
pub(super) enum NextRound {
    /// The name server of the query, after this pause.
    Ask { by_tcp: bool, pause: Duration },
    /// No one: the waiting tasks have the result.
    Over,
}

impl HostQuery {
    /// Asks for a host, beginning with this name server.
    pub fn new(resolver: Resolver, host: &[u8], lookup: DnsLookup, server: usize) -> Self {
        Self { resolver, host: host.into(), lookup, server, rounds: 0, refusals: 0, complaints: 0 }
    }

    /// The name server that is asked.
    pub fn server(&self) -> SocketAddr {
        let servers = &self.resolver.servers;
        servers.get(self.server).copied().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 53))) // it has one
    }

    /// This task asks from now on. Returns false if no task waits any more; then the query is over.
    pub fn begin_turn(&self, cx: &mut Context<'_>) -> bool {
        let task = cx.token();
        cx.worker.names.set_asking(&self.resolver, &self.host, task);
        self.is_wanted(cx)
    }

    /// Whether a task waits. If not, the query is over.
    pub fn is_wanted(&self, cx: &mut Context<'_>) -> bool {
        let is_wanted = cx.worker.names.is_wanted(&self.resolver, &self.host);
        if !is_wanted {
            self.finish(Err(ResolveError::TimedOut), cx);
        }
        is_wanted
    }

    /// Goes on after a round that has got its answers. `None`: it has not got all of them.
    pub fn answered(&mut self, cx: &mut Context<'_>) -> Option<NextRound> {
        match self.lookup.step() {
            LookupStep::Wait => None,
            LookupStep::Ask { by_tcp } => {
                self.refusals = 0;
                Some(self.next_round(by_tcp, Duration::ZERO, cx))
            }
            LookupStep::Over(Err(ResolveError::Rcode(rcode))) if self.may_ask_another(rcode) => {
                self.complaints += 1;
                self.lookup.ask_again();
                Some(self.next_server(Duration::ZERO, cx))
            }
            LookupStep::Over(result) => {
                self.finish(result, cx);
                Some(NextRound::Over)
            }
        }
    }

    /// Whether another name server may answer what this one does not understand or refuses. As in nginx, one that has
    /// failed to ask others (RCODE 2) is believed.
    fn may_ask_another(&self, rcode: u8) -> bool {
        let is_own = matches!(rcode, FORMAT_ERROR | NOT_IMPLEMENTED | REFUSED);
        is_own && self.complaints + 1 < self.resolver.servers.len()
    }

    /// Goes on after a name server had its time. With addresses of one kind, the other kind is not waited for.
    pub fn timed_out(&mut self, cx: &mut Context<'_>) -> NextRound {
        if let Some(found) = self.lookup.found() {
            self.finish(Ok(found), cx);
            return NextRound::Over;
        }
        self.refusals = 0;
        self.next_server(Duration::ZERO, cx)
    }

    /// Goes on after a name server that cannot be asked, or closes. After all of them, there is a pause.
    pub fn refused(&mut self, why: &dyn fmt::Display, cx: &mut Context<'_>) -> NextRound {
        cx.log(Level::Error, format_args!("{why}: the name server {}, asked for {self}", self.server()));
        self.refusals += 1;
        let are_all = self.refusals.is_multiple_of(self.resolver.servers.len().max(1));
        self.next_server(if are_all { NAME_SERVERS_PAUSE } else { Duration::ZERO }, cx)
    }

    /// Goes on with the next name server: this one is being imitated.
    pub fn imitated(&mut self, cx: &mut Context<'_>) -> NextRound {
        self.next_server(Duration::ZERO, cx)
    }

    fn next_server(&mut self, pause: Duration, cx: &mut Context<'_>) -> NextRound {
        self.server = (self.server + 1) % self.resolver.servers.len().max(1);
        self.next_round(false, pause, cx)
    }

    fn next_round(&mut self, by_tcp: bool, pause: Duration, cx: &mut Context<'_>) -> NextRound {
        self.rounds += 1;
        if !self.is_wanted(cx) {
            return NextRound::Over;
        }
        if self.rounds >= NAME_SERVERS_ASKED_MAX {
            let error = if self.refusals > 0 { ResolveError::Unreachable } else { ResolveError::TimedOut };
            self.finish(Err(error), cx);
            return NextRound::Over;
        }
        NextRound::Ask { by_tcp, pause }
    }

    /// Gives the result to the tasks that wait.
    pub fn finish(&self, result: Result<(Vec<IpAddr>, u32), ResolveError>, cx: &mut Context<'_>) {
        let random = cx.worker.random.draw().map_or(0, u32::from_ne_bytes); // without it, the first one is tried first
        let result = result.map(|(addresses, ttl_secs)| {
            let time = self.resolver.valid.unwrap_or(Duration::from_secs(ttl_secs.into()));
            HostAddresses::new(addresses.into(), cx.now.after(time)).rotated(random as usize)
        });
        for task in cx.worker.names.finish(&self.resolver, &self.host, result, cx.now) {
            cx.notify(task, Notice::Finished);
        }
    }
}

/// The host.
impl fmt::Display for HostQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.host.escape_ascii())
    }
}
