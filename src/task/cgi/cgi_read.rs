//! CgiRead: reads a program's standard output: the head of the response, then its body.
//!
//! A program may write more than is used (HEAD, a redirect). That is read and dropped, up to a limit, so that the
//! program can end normally. Beyond the limit, and beyond its own Content-Length, the pipe is closed, and the program
//! gets SIGPIPE.

use crate::connection::{Answer, Connection, FailureKind, GivenUp, Outcome, Phase, To};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want, Work};
use crate::http::cgi::{HeadScan, ScriptAnswer, ScriptHead, ScriptHeadLimits};
use crate::limits::{READ_BYTES, UNWANTED_OUTPUT_BYTES_MAX};
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use webserv_sys::process::Status;
use webserv_sys::{Error, Watch, pipe};

/// Reads one program's response.
pub struct CgiRead {
    stdout: OwnedFd,
    stage: Stage,
    /// A new program has no output yet: the first read waits for the kernel.
    is_fresh: bool,
}

enum Stage {
    /// Reads the head; with the bytes so far.
    Head(Vec<u8>, Box<HeadScan>),
    /// Reads the body; with the bytes that are left of its Content-Length, if it has one.
    Body(Option<u64>),
    /// All output has been read. Waits for the exit status, which decides whether the response is complete.
    Ended,
    /// Reads and drops output that is not used, up to this number of bytes.
    Unwanted(usize),
}

impl CgiRead {
    /// Reads from this end of the program's standard output. `head` parses the head.
    pub fn new(stdout: OwnedFd, head: HeadScan) -> Self {
        Self { stdout, stage: Stage::Head(Vec::new(), Box::new(head)), is_fresh: true }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match &self.stage {
            Stage::Ended => return self.check_exit(cx),
            Stage::Unwanted(_) => return Ok(self.discard(cx)),
            Stage::Head(..) | Stage::Body(_) => {}
        }
        let Some(Work { t, worker, .. }) = cx.work() else { return Ok(Flow::Done) };
        let most = t.reply.body.room().min(READ_BYTES);
        let count = match pipe::read(self.stdout.as_fd(), &mut worker.read_buffer[..most]) {
            Ok(count) => count,
            Err(error) if error.would_block() => {
                update_clock(false, cx);
                return Ok(Flow::Blocked);
            }
            Err(source) => return Err(TaskError::upstream(FailureKind::Reset, source)),
        };
        match &mut self.stage {
            Stage::Head(head, scan) if count == 0 => {
                let (reason, rest) = (scan.ended(), head.len());
                cx.log(Level::Error, format_args!("{reason} ({rest} bytes)"));
                return Ok(fail(FailureKind::Short, cx));
            }
            Stage::Head(head, _) => {
                head.extend_from_slice(&worker.read_buffer[..count]);
                if let Some(flow) = self.parse(cx) {
                    return Ok(flow);
                }
            }
            _ if count == 0 => {
                t.program.output_ended = true;
                t.program.clock.allow_silence();
                self.stage = Stage::Ended;
                cx.doing(self.doing());
                return self.check_exit(cx);
            }
            Stage::Body(left) => {
                *left = left.map(|left| left.saturating_sub(count as u64));
                t.reply.body.push_copy(&worker.read_buffer[..count]);
            }
            Stage::Ended | Stage::Unwanted(_) => {}
        }
        update_clock(true, cx);
        Ok(if count < most { Flow::Blocked } else { Flow::Yield })
    }

    /// Parses the head. Returns `Some` if the program's body is not used.
    fn parse(&mut self, cx: &mut Context<'_>) -> Option<Flow> {
        let Stage::Head(bytes, scan) = &mut self.stage else { return None };
        let (taken, answer) = match scan.advance(bytes, &ScriptHeadLimits::default()) {
            Ok(ScriptHead::NeedMore) => return None,
            Ok(ScriptHead::Done { taken, answer }) => (taken, answer),
            Err(error) => {
                cx.log(Level::Error, format_args!("{error}"));
                return Some(fail(FailureKind::BadHead, cx));
            }
        };
        let rest = bytes.split_off(taken);
        let reply = &mut cx.transaction().reply;
        let (answer, length) = match answer {
            ScriptAnswer::Document(head) | ScriptAnswer::ClientRedirectWithDocument(head) => {
                let length = head.length;
                (Answer::Document(head), length)
            }
            ScriptAnswer::NonParsed(status) => (Answer::NonParsed(status, std::mem::take(bytes)), None),
            ScriptAnswer::ClientRedirect(head) => {
                reply.outcome = Some(Outcome::Answer(Answer::Redirect(head)));
                self.stage = Stage::Unwanted(UNWANTED_OUTPUT_BYTES_MAX);
                return Some(Flow::Progress);
            }
            ScriptAnswer::LocalRedirect(target) => {
                reply.outcome = Some(Outcome::Redirect(To::Target(target)));
                self.stage = Stage::Unwanted(UNWANTED_OUTPUT_BYTES_MAX);
                return Some(Flow::Progress);
            }
        };
        self.stage = Stage::Body(length.map(|length| length.saturating_sub(rest.len() as u64)));
        reply.outcome = Some(Outcome::Answer(answer));
        reply.body.push_bytes(rest);
        None
    }

