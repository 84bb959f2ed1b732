//! What a worker knows of names: the addresses of hosts that name servers have told, and who waits for them.
//!
//! A name is asked for once at a time. Tasks that want it meanwhile wait, and get the same result. An answer is kept as
//! long as its TTL or `valid` says. That there is no address is not kept, as in nginx: the next request asks again.

use crate::config::Resolver;
use crate::dns::{HostAddresses, ResolveError};
use crate::limits::{NAMES_ASKED_MAX, NAMES_MAX};
use std::borrow::Cow;
use std::collections::HashMap;
use webserv_sys::{Moment, Token};

/// Up to this number of resolvers, none is looked for that is not used any more.
const RESOLVERS_UNSWEPT: usize = 16;

/// The names of one worker.
#[derive(Default)]
pub struct HostNames {
    /// One for each `resolver` that requests have used. Few, so they are searched one after another.
    resolvers: Vec<NamesOfResolver>,
    /// Results for tasks that wait.
    results: HashMap<Token, Result<HostAddresses, ResolveError>>,
    /// How many names are being asked for.
    asked: usize,
}

struct NamesOfResolver {
    resolver: Resolver,
    /// The name server that is asked first for the next name.
    next_server: usize,
    names: HashMap<Box<[u8]>, Entry>,
}

enum Entry {
    /// The addresses, and how many times they were used.
    Kept(HostAddresses, usize),
    /// It is being asked for.
    Asked(Asking),
}

#[derive(Default)]
struct Asking {
    /// The task that asks, once it has begun.
    by: Option<Token>,
    /// The tasks that wait for its result.
    waiting: Vec<Token>,
}

/// How it stands with a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NameState {
    /// Its addresses.
    Known(HostAddresses),
    /// It is being asked for. The task gets [`Notice::Finished`](crate::engine::Notice::Finished), and then its result
    /// with [`HostNames::take`].
    Asked,
    /// The same, but a task has to be started that asks, beginning with the name server of this number.
    Ask(usize),
    /// Too many names are being asked for.
    Busy,
}

/// How a host is found in the table: in lower case, without a dot at its end.
fn key(host: &[u8]) -> Cow<'_, [u8]> {
    let host = host.strip_suffix(b".").unwrap_or(host);
    if host.iter().any(u8::is_ascii_uppercase) { host.to_ascii_lowercase().into() } else { host.into() }
}

impl HostNames {
    /// The addresses of a host, if they are known and still right. They begin with another one each time.
    pub fn find(&mut self, resolver: &Resolver, host: &[u8], now: Moment) -> Option<HostAddresses> {
        match self.entry(resolver, host)? {
            Entry::Kept(addresses, uses) if now < addresses.until => {
                *uses += 1;
                Some(addresses.rotated(*uses))
            }
            _ => None,
        }
    }

    fn entry(&mut self, resolver: &Resolver, host: &[u8]) -> Option<&mut Entry> {
        let of = self.resolvers.iter_mut().find(|of| of.resolver.asks_as(resolver))?;
        of.names.get_mut(&*key(host))
    }

    /// The addresses of a host; if they are not known, this task waits for them.
    pub fn look_up(&mut self, resolver: &Resolver, host: &[u8], task: Token, now: Moment) -> NameState {
        if let Some(addresses) = self.find(resolver, host, now) {
            return NameState::Known(addresses);
        }
        if let Some(Entry::Asked(asking)) = self.entry(resolver, host) {
            asking.waiting.push(task);
            return NameState::Asked;
        }
        if self.asked >= NAMES_ASKED_MAX {
            return NameState::Busy;
        }
        self.make_room(now);
        self.asked += 1;
        let at = self.resolvers.iter().position(|of| of.resolver.asks_as(resolver));
        let of = match at {
            Some(at) => &mut self.resolvers[at],
            None => {
                let of = NamesOfResolver { resolver: resolver.clone(), next_server: 0, names: HashMap::new() };
                self.resolvers.push(of);
                self.resolvers.last_mut().expect("just pushed")
            }
        };
        of.names.insert(key(host).into(), Entry::Asked(Asking { by: None, waiting: vec![task] }));
        let server = of.next_server % resolver.servers.len().max(1);
        of.next_server = server + 1;
        NameState::Ask(server)
    }

