//! What tasks are told: a few at a time, so that news for all of them hold nobody up.

use super::task::Cause;
use super::{Engine, Notice};
use crate::limits::NOTICES_PER_ROUND;
use std::collections::VecDeque;
use webserv_sys::Token;

/// Notices that are on their way.
#[derive(Default)]
pub(super) struct Notices {
    /// What all tasks are told that are there at the end of this round.
    for_all: Vec<Notice>,
    /// For tasks that stand alone, and for single ones: these are told first. Accept is among them, and it must not
    /// take a new client by rules that do not hold any more.
    first: VecDeque<(Token, Notice)>,
    /// For all others.
    others: VecDeque<(Token, Notice)>,
    /// There may be some, here or there: one look a round for what is mostly so.
    pending: bool,
    /// How many may still be told in this round.
    left: usize,
}

impl Notices {
    /// All tasks are to be told.
    pub fn tell_all(&mut self, notice: Notice) {
        self.pending = true;
        self.for_all.push(notice);
    }

    /// This task is to be told. If it is gone by then, nobody is.
    pub fn tell(&mut self, token: Token, notice: Notice) {
        self.pending = true;
        self.first.push_back((token, notice));
    }

    /// Nobody is to be told anything.
    #[inline]
    pub fn are_empty(&self) -> bool {
        !self.pending
    }

    fn next(&mut self) -> Option<(Token, Notice)> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.first.pop_front().or_else(|| self.others.pop_front())
    }
}

impl<W> Engine<W> {
    /// Notes who is to be told what was ordered for all: each task that is there now, once. A task that comes later is
    /// made under the new state. Then begins a round's portion.
    pub(super) fn find_told(&mut self) {
        for notice in std::mem::take(&mut self.notices.for_all) {
            for token in self.slots.tokens() {
                let stands_alone =
                    self.slots.get(token).is_none_or(|slot| slot.connection(&self.connections).is_none());
                let line = if stands_alone { &mut self.notices.first } else { &mut self.notices.others };
                line.push_back((token, notice));
            }
        }
        self.notices.left = NOTICES_PER_ROUND;
    }

    /// Tells a round's portion, with what single tasks are told meanwhile.
    pub(super) fn tell(&mut self) {
        while let Some((token, notice)) = self.notices.next() {
            self.turn(token, Cause::Notice(notice));
        }
        let notices = &mut self.notices;
        if notices.others.is_empty() {
            notices.others = VecDeque::new(); // it had room for all tasks
        }
        notices.pending = !notices.for_all.is_empty() || !notices.first.is_empty() || !notices.others.is_empty();
    }
}
