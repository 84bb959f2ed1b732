//! The end of a request, and what becomes of the connection.

use super::begin::apply;
use super::current::Current;
use super::view::CurrentView;
use super::{Context, Http1, Step};
use crate::config::{Lingering, LingeringClose};
use crate::connection::{Connection, Marks, Phase};
use crate::engine::CONNECTION_TASKS;
use crate::log::Level;
use crate::task::see_to_logs;
use crate::vars;
use crate::worker::Worker;
use std::time::Duration;

impl Http1 {
    /// The answer is in the output and the request has been read, or given up.
    pub(super) fn end(&mut self, current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let last = !current.keep_alive || !current.body.is_whole() || cx.worker.draining;
        let unread = !current.body.is_whole();
        apply(&current.route.settings, cx.connection()); // an internal redirect may have led elsewhere
        self.hasty = current.request.is_none();
        match is_told_of(&current, cx.connection()) {
            true => self.leaving.push(current),
            false => self.forget(current, cx),
        }
        self.since = cx.now;
        let x = cx.connection();
        x.reply.give_back();
        x.body.give_back();
        let is_next_here = !x.input.is_empty() || x.input.is_ended();
        if !last {
            return if is_next_here { Step::Again } else { Step::Wait };
        }
        self.close(unread, cx);
        Step::Wait
    }

    /// Ends the connection when the output has left. Closing while bytes of the client are unread would make the kernel
    /// send a reset, and the client could lose the answer (RFC 9112 section 9.6): then it lingers. Such bytes may come
    /// as long as the answer is on its way.
    pub(super) fn close(&mut self, unread: bool, cx: &mut Context<'_>) {
        let x = cx.connection();
        let mode = x.settings.lingering.mode;
        if x.input.is_ended() || mode == LingeringClose::Off {
            x.phase = Phase::Closing;
        } else if unread || !x.input.is_empty() || mode == LingeringClose::Always {
            x.input.clear();
            x.phase = Phase::Lingering;
        } else if x.output.is_empty() {
            x.phase = Phase::Closing;
        } else {
            self.closing = true;
        }
    }

    /// It is time to look again at how the connection ends.
    pub(super) fn may_close(&self, x: &Connection) -> bool {
        self.closing && x.phase == Phase::Open && (x.output.is_empty() || !x.input.is_empty() || x.input.is_ended())
    }

    /// How long it lingers at most.
    fn lingering_time(&self, lingering: &Lingering) -> Duration {
        if self.hasty { lingering.timeout } else { lingering.time }
    }

    /// The last answer has left: from now on the client's time runs.
    pub(super) fn linger(&mut self, cx: &mut Context<'_>) {
        (self.lingers, self.since) = (true, cx.now);
        let x = cx.connection();
        x.marks.remove(Marks::DROPPED);
        let wait = x.settings.lingering.timeout.min(self.lingering_time(&x.settings.lingering));
        cx.wake_after(wait);
    }

    /// `lingering_timeout` has passed: it goes on if something came meanwhile, and `lingering_time` is not over.
    pub(super) fn linger_on(&mut self, cx: &mut Context<'_>) {
        let now = cx.now;
        let x = cx.connection();
        let end = self.since.after(self.lingering_time(&x.settings.lingering));
        if x.marks.contains(Marks::DROPPED) && now < end {
            x.marks.remove(Marks::DROPPED);
            let wait = x.settings.lingering.timeout.min(end.since(now));
            cx.wake_after(wait);
        } else {
            x.phase = Phase::Closed;
        }
    }

    /// Ends the requests whose answers have left: each is logged.
    pub(super) fn end_what_has_left(&mut self, cx: &mut Context<'_>) {
        while self.leaving.has_left(cx.connection().sent_bytes) {
            let Some(entry) = self.leaving.pop() else { return };
            self.log_access(&entry, cx);
            self.forget(entry, cx);
        }
    }

    /// A request is over: its memory serves the next.
    fn forget(&self, mut entry: Box<Current>, cx: &mut Context<'_>) {
        if self.leaving.is_empty() && self.current.is_none() {
            cx.connection().request = None;
        }
        if let (Some(request), Some(scan)) = (entry.request.take(), cx.worker.scans.last_mut()) {
            scan.recycle(request);
        }
    }

    /// The connection ends: what has not left by now never will.
    pub(super) fn end_the_rest(&mut self, cx: &mut Context<'_>) {
        if let Some(current) = self.current.take() {
            self.leaving.push(current);
        }
        while let Some(mut entry) = self.leaving.pop() {
            if entry.status == 0 {
                entry.status = 499; // nginx's: the client closed before it was answered
            }
            self.log_access(&entry, cx);
        }
    }

    fn log_access(&self, entry: &Current, cx: &mut Context<'_>) {
        let logs = &entry.route.settings.access_logs;
        if logs.is_empty() {
            return;
        }
        let now = cx.now;
        let Worker { access_logs, date, team, .. } = &mut *cx.worker;
        let connection = cx.connection.as_deref();
        let view = CurrentView { protocol: self, current: entry, connection, date, worker: team.number(), now };
        for log in logs {
            access_logs.write(log, cx.now, |line| vars::push_log_line(line, &log.format, &view));
        }
        see_to_logs(cx);
    }
}

/// Whether some log is told how it leaves: the access log, or the error log if the client goes away before, or if a
/// handler has something to say when it is cancelled or after that.
fn is_told_of(entry: &Current, x: &Connection) -> bool {
    let has_handlers = x.members.len() > CONNECTION_TASKS;
    !entry.route.settings.access_logs.is_empty() || x.log_level() >= Level::Info || has_handlers
}
