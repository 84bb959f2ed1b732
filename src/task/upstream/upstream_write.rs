//! FastcgiWrite, ScgiWrite, UwsgiWrite and ProxyWrite: send a request to a server behind.

use super::fail;
use crate::config::GatewayProtocol;
use crate::connection::{Connection, FailureKind, Front, Passed, PassedBody, Passing, Pipe, Segment, Transaction};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::gateway::BodyFraming;
use crate::limits::{BODY_BYTES_MAX, CALLS_PER_TURN, FILES_MAX, IOVECS_MAX, WRITE_BYTES_PER_TURN};
use crate::task::Context;
use crate::worker::Worker;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;
use webserv_sys::{Error, Watch, file, net};

/// Bytes of a file that enter the output as one piece: a FastCGI record holds no more.
const FILE_PIECE_BYTES: u64 = 32 << 10;

/// Sends one request: its head, then its body.
pub struct UpstreamWrite {
    socket: Rc<OwnedFd>,
    /// What is sent next.
    out: Pipe,
    framing: BodyFraming,
    body: Source,
    protocol: GatewayProtocol,
    timeout: Duration,
    /// sendfile(2) is refused: the file is read.
    reads: bool,
}

/// The part of the body that is not in the output yet.
enum Source {
    /// All of it is.
    Over,
    /// The rest of a file.
    File { file: Rc<OwnedFd>, at: u64, end: u64 },
    /// It comes through the transaction.
    Transaction,
    /// The same for another protocol than the request's: the end of the bytes is passed on as the end of sending.
    Tunnel,
}

impl UpstreamWrite {
    /// Sends the request that is being passed. `None` if none is.
    pub fn new(socket: Rc<OwnedFd>, t: &mut Transaction) -> Option<Self> {
        let Transaction { http, body: stream, .. } = t;
        let Passed { now: Some(passing), body, .. } = http.passed_mut() else { return None };
        if matches!(body, PassedBody::Stream) && !passing.is_chunked && stream.is_ended() && stream.taken_bytes() == 0 {
            // All of it has come meanwhile: it can be sent again, if need be.
            *body = PassedBody::Memory(Rc::from(stream.contiguous()));
            stream.clear();
        }
        (passing.is_sending, passing.anything_sent) = (true, false);
        let framing = framing(passing);
        let mut write = Self::to(socket, passing, framing, Source::Over);
        write.out.push(Segment::shared(Rc::clone(&passing.head), 0..passing.head.len()));
        match body {
            PassedBody::Empty => framing.end(&mut write.out),
            PassedBody::Memory(bytes) => {
                framing.push(Segment::shared(Rc::clone(bytes), 0..bytes.len()), &mut write.out);
                framing.end(&mut write.out);
            }
            PassedBody::File(file, end) => write.body = Source::File { file: Rc::clone(file), at: 0, end: *end },
            PassedBody::Stream => write.body = Source::Transaction,
        }
        Some(write)
    }

    /// Sends what the client sends, as it comes: after a 101.
    pub fn tunnel(socket: Rc<OwnedFd>, passing: &Passing) -> Self {
        Self::to(socket, passing, BodyFraming::Plain, Source::Tunnel)
    }

    fn to(socket: Rc<OwnedFd>, passing: &Passing, framing: BodyFraming, body: Source) -> Self {
        let protocol = passing.gateway.protocol;
        let timeout = passing.gateway.rules.send_timeout;
        Self { socket, out: Pipe::new(BODY_BYTES_MAX), framing, body, protocol, timeout, reads: false }
    }

