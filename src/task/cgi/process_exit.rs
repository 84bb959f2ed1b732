//! ProcessExit: a program that was started, until it is gone. Nothing else here can outlive its connection.
//!
//! It is reaped when it has closed its output, or after a moment. Only one that is not over then is watched.

use crate::connection::{Connection, Phase};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use std::time::Duration;
use webserv_sys::poller::Pid;
use webserv_sys::process::{self, Status};
use webserv_sys::signal::Signal;
use webserv_sys::{Error, Moment, Watch};

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
    /// When that is over; never, as long as the client has none.
    end: Moment,
    /// It counts among `programs_running`.
    counts: bool,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It was started just now.
    Fresh,
    /// It may soon be over.
    Unwatched,
    /// The kernel tells when it is.
    Watched,
}

impl ProcessExit {
    /// Sees to this child, which leads a process group of its own and counts among `programs_running`.
    pub fn new(pid: Pid, patience: Duration) -> Self {
        Self { pid, reaped: false, cancelled: false, patience, end: Moment::NEVER, counts: true, stage: Stage::Fresh }
    }

    fn reap(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if self.stage == Stage::Unwatched {
            self.stage = Stage::Watched;
            cx.wake_at(self.end);
        }
        let Some(status) = process::wait(self.pid).map_err(TaskError::internal)? else {
            self.count(true, cx);
            return Ok(Flow::Blocked);
        };
        self.reaped = true;
        self.count(false, cx);
        if self.cancelled {
            // What it has started and SIGTERM has not ended would be nobody's. As long as there is any of it the number
            // stays the group's.
            self.kill(Signal::Kill, cx);
        }
        let is_late = cx.connection.is_none() && !self.cancelled;
        let level = match status {
            Status::Exited(0) => Level::Debug,
            Status::Killed(signal) if is_late && signal == Signal::Pipe.raw() => Level::Debug, // more than was wanted
            _ => Level::Warn,
        };
        match status {
            Status::Exited(code) => cx.log(level, format_args!("the program (pid {}) exited with {code}", self.pid)),
            Status::Killed(signal) => {
                cx.log(level, format_args!("the program (pid {}) was ended by signal {signal}", self.pid));
            }
        }
        if let Some(work) = cx.work() {
            work.t.program.exit = Some(status);
        }
        Ok(Flow::Done)
    }

    /// Whether it is one of the programs that run at once.
    fn count(&mut self, counts: bool, cx: &mut Context<'_>) {
        match (self.counts, counts) {
            (false, true) => cx.worker.programs_running += 1,
            (true, false) => cx.worker.programs_running -= 1,
            _ => {}
        }
        self.counts = counts;
    }

    /// Asks it to end, before it is made to.
    fn end(&mut self, cx: &mut Context<'_>) {
        self.cancelled = true;
        self.stage = Stage::Watched;
        self.count(true, cx);
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

/// The program has done its part: it is not cancelled since its client has gone or since it has failed.
fn may_finish(cx: &mut Context<'_>) -> bool {
    cx.connection.as_deref().is_some_and(|x| x.phase != Phase::Closed) && !cx.transaction().program.failed
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

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Exit(self.pid)
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match self.stage {
            Stage::Fresh => Want::Turn,
            Stage::Unwatched if transaction.is_some_and(|t| t.program.output_ended) => Want::Turn,
            Stage::Unwatched => Want::Nothing,
            Stage::Watched => Want::Kernel,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup if self.stage != Stage::Fresh => return self.reap(cx),
            Event::Ready | Event::Hangup => {
                self.stage = Stage::Unwatched;
                let look = cx.worker.next_look(cx.now);
                cx.wake_at(look);
            }
            Event::Cancel if may_finish(cx) => {
                // Its client has the answer: what it still has to do, it may finish.
                self.end = cx.now.after(self.patience);
                match self.stage {
                    Stage::Watched => cx.wake_at(self.end),
                    Stage::Fresh | Stage::Unwatched => self.count(false, cx), // it will be over when it is looked at
                }
            }
            Event::Cancel => self.end(cx),
            Event::Deadline if self.stage == Stage::Unwatched => return self.reap(cx),
            Event::Deadline if !self.cancelled => self.end(cx),
            Event::Deadline => self.kill(Signal::Kill, cx),
        }
        Ok(Flow::Blocked)
    }
}

impl Drop for ProcessExit {
    /// The server ends, or the connection has died of a bug: no program is left running.
    fn drop(&mut self) {
        if !self.reaped {
            let _ = process::kill_group(self.pid, Signal::Kill);
        }
    }
}
