//! FastcgiWrite, ScgiWrite, UwsgiWrite and ProxyWrite: send a request to a server behind.

use super::{BodySource, OutgoingRequest, Sent, fail};
use crate::config::GatewayProtocol;
use crate::connection::{Connection, FailureKind, Passed, PassedBody, Passing, Transaction};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::gateway::BodyFraming;
use crate::task::Context;
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;
use webserv_sys::{Error, Watch, net};

/// Sends one request: its head, then its body.
pub struct UpstreamWrite {
    socket: Rc<OwnedFd>,
    request: OutgoingRequest,
    protocol: GatewayProtocol,
    timeout: Duration,
    /// The connection goes on with another protocol than the request's: the end of the bytes is passed on as the end of
    /// sending.
    is_tunnel: bool,
}

impl UpstreamWrite {
    /// Sends the request that is being passed. `None` if none is passed.
    pub fn new(socket: Rc<OwnedFd>, t: &mut Transaction) -> Option<Self> {
        let Passed { now: Some(passing), body, head, .. } = t.http.passed.as_deref_mut()? else { return None };
        let stream = &t.body;
        if matches!(body, PassedBody::Stream) && stream.is_ended() && stream.taken_bytes() == 0 {
            // All of it has come meanwhile: it can be sent again, if need be.
            *body = PassedBody::Memory(Rc::from(t.body.contiguous()));
            t.body.clear();
        }
        (passing.is_sending, passing.anything_sent) = (true, false);
        let mut request = OutgoingRequest::to_socket(framing(passing, body));
        request.push_head(head);
        match body {
            PassedBody::Memory(bytes) => request.push_body(bytes),
            PassedBody::Empty => request.set_body(BodySource::Over),
            PassedBody::File(file, end) => {
                request.set_body(BodySource::File { file: Rc::clone(file), at: 0, end: *end });
            }
            PassedBody::Stream => request.set_body(BodySource::Transaction),
        }
        Some(Self::to(socket, passing, request, false))
    }

    /// Sends what the client sends, as it comes: after a 101.
    pub fn tunnel(socket: Rc<OwnedFd>, passing: &Passing) -> Self {
        let mut bytes = OutgoingRequest::to_socket(BodyFraming::Plain);
        bytes.set_body(BodySource::Transaction);
        Self::to(socket, passing, bytes, true)
    }

    fn to(socket: Rc<OwnedFd>, passing: &Passing, request: OutgoingRequest, is_tunnel: bool) -> Self {
        let protocol = passing.gateway.protocol;
        Self { socket, request, protocol, timeout: passing.gateway.rules.send_timeout, is_tunnel }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(w) = cx.work() else { return Flow::Done };
        let sent = self.request.send(self.socket.as_fd(), w.t, &mut w.worker.read_buffer);
        self.note_sent(cx);
        match sent {
            Ok(Sent::Everything) => self.sent_all(cx),
            Ok(Sent::AllSoFar) => {
                cx.no_deadline();
                Flow::Progress
            }
            Ok(Sent::Part) => {
                cx.wake_after(self.timeout);
                Flow::Blocked
            }
            Ok(Sent::Turn) => Flow::Yield,
            Err(error) => self.broken(error, cx),
        }
    }

    fn note_sent(&mut self, cx: &mut Context<'_>) {
        let (sent, now) = (self.request.take_sent(), cx.now);
        if sent == 0 {
            return;
        }
        let Some(passed) = cx.transaction().http.passed.as_deref_mut() else { return };
        if let Some(attempt) = passed.attempt() {
            attempt.sent_bytes += sent;
        }
        if let Some(passing) = &mut passed.now {
            (passing.anything_sent, passing.progress_at) = (true, now);
        }
    }

    /// The request has been sent.
    fn sent_all(&mut self, cx: &mut Context<'_>) -> Flow {
        cx.no_deadline();
        if self.is_tunnel {
            let _ = net::shutdown_write(self.socket.as_fd()); // the other side may have closed already
        }
        let now = cx.now;
        let t = cx.transaction();
        if let Some(passing) = t.http.passing_mut() {
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
        if let Some(passing) = t.http.passing_mut() {
            (passing.is_sending, passing.keeps) = (false, false);
        }
        Flow::Done
    }
}

/// How the body is framed. Behind the head of a request without one, there is nothing.
fn framing(passing: &Passing, body: &PassedBody) -> BodyFraming {
    match passing.gateway.protocol {
        _ if body.is_empty() => BodyFraming::Plain,
        GatewayProtocol::Fastcgi => BodyFraming::Fastcgi,
        GatewayProtocol::Http if passing.is_chunked => BodyFraming::Chunked,
        GatewayProtocol::Http | GatewayProtocol::Scgi | GatewayProtocol::Uwsgi => BodyFraming::Plain,
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
        match transaction {
            Some(t) if self.request.has_work(t) => Want::Kernel,
            _ => Want::Nothing,
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
