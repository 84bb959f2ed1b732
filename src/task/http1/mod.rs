//! Http1: the protocol pump between the client's bytes and the handlers.
//!
//! It has no descriptor. On its left are bytes as they go on the wire, on its right plain answers; between them it
//! parses, routes, asks a handler, frames what comes back, and starts over. A request's life is a [`Current`], passed
//! from file to file: `begin` makes it, `body` skips what nobody wants, `ask` finds who answers, `answer` turns the
//! answer into a head, `transfer` moves the bytes, `finish` ends it.

mod answer;
mod ask;
mod begin;
mod body;
mod current;
mod dav;
mod finish;
mod head;
mod kept;
mod leaving;
mod page;
mod transfer;
mod upload;
mod view;

use crate::connection::limits::STEPS_PER_TURN;
use crate::connection::{Connection, Phase};
use crate::engine::{Event, Flow, Notice, Side, Task, TaskError, Want};
use crate::http::Scan;
use crate::log::Level;
use crate::task::{Context, update_idle_list};
use crate::worker::{IdleMark, ListenerState, Worker};
use answer::end_handlers;
use current::{Current, Stage};
use leaving::Leaving;
use std::rc::Rc;
use webserv_sys::{Moment, Watch};

/// The HTTP/1.1 side of one connection.
pub struct Http1 {
    /// Where the client has come in, by the configuration that the next request is answered by.
    listener: Rc<ListenerState>,
    /// The connection's serial number.
    number: u64,
    /// Requests begun.
    served: u32,
    /// How far the next request's head has been read, if it has begun to come. Idle connections have none.
    scan: Option<Box<Scan>>,
    /// Bytes at the front of the input that the scan has seen already.
    seen: u32,
    /// When the connection was opened or became idle, when the head's first byte came, or when it began to linger.
    since: Moment,
    current: Option<Box<Current>>,
    /// Requests whose answer is in the output and has not quite left, of which a log is to be told when it has.
    leaving: Leaving,
    /// Its place among the idle connections.
    idle: IdleMark,
    /// The client does not speak HTTP: it is not waited for any longer.
    hasty: bool,
    /// The last answer is in the output. Whether the connection lingers is seen when that has left.
    closing: bool,
    /// The answer has left, and the client's last bytes are read and dropped.
    lingers: bool,
}

// Each idle connection has one; malloc(3) adds eight bytes, and rounds up to sixteen.
const _: () = assert!(size_of::<Http1>() == 72);

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// More may be possible at once.
    Again,
    /// Something must come or leave first.
    Wait,
}

impl Http1 {
    /// Speaks HTTP/1.1 on a connection that was accepted at this listener in the round of `now`; `connection` is its
    /// serial number. It must be told of its first deadline, `client_header_timeout` later.
    pub fn new(listener: Rc<ListenerState>, connection: u64, now: Moment) -> Self {
        Self {
            listener,
            number: connection,
            served: 0,
            scan: None,
            seen: 0,
            since: now,
            current: None,
            leaving: Leaving::default(),
            idle: IdleMark::default(),
            hasty: false,
            closing: false,
            lingers: false,
        }
    }

