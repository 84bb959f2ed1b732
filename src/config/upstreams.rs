//! An `upstream` block as far as it has been read, and what can be judged only when all of it has been.

use super::lex::Word;
use super::problem::{Fault, Position};
use super::types::{Balance, Resolver, Upstream, UpstreamKeepalive, UpstreamServer};
use crate::balance::SharedStates;
use std::collections::HashMap;
use std::sync::Arc;

/// The groups that `upstream` blocks define, by their names in lower case: as in nginx, case does not matter.
pub(super) type UpstreamGroups = HashMap<String, UpstreamGroup>;

/// A group, and the name in its block.
pub(super) struct UpstreamGroup {
    pub upstream: Arc<Upstream>,
    pub place: Position,
}

/// What the directives of an `upstream` block have said so far.
#[derive(Default)]
pub(super) struct UpstreamDraft {
    pub servers: Vec<UpstreamServer>,
    /// The directive that says how a server is chosen, and what it says.
    pub method: Option<(Word, Balance)>,
    pub keepalive: UpstreamKeepalive,
    /// There is a `zone`.
    pub is_shared: bool,
    /// The first `resolve`.
    pub resolve: Option<Word>,
}

/// A zone that a group names.
pub(super) struct UpstreamZone {
    /// The name.
    pub word: Word,
    /// In bytes. None: another directive says it.
    pub bytes: Option<u64>,
}

impl UpstreamDraft {
    /// Whether the method that stands above permits `backup`.
    pub fn takes_backup(&self) -> bool {
        match self.method {
            None | Some((_, Balance::RoundRobin | Balance::LeastConn)) => true,
            Some((_, Balance::IpHash | Balance::Hash { .. } | Balance::Random { .. })) => false,
        }
    }

    /// The fault of the group as a whole. `name` is its name; `has_server`: some `server` stands in it, perhaps a wrong
    /// one.
    pub fn fault(&self, name: &Word, has_server: bool, resolver: &Resolver) -> Option<Fault> {
        let group = &name.text;
        if !has_server {
            return Some(name.fault(format!(
                "the upstream \"{group}\" has no server; write one into it, as in: server 127.0.0.1:8080;"
            )));
        }
        if !self.servers.is_empty() && self.servers.iter().all(|server| server.is_backup) {
            return Some(name.fault(format!(
                "each server of the upstream \"{group}\" is a backup, and none is there that it could step in for; \
                 take \"backup\" from one of them"
            )));
        }
        let resolve = self.resolve.as_ref()?;
        if !self.is_shared {
            return Some(resolve.fault(format!(
                "\"resolve\" needs a zone, so that all workers share what is known of each address; write zone {group} \
                 64k; into the upstream"
            )));
        }
        resolver.servers.is_empty().then(|| {
            resolve.fault(
                "\"resolve\" needs a name server; write resolver with its address into the upstream or into \"http\", \
                 as in: resolver 127.0.0.1;",
            )
        })
    }

    /// The group.
    pub fn upstream(self, name: &str, resolver: Resolver) -> Upstream {
        Upstream {
            name: name.to_owned(),
            servers: self.servers,
            balance: self.method.map_or(Balance::RoundRobin, |(_, balance)| balance),
            keepalive: self.keepalive,
            is_shared: self.is_shared,
            states: SharedStates::default(),
            resolver,
            is_implicit: false,
        }
    }
}
