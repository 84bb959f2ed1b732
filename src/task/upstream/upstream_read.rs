//! FastcgiRead, ScgiRead, UwsgiRead and ProxyRead: read the answer of a server behind.
//!
//! When the answer is complete and the server keeps the connection open, this task stays with it: it stands alone, and
//! is adopted by a later request for the same server. So a connection without a request has a reader, which notices
//! that it closes.

use super::{UpstreamWrite, fail, read_rate};
use crate::config::{GatewayProtocol, UpstreamKeepalive};
use crate::connection::{Connection, FailureKind, Outcome, Passing, Pipe, Transaction};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want, Work};
use crate::gateway::{AnswerDecoder, Asked, Decoded, GatewayFault};
use crate::http::cgi::ScriptHeadLimits;
use crate::http::{Name, Text};
use crate::limits::{READ_BYTES, REPLY_BYTES_MAX};
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
    decoder: AnswerDecoder,
    stage: Stage,
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Reads the head.
    Head,
    /// Reads the body.
    Body,
    /// Reads what another protocol says, after a 101.
    Tunnel,
    /// The answer is complete.
    Ended {
        /// The connection can carry another request.
        is_reusable: bool,
    },
    /// Stands alone: waits for another request.
    Idle,
}

impl UpstreamRead {
    /// Reads the answer to the request that this transaction passes. `None` if it passes none.
    pub fn new(socket: Rc<OwnedFd>, t: &Transaction, now: Moment) -> Option<Self> {
        let passing = t.http.passing()?;
        let peer = passing.peer.as_ref()?.key();
        Some(Self {
            socket,
            decoder: decoder(passing, t),
            stage: Stage::Head,
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
        if let Some(passing) = w.t.http.passing() {
            self.decoder = decoder(passing, w.t);
        }
        let Some(write) = UpstreamWrite::new(Rc::clone(&self.socket), w.t) else { return Flow::Done };
        w.join(Box::new(write));
        self.stage = Stage::Head;
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
        let most = room(t).min(READ_BYTES).min(allowed);
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
            Ok(()) if matches!(self.stage, Stage::Ended { .. }) => {
                cx.no_deadline();
                Flow::Blocked
            }
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
        if self.stage == Stage::Tunnel {
            self.end(false, cx);
            return Flow::Blocked;
        }
        match self.decoder.eof() {
            Ok(_) => {
                self.end(false, cx);
                Flow::Blocked
            }
            Err(_) if !self.anything_came => {
                fail(FailureKind::Reset, &"it closed the connection without an answer", cx)
            }
            Err(fault) => fail(self.kind_of_end(), &fault.reason, cx),
        }
    }

    fn kind_of_end(&self) -> FailureKind {
        if self.stage == Stage::Head { FailureKind::Reset } else { FailureKind::Short }
    }

    /// Decodes the bytes that have just been read.
    fn decode(&mut self, count: usize, cx: &mut Context<'_>) -> Result<(), GatewayFault> {
        let now = cx.now;
        let Some(Work { t, worker, .. }) = cx.work() else { return Ok(()) };
        if self.stage == Stage::Tunnel {
            t.reply.body.push_copy(&worker.read_buffer[..count]);
            return Ok(());
        }
        let mut bytes = &worker.read_buffer[..count];
        let mut said = Vec::new();
        let mut ended = None;
        let mut switched = false;
        loop {
            match self.decoder.feed(&mut bytes, usize::MAX)? {
                Decoded::More => break,
                Decoded::Interim(103, head) if !t.settings().early_hints.is_empty() => {
                    t.http.passed_mut().interim.push(head);
                }
                Decoded::Interim(..) => {} // as in nginx: the client waits for the final one
                Decoded::Head(head) => {
                    self.stage = Stage::Body;
                    note_head(t, now);
                    t.reply.outcome = Some(Outcome::Passed(Box::new(head)));
                }
                Decoded::Data(data) => push_body(t, data),
                Decoded::Stderr(text) => said.extend_from_slice(text),
                Decoded::Trailers(fields) => note_trailers(t, &fields),
                Decoded::Switch(head) => {
                    (self.stage, switched) = (Stage::Tunnel, true);
                    note_head(t, now);
                    t.reply.outcome = Some(Outcome::Switched(Box::new(head)));
                    push_body(t, bytes);
                    break;
                }
                Decoded::End { is_reusable } => {
                    ended = Some(is_reusable);
                    break;
                }
            }
        }
        if !said.is_empty() {
            self.log_said(&said, cx)?;
        }
        if switched {
            self.open_tunnel(cx);
        }
        if let Some(is_reusable) = ended {
            self.end(is_reusable, cx);
        }
        Ok(())
    }

    /// Logs what the server behind has written to its standard error.
    fn log_said(&self, said: &[u8], cx: &mut Context<'_>) -> Result<(), GatewayFault> {
        for line in said.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            cx.log(Level::Error, format_args!("the server behind says: {}", String::from_utf8_lossy(line)));
        }
        let rules = cx.work().and_then(|w| Some(Arc::clone(&w.t.http.passing()?.gateway.rules)));
        let caught = rules.is_some_and(|rules| {
            let has = |text: &String| memchr::memmem::find(said, text.as_bytes()).is_some();
            rules.fastcgi.catch_stderr.iter().any(has)
        });
        if caught && self.stage == Stage::Head { Err("fastcgi_catch_stderr".into()) } else { Ok(()) }
    }

    /// The answer is complete.
    fn end(&mut self, is_reusable: bool, cx: &mut Context<'_>) {
        let now = cx.now;
        let t = cx.transaction();
        t.reply.body.end();
        let Some(passed) = t.http.rare.passed.as_deref_mut() else { return };
        if let Some(attempt) = passed.attempt() {
            attempt.ended = Some(now.since(attempt.began));
        }
        let Some(passing) = &mut passed.now else { return };
        if let Some(copy) = &mut passing.copy {
            copy.end();
        }
        passing.peer = None; // the server's place is free for another request
        // An answer before the end of the request: the rest of the request would be taken for the next one.
        let is_reusable = is_reusable && passing.keeps && !passing.is_sending;
        self.stage = Stage::Ended { is_reusable };
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
            && let Some(passing) = &mut w.t.http.passed_mut().now
        {
            passing.progress_at = now; // the time of the server behind did not pass
        }
        let Some(passing) = w.t.http.passing() else { return Flow::Done };
        let is_held_up = room(w.t) == 0 || passing.is_sending;
        let end = passing.progress_at.after(passing.gateway.rules.read_timeout);
        if matches!(self.stage, Stage::Ended { .. }) {
            return Flow::Progress;
        }
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

    /// The transaction does not need this task any more. Keeps the connection if another request may use it.
    fn leave(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(keepalive) = self.keepalive else { return Flow::Done };
        let is_fresh_enough = self.requests < keepalive.requests && cx.now.since(self.opened) < keepalive.time;
        if self.stage != (Stage::Ended { is_reusable: true }) || !is_fresh_enough || cx.worker.draining {
            return Flow::Done;
        }
        self.stage = Stage::Idle;
        let token = cx.token();
        if let Some(oldest) = cx.worker.upstreams.keep(&self.peer, token) {
            cx.notify(oldest, Notice::Evict);
            if oldest == token {
                return Flow::Done;
            }
        }
        cx.wake_after(keepalive.timeout);
        Flow::Blocked
    }

    /// The connection ends while no request uses it.
    fn close_idle(&self, cx: &mut Context<'_>) -> Flow {
        let token = cx.token();
        cx.worker.upstreams.forget_idle(self.peer.group, token);
        Flow::Done
    }
}

/// A decoder for the answer to this request.
fn decoder(passing: &Passing, t: &Transaction) -> AnswerDecoder {
    let limits = ScriptHeadLimits { head_bytes_max: passing.gateway.rules.buffer_size, ..ScriptHeadLimits::default() };
    let asked =
        Asked { is_head: t.http.head_only, keeps_connection: passing.keeps, upgrades: passing.asks_upgrade, limits };
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
    let Some(passing) = &mut w.t.http.passed_mut().now else { return };
    passing.may_spool = false;
    let bytes_max = passing.gateway.rules.max_temp_file_size;
    w.join(Box::new(ReplySpool::new(path, bytes_max)));
}

fn note_read(t: &mut Transaction, count: usize, now: Moment) {
    let Some(passed) = t.http.rare.passed.as_deref_mut() else { return };
    if let Some(attempt) = passed.attempt() {
        attempt.received_bytes += count as u64;
    }
    if let Some(passing) = &mut passed.now {
        passing.progress_at = now;
    }
}

fn note_head(t: &mut Transaction, now: Moment) {
    if let Some(passing) = t.http.passing() {
        let (count, bytes) = passing.gateway.rules.buffers;
        t.reply.body.set_bound(count.saturating_mul(bytes).clamp(1, REPLY_BYTES_MAX));
    }
    if let Some(attempt) = t.http.passed_mut().attempt() {
        attempt.head = Some(now.since(attempt.began));
    }
}

/// How many bytes of the answer may be read: both the client and the file of `_store` get them.
fn room(t: &Transaction) -> usize {
    let copy = t.http.passing().and_then(|passing| passing.copy.as_ref());
    t.reply.body.room().min(copy.map_or(usize::MAX, Pipe::room))
}

fn push_body(t: &mut Transaction, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let Some(passed) = t.http.rare.passed.as_deref_mut() else { return };
    let at = passed.attempts.last().map_or(0, |attempt| attempt.body_bytes);
    if let Some(attempt) = passed.attempt() {
        attempt.body_bytes += data.len() as u64;
    }
    if let Some(copy) = passed.now.as_mut().and_then(|passing| passing.copy.as_mut()) {
        copy.push_copy(data);
    }
    let (wanted, more) = passed.now.as_ref().map_or((data, true), |passing| passing.wanted(at, data));
    t.reply.body.push_copy(wanted);
    if !more {
        t.reply.body.end();
    }
}

fn note_trailers(t: &mut Transaction, fields: &[(Name, Text)]) {
    let lines = &mut t.http.passed_mut().answer_trailers;
    *lines = b"\r\n".to_vec();
    for (name, value) in fields {
        lines.extend_from_slice(&[name.as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
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
        match self.stage {
            Stage::Head => "reading the head of the answer from the server behind",
            Stage::Body => "reading the answer from the server behind",
            Stage::Tunnel => "passing on another protocol",
            Stage::Ended { .. } => "finishing the answer",
            Stage::Idle => "keeping a connection to a server behind",
        }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.socket.as_fd())
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match (self.stage, transaction) {
            (Stage::Idle | Stage::Head, _) => Want::Kernel,
            (Stage::Body, Some(t)) if self.is_paused || read_rate::is_unknown(t) => Want::Nothing,
            (Stage::Body | Stage::Tunnel, Some(t)) if room(t) > 0 => Want::Kernel,
            (Stage::Body | Stage::Tunnel | Stage::Ended { .. }, _) => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match event {
            _ if self.stage == Stage::Idle && event != Event::Cancel => self.close_idle(cx),
            Event::Ready | Event::Hangup => self.read(cx),
            Event::Deadline => self.on_deadline(cx),
            Event::Cancel => self.leave(cx),
        })
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match notice {
            Notice::Adopted => self.adopted(cx),
            Notice::Drain | Notice::Reload | Notice::Evict if self.stage == Stage::Idle => self.close_idle(cx),
            _ => Flow::Progress,
        })
    }
}
