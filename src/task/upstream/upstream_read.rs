//! FastcgiRead, ScgiRead, UwsgiRead and ProxyRead: read the answer of a server behind.
//!
//! When the answer is complete and the server keeps the connection open, this task stays with it: it stands alone, and
//! is adopted by a later request for the same server. So a connection without a request has a reader, which notices
//! that it closes.

use super::{AnswerStage as Stage, IncomingAnswer, UpstreamWrite, fail, read_rate, server_name};
use crate::config::{GatewayProtocol, UpstreamKeepalive};
use crate::connection::{Connection, FailureKind, Passing, Transaction};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want, Work};
use crate::gateway::{AnswerDecoder, Asked, GatewayFault};
use crate::http::cgi::ScriptHeadLimits;
use crate::log::Level;
use crate::task::Context;
use crate::task::file::ReplySpool;
use crate::upstreams::PeerKey;
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::{Error, Moment, Watch, file};

/// Reads from one connection to a server behind.
pub struct UpstreamRead {
    socket: Rc<OwnedFd>,
    answer: IncomingAnswer,
    protocol: GatewayProtocol,
    /// The server, for the store of kept connections.
    peer: PeerKey,
    /// How the connection is kept; `None`: not at all.
    keepalive: Option<UpstreamKeepalive>,
    /// The number of requests on this connection.
    requests: u64,
    opened: Moment,
    /// Bytes of the current answer have come.
    anything_came: bool,
    /// The request has just been sent, and there is no answer yet: the first read waits for the kernel.
    is_fresh: bool,
    /// `_limit_rate` permits no read before the deadline.
    is_paused: bool,
}

impl UpstreamRead {
    /// Reads the answer to the request that this transaction passes. `None` if it passes none.
    pub fn new(socket: Rc<OwnedFd>, t: &Transaction, now: Moment) -> Option<Self> {
        let passing = t.http.passing()?;
        let peer = passing.peer.as_ref()?.key();
        Some(Self {
            socket,
            answer: IncomingAnswer::new(decoder(passing, t)),
            protocol: passing.gateway.protocol,
            peer,
            keepalive: passing.servers.keepalive().copied(),
            requests: 1,
            opened: now,
            anything_came: false,
            is_fresh: true,
            is_paused: false,
        })
    }

