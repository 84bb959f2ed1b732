//! What becomes of a panic: it is a bug in a task, and costs that task's exchange, not the server.
//!
//! Tasks are asked and called in parts of the loop that are guarded as a whole, since to guard each call would cost
//! each of them. The engine notes whom it asks, so that it knows whose panic it was, and goes on with the rest.

use super::Engine;
use super::task::Speaker;
use crate::log::Level;
use std::panic::{AssertUnwindSafe, catch_unwind};
use webserv_sys::Token;

/// Who was asked or called last.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    /// Nobody.
    Nobody,
    /// This task, what it wants or watches.
    Wants(Token),
    /// This task has its turn.
    Turn(Token),
    /// A task of this exchange is dropped.
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

    /// The same for what is done for one task or exchange, and is not done again.
    pub(super) fn guarded_once(&mut self, part: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| part(self))).is_err() {
            self.panicked();
        }
    }

    /// Ends the exchange whose task was at it. A task that stands alone is kept, since the server leans on it: the next
    /// event may be a better one. If it cannot even say what it wants, it has a rest.
    #[cold]
    fn panicked(&mut self) {
        let asked = std::mem::replace(&mut self.asked, Asked::Nobody);
        let task = match asked {
            Asked::Wants(task) | Asked::Turn(task) => Some(task),
            Asked::ToGo(_) | Asked::Nobody => None,
        };
        let slot = task.and_then(|task| self.slots.get(task));
        let exchange = match asked {
            Asked::ToGo(exchange) => exchange,
            _ => slot.and_then(|slot| slot.exchange(&self.exchanges)),
        };
        // Who it is may be the very thing that it cannot say.
        let introduced = slot.and_then(|slot| {
            let exchange = exchange.and_then(|x| self.exchanges.get(x));
            catch_unwind(AssertUnwindSafe(|| slot.task.introduce(exchange))).ok()
        });
        let speaker = introduced.unwrap_or(Speaker { kind: "a task", doing: "", fd: None });
        let then = if exchange.is_some() { "its connection is closed" } else { "it goes on" };
        self.say(Level::Alert, speaker, exchange, format_args!("panicked (a bug); {then}"));
        self.guarded_once(|engine| engine.carry_out(exchange));
        match (exchange, asked) {
            (Some(x), _) => {
                self.guarded_once(|engine| task.into_iter().for_each(|task| engine.remove(task)));
                self.guarded_once(|engine| engine.close(x)); // a panic in it, too, costs the exchange a member
            }
            (None, Asked::Turn(task)) => self.guarded_once(|engine| engine.wait_for_event(task)),
            (None, Asked::Wants(task)) => self.guarded_once(|engine| engine.rest(task)),
            (None, Asked::ToGo(_) | Asked::Nobody) => {}
        }
    }
}