    /// Reads and drops output that is not used.
    fn discard(&mut self, cx: &mut Context<'_>) -> Flow {
        let Stage::Unwanted(most) = &mut self.stage else { return Flow::Done };
        match pipe::read(self.stdout.as_fd(), &mut cx.worker.read_buffer) {
            Ok(count) if count > 0 && count <= *most => *most -= count,
            Err(error) if error.would_block() => return Flow::Blocked,
            Ok(_) | Err(_) => return Flow::Done,
        }
        Flow::Yield
    }

    /// Cancelled: the response is complete, or the client has closed.
    fn cancel(&mut self, cx: &mut Context<'_>) -> Flow {
        match self.stage {
            _ if cx.connection.as_deref().is_none_or(|x| x.phase == Phase::Closed) => return Flow::Done,
            Stage::Head(..) | Stage::Ended | Stage::Body(Some(0)) => return Flow::Done,
            Stage::Body(_) => self.stage = Stage::Unwanted(UNWANTED_OUTPUT_BYTES_MAX),
            Stage::Unwanted(_) => {}
        }
        update_clock(true, cx);
        Flow::Progress
    }

    /// The output has ended. The response is complete unless the program was killed.
    fn check_exit(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match cx.transaction().program.exit {
            None => {
                update_clock(false, cx);
                Ok(Flow::Progress)
            }
            Some(Status::Exited(_)) => {
                cx.transaction().reply.body.end();
                Ok(Flow::Done)
            }
            Some(Status::Killed(_)) => {
                cx.log(Level::Error, format_args!("the program was killed; its answer is cut short"));
                Err(TaskError::upstream(FailureKind::Short, Error::cancelled("read")))
            }
        }
    }

    fn on_deadline(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        update_clock(false, cx);
        let now = cx.now;
        let Some(which) = cx.transaction().program.clock.passed(now) else { return Ok(Flow::Progress) };
        cx.log(Level::Error, format_args!("the program is too slow: {which} has passed"));
        match self.stage {
            Stage::Head(..) => Ok(fail(FailureKind::Timeout, cx)),
            Stage::Body(_) | Stage::Ended | Stage::Unwanted(_) => {
                cx.transaction().program.given_up = Some(GivenUp::BadAnswer);
                Err(TaskError::upstream(FailureKind::Timeout, Error::timed_out("read")))
            }
        }
    }
}

/// Updates the program's clock, and has this task look at it in time.
fn update_clock(moved: bool, cx: &mut Context<'_>) {
    let now = cx.now;
    let t = cx.transaction();
    t.update_program_clock(moved, now);
    let next_look = t.program.clock.next_look(now);
    cx.wake_at(next_look);
}

/// The program failed before it had a response.
fn fail(kind: FailureKind, cx: &mut Context<'_>) -> Flow {
    let t = cx.transaction();
    t.program.given_up = Some(GivenUp::BadAnswer);
    t.reply.outcome = Some(Outcome::upstream_failed(kind, t.body.taken_bytes() > 0));
    Flow::Done
}

impl Task<Worker> for CgiRead {
    fn kind(&self) -> &'static str {
        "CgiRead"
    }

    fn doing(&self) -> &'static str {
        match self.stage {
            Stage::Head(..) => "reading the program's head",
            Stage::Body(_) => "reading the program's answer",
            Stage::Ended => "waiting for the program's end",
            Stage::Unwanted(_) => "discarding unused output of the program",
        }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.stdout.as_fd())
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match (transaction, &self.stage) {
            (Some(t), Stage::Ended) if t.program.exit.is_some() => Want::Turn,
            (_, Stage::Unwanted(_)) => Want::Kernel,
            (Some(t), Stage::Head(..) | Stage::Body(_)) if t.reply.body.room() > 0 => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready if std::mem::take(&mut self.is_fresh) => {
                update_clock(false, cx);
                Ok(Flow::Blocked)
            }
            Event::Ready => self.read(cx),
            Event::Hangup if self.wants(cx.seen()) != Want::Nothing => self.read(cx),
            Event::Deadline if cx.connection.is_none() => Ok(Flow::Done),
            Event::Deadline => self.on_deadline(cx),
            Event::Cancel => Ok(self.cancel(cx)),
            Event::Hangup => Ok(Flow::Progress),
        }
    }
}
