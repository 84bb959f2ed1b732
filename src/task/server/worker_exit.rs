//! WorkerExit: another worker has ended.

use crate::connection::Connection;
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use webserv_sys::{Watch, file};

/// Waits for the end of another worker's line. Only the first worker has these tasks: it must not end before the
/// others, since it is the one that hears signals.
pub struct WorkerExit {
    worker: usize,
    line: Arc<OwnedFd>,
}

impl WorkerExit {
    /// Waits for the end of the worker with this number, at the other end of this line.
    pub fn new(worker: usize, line: Arc<OwnedFd>) -> Self {
        Self { worker, line }
    }

    fn arrived(&self, cx: &mut Context<'_>) {
        let (number, others) = (self.worker, cx.worker.team.others().len());
        cx.worker.team.remove(number);
        if !cx.worker.draining {
            cx.log(Level::Alert, format_args!("worker {number} has ended; {others} go on"));
        } else if others == 1 {
            cx.stop_when_idle();
        }
    }
}

impl Task<Worker> for WorkerExit {
    fn kind(&self) -> &'static str {
        "WorkerExit"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.line.as_fd())
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Blocked });
        }
        match file::read(self.line.as_fd(), &mut [0; 64]) {
            Ok(1..) => Ok(Flow::Progress),
            Err(error) if error.would_block() => Ok(Flow::Blocked),
            // The end; or an error, if it left commands unread (ECONNRESET).
            Ok(0) | Err(_) => {
                self.arrived(cx);
                Ok(Flow::Done)
            }
        }
    }
}
