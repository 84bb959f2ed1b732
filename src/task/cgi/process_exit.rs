//! ProcessExit: waits for the exit of a program. It can outlive its connection.
//!
//! A program is reaped (waitpid(2)) after it has closed its output, or after a while: see
//! [`late_watch`](super::late_watch).

use super::ending::ending;
use super::late_watch::LateWatch;
use super::places::{call_next, end_left, forget_place, note_place};
use crate::connection::{Connection, GivenUp, Outcome, Phase, Stage as HttpStage, Transaction};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::log::Level;
use crate::task::Context;
use crate::worker::{Children, ProgramPlace, Worker};
use std::time::Duration;
use webserv_sys::poller::Pid;
use webserv_sys::process::{self, Status};
use webserv_sys::signal::Signal;
use webserv_sys::{Error, Watch};

/// How long a program has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// Reaps one program, and kills it when its response is no longer needed.
pub struct ProcessExit {
    pid: Pid,
    children: Children,
    /// The process has been reaped: its pid may belong to another process now.
    reaped: bool,
    /// waitpid(2) has failed.
    wait_failed: bool,
    /// Why the process group has been sent SIGTERM. `None` before.
    cause: Option<&'static str>,
    /// It has been sent SIGKILL before it was reaped.
    killed: bool,
    wait: LateWatch,
    /// The place that the program takes among the programs.
    place: Option<ProgramPlace>,
}

impl ProcessExit {
    /// Waits for this one of the children. It leads a process group and takes this place among the programs.
    pub fn new(pid: Pid, timeout: Duration, children: Children, place: ProgramPlace) -> Self {
        Self {
            pid,
            children,
            reaped: false,
            wait_failed: false,
            cause: None,
            killed: false,
            wait: LateWatch::new(timeout),
            place: Some(place),
        }
    }

    fn reap(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        self.wait.look(cx);
        let status = match self.children.wait(self.pid) {
            Ok(Some(status)) => status,
            Ok(None) => {
                self.count(true, cx);
                return Ok(Flow::Blocked);
            }
            Err(error) => return self.wait_failed(error, cx),
        };
        self.reaped = true;
        forget_place(cx);
        self.count(false, cx);
        if self.cause.is_some() {
            // Kills children of the program that SIGTERM has not ended. While one of them lives, the kernel does not
            // use the number of the group again.
            self.kill(Signal::Kill, cx);
        }
        let is_late = cx.connection.is_none() && self.cause.is_none();
        let level = match status {
            Status::Exited(0) => Level::Debug,
            Status::Killed(signal) if is_late && signal == Signal::Pipe.raw() => Level::Debug, // unread output
            _ => Level::Warn,
        };
        cx.log(level, format_args!("the program (pid {}) {}", self.pid, ending(status, self.cause_of(status))));
        if let Some(work) = cx.work() {
            work.t.program.exit = Some(status);
        }
        Ok(Flow::Done)
    }

    /// Why the server ended the program; empty if it was not the server's signal that did.
    fn cause_of(&self, status: Status) -> &'static str {
        let is_ours = |number| number == Signal::Term.raw() || self.killed && number == Signal::Kill.raw();
        match (status, self.cause) {
            (Status::Killed(number), Some(cause)) if is_ours(number) => cause,
            _ => "",
        }
    }

    /// waitpid(2) has failed. It is tried once more, unless there is no such child. Then the program is given up, and
    /// its place is given back.
    fn wait_failed(&mut self, error: Error, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !error.is_no_child() && !std::mem::replace(&mut self.wait_failed, true) {
            cx.log(Level::Alert, format_args!("{error}: tried again"));
            return Ok(Flow::Blocked);
        }
        self.reaped = error.is_no_child(); // the pid may belong to another process
        self.children.forget(self.pid);
        forget_place(cx);
        self.count(false, cx);
        Err(TaskError::internal(error))
    }

    /// Takes a place among the programs, or gives it back.
    fn count(&mut self, counts: bool, cx: &mut Context<'_>) {
        match (&self.place, counts) {
            (None, true) => self.place = Some(cx.worker.programs.take_place()),
            (Some(_), false) => {
                self.place = None;
                call_next(cx);
            }
            _ => {}
        }
    }

    /// A request waits for a place, and the client of this program has closed its side of the connection. Ends the
    /// program if nothing of its answer has come.
    fn make_room(&mut self, cx: &mut Context<'_>) {
        let is_silent =
            |t: &Transaction| t.http.stage == HttpStage::Handler && t.reply.outcome.is_none() && t.failed.is_none();
        if self.cause.is_some() || !cx.seen().transaction.is_some_and(is_silent) {
            cx.worker.programs.decline();
            return end_left(cx);
        }
        cx.log(
            Level::Info,
            format_args!(
                "the client has closed and the program (pid {}) has not answered: ended, because another request waits",
                self.pid
            ),
        );
        let t = cx.transaction();
        t.program.given_up = Some(GivenUp::Evicted);
        t.reply.outcome = Some(Outcome::status(503));
    }

    /// Sends SIGTERM; SIGKILL follows after [`GRACE`].
    fn terminate(&mut self, cause: &'static str, cx: &mut Context<'_>) {
        self.cause = Some(cause);
        self.wait.look(cx);
        self.count(true, cx);
        self.kill(Signal::Term, cx);
        cx.wake_after(GRACE);
    }

    /// Sends a signal to the process group.
    fn kill(&self, signal: Signal, cx: &mut Context<'_>) {
        // ESRCH: the process has ended, and its exit event will follow.
        if let Err(error) = process::kill_group(self.pid, signal)
            && !error.is_no_process()
        {
            cx.log(Level::Alert, format_args!("{error}"));
        }
    }
}

/// Why the program may not go on after its request, for the log. `None` if it may: its response is complete.
fn cause_to_end(cx: &Context<'_>) -> Option<&'static str> {
    let Seen { connection, transaction } = cx.seen();
    let given_up = transaction.and_then(|t| t.program.given_up);
    let has_gone = connection.is_none_or(|x| x.phase == Phase::Closed);
    given_up.map(GivenUp::cause).or(has_gone.then_some("its client has gone"))
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
        self.wait.want(transaction.is_some_and(|t| t.program.output_ended))
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if notice == Notice::Evict {
            self.make_room(cx);
        }
        Ok(Flow::Progress)
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if event == Event::Cancel {
            forget_place(cx);
        }
        match event {
            Event::Ready | Event::Hangup if self.wait.begin(cx) => {
                if cx.connection.is_some() {
                    note_place(cx); // else its request is over already, and it has no client
                }
            }
            Event::Ready | Event::Hangup => return self.reap(cx),
            Event::Cancel => match cause_to_end(cx) {
                Some(cause) => self.terminate(cause, cx),
                None if self.wait.let_finish(cx) => {}
                None => self.count(false, cx), // it will have exited by the next look
            },
            Event::Deadline if self.wait.is_unwatched() => return self.reap(cx),
            Event::Deadline if self.cause.is_none() => {
                self.terminate("it went on for cgi_idle_timeout after its answer", cx);
            }
            Event::Deadline => {
                self.killed = true;
                self.kill(Signal::Kill, cx);
            }
        }
        Ok(Flow::Blocked)
    }
}

impl Drop for ProcessExit {
    /// Kills the program when the server ends, or after a panic: no program is left running.
    fn drop(&mut self) {
        if !self.reaped {
            let _ = process::kill_group(self.pid, Signal::Kill);
            self.children.forget(self.pid);
        }
    }
}
