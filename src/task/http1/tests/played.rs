//! Handlers that follow a script.

use super::client::{self, Outcome as TurnOutcome, Wire};
use crate::connection::{Answer, Connection, Failure, FailureKind, Outcome, Side, StoredBody, To};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::http::ReplyHead;
use crate::task::Context;
use crate::worker::Worker;
use std::fs::File;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;
use webserv_sys::{Error, Watch};

/// How long a slow handler waits.
const STALL: Duration = Duration::from_secs(5);

/// The script of one played handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// The whole response at once, with a body of this number of bytes.
    Whole(usize),
    /// A page with this status.
    Page(u16),
    /// A document with a Content-Length of `bytes`, in pieces. The handler sends `given` bytes: all, fewer or more.
    Length {
        bytes: usize,
        given: usize,
    },
    /// A document without Content-Length, in pieces.
    Stream(usize),
    /// A response whose head is written by a program, in pieces.
    NonParsed(usize),
    /// The task fails before its outcome: an internal failure.
    FailsHere,
    /// The task fails before its outcome: the program has failed.
    FailsThere,
    /// The task says that the program has failed.
    SaysFailed,
    /// The task fails after this number of bytes of a document, with or without Content-Length.
    FailsLate {
        after: usize,
        length: Option<usize>,
    },
    /// The whole response, after a wait.
    Stalls(usize),
    /// A wait, and then the timeout of the program.
    TimesOut,
    Declined,
    Directory,
    AddSlash,
    /// An internal redirect to a path.
    ToPath,
    /// An internal redirect to a path with a query.
    ToTarget,
    NeedsBody,
    /// Waits for the whole request body, and leaves it in the pipe.
    Stored,
    /// Sends the request body back when it is complete.
    Echo,
    /// Sends the request body back while it arrives.
    EchoStream,
}

/// Byte number `at` of the response body of this request.
pub fn byte(request: u64, at: usize) -> u8 {
    b'a' + ((at * 7 + request as usize * 3) % 26) as u8
}

/// The first `count` bytes of the response body of this request.
pub fn bytes(request: u64, count: usize) -> Vec<u8> {
    (0..count).map(|at| byte(request, at)).collect()
}

/// The head that [`Act::NonParsed`] sends.
pub const NON_PARSED: &[u8] = b"HTTP/1.1 200 Own\r\nX-Own: head\r\n\r\n";

/// A handler that plays one act.
pub struct Played {
    act: Act,
    request: u64,
    file: Rc<File>,
    /// It has had its first turn.
    begun: bool,
    /// How many bytes it has sent.
    given: usize,
    echo: Vec<u8>,
}

impl Played {
    pub fn new(act: Act, request: u64) -> Self {
        client::with(|wire| wire.playing += 1);
        Self {
            act,
            request,
            file: client::with(|wire| Rc::clone(&wire.file)),
            begun: false,
            given: 0,
            echo: Vec::new(),
        }
    }

    fn say(&self, outcome: Outcome, cx: &mut Context<'_>) -> TurnOutcome {
        cx.transaction().reply.outcome = Some(outcome);
        Ok(Flow::Done)
    }

    fn whole(&self, body: Vec<u8>, cx: &mut Context<'_>) -> TurnOutcome {
        self.say(Outcome::Answer(Answer::Whole(ReplyHead::new(200), body)), cx)
    }

    /// The first turn.
    fn begin(&mut self, cx: &mut Context<'_>) -> TurnOutcome {
        let timed_out = TaskError::upstream(FailureKind::Reset, Error::timed_out("read"));
        match self.act {
            Act::Whole(count) => self.whole(bytes(self.request, count), cx),
            Act::Page(status) => self.say(Outcome::status(status), cx),
            Act::Length { bytes: length, .. } | Act::FailsLate { length: Some(length), .. } => {
                self.begin_document(Some(length as u64), cx)
            }
            Act::Stream(_) | Act::FailsLate { length: None, .. } => self.begin_document(None, cx),
            Act::NonParsed(_) => {
                self.say(Outcome::Answer(Answer::NonParsed(200, NON_PARSED.to_vec())), cx)?;
                Ok(Flow::Progress)
            }
            Act::FailsHere => Err(TaskError::internal(Error::timed_out("read"))),
            Act::FailsThere => Err(timed_out),
            Act::SaysFailed => {
                let kind = FailureKind::Timeout;
                cx.transaction().failed = Some(Failure { side: Side::Upstream, kind, anything_sent: false });
                Ok(Flow::Done)
            }
            Act::Stalls(_) | Act::TimesOut => {
                cx.wake_after(STALL);
                Ok(Flow::Progress)
            }
            Act::Declined => self.say(Outcome::Declined, cx),
            Act::Directory => {
                let folder = File::open(client::with(|wire| wire.folder.clone())).expect("it is there");
                self.say(Outcome::Directory(folder.into()), cx)
            }
            Act::AddSlash => self.say(Outcome::AddSlash, cx),
            Act::ToPath => self.say(Outcome::Redirect(To::Path(b"/file".to_vec())), cx),
            Act::ToTarget => self.say(Outcome::Redirect(To::Target(b"/file?x=y".to_vec())), cx),
            Act::NeedsBody => self.say(Outcome::NeedsBody, cx),
            Act::Stored | Act::Echo | Act::EchoStream => {
                cx.transaction().body.release();
                if self.act == Act::EchoStream { self.begin_document(None, cx) } else { Ok(Flow::Progress) }
            }
        }
    }