    /// Moves more of the body into the output.
    fn fill(&mut self, t: &mut Transaction) {
        while self.out.room() > 0 {
            match &mut self.body {
                Source::Over => return,
                Source::File { file, at, end } => {
                    if *at == *end {
                        self.framing.end(&mut self.out);
                        self.body = Source::Over;
                        return;
                    }
                    let piece = *at..(*at + piece_bytes(self.framing)).min(*end);
                    *at = piece.end;
                    self.framing.push(Segment::file(Rc::clone(file), piece), &mut self.out);
                }
                Source::Transaction | Source::Tunnel => match t.body.take(BODY_BYTES_MAX as u64) {
                    Some(segment) => self.framing.push(segment, &mut self.out),
                    None if t.body.is_ended() && matches!(self.body, Source::Transaction) => {
                        self.framing.end(&mut self.out);
                        self.body = Source::Over;
                    }
                    None => return,
                },
            }
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Flow {
        let mut sent_bytes = 0;
        for _ in 0..CALLS_PER_TURN {
            let Some(w) = cx.work() else { return Flow::Done };
            self.fill(w.t);
            if self.out.is_empty() {
                return self.sent_all(cx);
            }
            match self.write_once(&mut w.worker.read_buffer) {
                Ok((sent, offered)) => {
                    self.note_sent(sent, cx);
                    sent_bytes += sent;
                    if sent < offered {
                        cx.wake_after(self.timeout);
                        return Flow::Blocked;
                    }
                }
                Err(error) if error.would_block() => {
                    cx.wake_after(self.timeout);
                    return Flow::Blocked;
                }
                Err(error) if error.call() == "sendfile" && error.is_unsupported() => self.reads = true,
                Err(error) => return self.broken(error, cx),
            }
            if sent_bytes >= WRITE_BYTES_PER_TURN {
                return Flow::Yield;
            }
        }
        Flow::Yield
    }

    /// Sends a part of the output with one system call. Returns how many bytes were sent and how many were offered.
    fn write_once(&mut self, buffer: &mut [u8]) -> Result<(u64, u64), Error> {
        let socket = self.socket.as_fd();
        let (sent, offered) = match self.out.front() {
            None => return Ok((0, 0)),
            Some(Front::Bytes(bytes)) if bytes.len() as u64 == self.out.len() => {
                (file::write(socket, bytes)?, bytes.len() as u64)
            }
            Some(Front::Bytes(_)) => {
                let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
                let (count, offered, more) = self.out.gather(&mut slices);
                (net::sendv(socket, &slices[..count], more)?, offered)
            }
            Some(Front::File(source, range)) => {
                let bytes = range.end - range.start;
                if self.reads {
                    let most = bytes.min(buffer.len() as u64) as usize;
                    let read = file::pread(source, &mut buffer[..most], range.start)?;
                    (file::write(socket, &buffer[..read])?, read as u64)
                } else {
                    (file::sendfile(socket, source, range.start, bytes as usize)?, bytes)
                }
            }
        };
        if sent == 0 {
            return Err(Error::shrunk("sendfile")); // the file of the body is ours: somebody has cut it
        }
        self.out.consume(sent as u64);
        Ok((sent as u64, offered))
    }

    fn note_sent(&self, sent: u64, cx: &mut Context<'_>) {
        let now = cx.now;
        let Some(passed) = cx.transaction().http.rare.passed.as_deref_mut() else { return };
        if let Some(attempt) = passed.attempt() {
            attempt.sent_bytes += sent;
        }
        if let Some(passing) = &mut passed.now {
            (passing.anything_sent, passing.progress_at) = (true, now);
        }
    }

    /// The output is empty. The task is over with the request's body.
    fn sent_all(&mut self, cx: &mut Context<'_>) -> Flow {
        cx.no_deadline();
        let now = cx.now;
        let t = cx.transaction();
        match self.body {
            Source::Over => {}
            Source::Tunnel if t.body.is_ended() => {
                let _ = net::shutdown_write(self.socket.as_fd()); // the other side may have closed already
            }
            _ => return Flow::Progress,
        }
        if let Some(passing) = t.http.rare.passed.as_deref_mut().and_then(|passed| passed.now.as_mut()) {
            (passing.is_sending, passing.progress_at) = (false, now);
        }
        Flow::Done
    }

    /// The server behind takes no more. It may have sent an answer before it closed: the reader finds out.
    fn broken(&mut self, error: Error, cx: &mut Context<'_>) -> Flow {
        if !error.is_broken_pipe() && !error.is_connection_reset() {
            return fail(FailureKind::Reset, &error, cx);
        }
        let t = cx.transaction();
        t.body.abandon();
        if let Some(passing) = t.http.rare.passed.as_deref_mut().and_then(|passed| passed.now.as_mut()) {
            (passing.is_sending, passing.keeps) = (false, false);
        }
        Flow::Done
    }
}

/// How the body is framed.
fn framing(passing: &Passing) -> BodyFraming {
    match passing.gateway.protocol {
        GatewayProtocol::Fastcgi => BodyFraming::Fastcgi,
        GatewayProtocol::Http if passing.is_chunked => BodyFraming::Chunked,
        GatewayProtocol::Http | GatewayProtocol::Scgi | GatewayProtocol::Uwsgi => BodyFraming::Plain,
    }
}

/// How many bytes of a file enter the output at once.
fn piece_bytes(framing: BodyFraming) -> u64 {
    match framing {
        BodyFraming::Plain => u64::MAX >> 1,
        BodyFraming::Chunked | BodyFraming::Fastcgi => FILE_PIECE_BYTES,
    }
}

impl Task<Worker> for UpstreamWrite {
    fn kind(&self) -> &'static str {
        match self.protocol {
            GatewayProtocol::Http => "ProxyWrite",
            GatewayProtocol::Fastcgi => "FastcgiWrite",
            GatewayProtocol::Scgi => "ScgiWrite",
            GatewayProtocol::Uwsgi => "UwsgiWrite",
        }
    }

    fn doing(&self) -> &'static str {
        "sending the request to the server behind"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Write(self.socket.as_fd())
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        let Some(t) = transaction else { return Want::Nothing };
        match self.body {
            _ if !self.out.is_empty() => Want::Kernel,
            Source::Over | Source::File { .. } => Want::Kernel,
            Source::Transaction | Source::Tunnel if !t.body.is_empty() || t.body.is_ended() => Want::Kernel,
            Source::Transaction | Source::Tunnel => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match event {
            Event::Ready | Event::Hangup => self.write(cx),
            Event::Deadline => fail(FailureKind::Timeout, &Error::timed_out("write"), cx),
            Event::Cancel => Flow::Done,
        })
    }
}

// Two ranges of a file are in the output at a time.
const _: () = assert!(FILES_MAX >= 1);
