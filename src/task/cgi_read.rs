//! CgiRead: from the program's standard output to the answer: its head first, then its body.

use super::Context;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::limits::READ_BYTES;
use crate::exchange::{Answer, Exchange, Side};
use crate::http::ReplyHead;
use crate::http::cgi::{HeadScan, Limits, ScriptAnswer, ScriptHead};
use crate::log::Level;
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};
use webserv_sys::process::Status;
use webserv_sys::{Error, Watch, file};

/// Reads one program's answer.
pub struct CgiRead {
    stdout: OwnedFd,
    stage: Stage,
    /// The longest pause that the program may make.
    idle: Duration,
    /// When it must have ended.
    end: Instant,
    /// How much of the request's body had been taken from us when patience last ended.
    fed_bytes: u64,
}

enum Stage {
    /// What has come of the head.
    Head(Vec<u8>, Box<HeadScan>),
    Body,
    /// All has been read; how the program ends decides whether it was the whole.
    Ended,
}

impl CgiRead {
    /// Reads from this end of the program's standard output, with this patience.
    pub fn new(stdout: OwnedFd, idle: Duration, end: Instant) -> Self {
        Self { stdout, stage: Stage::Head(Vec::new(), Box::default()), idle, end, fed_bytes: 0 }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if matches!(self.stage, Stage::Ended) {
            return self.judge(cx);
        }
        let Context { exchange: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
        let most = x.reply.body.room().min(READ_BYTES);
        let count = match file::read(self.stdout.as_fd(), &mut worker.read_buffer[..most]) {
            Ok(count) => count,
            Err(error) if error.would_block() => {
                self.be_patient(cx);
                return Ok(Flow::Blocked);
            }
            Err(source) => return Err(TaskError { side: Side::Upstream, source }),
        };
        match &mut self.stage {
            Stage::Head(head, scan) if count == 0 => {
                let (reason, rest) = (scan.ended(), head.len());
                cx.log(Level::Error, format_args!("{reason} ({rest} bytes)"));
                return Ok(fail(502, cx));
            }
            Stage::Head(head, _) => {
                head.extend_from_slice(&worker.read_buffer[..count]);
                if let Some(flow) = self.parse(cx) {
                    return Ok(flow);
                }
            }
            _ if count == 0 => {
                self.stage = Stage::Ended;
                return self.judge(cx);
            }
            _ => x.reply.body.push_copy(&worker.read_buffer[..count]),
        }
        self.be_patient(cx);
        Ok(if count < most { Flow::Blocked } else { Flow::Progress })
    }

    /// Looks for the end of the head. `Some`: the program has nothing more to say.
    fn parse(&mut self, cx: &mut Context<'_>) -> Option<Flow> {
        let Stage::Head(bytes, scan) = &mut self.stage else { return None };
        let (taken, answer) = match scan.advance(bytes, &Limits::default()) {
            Ok(ScriptHead::NeedMore) => return None,
            Ok(ScriptHead::Done { taken, answer }) => (taken, answer),
            Err(error) => {
                cx.log(Level::Error, format_args!("{error}"));
                return Some(fail(502, cx));
            }
        };
        let rest = bytes.split_off(taken);
        let reply = &mut cx.exchange().reply;
        match answer {
            ScriptAnswer::Document(head) | ScriptAnswer::ClientRedirectWithDocument(head) => {
                reply.answer = Some(Answer::Document(head));
            }
            ScriptAnswer::ClientRedirect(head) => {
                reply.answer = Some(Answer::Page(head));
                return Some(Flow::Done);
            }
            ScriptAnswer::LocalRedirect(target) => {
                reply.answer = Some(Answer::LocalRedirect(target));
                return Some(Flow::Done);
            }
        }
        reply.body.push_bytes(rest);
        self.stage = Stage::Body;
        None
    }

    /// The output has ended. It is the whole answer unless the program was killed.
    fn judge(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match cx.exchange().reply.exit {
            None => {
                cx.wake_at(self.end);
                Ok(Flow::Progress)
            }
            Some(Status::Exited(_)) => {
                cx.exchange().reply.body.end();
                Ok(Flow::Done)
            }
            Some(Status::Killed(_)) => {
                cx.log(Level::Error, format_args!("the program was killed; its answer is cut short"));
                Err(TaskError { side: Side::Upstream, source: Error::cancelled("read") })
            }
        }
    }

    fn be_patient(&self, cx: &mut Context<'_>) {
        cx.wake_at(self.end.min(cx.now + self.idle));
    }

    /// The program has read meanwhile, or it waits for the client: for more of the body, or to take the answer.
    fn is_excused(&mut self, x: &Exchange) -> bool {
        let (before, body) = (self.fed_bytes, &x.body);
        self.fed_bytes = body.taken_bytes();
        let starves = body.is_empty() && !body.is_ended() && !body.is_abandoned();
        self.fed_bytes > before || starves || x.reply.body.room() == 0
    }

    fn too_late(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if cx.now < self.end && self.is_excused(cx.exchange()) {
            self.be_patient(cx);
            return Ok(Flow::Progress);
        }
        let which = if cx.now < self.end { "cgi_idle_timeout" } else { "cgi_timeout" };
        cx.log(Level::Error, format_args!("the program is too slow: {which} has passed"));
        match self.stage {
            Stage::Head(..) => Ok(fail(504, cx)),
            Stage::Body | Stage::Ended => Err(TaskError { side: Side::Upstream, source: Error::timed_out("read") }),
        }
    }
}

/// The program's failure becomes the answer, and nobody waits for the program any more.
fn fail(status: u16, cx: &mut Context<'_>) -> Flow {
    let x = cx.exchange();
    x.program_failed = true;
    x.reply.answer = Some(Answer::Page(ReplyHead::new(status)));
    Flow::Done
}

impl Task<Worker> for CgiRead {
    fn kind(&self) -> &'static str {
        "CgiRead"
    }

    fn doing(&self) -> &'static str {
        match self.stage {
            Stage::Head(..) => "reading the program's head",
            Stage::Body => "reading the program's answer",
            Stage::Ended => "waiting for the program's end",
        }
    }

    fn watch(&self) -> Watch<'_> {
        Watch::Read(self.stdout.as_fd())
    }

    fn wants(&self, exchange: Option<&Exchange>) -> Want {
        match (exchange, &self.stage) {
            (Some(x), Stage::Ended) if x.reply.exit.is_some() => Want::Turn,
            (Some(x), Stage::Head(..) | Stage::Body) if x.reply.body.room() > 0 => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready => self.read(cx),
            Event::Hangup if self.wants(cx.exchange.as_deref()) != Want::Nothing => self.read(cx),
            Event::Deadline => self.too_late(cx),
            Event::Cancel => Ok(Flow::Done),
            Event::Hangup | Event::Reload | Event::Drain | Event::Crowded => Ok(Flow::Progress),
        }
    }
}
