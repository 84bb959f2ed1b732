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
pub(super) struct Asked {
    pub task: Token,
    exchange: Option<Token>,
    /// It has its turn.
    turn: bool,
}

impl Asked {
    pub const NOBODY: Asked = Asked::what_it_wants(Token { index: u32::MAX, generation: u32::MAX }, None);

    /// This task is asked what it wants, or what it watches, or is dropped.
    pub const fn what_it_wants(task: Token, exchange: Option<Token>) -> Self {
        Self { task, exchange, turn: false }
    }

    /// This task has its turn.
    pub const fn to_go_on(task: Token, exchange: Option<Token>) -> Self {
        Self { task, exchange, turn: true }
    }
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
        let Asked { task, exchange, turn } = std::mem::replace(&mut self.asked, Asked::NOBODY);
        // Who it is may be the very thing that it cannot say.
        let speaker = self.slots.get(task).and_then(|slot| {
            let exchange = exchange.and_then(|x| self.exchanges.get(x));
            let introduced = catch_unwind(AssertUnwindSafe(|| slot.task.introduce(exchange)));
            introduced.ok()
        });
        let speaker = speaker.unwrap_or(Speaker { kind: "a task", doing: "", fd: None });
        let then = if exchange.is_some() { "its connection is closed" } else { "it goes on" };
        self.say(Level::Alert, speaker, exchange, format_args!("panicked (a bug); {then}"));
        self.guarded_once(|engine| engine.carry_out(exchange));
        match exchange {
            Some(x) => {
                self.guarded_once(|engine| engine.remove(task));
                self.guarded_once(|engine| engine.close(x)); // a panic in it, too, costs the exchange a member
            }
            None if turn => self.guarded_once(|engine| engine.wait_for_event(task)),
            None => self.guarded_once(|engine| engine.rest(task)),
        }
    }
}
