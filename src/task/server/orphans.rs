//! Orphans: reaps the children that a server with pid 1 adopts, as in a container without an init.

use crate::connection::Connection;
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::limits::{REAPED_PER_TURN, UNWATCHED};
use crate::log::Level;
use crate::task::Context;
use crate::worker::{Ended, Worker};
use webserv_sys::Watch;
use webserv_sys::signal::Signal;

/// Waits for SIGCHLD. Only the first worker has this task, and only if the server adopts orphans.
pub struct Orphans;

impl Orphans {
    /// Reaps a bounded number of orphans. One signal may stand for several children.
    fn reap(cx: &mut Context<'_>) {
        for _ in 0..REAPED_PER_TURN {
            match cx.worker.children.reap_orphan() {
                Ok(Ended::Orphan(pid)) => cx.log(Level::Debug, format_args!("reaped an orphan (pid {pid})")),
                Ok(Ended::None) => return,
                // Its own task reaps it soon. There may be orphans behind it.
                Ok(Ended::Program) => return cx.wake_after(UNWATCHED),
                Err(error) => return cx.log(Level::Alert, format_args!("{error}")),
            }
        }
        let now = cx.now;
        cx.wake_at(now); // in the next round
    }
}

impl Task<Worker> for Orphans {
    fn kind(&self) -> &'static str {
        "Orphans"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Signal(Signal::Chld)
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup | Event::Deadline => Self::reap(cx),
            Event::Cancel => return Ok(Flow::Done),
        }
        Ok(Flow::Blocked)
    }
}
