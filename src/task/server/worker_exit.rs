//! WorkerExit: notices that another worker has ended.

use crate::connection::Connection;
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use webserv_sys::{Watch, file};

/// Waits for EOF on the wake-up socket of another worker. Only the first worker has these tasks: it handles the
/// signals, so it must not end before the others.
pub struct WorkerExit {
    worker: usize,
    wake_up: Arc<OwnedFd>,
}

impl WorkerExit {
    /// Waits for the end of the worker with this number; `wake_up` is this side's end of the socket pair.
    pub fn new(worker: usize, wake_up: Arc<OwnedFd>) -> Self {
        Self { worker, wake_up }
    }

    fn arrived(&self, cx: &mut Context<'_>) {
        let (number, others) = (self.worker, cx.worker.team.others().len());
        cx.worker.team.remove(number);
        if !cx.worker.draining && cx.worker.team.master().is_some() {
            // The master process keeps the listening socket of the ended worker: the kernel still gives it clients, and
            // nobody would answer them.
            let what = "the process ends, so that the master process starts another one";
            cx.log(Level::Alert, format_args!("worker {number} has ended; {what}"));
            std::process::abort();
        }
        if !cx.worker.draining {
            cx.log(Level::Alert, format_args!("worker {number} has ended; {others} still run"));
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
        Watch::Read(self.wake_up.as_fd())
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Blocked });
        }
        match file::read(self.wake_up.as_fd(), &mut [0; 64]) {
            Ok(1..) => Ok(Flow::Progress),
            Err(error) if error.would_block() => Ok(Flow::Blocked),
            // EOF: the worker has ended. ECONNRESET: it has ended with unread wake-up bytes in its buffer.
            Ok(0) | Err(_) => {
                self.arrived(cx);
                Ok(Flow::Done)
            }
        }
    }
}
