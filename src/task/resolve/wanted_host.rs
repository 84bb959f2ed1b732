//! A host whose addresses a task waits for.

use super::{HostQuery, ResolveSend};
use crate::config::Resolver;
use crate::dns::{DnsLookup, DnsName, HostAddresses, RecordKind, ResolveError};
use crate::engine::Notice;
use crate::task::Context;
use crate::worker::NameState;

/// A host, and the name servers that know it.
pub(super) struct WantedHost {
    pub resolver: Resolver,
    pub host: Box<[u8]>,
}

impl WantedHost {
    /// Looks for the addresses. `None`: the task gets [`Notice::Finished`], and then the result with
    /// [`take`](Self::take).
    pub fn ask(&self, cx: &mut Context<'_>) -> Option<Result<HostAddresses, ResolveError>> {
        if self.resolver.servers.is_empty() {
            return Some(Err(ResolveError::NoResolver));
        }
        let Some(name) = DnsName::parse(&self.host) else { return Some(Err(ResolveError::NOT_FOUND)) };
        let task = cx.token();
        match cx.worker.names.look_up(&self.resolver, &self.host, task, cx.now) {
            NameState::Known(addresses) => Some(Ok(addresses)),
            NameState::Busy => Some(Err(ResolveError::Busy)),
            NameState::Asked => None,
            NameState::Ask(server) => {
                let mut kinds = vec![RecordKind::A, RecordKind::Aaaa];
                kinds.retain(|kind| if *kind == RecordKind::A { self.resolver.ipv4 } else { self.resolver.ipv6 });
                let lookup = DnsLookup::new(&name, &kinds);
                let query = HostQuery::new(self.resolver.clone(), &self.host, lookup, server);
                cx.start(Box::new(ResolveSend::new(query)));
                None
            }
        }
    }

    /// The result that has come.
    pub fn take(&self, cx: &mut Context<'_>) -> Option<Result<HostAddresses, ResolveError>> {
        let task = cx.token();
        cx.worker.names.take(task)
    }

    /// Waits no longer. If no other task waits, the name servers are not asked any more.
    pub fn give_up(&self, cx: &mut Context<'_>) {
        let task = cx.token();
        if let Some(asking) = cx.worker.names.give_up(&self.resolver, &self.host, task) {
            cx.notify(asking, Notice::Evict);
        }
    }
}