    fn run(&mut self, cx: &mut Context<'_>) {
        if let Some(side) = cx.connection().failed.take() {
            self.handler_failed(side, cx);
        }
        if self.may_close(cx.connection()) {
            self.close(false, cx);
        }
        for _ in 0..STEPS_PER_TURN {
            let x = cx.connection();
            if x.phase != Phase::Open || x.output.room() == 0 || self.step(cx) == Step::Wait {
                break;
            }
        }
        let x = cx.connection();
        if x.phase == Phase::Lingering && x.output.is_empty() && !self.lingers {
            self.linger(cx);
        }
        if let Context { connection: Some(x), worker, .. } = cx {
            x.input.give_back_to(&mut worker.pipes);
        }
        self.set_deadline(cx);
        self.see_to_idle_list(cx);
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Step {
        match self.current.take() {
            None if self.may_begin() => self.begin(cx),
            None => Step::Wait,
            Some(current) => match self.feed(current, cx) {
                Ok(current) => self.go_on(current, cx),
                Err(step) => step,
            },
        }
    }

    fn go_on(&mut self, current: Box<Current>, cx: &mut Context<'_>) -> Step {
        match current.stage {
            Stage::RequestBody => self.skip_body(current, cx),
            Stage::Waiting => self.take_answer(current, cx),
            Stage::Sending(_) => self.transfer(current, cx),
            Stage::Sent => self.finish(current, cx),
        }
    }

    /// A handler has died under the request. Before a byte has left the client can be told, later only be left.
    fn handler_failed(&mut self, side: Side, cx: &mut Context<'_>) {
        match self.current.take() {
            Some(current) if matches!(current.stage, Stage::Waiting) => {
                let status = if side == Side::Upstream { 502 } else { 500 };
                self.refuse(current, status, cx);
            }
            other => {
                self.current = other;
                cx.connection().phase = Phase::Closing;
            }
        }
    }

    /// A request line has begun to come.
    fn is_head_started(&self) -> bool {
        self.scan.as_ref().is_some_and(|scan| scan.is_started())
    }

    /// The client takes what it asked for: a next request would not only wait in memory.
    fn may_begin(&self) -> bool {
        !self.closing && !self.leaving.is_full()
    }

    /// Keeps the request until something has come or left.
    fn wait(&mut self, current: Box<Current>) -> Step {
        self.current = Some(current);
        Step::Wait
    }

    /// The time at which patience ends: with the head as a whole, with the next request, with a body's next bytes.
    fn set_deadline(&self, cx: &mut Context<'_>) {
        let settings = &self.listener.settings;
        match (cx.connection().phase, &self.current) {
            (Phase::Lingering, _) if self.lingers => {} // set when it began
            (Phase::Lingering | Phase::Closing | Phase::Closed, _) => cx.no_deadline(), // the rest is ClientWrite's
            (Phase::Open, Some(current)) if current.body.is_finished() => cx.no_deadline(),
            (Phase::Open, Some(current)) if current.feeds && cx.connection().body.room() == 0 => cx.no_deadline(),
            (Phase::Open, None) if self.closing => cx.no_deadline(),
            (Phase::Open, Some(current)) => cx.wake_after(current.route.settings.client_body_timeout),
            (Phase::Open, None) if self.is_head_started() || self.served == 0 => {
                cx.wake_at(self.since.after(settings.client_header_timeout));
            }
            (Phase::Open, None) => {
                let timeout = cx.connection().settings.keepalive_timeout;
                cx.wake_at(self.since.after(timeout));
            }
        }
    }

    fn too_late(&mut self, cx: &mut Context<'_>) {
        let what = match (&self.current, cx.connection().phase) {
            (_, Phase::Lingering) => return self.linger_on(cx),
            (None, _) if !self.is_head_started() => {
                if cx.connection().output.is_empty() {
                    cx.log(Level::Info, format_args!("idle for too long: closed"));
                    cx.connection().phase = Phase::Closed;
                } else {
                    self.since = cx.now; // the client still takes the last answer: it is not idle
                }
                return;
            }
            (None, _) => "client_header_timeout",
            (Some(_), _) => "client_body_timeout",
        };
        cx.log(Level::Info, format_args!("{what} has passed"));
        match self.current.take() {
            Some(current) if current.head_bytes == 0 => {
                end_handlers(cx);
                self.refuse(current, 408, cx);
            }
            None => {
                self.refuse_head(408, cx);
            }
            Some(current) => {
                self.current = Some(current); // it has its answer; what it still sends is not waited for
                cx.connection().phase = Phase::Closed;
            }
        }
    }

    /// No request is begun after those that are under way.
    fn drain(&mut self, cx: &mut Context<'_>) {
        if cx.connection().phase != Phase::Open {
            return;
        }
        let is_head_started = self.is_head_started();
        match &mut self.current {
            Some(current) => current.keep_alive = false,
            None if !is_head_started && cx.connection().input.is_empty() => self.close(false, cx),
            None => {}
        }
    }

    /// Whether its client could be left without losing anything: no part of a request has come that has no answer. As
    /// in nginx, that is so from the first moment on: else connections that never say anything would fill the server.
    fn is_idle(&self, x: &Connection) -> bool {
        let is_open = x.phase == Phase::Open && !self.closing;
        is_open && self.current.is_none() && x.input.is_empty() && !self.is_head_started()
    }

    /// It is idle, and the list does not know it yet.
    fn enters_idle_list(&self, x: &Connection) -> bool {
        !self.idle.is_set() && self.is_idle(x) && x.output.is_empty()
    }

    /// Enters the list of those that may be closed for others, or leaves it.
    fn see_to_idle_list(&mut self, cx: &mut Context<'_>) {
        let is_idle = self.is_idle(cx.connection());
        if self.idle.is_stale(is_idle, cx.now) {
            update_idle_list(&mut self.idle, is_idle, cx);
        }
    }

    /// A new client needs its place. A connection that has become busy keeps it, as does one whose last answer has not
    /// left yet: then another is to give up its own.
    fn evict(&mut self, cx: &mut Context<'_>) {
        self.idle.clear();
        if self.is_idle(cx.connection()) && cx.connection().output.is_empty() {
            cx.log(Level::Info, format_args!("idle, and others wait: closed"));
            cx.connection().phase = Phase::Closing;
        } else {
            cx.pass_place_on();
        }
    }

    fn wants_turn(&self, x: &Connection) -> bool {
        if x.failed.is_some() || self.leaving.has_left(x.sent_bytes) || self.enters_idle_list(x) {
            return true;
        }
        if x.phase == Phase::Lingering {
            return x.output.is_empty() && !self.lingers;
        }
        if self.may_close(x) {
            return true;
        }
        x.phase == Phase::Open && self.wants_step(x) && x.output.room() > 0
    }

    /// Whether there is something new for a step.
    fn wants_step(&self, x: &Connection) -> bool {
        let input = || x.input.len() > self.seen.into() || x.input.is_ended();
        match self.current.as_deref() {
            None => self.may_begin() && input(),
            Some(current) if current.feeds && !current.body.is_finished() && x.body.room() > 0 && input() => true,
            Some(current) if current.owes_continue && !current.body.is_finished() && !x.body.is_held() => true,
            Some(current) => match current.stage {
                Stage::RequestBody | Stage::Sent => current.body.is_finished() || input(),
                Stage::Waiting => x.reply.answer.is_some(),
                Stage::Sending(_) => !x.reply.body.is_empty() || x.reply.body.is_ended(),
            },
        }
    }
}

impl Task<Worker> for Http1 {
    fn kind(&self) -> &'static str {
        "Http1"
    }

