//! ResolveWait: a request waits for the addresses of a host.

use super::WantedHost;
use crate::config::Resolver;
use crate::connection::{Connection, Outcome};
use crate::dns::{HostAddresses, ResolveError};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::limits::{NAME_SERVER_TIMEOUT, NAME_SERVERS_ASKED_MAX};
use crate::task::Context;
use crate::worker::Worker;
use std::time::Duration;
use webserv_sys::Watch;

/// Waits for one host, at most `resolver_timeout`.
pub struct ResolveWait {
    wanted: WantedHost,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fresh,
    Waiting,
    Over,
}

impl ResolveWait {
    /// Waits for this host, whose addresses these name servers know.
    pub fn new(resolver: Resolver, host: &[u8]) -> Self {
        Self { wanted: WantedHost { resolver, host: host.into() }, stage: Stage::Fresh }
    }

    fn begin(&mut self, cx: &mut Context<'_>) -> Flow {
        match self.wanted.ask(cx) {
            Some(result) => self.end(result, cx),
            None => {
                self.stage = Stage::Waiting;
                cx.wake_after(match self.wanted.resolver.timeout {
                    Duration::ZERO => NAME_SERVER_TIMEOUT * NAME_SERVERS_ASKED_MAX as u32,
                    timeout => timeout,
                });
                Flow::Progress
            }
        }
    }

    fn end(&mut self, result: Result<HostAddresses, ResolveError>, cx: &mut Context<'_>) -> Flow {
        self.stage = Stage::Over;
        cx.transaction().reply.outcome = Some(Outcome::Resolved(result));
        Flow::Done
    }
}

impl Task<Worker> for ResolveWait {
    fn kind(&self) -> &'static str {
        "ResolveWait"
    }

    fn doing(&self) -> &'static str {
        "waiting for the addresses of a host"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        if self.stage == Stage::Fresh { Want::Turn } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match (event, self.stage) {
            (Event::Ready | Event::Hangup, Stage::Fresh) => self.begin(cx),
            (Event::Deadline, Stage::Waiting) => {
                self.wanted.give_up(cx);
                self.end(Err(ResolveError::TimedOut), cx)
            }
            (Event::Cancel, _) => {
                self.wanted.give_up(cx);
                Flow::Done
            }
            _ => Flow::Progress,
        })
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if (notice, self.stage) == (Notice::Finished, Stage::Waiting)
            && let Some(result) = self.wanted.take(cx)
        {
            return Ok(self.end(result, cx));
        }
        Ok(Flow::Progress)
    }
}
