//! CgiRead: reads a program's standard output: the head of the response, then its body.
//!
//! A program may write more than is used (HEAD, a redirect). That is read and dropped, up to a limit, so that the
//! program can end normally. Beyond the limit, and beyond its own Content-Length, the pipe is closed, and the program
//! gets SIGPIPE.

use crate::connection::{Connection, Failure, FailureKind, GivenUp, Phase, Side};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want, Work};
use crate::gateway::AnswerDecoder;
use crate::limits::UNWANTED_OUTPUT_BYTES_MAX;
use crate::log::Level;
use crate::task::Context;
use crate::task::upstream::{AnswerStage, IncomingAnswer};
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use webserv_sys::process::Status;
use webserv_sys::{Error, Watch, pipe};

/// Reads one program's response.
pub struct CgiRead {
    stdout: OwnedFd,
    answer: IncomingAnswer,
    output: Output,
    /// A new program has no output yet: the first read waits for the kernel.
    is_fresh: bool,
}

/// What becomes of the output that the program writes next.
enum Output {
    /// It is the answer.
    Answer,
    /// All output has been read. The exit status decides whether the answer is complete.
    Ended,
    /// It is not used: it is read and dropped, up to this number of bytes.
    Unwanted(usize),
}

impl CgiRead {
    /// Reads from this end of the program's standard output. `non_parsed`: the program is an nph- script.
    pub fn new(stdout: OwnedFd, non_parsed: bool) -> Self {
        let answer = IncomingAnswer::new(AnswerDecoder::program(non_parsed));
        Self { stdout, answer, output: Output::Answer, is_fresh: true }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match self.output {
            Output::Ended => return self.check_exit(cx),
            Output::Unwanted(_) => return Ok(self.discard(cx)),
            Output::Answer => {}
        }
        let now = cx.now;
        let Some(Work { t, worker, .. }) = cx.work() else { return Ok(Flow::Done) };
        if !self.answer.wants_bytes(t) {
            return Ok(Flow::Progress);
        }
        let most = IncomingAnswer::room(t);
        let count = match pipe::read(self.stdout.as_fd(), &mut worker.read_buffer[..most]) {
            Ok(0) => return self.at_end(cx),
            Ok(count) => count,
            Err(error) if error.would_block() => {
                update_clock(false, cx);
                return Ok(Flow::Blocked);
            }
            Err(source) => return Err(TaskError::upstream(FailureKind::Reset, source)),
        };
        if let Err(fault) = self.answer.take(&worker.read_buffer[..count], t, &mut worker.buffers, now) {
            return Ok(fail(FailureKind::BadHead, &fault.reason, cx));
        }
        if self.answer.stage == AnswerStage::Unused {
            self.output = Output::Unwanted(UNWANTED_OUTPUT_BYTES_MAX);
            return Ok(Flow::Progress);
        }
        update_clock(true, cx);
        Ok(if count < most { Flow::Blocked } else { Flow::Yield })
    }

    /// The program has closed its output. Whether its Content-Length has come is seen where the answer is sent.
    fn at_end(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if self.answer.stage == AnswerStage::Head
            && let Err(fault) = self.answer.check_end()
        {
            return Ok(fail(FailureKind::Short, &fault.reason, cx));
        }
        let program = &mut cx.transaction().program;
        program.output_ended = true;
        program.clock.allow_silence();
        self.output = Output::Ended;
        cx.doing(self.doing());
        self.check_exit(cx)
    }

    /// Reads and drops output that is not used.
    fn discard(&mut self, cx: &mut Context<'_>) -> Flow {
        let Output::Unwanted(most) = &mut self.output else { return Flow::Done };
        match pipe::read(self.stdout.as_fd(), &mut cx.worker.read_buffer) {
            Ok(count) if count > 0 && count <= *most => *most -= count,
            Err(error) if error.would_block() => return Flow::Blocked,
            Ok(_) | Err(_) => return Flow::Done,
        }
        Flow::Yield
    }

    /// Cancelled: the response is complete, or the client has closed.
    fn cancel(&mut self, cx: &mut Context<'_>) -> Flow {
        match self.output {
            _ if cx.connection.as_deref().is_none_or(|x| x.phase == Phase::Closed) => return Flow::Done,
            Output::Unwanted(_) => {}
            Output::Answer if self.answer.stage == AnswerStage::Body => {
                self.output = Output::Unwanted(UNWANTED_OUTPUT_BYTES_MAX);
            }
            Output::Answer | Output::Ended => return Flow::Done,
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
                self.answer.end(false, cx.transaction());
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
        let why = format!("the program is too slow: {which} has passed");
        match self.answer.stage {
            AnswerStage::Head => Ok(fail(FailureKind::Timeout, &why, cx)),
            AnswerStage::Ended { .. } => Ok(Flow::Progress),
            _ => {
                cx.log(Level::Error, format_args!("{why}"));
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
fn fail(kind: FailureKind, why: &str, cx: &mut Context<'_>) -> Flow {
    cx.log(Level::Error, format_args!("{why}"));
    let t = cx.transaction();
    t.program.given_up = Some(GivenUp::BadAnswer);
    t.failed = Some(Failure { side: Side::Upstream, kind, anything_sent: t.body.taken_bytes() > 0 });
    Flow::Done
}

impl Task<Worker> for CgiRead {
    fn kind(&self) -> &'static str {
        "CgiRead"
    }

    fn doing(&self) -> &'static str {
        match (&self.output, self.answer.stage) {
            (Output::Answer, AnswerStage::Head) => "reading the program's head",
            (Output::Answer, _) => "reading the program's answer",
            (Output::Ended, _) => "waiting for the program's end",
            (Output::Unwanted(_), _) => "discarding unused output of the program",
        }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.stdout.as_fd())
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match (&self.output, transaction) {
            (Output::Unwanted(_), _) => Want::Kernel,
            (Output::Ended, Some(t)) if t.program.exit.is_some() => Want::Turn,
            (Output::Answer, Some(t)) if self.answer.wants_bytes(t) => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup if std::mem::take(&mut self.is_fresh) => {
                update_clock(false, cx);
                Ok(Flow::Blocked)
            }
            Event::Ready | Event::Hangup => self.read(cx),
            Event::Deadline if cx.connection.is_none() => Ok(Flow::Done),
            Event::Deadline => self.on_deadline(cx),
            Event::Cancel => Ok(self.cancel(cx)),
        }
    }
}