    fn doing(&self) -> &'static str {
        match self.current.as_deref().map(|current| &current.stage) {
            None if self.is_head_started() => "reading the request's head",
            None => "waiting for a request",
            Some(Stage::RequestBody) => "reading the request's body",
            Some(Stage::Waiting) => "waiting for the answer",
            Some(Stage::Sending(_)) => "sending the answer",
            Some(Stage::Sent) => "finishing the request",
        }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, connection: Option<&Connection>) -> Want {
        match connection {
            Some(x) if self.wants_turn(x) => Want::Turn,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            // That is mostly all: the next request has not come yet. If it has, it gets a turn of its own.
            Event::Ready | Event::Hangup if self.leaving.has_left(cx.connection().sent_bytes) => {
                self.end_what_has_left(cx);
            }
            Event::Ready | Event::Hangup => self.run(cx),
            Event::Deadline => {
                self.too_late(cx);
                self.end_what_has_left(cx);
                self.run(cx);
            }
            Event::Cancel => {
                self.end_the_rest(cx);
                update_idle_list(&mut self.idle, false, cx);
                return Ok(Flow::Done);
            }
        }
        Ok(Flow::Progress)
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match notice {
            Notice::Drain => self.drain(cx),
            Notice::Evict => self.evict(cx),
            _ => {} // a reload is followed by the next request
        }
        Ok(Flow::Progress)
    }
}
