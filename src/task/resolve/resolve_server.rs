//! ResolveServer: keeps the addresses of a `server` of an `upstream` up to date (`resolve`).

use super::WantedHost;
use crate::config::{Address, Config, Upstream};
use crate::connection::Connection;
use crate::dns::{HostAddresses, ResolveError};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::limits::{NAME_SERVER_TIMEOUT, NO_ADDRESS_KEPT, SERVER_RESOLVED_MIN};
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::Watch;

/// Looks the host of one server up again whenever its addresses have had their time. Each worker does so for itself;
/// one that asks often enough finds the answer in its table of names.
pub struct ResolveServer {
    upstream: Arc<Upstream>,
    /// The index of the server in the group.
    server: usize,
    port: u16,
    wanted: WantedHost,
    /// The addresses that the group has now; sorted. `None`: those of its configuration.
    addresses: Option<Vec<Address>>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fresh,
    /// Waits for an answer.
    Asking,
    /// Waits until the addresses have had their time.
    Keeping,
}

impl ResolveServer {
    /// The tasks for all servers of this configuration with `resolve`.
    pub fn all(config: &Config) -> Vec<Self> {
        let of_group = |upstream: &Arc<Upstream>| {
            let servers = upstream.servers.iter().enumerate();
            let named = servers.filter_map(|(server, it)| it.resolve.as_ref().map(|named| (server, named)));
            named.map(|(server, named)| Self::new(upstream, server, named)).collect::<Vec<_>>()
        };
        config.upstreams.iter().flat_map(of_group).collect()
    }

    fn new(upstream: &Arc<Upstream>, server: usize, (host, port): &(String, u16)) -> Self {
        let wanted = WantedHost { resolver: upstream.resolver.clone(), host: host.as_bytes().into() };
        Self { upstream: Arc::clone(upstream), server, port: *port, wanted, addresses: None, stage: Stage::Fresh }
    }

    fn ask(&mut self, cx: &mut Context<'_>) {
        self.stage = Stage::Asking;
        match self.wanted.ask(cx) {
            Some(result) => self.take(result, cx),
            None => cx.wake_after(match self.wanted.resolver.timeout {
                Duration::ZERO => NAME_SERVER_TIMEOUT,
                timeout => timeout,
            }),
        }
    }

    fn take(&mut self, result: Result<HostAddresses, ResolveError>, cx: &mut Context<'_>) {
        self.stage = Stage::Keeping;
        let wait = match result {
            Ok(addresses) => {
                let wait = addresses.until.since(cx.now);
                self.set(addresses.iter().map(|ip| Address::Inet((ip, self.port).into())).collect(), cx);
                wait
            }
            Err(error) => {
                let host = self.wanted.host.escape_ascii();
                cx.log(Level::Error, format_args!("\"{host}\" could not be resolved ({error})"));
                self.take_failure(error, cx)
            }
        };
        cx.wake_after(wait.max(SERVER_RESOLVED_MIN));
    }

    /// Returns how long to wait before the host is looked up again. As in nginx, only the answer that there are no
    /// addresses takes those away that are known.
    fn take_failure(&mut self, error: ResolveError, cx: &mut Context<'_>) -> Duration {
        match error {
            ResolveError::NOT_FOUND => {
                self.set(Vec::new(), cx);
                self.wanted.resolver.valid.unwrap_or(NO_ADDRESS_KEPT)
            }
            ResolveError::TimedOut => SERVER_RESOLVED_MIN,
            _ if self.wanted.resolver.timeout.is_zero() => NAME_SERVER_TIMEOUT,
            _ => self.wanted.resolver.timeout,
        }
    }

    /// The server has these addresses now.
    fn set(&mut self, mut addresses: Vec<Address>, cx: &mut Context<'_>) {
        addresses.sort_by_key(Address::to_string); // an answer has them in any order
        if self.addresses.as_ref() == Some(&addresses) || self.is_old(cx) {
            return;
        }
        let all = addresses.iter().map(Address::to_string).collect::<Vec<_>>().join(", ");
        let (server, group) = (&self.upstream.servers[self.server].name, &self.upstream.name);
        let all = if all.is_empty() { "no address" } else { &all };
        cx.log(Level::Info, format_args!("the server {server} of \"{group}\" has now: {all}"));
        for unused in cx.worker.upstreams.set_addresses(&self.upstream, self.server, &addresses) {
            cx.notify(unused, Notice::Evict);
        }
        self.addresses = Some(addresses);
    }

    /// The group is one of an earlier configuration.
    fn is_old(&self, cx: &Context<'_>) -> bool {
        !cx.worker.config.upstreams.iter().any(|upstream| Arc::ptr_eq(upstream, &self.upstream))
    }
}

impl Task<Worker> for ResolveServer {
    fn kind(&self) -> &'static str {
        "ResolveServer"
    }

    fn doing(&self) -> &'static str {
        "keeping the addresses of a server up to date"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        if self.stage == Stage::Fresh { Want::Turn } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match (event, self.stage) {
            (Event::Ready | Event::Hangup, Stage::Fresh) | (Event::Deadline, Stage::Keeping) => self.ask(cx),
            (Event::Deadline, Stage::Asking) => {
                self.wanted.give_up(cx);
                self.take(Err(ResolveError::TimedOut), cx);
            }
            (Event::Cancel, _) => {
                self.wanted.give_up(cx);
                return Ok(Flow::Done);
            }
            _ => {}
        }
        Ok(Flow::Progress)
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match notice {
            Notice::Finished if self.stage == Stage::Asking => {
                if let Some(result) = self.wanted.take(cx) {
                    self.take(result, cx);
                }
            }
            Notice::Reload if self.is_old(cx) => {
                self.wanted.give_up(cx);
                return Ok(Flow::Done);
            }
            _ => {}
        }
        Ok(Flow::Progress)
    }
}
