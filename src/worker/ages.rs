//! How old connections are, for `keepalive_time`. A connection has no room for its time, but a number: connections are
//! numbered in the order in which they come. So a few times are noted for all of them, each with the number of the
//! connection that came then.

use std::collections::VecDeque;
use std::time::Duration;
use webserv_sys::Moment;

/// Two noted times are at least this part of `keepalive_time` apart: an age is at most so much too high.
const STEPS: u32 = 64;

/// When connections were opened, about.
#[derive(Default)]
pub struct Ages {
    /// The number of a connection, and when it was opened; the oldest first.
    opened: VecDeque<(u64, Moment)>,
}

impl Ages {
    /// A connection has been opened. Ages over `most` need not be known exactly.
    pub fn note(&mut self, number: u64, now: Moment, most: Duration) {
        if self.opened.back().is_some_and(|(_, last)| now.since(*last) < most / STEPS) {
            return;
        }
        self.opened.push_back((number, now));
        while self.opened.get(1).is_some_and(|(_, second)| now.since(*second) > most) {
            self.opened.pop_front();
        }
    }

    /// How long ago this connection was opened; nothing if that is not known.
    pub fn age(&self, number: u64, now: Moment) -> Duration {
        let after = self.opened.partition_point(|(noted, _)| *noted <= number);
        self.opened.get(after.saturating_sub(1)).map_or(Duration::ZERO, |(_, opened)| now.since(*opened))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_about_right_and_few_times_are_kept() {
        let (mut ages, start, most) = (Ages::default(), Moment::now(), Duration::from_secs(64));
        let at = |millis: u64| start.after(Duration::from_millis(millis));
        assert_eq!(ages.age(1, start), Duration::ZERO);
        for number in 1..=100_000 {
            ages.note(number, at(number * 10), most);
        }
        assert!(ages.opened.len() <= STEPS as usize + 2, "{}", ages.opened.len());
        let now = at(1_000_000);
        for number in [100_000, 99_950, 96_000, 93_700] {
            let (age, real) = (ages.age(number, now), now.since(at(number * 10)));
            assert!(age >= real && age <= real + Duration::from_millis(1000), "{number}: {age:?} {real:?}");
        }
        assert!(ages.age(5, now) > most - Duration::from_secs(2), "{:?}", ages.age(5, now));
    }
}
