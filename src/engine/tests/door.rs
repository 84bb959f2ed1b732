//! Functions of the engine for the tests of other rooms: a simulated clock, and notices from outside.

use crate::engine::{Engine, Notice};
use webserv_sys::{Moment, Token};

impl<W> Engine<W> {
    /// Uses this clock.
    pub(crate) fn set_clock(&mut self, clock: fn() -> Moment) {
        self.clock = clock;
        self.look_at_clock();
    }

    /// The number of all tasks.
    pub(crate) fn tasks(&self) -> usize {
        self.slots.len()
    }

    /// Whether tasks are in the queue.
    pub(crate) fn is_busy(&self) -> bool {
        !self.run_queue.are_empty()
    }

    /// Sends a notice to one task. The task gets it in the next round, after the turns.
    pub(crate) fn tell_task(&mut self, token: Token, notice: Notice) {
        self.notices.push(token, notice);
    }

    /// Sends a notice to all tasks. They get it in the next round, after the turns.
    pub(crate) fn tell_all_tasks(&mut self, notice: Notice) {
        self.notices.push_for_all(notice);
    }
}
