//! ProcessExit: a program that was started, until it is gone. Nothing else here can outlive its exchange.

use super::Context;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::Exchange;
use crate::log::Level;
use crate::worker::Worker;
use std::time::Duration;
use webserv_sys::poller::Pid;
use webserv_sys::process::{self, Status};
use webserv_sys::signal::Signal;
use webserv_sys::{Error, Watch};

/// How long a program has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// Reaps one program, and ends it when nobody wants it any more.
pub struct ProcessExit {
    pid: Pid,
    /// It has been waited for: its number may belong to a stranger now.
    reaped: bool,
}

impl ProcessExit {
    /// Sees to this child, which leads a process group of its own.
    pub fn new(pid: Pid) -> Self {
        Self { pid, reaped: false }
    }

    fn reap(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let Some(status) = process::wait(self.pid).map_err(TaskError::internal)? else { return Ok(Flow::Blocked) };
        self.reaped = true;
        cx.worker.programs_running -= 1;
        let level = if status == Status::Exited(0) { Level::Debug } else { Level::Warn };
        match status {
            Status::Exited(code) => cx.log(level, format_args!("the program (pid {}) exited with {code}", self.pid)),
            Status::Killed(signal) => {
                cx.log(level, format_args!("the program (pid {}) was ended by signal {signal}", self.pid));
            }
        }
        if let Some(x) = cx.exchange.as_deref_mut() {
            x.reply.exit = Some(status);
        }
        Ok(Flow::Done)
    }

    /// Sends a signal to the program and all that it has started.
    fn kill(&self, signal: Signal, cx: &mut Context<'_>) {
        if let Err(error) = process::kill_group(self.pid, signal)
            && !is_gone(error)
        {
            cx.log(Level::Alert, format_args!("{error}"));
        }
    }
}

/// No such process: it has ended meanwhile, and its exit is on its way to us.
fn is_gone(error: Error) -> bool {
    error.is_no_process()
}

impl Task<Worker> for ProcessExit {
    fn kind(&self) -> &'static str {
        "ProcessExit"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch(&self) -> Watch<'_> {
        Watch::Exit(self.pid)
    }

    fn wants(&self, _: Option<&Exchange>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => return self.reap(cx),
            Event::Cancel => {
                self.kill(Signal::Term, cx);
                cx.wake_after(GRACE);
            }
            Event::Deadline => self.kill(Signal::Kill, cx),
            Event::Reload | Event::Drain | Event::Crowded => {}
        }
        Ok(Flow::Blocked)
    }
}

impl Drop for ProcessExit {
    /// The server ends, or the exchange has died of a bug: no program is left running.
    fn drop(&mut self) {
        if !self.reaped {
            let _ = process::kill_group(self.pid, Signal::Kill);
        }
    }
}
