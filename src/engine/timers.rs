//! Deadlines: a heap whose entries may be out of date.
//!
//! The slot of a task holds its current deadline. A heap entry only says when to look at the slot. A deadline that
//! moves back, as keep-alive does with each request, costs nothing: the old entry is due too early once, and a new one
//! is added then.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use webserv_sys::{Moment, Token};

/// The deadline of a slot.
#[derive(Clone, Copy)]
pub struct Deadline {
    /// The current deadline.
    pub at: Moment,
    /// The time of the slot's entry in the heap, or [`Moment::NEVER`].
    filed: Moment,
}

impl Deadline {
    /// No deadline.
    pub const NONE: Deadline = Deadline { at: Moment::NEVER, filed: Moment::NEVER };

    /// Whether a deadline is set.
    pub fn is_set(&self) -> bool {
        self.at < Moment::NEVER
    }
}

/// All deadlines of an engine.
#[derive(Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Moment, Token)>>,
}

impl Timers {
    /// Makes sure that the heap has an entry no later than the deadline. O(log n), or O(1) if the deadline moved back.
    #[inline]
    pub fn file(&mut self, token: Token, deadline: &mut Deadline) {
        if deadline.at < deadline.filed {
            deadline.filed = deadline.at;
            self.heap.push(Reverse((deadline.at, token)));
        }
    }

    /// The time of the earliest entry.
    #[inline]
    pub fn next(&self) -> Moment {
        self.heap.peek().map_or(Moment::NEVER, |Reverse((at, _))| *at)
    }

    /// The number of entries, including those that are out of date.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Removes an entry that is due. It may be out of date: call [`Timers::is_due`] with its slot.
    pub fn pop(&mut self, now: Moment) -> Option<(Moment, Token)> {
        if self.next() > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// Removes the entries that are out of date. `deadline` returns the current deadline of a token's slot.
    pub fn sweep<'d>(&mut self, deadline: impl Fn(Token) -> Option<&'d Deadline>) {
        self.heap.retain(|Reverse((at, token))| deadline(*token).is_some_and(|d| d.filed == *at));
    }

    /// Whether the deadline of an entry's slot is due. Adds a new entry if the deadline has moved back.
    pub fn is_due(&mut self, token: Token, entry_at: Moment, deadline: &mut Deadline, now: Moment) -> bool {
        if deadline.filed != entry_at {
            return false; // an earlier entry has replaced this one
        }
        deadline.filed = Moment::NEVER;
        let is_due = deadline.at <= now;
        if is_due {
            deadline.at = Moment::NEVER;
        }
        self.file(token, deadline);
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const TOKEN: Token = Token { index: 0, generation: 0 };

    fn due(timers: &mut Timers, deadline: &mut Deadline, now: Moment) -> usize {
        let mut fired = 0;
        while let Some((at, token)) = timers.pop(now) {
            fired += usize::from(timers.is_due(token, at, deadline, now));
        }
        fired
    }

    #[test]
    fn a_deadline_that_moves_back_a_thousand_times_has_one_entry_and_fires_once() {
        let (mut timers, mut deadline, start) = (Timers::default(), Deadline::NONE, Moment::now());
        for ms in 0..1000 {
            deadline.at = start.after(Duration::from_millis(1000 + ms));
            timers.file(TOKEN, &mut deadline);
        }
        assert_eq!(timers.heap.len(), 1);
        assert_eq!(due(&mut timers, &mut deadline, start.after(Duration::from_millis(1500))), 0);
        assert_eq!(due(&mut timers, &mut deadline, start.after(Duration::from_millis(1999))), 1);
        assert!(timers.heap.is_empty());
    }

    #[test]
    fn a_deadline_that_moves_forward_fires_at_the_new_time_and_only_then() {
        let (mut timers, mut deadline, start) = (Timers::default(), Deadline::NONE, Moment::now());
        for ms in [900, 500, 100] {
            deadline.at = start.after(Duration::from_millis(ms));
            timers.file(TOKEN, &mut deadline);
        }
        assert_eq!(due(&mut timers, &mut deadline, start.after(Duration::from_millis(99))), 0);
        assert_eq!(due(&mut timers, &mut deadline, start.after(Duration::from_millis(100))), 1);
        deadline.at = start.after(Duration::from_millis(5000));
        timers.file(TOKEN, &mut deadline);
        assert_eq!(due(&mut timers, &mut deadline, start.after(Duration::from_millis(2000))), 0);
        assert_eq!(timers.heap.len(), 1, "the entries that it had before are gone and were not filed again");
    }

    #[test]
    fn a_deadline_taken_back_never_fires() {
        let (mut timers, mut deadline, start) = (Timers::default(), Deadline::NONE, Moment::now());
        deadline.at = start;
        timers.file(TOKEN, &mut deadline);
        deadline.at = Moment::NEVER;
        assert_eq!(due(&mut timers, &mut deadline, start.after(Duration::from_secs(1))), 0);
        assert_eq!(timers.next(), Moment::NEVER);
    }
}
