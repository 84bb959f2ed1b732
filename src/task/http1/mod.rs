//! Http1: the protocol pump between the client's bytes and the workers.
//!
//! It has no descriptor. On its left are bytes as they go on the wire, on its right plain answers; between them it
//! parses, routes, asks a worker, frames what comes back, and starts over. A request's life is a [`Current`], passed
//! from file to file: `begin` makes it, `body` skips what nobody wants, `ask` finds who answers, `answer` turns the
//! answer into a head, `transfer` moves the bytes, `finish` ends it.

mod answer;
mod ask;
mod begin;
mod body;
mod current;
mod finish;
mod page;
mod transfer;

use super::Context;
use crate::config::{Config, Listener};
use crate::engine::{Event, Flow, Side, Task, TaskError, Want};
use crate::exchange::{Exchange, Phase};
use crate::http::Scan;
use crate::log::Level;
use crate::worker::Worker;
use current::{Current, Stage};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use webserv_sys::Watch;
use webserv_sys::net::Address;

/// Steps taken before other tasks have their turn: pipelined requests that are answered from memory.
const STEPS_PER_TURN: usize = 64;

/// Answers that wait for the client to take them, before the next request is begun.
const LEAVING_MAX: usize = 128;

/// How long a client may go on sending after it has been told that the connection ends.
const LINGERING_TIME: Duration = Duration::from_secs(5);

/// The HTTP/1.1 side of one connection.
pub struct Http1 {
    /// The configuration that `listener` and the routes are of.
    config: Arc<Config>,
    listener: Rc<Listener>,
    local: Rc<Address>,
    /// The connection's serial number.
    connection: u64,
    /// Requests begun.
    served: u64,
    scan: Scan,
    /// Bytes at the front of the input that the scan has seen already.
    seen: u64,
    /// When the head's first byte came, or when the connection became idle.
    since: Option<Instant>,
    /// How long it may be idle.
    idle: Duration,
    current: Option<Box<Current>>,
    /// Requests whose answer is in the output and has not quite left. They end, and are logged, when it has.
    leaving: VecDeque<Box<Current>>,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// More may be possible at once.
    Again,
    /// Something must come or leave first.
    Wait,
}

impl Http1 {
    /// Speaks HTTP/1.1 on a connection that was accepted by this listener, at this address of ours.
    pub fn new(config: Arc<Config>, listener: Rc<Listener>, local: Rc<Address>, connection: u64) -> Self {
        Self {
            config,
            listener,
            local,
            connection,
            served: 0,
            scan: Scan::default(),
            seen: 0,
            since: None,
            idle: Duration::ZERO,
            current: None,
            leaving: VecDeque::new(),
        }
    }

