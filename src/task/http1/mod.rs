//! Http1: HTTP/1.1 as a wire format (RFC 9112), between the client's bytes and the handlers.
//!
//! It has no descriptor. On one side are bytes as on the wire, on the other side answers without framing. A request is
//! a [`Transaction`](crate::connection::Transaction), which goes through the values of [`Stage`]: [`head`] begins it,
//! [`body`] passes the body on or discards it, [`task::http`](crate::task::http) runs the phases and makes the
//! response, [`framing`] moves the response into the output, and [`closing`] ends the transaction and decides whether
//! the connection ends.

mod body;
mod body_move;
mod closing;
mod framing;
mod head;
mod keepalive;
mod pacing;
mod proxy_protocol;
mod unsent;
mod waits;

pub use proxy_protocol::ProxyProtocol;

use crate::connection::{Connection, GivenUp, Http, Phase, Stage, Transaction};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::http::Scan;
use crate::limits::STEPS_PER_TURN;
use crate::log::Level;
use crate::task::http::{self, Next, end_handlers, has_interim};
use crate::task::{Context, give_up_place, leave, update_idle_list};
use crate::worker::{IdleMark, Worker};
use framing::Transfer;
use unsent::{Unsent, is_unsent};
use waits::{handler_is_full, is_aborted, waits_for_body};
use webserv_sys::{Moment, Watch};

/// The HTTP/1.1 side of one connection.
pub struct Http1 {
    /// The parser's state for the next request's head. `None` on an idle connection, to save memory.
    scan: Option<Box<Scan>>,
    /// The response body that is moving into the output.
    transfer: Option<Box<Transfer>>,
    /// Answered requests whose last byte has not been sent yet.
    unsent: Unsent,
    /// When the connection was opened or became idle, when the head's first byte came, when the client last sent a part
    /// of the body or became the one to do so, or when the connection began to linger.
    since: Moment,
    /// The number of requests begun.
    served: u32,
    /// The number of bytes at the front of the input that the parser has seen.
    seen: u32,
    /// The connection's place in the list of idle connections.
    idle: IdleMark,
    /// How the connection ends.
    closing: Closing,
    /// The client does not speak HTTP: lingering ends after `lingering_timeout`.
    brief: bool,
    /// The handler had no room for more of the body at the last turn, so the client's time does not pass. A turn
    /// follows as soon as there is room: the rest of the body may never come.
    handler_was_full: bool,
}

// One per idle connection; malloc(3) adds eight bytes and rounds up to sixteen.
const _: () = assert!(size_of::<Http1>() <= 56);

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Closing {
    /// More requests may come.
    No,
    /// The last response is in the output. Whether the connection lingers is decided when all of it has been sent.
    Due,
    /// The last response has been sent. The client's remaining bytes are read and dropped.
    Lingers,
}

/// The result of a step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Another step may be possible at once.
    Again,
    /// The request is over. It ends as soon as its handlers have ended.
    Over,
    /// The client, a handler or the output has to make progress first.
    Wait,
}

/// Answers the current request with an error status.
fn refuse(status: u16, cx: &mut Context<'_>) -> Step {
    let Some(mut w) = cx.work() else { return Step::Wait };
    match http::refuse(&mut w, status) {
        Next::Go(stage) => w.t.http.stage = stage,
        Next::Wait => return Step::Wait,
    }
    Step::Again
}

impl Http1 {
    /// Speaks HTTP/1.1 on a connection that was accepted in the round of `now`. The caller sets the first deadline, at
    /// `now` plus `client_header_timeout`.
    pub fn new(now: Moment) -> Self {
        Self {
            scan: None,
            transfer: None,
            unsent: Unsent::default(),
            since: now,
            served: 0,
            seen: 0,
            idle: IdleMark::default(),
            closing: Closing::No,
            brief: false,
            handler_was_full: false,
        }
    }

