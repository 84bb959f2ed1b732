//! Parses the request's head and begins the transaction.

use super::{Http1, Step, refuse};
use crate::connection::{Arrival, Phase};
use crate::http::{HeadError, HeadLimits, Method, Request, head};
use crate::log::Level;
use crate::task::Context;
use std::fmt;
use std::rc::Rc;
use webserv_sys::Moment;

impl Http1 {
    /// Looks for a request at the front of the input.
    pub(super) fn begin(&mut self, cx: &mut Context<'_>) -> Step {
        let now = cx.now;
        let Context { connection: Some(x), worker, .. } = cx else { return Step::Wait };
        if x.input.is_empty() && !x.input.is_ended() {
            return Step::Wait;
        }
        let limits = x.identity.listener.limits;
        let was_started = self.is_head_started();
        let started = if was_started { self.since } else { now };
        let bytes = x.input.contiguous();
        self.seen = bytes.len() as u32; // a pipe is bounded, far below 4 GiB
        let mut scan = match self.scan.take() {
            Some(scan) => {
                worker.stats.note_reading(was_started, false);
                scan
            }
            None => worker.scans.pop().unwrap_or_default(),
        };
        let result = head::request(bytes, &mut scan, &limits);
        let is_started = scan.is_started();
        match result {
            Ok(None) => {
                worker.stats.note_reading(false, is_started);
                self.scan = Some(scan);
            }
            _ => worker.give_back(scan),
        }
        match result {
            Ok(Some((request, used))) => {
                x.input.consume_into(used as u64, &mut worker.buffers);
                (self.seen, self.since) = (0, now);
                x.output.take_over(&mut x.input, &mut worker.pipes);
                self.head_complete(request, &limits, started, cx);
                Step::Again
            }
            Ok(None) if x.input.is_ended() => {
                // An incomplete head is not answered (RFC 9112 section 8).
                x.phase = Phase::Closing;
                Step::Wait
            }
            Ok(None) => {
                if is_started != was_started {
                    self.since = now;
                }
                Step::Wait
            }
            Err(error) => {
                self.bad_head(error, started, cx);
                Step::Again
            }
        }
    }

    /// A complete head has come.
    fn head_complete(&mut self, request: Rc<Request>, limits: &HeadLimits, started: Moment, cx: &mut Context<'_>) {
        let still_ours = follow_reload(cx);
        let arrival = self.arrival(started, cx);
        let Context { connection: Some(x), worker, .. } = cx else { return };
        let listener = &x.identity.listener;
        let server = listener.configured.hosts.find(request.host().unwrap_or_default());
        let route = Rc::clone(listener.routes.to_server(server));
        let subject = Rc::clone(&request) as Rc<dyn fmt::Display>;
        let t = x.transactions.begin(&mut worker.transactions, route, Some(subject));
        t.http.begin(arrival, request, limits);
        t.http.keep_alive &= still_ours;
    }

    /// The head is malformed, so the position of the next request is unknown.
    fn bad_head(&mut self, error: HeadError, started: Moment, cx: &mut Context<'_>) {
        self.seen = 0;
        cx.doing("reading the request's head");
        let route = Rc::clone(&cx.connection().identity.listener.route);
        cx.connection().route = route;
        cx.log(Level::Info, format_args!("refused: {}; it begins \"{}\"", error.reason, error.line.escape_ascii()));
        self.refuse_line(&error.line, error.method, started, error.status, cx);
    }

    /// Refuses a request of which only a part of the head has come.
    pub(super) fn refuse_head(&mut self, status: u16, cx: &mut Context<'_>) {
        cx.worker.stats.note_reading(self.is_head_started(), false);
        self.scan = None;
        let line = cx.connection().input.contiguous().split(|b| *b == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        // The answer to HEAD has no body, even if no more than that has come.
        let method = line.iter().position(|b| *b == b' ').map_or(Method::Unknown, |end| Method::parse(&line[..end]));
        self.refuse_line(&line, method, self.since, status, cx);
    }

    /// Refuses a request of which only the first line is known.
    fn refuse_line(&mut self, line: &[u8], method: Method, started: Moment, status: u16, cx: &mut Context<'_>) {
        let arrival = self.arrival(started, cx);
        let Context { connection: Some(x), worker, .. } = cx else { return };
        let route = Rc::clone(&x.identity.listener.route);
        let t = x.transactions.begin(&mut worker.transactions, route, None);
        t.http.begin_bad(arrival, line, method);
        refuse(status, cx);
    }

    /// Counts the request.
    #[inline]
    fn arrival(&mut self, started: Moment, cx: &mut Context<'_>) -> Arrival {
        self.served = self.served.wrapping_add(1);
        cx.worker.stats.count_request();
        let (x, is_listed) = (cx.connection(), self.idle.is_set());
        let (output_start, pipelined) = (x.output_end(), !x.output.is_empty());
        Arrival { number: self.served.into(), output_start, pipelined, is_listed, started }
    }
}

/// After a reload, the next request uses the new configuration. Returns whether that still listens on this address.
fn follow_reload(cx: &mut Context<'_>) -> bool {
    let Context { connection: Some(x), worker, .. } = cx else { return false };
    if worker.is_current(&x.identity.listener) {
        return true;
    }
    let Some(listener) = worker.listener_now(&x.identity.listener) else { return false };
    x.identity.listener = listener;
    true
}