    fn run(&mut self, cx: &mut Context<'_>) {
        self.end_what_has_left(cx);
        if let Some(side) = cx.exchange().failed.take() {
            self.worker_failed(side, cx);
        }
        for _ in 0..STEPS_PER_TURN {
            let x = cx.exchange();
            if x.phase != Phase::Open || x.output.room() == 0 || self.step(cx) == Step::Wait {
                break;
            }
        }
        self.set_deadline(cx);
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Step {
        match self.current.take() {
            None => self.begin(cx),
            Some(current) => match current.stage {
                Stage::RequestBody => self.skip_body(current, cx),
                Stage::Waiting => self.take_answer(current, cx),
                Stage::Sending(_) => self.transfer(current, cx),
                Stage::Sent => self.finish(current, cx),
            },
        }
    }

    /// A worker has died under the request. Before a byte has left the client can be told, later only be left.
    fn worker_failed(&mut self, side: Side, cx: &mut Context<'_>) {
        match self.current.take() {
            Some(current) if matches!(current.stage, Stage::Waiting) => {
                let status = if side == Side::Upstream { 502 } else { 500 };
                self.refuse(current, status, cx);
            }
            other => {
                self.current = other;
                cx.exchange().phase = Phase::Closed;
            }
        }
    }

    /// The time at which patience ends: with the head as a whole, with the next request, with a body's next bytes.
    fn set_deadline(&self, cx: &mut Context<'_>) {
        match cx.exchange().phase {
            Phase::Open => {}
            Phase::Lingering => return,                                // set when it began
            Phase::Closing | Phase::Closed => return cx.no_deadline(), // the rest is ClientWrite's
        }
        let settings = &self.listener.hosts.servers[0].settings;
        let (since, idle) = (self.since.unwrap_or(cx.now), self.idle);
        match &self.current {
            None if self.scan.is_started() || self.served == 0 => cx.wake_at(since + settings.client_header_timeout),
            None => cx.wake_at(since + idle),
            Some(current) if current.body.is_finished() => cx.no_deadline(),
            Some(current) => cx.wake_after(current.route.settings.client_body_timeout),
        }
    }

    fn too_late(&mut self, cx: &mut Context<'_>) {
        let what = match (&self.current, cx.exchange().phase) {
            (_, Phase::Lingering) => {
                cx.exchange().phase = Phase::Closed;
                return;
            }
            (None, _) if !self.scan.is_started() => {
                if cx.exchange().output.is_empty() {
                    cx.log(Level::Info, format_args!("idle for too long: closed"));
                    cx.exchange().phase = Phase::Closed;
                } else {
                    self.since = Some(cx.now); // the client still takes the last answer: it is not idle
                }
                return;
            }
            (None, _) => "client_header_timeout",
            (Some(_), _) => "client_body_timeout",
        };
        cx.log(Level::Info, format_args!("{what} has passed"));
        match self.current.take() {
            Some(current) if current.head_bytes == 0 => {
                self.refuse(current, 408, cx);
            }
            None => {
                self.refuse_head(408, cx);
            }
            Some(current) => {
                self.current = Some(current); // it has its answer; what it still sends is not waited for
                cx.exchange().phase = Phase::Closed;
            }
        }
    }

    /// No request is begun after those that are under way.
    fn drain(&mut self, cx: &mut Context<'_>) {
        match &mut self.current {
            Some(current) => current.keep_alive = false,
            None if !self.scan.is_started() => cx.exchange().phase = Phase::Closing,
            None => {}
        }
    }

    fn wants_turn(&self, x: &Exchange) -> bool {
        let left = |entry: &Current| x.output.taken_bytes() >= entry.output_end;
        if x.failed.is_some() || self.leaving.front().is_some_and(|entry| left(entry)) {
            return true;
        }
        if self.since.is_none() {
            return true; // to start the time that the first request may take
        }
        if x.phase != Phase::Open || x.output.room() == 0 || self.leaving.len() >= LEAVING_MAX {
            return false;
        }
        let input = || x.input.len() > self.seen || x.input.is_ended();
        match self.current.as_deref() {
            None => input(),
            Some(current) => match current.stage {
                Stage::RequestBody | Stage::Sent => input(),
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
            None if self.scan.is_started() => "reading the request's head",
            None => "waiting for a request",
            Some(Stage::RequestBody) => "reading the request's body",
            Some(Stage::Waiting) => "waiting for the answer",
            Some(Stage::Sending(_)) => "sending the answer",
            Some(Stage::Sent) => "finishing the request",
        }
    }

    fn watch(&self) -> Watch<'_> {
        Watch::Always
    }

    fn wants(&self, exchange: Option<&Exchange>) -> Want {
        match exchange {
            Some(x) if self.wants_turn(x) => Want::Turn,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => self.run(cx),
            Event::Deadline => {
                self.too_late(cx);
                self.run(cx);
            }
            Event::Drain => self.drain(cx),
            Event::Reload => cx.exchange().error_log = None, // its number may mean another file now
            Event::Cancel => {
                self.end_the_rest(cx);
                return Ok(Flow::Done);
            }
        }
        Ok(Flow::Progress)
    }
}