    fn run(&mut self, cx: &mut Context<'_>) {
        if self.may_close(cx.connection()) {
            self.close(false, cx);
        }
        for _ in 0..STEPS_PER_TURN {
            if self.advance(cx) == Step::Wait {
                break;
            }
        }
        let x = cx.connection();
        if x.phase == Phase::Lingering && x.output.is_empty() && !self.lingers() {
            self.linger(cx);
        }
        if let Context { connection: Some(x), worker, .. } = cx {
            x.input.give_back_to(&mut worker.pipes);
        }
        self.set_deadline(cx);
        self.refresh_idle_list(cx);
    }

    /// Begins a request, or continues the current one as far as possible.
    fn advance(&mut self, cx: &mut Context<'_>) -> Step {
        let x = cx.connection();
        if x.phase != Phase::Open || x.output.room() == 0 {
            return Step::Wait;
        }
        if x.transactions.is_empty() && (!self.may_begin() || self.begin(cx) == Step::Wait) {
            return Step::Wait;
        }
        if self.is_abandoned(cx) {
            return Step::Wait;
        }
        while let Some(mut w) = cx.work() {
            if w.t.http.request_body.feeds() {
                if self.feed(cx) == Step::Wait {
                    return Step::Wait;
                }
                let Some(again) = cx.work() else { break };
                w = again;
            }
            if has_interim(w.t) {
                body::send_interim(cx);
                continue;
            }
            let Next::Go(stage) = http::run(&mut w) else { return self.wait(cx) };
            if self.step(stage, cx) == Step::Wait {
                return Step::Wait;
            }
        }
        Step::Again
    }

    /// Runs one step of a stage that belongs to the wire format. (The phases are in `task::http`.)
    #[inline]
    fn step(&mut self, stage: Stage, cx: &mut Context<'_>) -> Step {
        let step = match stage {
            Stage::Sending => self.send(cx),
            Stage::Drain => self.drain_body(cx),
            Stage::Ending => Step::Over,
            Stage::DiscardBody => self.discard_body(cx),
            _ => Step::Wait, // `http::run` ends in no other stage
        };
        if step == Step::Over { self.end(cx) } else { step }
    }

    /// Handles the failure of a handler after the head was made. If no byte of the response is in the output, another
    /// response is sent. Otherwise the connection can only be closed.
    fn handle_failure(&mut self, cx: &mut Context<'_>) {
        let x = cx.connection();
        let output_end = x.output_end();
        let Some(t) = x.transactions.current_mut() else { return };
        if t.failed.is_none() || matches!(t.http.stage, Stage::Handler | Stage::Returning) {
            return; // `http::run` handles it
        }
        if is_unsent(t, output_end) {
            self.take_back(t);
        } else {
            t.failed = None;
            x.phase = Phase::Closing;
        }
    }

    /// Takes back a response of which no byte is in the output: the request waits for the outcome of its handler again.
    fn take_back(&mut self, t: &mut Transaction) {
        self.transfer = None;
        t.http.answered = None;
        t.http.status = None;
        t.http.stage = Stage::Handler;
    }

    /// Whether the first byte of a request line has come.
    fn is_head_started(&self) -> bool {
        self.scan.as_ref().is_some_and(|scan| scan.is_started())
    }

    /// Whether a next request may begin. Not while too many responses are unsent: they would wait in memory.
    fn may_begin(&self) -> bool {
        self.closing == Closing::No && !self.unsent.is_full()
    }

    fn lingers(&self) -> bool {
        self.closing == Closing::Lingers
    }