    /// A request wants this connection.
    fn adopted(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(mut w) = cx.work() else { return Flow::Done };
        let Some(passing) = w.t.http.passing() else { return Flow::Done };
        self.answer.begin_again(asked(passing, w.t));
        let Some(write) = UpstreamWrite::new(Rc::clone(&self.socket), w.t) else { return Flow::Done };
        w.join(Box::new(write));
        self.anything_came = false;
        self.requests += 1;
        self.wait_on(cx);
        Flow::Blocked // the kernel reports the answer; it watches the socket already
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Flow {
        if std::mem::replace(&mut self.is_fresh, false) {
            self.wait_on(cx);
            return Flow::Blocked;
        }
        let now = cx.now;
        let Some(Work { t, worker, .. }) = cx.work() else { return Flow::Done };
        let allowed = match read_rate::allowed(t, now) {
            Ok(bytes) => bytes,
            Err(end) => {
                self.is_paused = true;
                cx.wake_at(end);
                return Flow::Progress;
            }
        };
        let most = IncomingAnswer::room(t).min(allowed);
        if most == 0 {
            return Flow::Progress;
        }
        let count = match file::read(self.socket.as_fd(), &mut worker.read_buffer[..most]) {
            Ok(0) => return self.at_end(cx),
            Ok(count) => count,
            Err(error) if error.would_block() => return Flow::Blocked,
            Err(error) => return fail(self.kind_of_end(), &error, cx),
        };
        self.anything_came = true;
        note_read(t, count, now);
        match self.decode(count, cx) {
            Ok(()) if matches!(self.answer.stage, Stage::Ended { .. }) => self.leave(cx),
            Ok(()) => {
                self.wait_on(cx);
                begin_to_spool(cx);
                if count < most { Flow::Blocked } else { Flow::Yield }
            }
            Err(fault) => fail(FailureKind::BadHead, &fault.reason, cx),
        }
    }

    /// The server behind has closed its side.
    fn at_end(&mut self, cx: &mut Context<'_>) -> Flow {
        match self.answer.check_end() {
            Ok(()) => {
                self.answer.end(false, cx.transaction());
                self.end(false, cx);
                self.leave(cx)
            }
            Err(_) if !self.anything_came => {
                fail(FailureKind::Reset, &"it closed the connection without an answer", cx)
            }
            Err(fault) => fail(self.kind_of_end(), &fault.reason, cx),
        }
    }

    fn kind_of_end(&self) -> FailureKind {
        if self.answer.stage == Stage::Head { FailureKind::Reset } else { FailureKind::Short }
    }

    /// Decodes the bytes that have just been read.
    fn decode(&mut self, count: usize, cx: &mut Context<'_>) -> Result<(), GatewayFault> {
        let (before, now) = (self.answer.stage, cx.now);
        let Some(Work { t, worker, .. }) = cx.work() else { return Ok(()) };
        let taken = self.answer.take(&worker.read_buffer[..count], t, &mut worker.buffers, now);
        if !self.answer.said.is_empty() {
            log_said(&std::mem::take(&mut self.answer.said), cx);
        }
        taken?;
        match self.answer.stage {
            Stage::Tunnel if before != Stage::Tunnel => self.open_tunnel(cx),
            Stage::Ended { is_reusable } => self.end(is_reusable, cx),
            _ => {}
        }
        Ok(())
    }

    /// The answer is complete.
    fn end(&mut self, is_reusable: bool, cx: &mut Context<'_>) {
        let now = cx.now;
        let t = cx.transaction();
        let is_judged = t.reply.outcome.is_none();
        let Some(passed) = t.http.passed.as_deref_mut() else { return };
        if let Some(attempt) = passed.attempt() {
            attempt.ended = Some(now.since(attempt.began));
        }
        let Some(passing) = &mut passed.now else { return };
        if let Some(copy) = &mut passing.copy {
            copy.end();
        }
        if is_judged {
            passing.peer = None; // the server's place is free for another request
        }
        // An answer before the end of the request: the rest of the request would be taken for the next one.
        let is_reusable = is_reusable && passing.keeps && !passing.is_sending;
        self.answer.stage = Stage::Ended { is_reusable };
    }

    /// From here on, what the client sends goes to the server behind as it is.
    fn open_tunnel(&self, cx: &mut Context<'_>) {
        let Some(mut w) = cx.work() else { return };
        let write = w.t.http.passing().map(|passing| UpstreamWrite::tunnel(Rc::clone(&self.socket), passing));
        if let Some(write) = write {
            w.join(Box::new(write));
        }
    }

    /// Waits `_read_timeout` for the next bytes.
    fn wait_on(&self, cx: &mut Context<'_>) {
        let timeout = cx.work().and_then(|w| Some(w.t.http.passing()?.gateway.rules.read_timeout));
        cx.wake_after(timeout.unwrap_or_default());
    }

    /// `_read_timeout` may have passed. It does not pass while the client is waited for.
    fn on_deadline(&mut self, cx: &mut Context<'_>) -> Flow {
        let now = cx.now;
        let Some(w) = cx.work() else { return Flow::Done };
        if std::mem::take(&mut self.is_paused)
            && let Some(passing) = w.t.http.passing_mut()
        {
            passing.progress_at = now; // the time of the server behind did not pass
        }
        let Some(passing) = w.t.http.passing() else { return Flow::Done };
        let is_held_up = IncomingAnswer::room(w.t) == 0 || passing.is_sending;
        let end = passing.progress_at.after(passing.gateway.rules.read_timeout);
        if is_held_up {
            self.wait_on(cx);
            return Flow::Progress;
        }
        if now < end {
            cx.wake_at(end);
            return Flow::Progress;
        }
        fail(FailureKind::Timeout, &Error::timed_out("read"), cx)
    }

    /// The transaction does not need this task any more, though its client may not have all of the answer yet. Keeps
    /// the connection if another request may use it.
    fn leave(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(keepalive) = self.keepalive else { return Flow::Done };
        let is_fresh_enough = self.requests < keepalive.requests && cx.now.since(self.opened) < keepalive.time;
        if self.answer.stage != (Stage::Ended { is_reusable: true }) || !is_fresh_enough || cx.worker.draining {
            return Flow::Done;
        }
        self.answer.stage = Stage::Idle;
        let token = cx.token();
        if let Some(oldest) = cx.worker.upstreams.keep(&self.peer, token) {
            cx.notify(oldest, Notice::Evict);
            if oldest == token {
                return Flow::Done;
            }
        }
        cx.wake_after(keepalive.timeout);
        Flow::Alone
    }

    /// The connection ends while no request uses it.
    fn close_idle(&self, cx: &mut Context<'_>) -> Flow {
        let token = cx.token();
        cx.worker.upstreams.forget_idle(self.peer.group, token);
        Flow::Done
    }
}

/// What a decoder must know of this request.
fn asked(passing: &Passing, t: &Transaction) -> Asked {
    let limits = ScriptHeadLimits { head_bytes_max: passing.gateway.rules.buffer_size, ..ScriptHeadLimits::default() };
    Asked { is_head: t.http.head_only, keeps_connection: passing.keeps, upgrades: passing.asks_upgrade, limits }
}

/// A decoder for the answer to this request.
fn decoder(passing: &Passing, t: &Transaction) -> AnswerDecoder {
    let asked = asked(passing, t);
    match passing.gateway.protocol {
        GatewayProtocol::Fastcgi => AnswerDecoder::fastcgi(asked),
        GatewayProtocol::Scgi | GatewayProtocol::Uwsgi => AnswerDecoder::cgi(asked),
        GatewayProtocol::Http => AnswerDecoder::http1(asked),
    }
}

/// The client takes the answer too slowly: from now on, it goes into a file.
fn begin_to_spool(cx: &mut Context<'_>) {
    let Some(mut w) = cx.work() else { return };
    if w.t.reply.body.room() > 0 || !w.t.http.passing().is_some_and(|passing| passing.may_spool) {
        return;
    }
    let Ok(random) = w.worker.random.draw() else { return };
    let own_folder = w.t.http.passing().and_then(|passing| passing.gateway.rules.temp_path.as_ref().map(Arc::clone));
    let folder = own_folder.as_deref().unwrap_or(&w.t.settings().client_body_temp_path);
    let path =
        [folder.as_os_str().as_bytes(), format!("/webserv-{:032x}", u128::from_ne_bytes(random)).as_bytes()].concat();
    let Some(passing) = w.t.http.passing_mut() else { return };
    passing.may_spool = false;
    let bytes_max = passing.gateway.rules.max_temp_file_size;
    w.join(Box::new(ReplySpool::new(path, bytes_max)));
}

/// Logs what the server behind has written to its standard error.
fn log_said(said: &[u8], cx: &mut Context<'_>) {
    let name = server_name(cx);
    for line in said.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        let line = String::from_utf8_lossy(line);
        cx.log(Level::Error, format_args!("upstream {name} says: {line}"));
    }
}

