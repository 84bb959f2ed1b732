//! The end of a request, and what becomes of the connection.

use super::{Closing, Http1, Step};
use crate::config::{Lingering, LingeringClose};
use crate::connection::{Connection, Phase, ReadState, Transaction};
use crate::log::Level;
use crate::task::{Context, see_to_logs};
use crate::vars::{self, View};
use crate::worker::Worker;
use std::rc::Rc;
use std::time::Duration;

impl Http1 {
    /// The answer is in the output and the request has been read, or given up. The transaction waits for its handlers,
    /// and ends.
    pub(super) fn end(&mut self, cx: &mut Context<'_>) -> Step {
        let draining = cx.worker.draining;
        let x = cx.connection();
        if x.has_handlers() {
            return Step::Wait; // they have been cancelled, and find it until they have left
        }
        let Some(mut t) = x.transactions.end_current() else { return Step::Wait };
        let unread = !t.http.request_body.is_whole();
        let last = !t.http.keep_alive || unread || draining;
        let hasty = t.http.request.is_none();
        if is_told_of(&t) {
            x.route = Rc::clone(&t.route);
            x.subject = t.subject.take();
            self.unsent.push(t);
        } else {
            std::mem::swap(&mut x.route, &mut t.route);
            self.forget(t, cx);
        }
        self.since = cx.now;
        if last {
            (self.closing, self.hasty) = (Closing::Due, hasty);
            self.close(unread, cx);
            return Step::Wait;
        }
        let x = cx.connection();
        if !x.input.is_empty() || x.input.is_ended() { Step::Again } else { Step::Wait }
    }

    /// Ends the connection when the output has left. Closing while bytes of the client are unread would make the kernel
    /// send a reset, and the client could lose the answer (RFC 9112 section 9.6): then it lingers. Such bytes may come
    /// as long as the answer is on its way.
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

    /// Whether it is time to look again at how the connection ends.
    #[inline]
    pub(super) fn may_close(&self, x: &Connection) -> bool {
        self.closing != Closing::No
            && x.phase == Phase::Open
            && (x.output.is_empty() || !x.input.is_empty() || x.input.is_ended())
    }

    /// How long it lingers at most. A client that does not speak HTTP is not waited for any longer.
    fn lingering_time(&self, lingering: &Lingering) -> Duration {
        if self.hasty { lingering.timeout } else { lingering.time }
    }

    /// The last answer has left: from now on the client's time runs.
    pub(super) fn linger(&mut self, cx: &mut Context<'_>) {
        self.closing = Closing::Lingers;
        self.since = cx.now;
        let x = cx.connection();
        x.reading.remove(ReadState::DROPPED);
        let lingering = &x.settings().lingering;
        let wait = lingering.timeout.min(self.lingering_time(lingering));
        cx.wake_after(wait);
    }

    /// `lingering_timeout` has passed: it goes on if something came meanwhile, and `lingering_time` is not over.
    pub(super) fn linger_on(&mut self, cx: &mut Context<'_>) {
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

    /// Ends the requests whose answers have left: each is logged.
    pub(super) fn end_what_has_left(&mut self, cx: &mut Context<'_>) {
        while self.unsent.has_left(cx.connection().sent_bytes) {
            let Some(entry) = self.unsent.pop() else { return };
            log_access(&entry, cx);
            self.forget(entry, cx);
        }
    }

    /// A request is over: its memory serves the next.
    #[inline]
    fn forget(&self, mut entry: Box<Transaction>, cx: &mut Context<'_>) {
        if self.unsent.is_empty() {
            cx.connection().subject = None;
        }
        entry.subject = None; // the request has one owner then
        if let (Some(request), Some(scan)) = (entry.http.request.take(), cx.worker.scans.last_mut()) {
            scan.recycle(request);
        }
        cx.worker.transactions.give(entry);
    }

    /// The connection ends: what has not left by now never will. The transactions under way stay until their handlers
    /// have been cancelled.
    pub(super) fn end_the_rest(&mut self, cx: &mut Context<'_>) {
        while let Some(entry) = self.unsent.pop() {
            log_access(&entry, cx);
        }
        let mut transactions = std::mem::take(&mut cx.connection().transactions);
        let mut place = transactions.current_mut();
        while let Some(t) = place {
            t.http.status.get_or_insert(499); // nginx's: the client closed before it was answered
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
    let Worker { access_logs, date, team, .. } = &mut **worker;
    let (identity, sent_bytes) = (&x.identity, x.sent_bytes);
    let view = View { identity, transaction: entry, date, worker: team.number(), now, sent_bytes };
    for log in logs {
        access_logs.write(log, now, |line| vars::push_log_line(line, &log.format, &view));
    }
    see_to_logs(cx);
}

/// Whether some log is told how it leaves: the access log, or the error log if the client goes away before.
fn is_told_of(t: &Transaction) -> bool {
    let settings = t.settings();
    !settings.access_logs.is_empty() || settings.error_level >= Level::Info
}