    /// Sets the deadline for what the client has to do next: send the rest of a head, the next request, or more of a
    /// body.
    fn set_deadline(&mut self, cx: &mut Context<'_>) {
        let x = cx.connection();
        self.handler_was_full = x.transactions.current().is_some_and(handler_is_full);
        match (x.phase, x.transactions.current()) {
            (Phase::Lingering, _) if self.lingers() => {} // linger() has set it
            (Phase::Lingering | Phase::Closing | Phase::Closed, _) => cx.no_deadline(), // ClientWrite has one
            (Phase::Open, Some(_)) if self.paused_until().is_some() => {
                cx.wake_at(self.paused_until().unwrap_or(cx.now));
            }
            (Phase::Open, Some(t)) if waits_for_body(t) => {
                let timeout = t.settings().client_body_timeout;
                if !cx.has_deadline() {
                    self.since = cx.now; // until now the handler was waited for
                }
                cx.wake_at(self.since.after(timeout));
            }
            (Phase::Open, Some(_)) => cx.no_deadline(),
            (Phase::Open, None) if self.closing != Closing::No => cx.no_deadline(),
            (Phase::Open, None) if self.is_head_started() || self.served == 0 => {
                let timeout = x.identity.listener.route.settings.client_header_timeout;
                cx.wake_at(self.since.after(timeout));
            }
            (Phase::Open, None) => {
                let timeout = x.route.settings.keepalive.timeout;
                cx.wake_at(self.since.after(timeout));
            }
        }
    }

    fn on_deadline(&mut self, cx: &mut Context<'_>) {
        let x = cx.connection();
        match (x.phase, x.transactions.current().is_some()) {
            (Phase::Lingering, _) => self.keep_lingering(cx),
            (_, false) if !self.is_head_started() && !x.output.is_empty() => {
                self.since = cx.now; // the client still receives the last response: the connection is not idle
            }
            (_, false) if !self.is_head_started() => {
                cx.log(Level::Info, format_args!("idle for too long: closed"));
                cx.connection().phase = Phase::Closed;
            }
            (_, false) => {
                cx.log(Level::Info, format_args!("client_header_timeout has passed"));
                self.refuse_head(408, cx);
            }
            (_, true) if self.paused_until().is_some() => {
                self.since = cx.now; // the client's time for the body did not pass
                self.end_pause();
            }
            (_, true) => {
                cx.doing(Stage::DiscardBody.doing());
                cx.log(Level::Info, format_args!("client_body_timeout has passed"));
                if let Some(w) = cx.work() {
                    w.t.program.given_up = Some(GivenUp::BodyCut);
                }
                if self.take_back_unsent(cx) {
                    refuse(408, cx);
                }
            }
        }
    }

    /// Takes the response back, if no byte of it is in the output, and ends its handlers. Returns false if the client
    /// gets a part of it: then the connection closes when that has been sent.
    fn take_back_unsent(&mut self, cx: &mut Context<'_>) -> bool {
        let x = cx.connection();
        let output_end = x.output_end();
        match x.transactions.current_mut() {
            Some(t) if is_unsent(t, output_end) => self.take_back(t),
            Some(t) if t.http.answered.is_none() => {}
            _ => {
                x.phase = Phase::Closing;
                return false;
            }
        }
        if let Some(mut w) = cx.work() {
            end_handlers(&mut w);
        }
        true
    }

    /// Begins no more requests after the current one.
    fn drain(&mut self, cx: &mut Context<'_>) {
        if cx.connection().phase != Phase::Open {
            return;
        }
        let is_idle = !self.is_head_started() && cx.connection().input.is_empty();
        match cx.connection().transactions.current_mut() {
            Some(t) => t.http.keep_alive = false,
            None if is_idle => self.close(false, cx),
            None => {}
        }
    }

    /// Whether the connection can be closed without losing a request: no part of an unanswered request has come. As in
    /// nginx, this is true from the start: clients that never send anything must not fill the server.
    fn is_idle(&self, x: &Connection) -> bool {
        let is_open = x.phase == Phase::Open && self.closing == Closing::No;
        is_open && x.transactions.is_empty() && x.input.is_empty() && !self.is_head_started()
    }

    /// Whether the connection is idle and not in the idle list yet.
    fn enters_idle_list(&self, x: &Connection) -> bool {
        !self.idle.is_set() && self.is_idle(x) && x.output.is_empty()
    }

    /// Adds the connection to the list of idle connections, or removes it.
    fn refresh_idle_list(&mut self, cx: &mut Context<'_>) {
        let is_idle = self.is_idle(cx.connection());
        if self.idle.is_stale(is_idle, cx.now) {
            update_idle_list(&mut self.idle, is_idle, cx);
        }
    }

