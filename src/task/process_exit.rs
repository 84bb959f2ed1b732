//! ProcessExit: a program that was started, until it is gone. Nothing else here can outlive its exchange.

use super::Context;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::{Exchange, Phase};
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
    /// It, and all that it has started, is being ended.
    cancelled: bool,
    /// How long it may go on when its client has the answer.
    patience: Duration,
}

impl ProcessExit {
    /// Sees to this child, which leads a process group of its own.
    pub fn new(pid: Pid, patience: Duration) -> Self {
        Self { pid, reaped: false, cancelled: false, patience }
    }

    fn reap(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let Some(status) = process::wait(self.pid).map_err(TaskError::internal)? else { return Ok(Flow::Blocked) };
        self.reaped = true;
        if self.cancelled {
            // What it has started and SIGTERM has not ended would be nobody's. As long as there is any of it the number
            // stays the group's.
            self.kill(Signal::Kill, cx);
        }
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

    /// Asks it to end, before it is made to.
    fn end(&mut self, cx: &mut Context<'_>) {
        self.cancelled = true;
        self.kill(Signal::Term, cx);
        cx.wake_after(GRACE);
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
            Event::Cancel if cx.exchange.as_deref().is_some_and(|x| x.phase != Phase::Closed && !x.program_failed) => {
                cx.wake_after(self.patience); // its client has the answer: what it still has to do, it may finish
            }
            Event::Cancel => self.end(cx),
            Event::Deadline if !self.cancelled => self.end(cx),
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
