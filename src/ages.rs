//! How old connections are, for `keepalive_time` and `$connection_time`. A connection has no room for its time, but a
//! number: connections are numbered in the order in which they come. So times are noted for all of them, each with the
//! number of the connection that came then.

use std::collections::VecDeque;
use std::time::Duration;
use webserv_sys::Moment;

/// The most times that are noted. Of older connections it is only known that they are at least as old as the oldest.
const NOTED_MAX: usize = 100_000;

/// How exactly ages are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AgeRule {
    /// Two noted times are at least so far apart: an age is at most so much too high.
    pub step: Duration,
    /// Ages over this need not be known exactly.
    pub most: Duration,
}

impl AgeRule {
    /// For `keepalive_time`, with this time.
    pub fn up_to(most: Duration) -> Self {
        Self { step: most / 64, most }
    }

    /// For `$connection_time`.
    pub const EXACT: Self = Self { step: Duration::from_millis(1), most: Duration::MAX };

    /// The rule that serves both.
    pub fn and(self, other: Self) -> Self {
        Self { step: self.step.min(other.step), most: self.most.max(other.most) }
    }
}

/// When connections were opened, about.
#[derive(Default)]
pub struct Ages {
    /// The number of a connection, and when it was opened; the oldest first.
    opened: VecDeque<(u64, Moment)>,
}

impl Ages {
    /// A connection has been opened.
    pub fn note(&mut self, number: u64, now: Moment, rule: AgeRule) {
        if self.opened.back().is_some_and(|(_, last)| now.since(*last) < rule.step) {
            return;
        }
        self.opened.push_back((number, now));
        while self.opened.len() > NOTED_MAX || self.opened.get(1).is_some_and(|(_, it)| now.since(*it) > rule.most) {
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
            ages.note(number, at(number * 10), AgeRule::up_to(most));
        }
        assert!(ages.opened.len() <= 64 + 2, "{}", ages.opened.len());
        let now = at(1_000_000);
        for number in [100_000, 99_950, 96_000, 93_700] {
            let (age, real) = (ages.age(number, now), now.since(at(number * 10)));
            assert!(age >= real && age <= real + Duration::from_millis(1000), "{number}: {age:?} {real:?}");
        }
        assert!(ages.age(5, now) > most - Duration::from_secs(2), "{:?}", ages.age(5, now));
    }

    #[test]
    fn exact_ages_are_those_of_the_last_connections() {
        let (mut ages, start) = (Ages::default(), Moment::now());
        let at = |millis: u64| start.after(Duration::from_millis(millis));
        for number in 1..=NOTED_MAX as u64 + 10 {
            ages.note(number, at(number), AgeRule::EXACT.and(AgeRule::up_to(Duration::from_secs(1))));
        }
        let (now, last) = (at(NOTED_MAX as u64 + 10), NOTED_MAX as u64 + 10);
        assert_eq!(ages.opened.len(), NOTED_MAX);
        for number in [last, last - 1, last / 2, 11] {
            assert_eq!(ages.age(number, now), Duration::from_millis(last - number), "{number}");
        }
        assert_eq!(ages.age(1, now), Duration::from_millis(last - 11));
    }
}