    fn wants_turn(&self, x: &Connection, t: Option<&Transaction>) -> bool {
        if self.unsent.is_sent(x.sent_bytes) {
            return true;
        }
        match (x.phase, t) {
            (Phase::Open, None) => self.wants_request(x),
            (Phase::Open, Some(t)) => {
                // A failure in the stage Handler becomes a response, which needs room.
                let is_handled_now = t.failed.is_some() && !matches!(t.http.stage, Stage::Handler | Stage::Returning);
                is_handled_now || self.may_close(x) || self.wants_step(x, t) && x.output.room() > 0
            }
            (Phase::Lingering, _) => x.output.is_empty() && !self.lingers(),
            (Phase::Closing | Phase::Closed, _) => false,
        }
    }

    /// Whether there is work while the connection has no request.
    fn wants_request(&self, x: &Connection) -> bool {
        match self.closing {
            Closing::No if self.has_input(x) => !self.unsent.is_full() && x.output.room() > 0,
            Closing::No => self.enters_idle_list(x),
            Closing::Due | Closing::Lingers => self.may_close(x),
        }
    }

    /// Whether bytes or EOF have come that no step has seen.
    fn has_input(&self, x: &Connection) -> bool {
        x.input.len() > self.seen.into() || x.input.is_ended()
    }

    /// Whether a step of this request can make progress.
    fn wants_step(&self, x: &Connection, t: &Transaction) -> bool {
        let Http { request_body, stage, response, .. } = &t.http;
        if request_body.feeds() && t.body.room() > 0 && (self.handler_was_full || self.has_input(x)) {
            return true;
        }
        if request_body.owes_continue && !request_body.is_finished() && !t.body.is_held() {
            return true;
        }
        match stage {
            Stage::DiscardBody | Stage::Drain => request_body.is_finished() || self.has_input(x),
            Stage::Handler => t.reply.outcome.is_some() || t.failed.is_some() || has_interim(t) || is_aborted(x, t),
            Stage::Sending if is_aborted(x, t) => true,
            Stage::Sending if self.paused_until().is_some() => false,
            Stage::Sending => response.is_some() || !t.reply.body.is_empty() || t.reply.body.is_ended(),
            Stage::Ending | Stage::Returning => t.handlers.is_empty(),
            _ => self.wants_phase(x, t),
        }
    }
}

impl Task<Worker> for Http1 {
    fn kind(&self) -> &'static str {
        "Http1"
    }

    fn doing(&self) -> &'static str {
        if self.is_head_started() { "reading the request's head" } else { "" }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        match seen.connection {
            Some(x) if self.wants_turn(x, seen.transaction) => Want::Turn,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            // In most cases there is nothing else: the next request has not come yet. If it has, it gets a turn of its
            // own.
            Event::Ready | Event::Hangup if self.unsent.is_sent(cx.connection().sent_bytes) => {
                self.end_sent(cx);
            }
            Event::Ready | Event::Hangup => {
                self.handle_failure(cx);
                self.run(cx);
            }
            Event::Deadline => {
                self.on_deadline(cx);
                self.end_sent(cx);
                self.run(cx);
            }
            Event::Cancel => {
                self.end_all(cx);
                cx.worker.stats.note_reading(self.is_head_started(), false);
                leave(&mut self.idle, cx);
                return Ok(Flow::Done);
            }
        }
        Ok(Flow::Progress)
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match notice {
            Notice::Drain => self.drain(cx),
            Notice::Evict => {
                let is_idle = self.is_idle(cx.connection());
                give_up_place(&mut self.idle, is_idle, cx);
            }
            Notice::Overdue if cx.connection().identity.number <= cx.worker.overdue => {
                cx.log(Level::Info, format_args!("closed: worker_shutdown_timeout has passed since a reload"));
                cx.connection().phase = Phase::Closed;
            }
            _ => {} // the next request follows a reload by itself
        }
        Ok(Flow::Progress)
    }
}

#[cfg(test)]
mod tests;
