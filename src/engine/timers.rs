//! Deadlines: one heap of entries that may be out of date.
//!
//! The truth is the deadline that the task's slot holds. An entry says only "look at this slot then". Moving a deadline
//! back, as keep-alive does with each request, costs nothing: the entry pops too early once and is filed again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use webserv_sys::{Moment, Token};

/// A slot's side of its timer.
#[derive(Clone, Copy)]
pub struct Deadline {
    /// When the task wants to be told; the truth.
    pub at: Moment,
    /// The time of the slot's entry in the heap, if it has one.
    filed: Moment,
}

impl Deadline {
    /// No deadline.
    pub const NONE: Deadline = Deadline { at: Moment::NEVER, filed: Moment::NEVER };

    /// Whether there is one.
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
    /// Makes sure that the heap has an entry for this slot which is no later than its deadline. O(log n), or nothing
    /// when the deadline only moved back.
    #[inline]
    pub fn file(&mut self, token: Token, deadline: &mut Deadline) {
        if deadline.at < deadline.filed {
            deadline.filed = deadline.at;
            self.heap.push(Reverse((deadline.at, token)));
        }
    }

    /// The earliest time at which an entry wants to be looked at.
    #[inline]
    pub fn next(&self) -> Moment {
        self.heap.peek().map_or(Moment::NEVER, |Reverse((at, _))| *at)
    }

    /// How many entries there are, those included that are out of date.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Takes out an entry whose time has come. It may be out of date: ask [`Timers::is_due`] of its slot.
    pub fn pop(&mut self, now: Moment) -> Option<(Moment, Token)> {
        if self.next() > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// Drops the entries that are out of date, by the deadline that a token's slot holds now.
    pub fn sweep<'d>(&mut self, deadline: impl Fn(Token) -> Option<&'d Deadline>) {
        self.heap.retain(|Reverse((at, token))| deadline(*token).is_some_and(|d| d.filed == *at));
    }

    /// Whether the slot of an entry filed for `entry_at` is due; files it again when its deadline has moved back.
    pub fn is_due(&mut self, token: Token, entry_at: Moment, deadline: &mut Deadline, now: Moment) -> bool {
        if deadline.filed != entry_at {
            return false; // an earlier entry took this one's place
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
