//! What becomes of a panic: it is a bug in a task, and costs that task's connection, not the server.
//!
//! Tasks are asked and called in parts of the loop that are guarded as a whole, since to guard each call would cost
//! each of them. The engine notes whom it asks, so that it knows whose panic it was, and goes on with the rest.

use super::Engine;
use super::context::LogContext;
use crate::log::Level;
use std::panic::{AssertUnwindSafe, catch_unwind};
use webserv_sys::Token;

/// Who was asked or called last.
#[derive(Clone, Copy)]
pub(super) enum Callee {
    /// Nobody.
    Nobody,
    /// This task, what it wants or watches.
    Wants(Token),
    /// This task has its turn.
    Turn(Token),
    /// A task of this connection is dropped.
    ToGo(Option<Token>),
}

impl<W> Engine<W> {
    /// Does a part of the loop, again from where it was after each panic. A part must take out of the engine what it is
    /// at before it begins with it.
    pub(super) fn guarded(&mut self, part: fn(&mut Self)) {
        while catch_unwind(AssertUnwindSafe(|| part(self))).is_err() {
            self.panicked();
        }
    }

    /// The same for what is done for one task or connection, and is not done again.
    pub(super) fn guarded_once(&mut self, part: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| part(self))).is_err() {
            self.panicked();
        }
    }

    /// Ends the connection whose task was at it. A task that stands alone is kept, since the server leans on it: the
    /// next event may be a better one. If it cannot even say what it wants, it has a rest.
    #[cold]
    fn panicked(&mut self) {
        let callee = std::mem::replace(&mut self.callee, Callee::Nobody);
        let task = match callee {
            Callee::Wants(task) | Callee::Turn(task) => Some(task),
            Callee::ToGo(_) | Callee::Nobody => None,
        };
        let slot = task.and_then(|task| self.slots.get(task));
        let connection = match callee {
            Callee::ToGo(connection) => connection,
            _ => slot.and_then(|slot| slot.connection(&self.connections)),
        };
        // Who it is may be the very thing that it cannot say.
        let log_context = slot.and_then(|slot| {
            let connection = connection.and_then(|x| self.connections.get(x));
            catch_unwind(AssertUnwindSafe(|| slot.task.log_context(connection))).ok()
        });
        let log_context = log_context.unwrap_or(LogContext { kind: "a task", doing: "", fd: None });
        let then = if connection.is_some() { "its connection is closed" } else { "it goes on" };
        let number = task.map_or(u32::MAX, |task| task.index);
        self.say(Level::Alert, (number, log_context), connection, format_args!("panicked (a bug); {then}"));
        self.guarded_once(|engine| engine.carry_out(connection));
        // Its connection will not remove it: it is no member any more.
        if let Some(leaving) = self.leaving.take() {
            self.guarded_once(|engine| engine.remove(leaving));
        }
        match (connection, callee) {
            (Some(x), _) => {
                self.guarded_once(|engine| task.into_iter().for_each(|task| engine.remove(task)));
                self.guarded_once(|engine| engine.close(x)); // a panic in it, too, costs the connection a member
            }
            (None, Callee::Turn(task)) => self.guarded_once(|engine| engine.wait_for_event(task)),
            (None, Callee::Wants(task)) => self.guarded_once(|engine| engine.rest(task)),
            (None, Callee::ToGo(_) | Callee::Nobody) => {}
        }
    }
}