fn note_read(t: &mut Transaction, count: usize, now: Moment) {
    let Some(passed) = t.http.passed.as_deref_mut() else { return };
    if let Some(attempt) = passed.attempt() {
        attempt.received_bytes += count as u64;
    }
    if let Some(passing) = &mut passed.now {
        passing.progress_at = now;
    }
}

impl Task<Worker> for UpstreamRead {
    fn kind(&self) -> &'static str {
        match self.protocol {
            GatewayProtocol::Http => "ProxyRead",
            GatewayProtocol::Fastcgi => "FastcgiRead",
            GatewayProtocol::Scgi => "ScgiRead",
            GatewayProtocol::Uwsgi => "UwsgiRead",
        }
    }

    fn doing(&self) -> &'static str {
        match self.answer.stage {
            Stage::Head => "reading the head of the answer from the server behind",
            Stage::Body => "reading the answer from the server behind",
            Stage::Tunnel => "passing on another protocol",
            Stage::Unused | Stage::Ended { .. } => "finishing the answer",
            Stage::Idle => "keeping a connection to a server behind",
        }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.socket.as_fd())
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match transaction {
            _ if self.answer.stage == Stage::Idle => Want::Kernel,
            Some(t) if self.answer.stage == Stage::Body && (self.is_paused || read_rate::is_unknown(t)) => {
                Want::Nothing
            }
            Some(t) if self.answer.wants_bytes(t) => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match event {
            _ if self.answer.stage == Stage::Idle && event != Event::Cancel => self.close_idle(cx),
            Event::Ready | Event::Hangup => self.read(cx),
            Event::Deadline => self.on_deadline(cx),
            Event::Cancel => self.leave(cx),
        })
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match notice {
            Notice::Adopted => self.adopted(cx),
            Notice::Drain | Notice::Reload | Notice::Evict if self.answer.stage == Stage::Idle => self.close_idle(cx),
            _ => Flow::Progress,
        })
    }
}