    fn begin_document(&self, length: Option<u64>, cx: &mut Context<'_>) -> TurnOutcome {
        self.say(Outcome::Answer(Answer::Document(ReplyHead { length, ..ReplyHead::new(200) })), cx)?;
        Ok(Flow::Progress)
    }

    /// A later turn.
    fn go_on(&mut self, cx: &mut Context<'_>) -> TurnOutcome {
        match self.act {
            Act::Length { given, .. } => self.give(given, cx),
            Act::Stream(count) | Act::NonParsed(count) => self.give(count, cx),
            Act::FailsLate { after, .. } if self.given == after => {
                Err(TaskError::upstream(FailureKind::Reset, Error::timed_out("read")))
            }
            Act::FailsLate { after, .. } => self.give(after, cx).map(|_| Flow::Progress),
            Act::Stored => self.stored(cx),
            Act::Echo | Act::EchoStream => self.echo(cx),
            _ => Ok(Flow::Progress),
        }
    }

    /// Sends the next piece. `all` is the number of bytes to send in all.
    fn give(&mut self, all: usize, cx: &mut Context<'_>) -> TurnOutcome {
        let left = all - self.given;
        let most = if all > 1000 { 60_000 } else { 12 };
        let count = left.min(1 + client::with(|wire| wire.random.below(most)));
        let piece = (self.given..self.given + count).map(|at| byte(self.request, at)).collect();
        self.given += count;
        let body = &mut cx.transaction().reply.body;
        body.push_bytes(piece);
        if self.given < all || matches!(self.act, Act::FailsLate { .. }) {
            return Ok(Flow::Progress);
        }
        body.end();
        Ok(Flow::Done)
    }

    fn stored(&self, cx: &mut Context<'_>) -> TurnOutcome {
        let body = &cx.transaction().body;
        if !body.is_ended() {
            return Ok(Flow::Progress);
        }
        let bytes = body.len();
        self.say(Outcome::Stored(StoredBody { file: None, path: Vec::new(), bytes }), cx)
    }

    fn echo(&mut self, cx: &mut Context<'_>) -> TurnOutcome {
        let t = cx.transaction();
        let count = t.body.contiguous().len();
        let came = t.body.contiguous().to_vec();
        t.body.consume(count as u64);
        let is_over = t.body.is_ended();
        match self.act {
            Act::EchoStream => {
                t.reply.body.push_bytes(came);
                if is_over {
                    t.reply.body.end();
                }
                Ok(if is_over { Flow::Done } else { Flow::Progress })
            }
            _ => {
                self.echo.extend(came);
                let body = if is_over { std::mem::take(&mut self.echo) } else { return Ok(Flow::Progress) };
                self.whole(body, cx)
            }
        }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        client::with(|wire| wire.playing -= 1);
    }
}

impl Task<Worker> for Played {
    fn kind(&self) -> &'static str {
        "Played"
    }

    fn doing(&self) -> &'static str {
        "playing"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.file.as_fd())
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        let Some(t) = seen.transaction else { return Want::Nothing };
        let has_body = !t.body.is_empty() || t.body.is_ended();
        match self.act {
            _ if !self.begun => Want::Kernel,
            Act::Stored if t.body.is_ended() => Want::Turn,
            Act::Echo if has_body => Want::Turn,
            Act::EchoStream if has_body && t.reply.body.room() > 0 => Want::Turn,
            Act::Length { .. } | Act::Stream(_) | Act::NonParsed(_) | Act::FailsLate { .. }
                if t.reply.body.room() > 0 =>
            {
                Want::Kernel
            }
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> TurnOutcome {
        match event {
            Event::Cancel => return Ok(Flow::Done),
            Event::Deadline => {
                return match self.act {
                    Act::Stalls(count) => self.whole(bytes(self.request, count), cx),
                    _ => Err(TaskError::upstream(FailureKind::Timeout, Error::timed_out("read"))),
                };
            }
            Event::Ready | Event::Hangup => {}
        }
        client::with(Wire::begin_turn)?;
        let is_first = !std::mem::replace(&mut self.begun, true);
        let flow = if is_first { self.begin(cx) } else { self.go_on(cx) }?;
        // At random the kernel has no more bytes now.
        let rests = flow == Flow::Progress && self.wants(cx.seen()) == Want::Kernel;
        Ok(if rests && client::with(|wire| wire.random.below(3)) == 0 { Flow::Blocked } else { flow })
    }
}

impl Act {
    /// Whether the response is longer than some pipes.
    pub fn is_long(self) -> bool {
        matches!(self, Act::Whole(count) | Act::Length { bytes: count, .. } | Act::Stream(count) if count > 1000)
    }
}
