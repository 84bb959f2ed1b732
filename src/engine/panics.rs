//! Panics: a panic is a bug in a task. It ends the connection of that task, not the server.
//!
//! Whole parts of the loop are guarded, because a guard for each call would cost time in each call. The engine notes
//! which task it calls, so that it knows which one panicked. It then continues with the rest.

use super::Engine;
use super::context::LogContext;
use crate::log::Level;
use std::panic::{AssertUnwindSafe, catch_unwind};
use webserv_sys::Token;

/// The task that was called last.
#[derive(Clone, Copy)]
pub(super) enum Callee {
    /// No task.
    NoTask,
    /// This task, for what it wants or watches.
    Wants(Token),
    /// This task, in its turn.
    Turn(Token),
    /// A task of this connection is being dropped.
    Dropping(Option<Token>),
}

impl<W> Engine<W> {
    /// Runs a part of the loop. After a panic it runs the part again: the part must take its next work out of the
    /// engine before it begins with it.
    pub(super) fn guarded(&mut self, part: fn(&mut Self)) {
        while catch_unwind(AssertUnwindSafe(|| part(self))).is_err() {
            self.panicked();
        }
    }

    /// Runs something for one task or connection. It is not run again after a panic.
    pub(super) fn guarded_once(&mut self, part: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| part(self))).is_err() {
            self.panicked();
        }
    }

    /// Closes the connection of the task that panicked. A task that stands alone is kept, because the server needs it:
    /// it continues with its next event. If `wants` panicked, it is paused.
    #[cold]
    fn panicked(&mut self) {
        let callee = std::mem::replace(&mut self.callee, Callee::NoTask);
        let task = match callee {
            Callee::Wants(task) | Callee::Turn(task) => Some(task),
            Callee::Dropping(_) | Callee::NoTask => None,
        };
        let slot = task.and_then(|task| self.slots.get(task));
        let connection = match callee {
            Callee::Dropping(connection) => connection,
            _ => slot.and_then(|slot| slot.connection(&self.connections)),
        };
        // `log_context` itself may be what panicked.
        let log_context = slot.and_then(|slot| {
            let connection = connection.and_then(|x| self.connections.get(x));
            catch_unwind(AssertUnwindSafe(|| slot.task.log_context(connection))).ok()
        });
        let log_context = log_context.unwrap_or(LogContext { kind: "a task", doing: "", fd: None });
        let then = if connection.is_some() { "its connection is closed" } else { "it goes on" };
        let number = task.map_or(u32::MAX, |task| task.index);
        self.say(Level::Alert, (number, log_context), connection, format_args!("panicked (a bug); {then}"));
        self.guarded_once(|engine| engine.carry_out(connection));
        // The task is no member of its connection any more, so closing the connection does not remove it.
        if let Some(done_task) = self.done_task.take() {
            self.guarded_once(|engine| engine.remove(done_task));
        }
        match (connection, callee) {
            (Some(x), _) => {
                self.guarded_once(|engine| task.into_iter().for_each(|task| engine.remove(task)));
                self.guarded_once(|engine| engine.close(x)); // after a panic, the connection has one member less
            }
            (None, Callee::Turn(task)) => self.guarded_once(|engine| engine.wait_for_event(task)),
            (None, Callee::Wants(task)) => self.guarded_once(|engine| engine.pause(task)),
            (None, Callee::Dropping(_) | Callee::NoTask) => {}
        }
    }
}
