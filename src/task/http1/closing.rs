//! The end of a request, and whether the connection ends with it.

use super::{Closing, Http1, Step};
use crate::config::{Lingering, LingeringClose};
use crate::connection::{Connection, Phase, ReadState, Transaction};
use crate::log::{Level, MadePath};
use crate::route::document_root;
use crate::task::{Context, handle_log_events};
use crate::vars::{self, View};
use crate::worker::Worker;
use std::rc::Rc;
use std::time::Duration;

impl Http1 {
    /// The response is in the output, and the request has been read or given up. Waits until the handlers have ended,
    /// then ends the transaction.
    pub(super) fn end(&mut self, cx: &mut Context<'_>) -> Step {
        let draining = cx.worker.draining;
        // Handlers that are cancelled, or join only after this turn, still look up their transaction.
        if cx.work().is_none_or(|w| w.has_handlers()) {
            return Step::Wait;
        }
        let x = cx.connection();
        let Some(mut t) = x.transactions.end_current() else { return Step::Wait };
        let unread = !t.http.request_body.is_whole();
        let last = !t.http.keep_alive || unread || draining;
        let brief = t.http.request.is_none();
        if stays(&t) {
            x.route = Rc::clone(&t.route);
            x.subject = t.subject.take();
            self.unsent.push(t);
        } else {
            std::mem::swap(&mut x.route, &mut t.route);
            self.recycle(t, cx);
        }
        self.since = cx.now;
        if last {
            (self.closing, self.brief) = (Closing::Due, brief);
            self.close(unread, cx);
            return Step::Wait;
        }
        let x = cx.connection();
        if !x.input.is_empty() || x.input.is_ended() { Step::Again } else { Step::Wait }
    }

    /// Ends the connection after the output has been sent. If bytes of the client are unread, close(2) makes the kernel
    /// send a reset, and the client can lose the response (RFC 9112 section 9.6): then the connection lingers. Unread
    /// bytes may come as long as the response is being sent.
    pub(super) fn close(&mut self, unread: bool, cx: &mut Context<'_>) {
        let x = cx.connection();
        let mode = x.settings().lingering.mode;
        if x.input.is_ended() || mode == LingeringClose::Off {
            x.phase = Phase::Closing;
        } else if unread || !x.input.is_empty() || mode == LingeringClose::Always {
            x.input.clear();
            x.phase = Phase::Lingering;
        } else if x.output.is_empty() {
            x.phase = Phase::Closing;
        } else if self.closing == Closing::No {
            self.closing = Closing::Due;
        }
    }

    /// Whether to call [`close`](Self::close) again.
    #[inline]
    pub(super) fn may_close(&self, x: &Connection) -> bool {
        self.closing != Closing::No
            && x.phase == Phase::Open
            && (x.output.is_empty() || !x.input.is_empty() || x.input.is_ended())
    }

    /// The maximum time of lingering. Shorter for a client that does not speak HTTP.
    fn lingering_time(&self, lingering: &Lingering) -> Duration {
        if self.brief { lingering.timeout } else { lingering.time }
    }

    /// The last response has been sent: lingering begins.
    pub(super) fn linger(&mut self, cx: &mut Context<'_>) {
        self.closing = Closing::Lingers;
        self.since = cx.now;
        let x = cx.connection();
        x.reading.remove(ReadState::DROPPED);
        let lingering = &x.settings().lingering;
        let wait = lingering.timeout.min(self.lingering_time(lingering));
        cx.wake_after(wait);
    }

    /// `lingering_timeout` has passed. Lingers on if the client has sent something meanwhile, until `lingering_time`
    /// has passed.
    pub(super) fn keep_lingering(&mut self, cx: &mut Context<'_>) {
        let now = cx.now;
        let x = cx.connection();
        let lingering = x.settings().lingering;
        let end = self.since.after(self.lingering_time(&lingering));
        if x.reading.contains(ReadState::DROPPED) && now < end {
            x.reading.remove(ReadState::DROPPED);
            cx.wake_after(lingering.timeout.min(end.since(now)));
        } else {
            x.phase = Phase::Closed;
        }
    }

    /// Logs and drops the requests whose responses have been sent.
    pub(super) fn end_sent(&mut self, cx: &mut Context<'_>) {
        while self.unsent.is_sent(cx.connection().sent_bytes) {
            let Some(entry) = self.unsent.pop() else { return };
            log_access(&entry, cx);
            self.recycle(entry, cx);
        }
    }

    /// Gives back the memory of a request that is over.
    #[inline]
    fn recycle(&self, mut entry: Box<Transaction>, cx: &mut Context<'_>) {
        if self.unsent.is_empty() {
            cx.connection().subject = None;
        }
        entry.subject = None; // `recycle` needs the only reference to the request
        if let (Some(request), Some(scan)) = (entry.http.request.take(), cx.worker.scans.last_mut()) {
            scan.recycle(request);
        }
        cx.worker.transactions.give(entry);
    }

    /// The connection ends: logs all requests, with the bytes sent so far. Current transactions stay until their
    /// handlers have been cancelled.
    pub(super) fn end_all(&mut self, cx: &mut Context<'_>) {
        while let Some(entry) = self.unsent.pop() {
            log_access(&entry, cx);
        }
        let mut transactions = std::mem::take(&mut cx.connection().transactions);
        let mut place = transactions.current_mut();
        while let Some(t) = place {
            t.http.status.get_or_insert(499); // nginx's status: the client closed the connection before the response
            log_access(t, cx);
            place = t.next_mut().as_deref_mut();
        }
        cx.connection().transactions = transactions;
    }
}

fn log_access(entry: &Transaction, cx: &mut Context<'_>) {
    let logs = &entry.settings().access_logs;
    if logs.is_empty() {
        return;
    }
    let now = cx.now;
    let Context { connection: Some(x), worker, .. } = cx else { return };
    let Worker { access_logs, date, team, stats, ages, .. } = &mut **worker;
    let (identity, sent_bytes) = (&x.identity, x.sent_bytes);
    let view = View { identity, transaction: entry, date, stats, ages, worker: team.number(), now, sent_bytes };
    for log in logs {
        if log.condition.as_ref().is_some_and(|condition| !vars::is_true(condition, &view)) {
            continue;
        }
        let push = |line: &mut Vec<u8>| vars::push_log_line(line, &log.format, &view);
        match &log.path {
            None => access_logs.write(log, now, push),
            Some(path) => {
                let (path, settings) = (vars::expand(path, &view), entry.settings());
                let to = MadePath { path: &path, root: document_root(settings) };
                access_logs.write_made(to, &settings.log_rules.open_file_cache, now, push);
            }
        }
    }
    handle_log_events(cx);
}

/// Whether the request is needed until the response has been sent: by the access log, by the error log if the client
/// closes first, or by `limit_conn`.
fn stays(t: &Transaction) -> bool {
    let settings = t.settings();
    !settings.access_logs.is_empty()
        || settings.error_level >= Level::Info
        || t.http.rare.is_made() && !t.http.rare.limited.places.is_empty()
}