    /// Makes room for one more name. Resolvers without names go, too: a reload may have removed them.
    fn make_room(&mut self, now: Moment) {
        let count = |names: &Self| names.resolvers.iter().map(|of| of.names.len()).sum::<usize>();
        let is_full = count(self) >= NAMES_MAX;
        if !is_full && self.resolvers.len() < RESOLVERS_UNSWEPT {
            return;
        }
        for of in &mut self.resolvers {
            of.names.retain(|_, entry| !matches!(entry, Entry::Kept(addresses, _) if addresses.until <= now));
        }
        self.resolvers.retain(|of| !of.names.is_empty());
        if count(self) >= NAMES_MAX {
            self.forget_shortest();
        }
    }

    fn forget_shortest(&mut self) {
        let all = self.resolvers.iter().enumerate().flat_map(|(at, of)| of.names.iter().map(move |it| (at, it)));
        let kept = all.filter_map(|(at, (host, entry))| match entry {
            Entry::Kept(addresses, _) => Some((addresses.until, at, host)),
            Entry::Asked(_) => None,
        });
        let shortest = kept.min_by_key(|(until, ..)| *until).map(|(_, at, host)| (at, host.clone()));
        if let Some((at, host)) = shortest {
            self.resolvers[at].names.remove(&host);
        }
    }

    /// Whether a task waits for this host.
    pub fn is_wanted(&mut self, resolver: &Resolver, host: &[u8]) -> bool {
        matches!(self.entry(resolver, host), Some(Entry::Asked(asking)) if !asking.waiting.is_empty())
    }

    /// This task asks for the host from now on: [`give_up`](Self::give_up) says when that is not needed any more.
    pub fn set_asking(&mut self, resolver: &Resolver, host: &[u8], task: Token) {
        if let Some(Entry::Asked(asking)) = self.entry(resolver, host) {
            asking.by = Some(task);
        }
    }

    /// The host has been asked for. Returns the tasks that wait: they get
    /// [`Notice::Finished`](crate::engine::Notice::Finished).
    pub fn finish(
        &mut self,
        resolver: &Resolver,
        host: &[u8],
        result: Result<HostAddresses, ResolveError>,
        now: Moment,
    ) -> Vec<Token> {
        let Some(of) = self.resolvers.iter_mut().find(|of| of.resolver.asks_as(resolver)) else { return Vec::new() };
        let Some(Entry::Asked(Asking { waiting, .. })) = of.names.remove(&*key(host)) else { return Vec::new() };
        self.asked -= 1;
        for (number, task) in waiting.iter().enumerate() {
            self.results.insert(*task, result.as_ref().map(|it| it.rotated(number)).map_err(|error| *error));
        }
        if let Ok(addresses) = result
            && now < addresses.until
        {
            of.names.insert(key(host).into(), Entry::Kept(addresses, waiting.len().saturating_sub(1)));
        }
        waiting
    }

    /// The result for a task that waits.
    pub fn take(&mut self, task: Token) -> Option<Result<HostAddresses, ResolveError>> {
        self.results.remove(&task)
    }

    /// The task does not wait any more. Returns the task that asks, if no other task waits for it: it gets
    /// [`Notice::Evict`](crate::engine::Notice::Evict).
    pub fn give_up(&mut self, resolver: &Resolver, host: &[u8], task: Token) -> Option<Token> {
        self.results.remove(&task);
        let Some(Entry::Asked(asking)) = self.entry(resolver, host) else { return None };
        asking.waiting.retain(|other| *other != task);
        asking.by.filter(|_| asking.waiting.is_empty())
    }
}

#[cfg(test)]
mod tests;
