//! Sends notices to tasks, a bounded number per round, so that a notice for all tasks does not delay other work.

use super::task::Cause;
use super::{Engine, Notice};
use crate::limits::NOTICES_PER_ROUND;
use std::collections::VecDeque;
use webserv_sys::Token;

/// Notices that have not been delivered.
#[derive(Default)]
pub(super) struct Notices {
    /// Notices for all tasks that exist at the end of this round.
    for_all: Vec<Notice>,
    /// For tasks that stand alone, and for single tasks; delivered first. Accept is one of them, and it should not
    /// accept a client under the old configuration.
    first: VecDeque<(Token, Notice)>,
    /// For all other tasks.
    others: VecDeque<(Token, Notice)>,
    /// False if nothing is pending. One flag to check in each round instead of three queues.
    pending: bool,
    /// How many notices may still be delivered in this round.
    left: usize,
}

impl Notices {
    /// Queues a notice for all tasks.
    pub fn push_for_all(&mut self, notice: Notice) {
        self.pending = true;
        self.for_all.push(notice);
    }

    /// Queues a notice for one task. It is dropped if the task is gone by then.
    pub fn push(&mut self, token: Token, notice: Notice) {
        self.pending = true;
        self.first.push_back((token, notice));
    }

    /// Whether nothing is pending.
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
    /// Queues the notices for all tasks, once for each task that exists now. (A task that is added later sees the new
    /// state from its beginning.) Then begins the portion of this round.
    pub(super) fn queue_notices(&mut self) {
        for notice in std::mem::take(&mut self.notices.for_all) {
            for token in self.slots.tokens() {
                let stands_alone =
                    self.slots.get(token).is_none_or(|slot| slot.connection(&self.connections).is_none());
                let queue = if stands_alone { &mut self.notices.first } else { &mut self.notices.others };
                queue.push_back((token, notice));
            }
        }
        self.notices.left = NOTICES_PER_ROUND;
    }

    /// Delivers the portion of this round, including notices that are added meanwhile.
    pub(super) fn deliver_notices(&mut self) {
        while let Some((token, notice)) = self.notices.next() {
            self.turn(token, Cause::Notice(notice));
        }
        let notices = &mut self.notices;
        if notices.others.is_empty() {
            notices.others = VecDeque::new(); // frees the memory: there was room for all tasks
        }
        notices.pending = !notices.for_all.is_empty() || !notices.first.is_empty() || !notices.others.is_empty();
    }
}
