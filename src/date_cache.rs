//! The time of day: the clock is asked once in each round of the loop, and dates that were made are kept.

use crate::http::date;
use std::cell::Cell;
use webserv_sys::Moment;
use webserv_sys::clock::{self, Wall};

/// How many dates are kept.
const DATES: usize = 16;

/// The time of day, and dates in the form of RFC 9110 section 5.6.7: that of the present second, and those of the files
/// that were sent last.
#[derive(Default)]
pub struct DateCache {
    /// The round that the clock was asked in, and what it said.
    asked: Cell<Option<(Moment, Wall)>>,
    /// By the last bits of the second.
    dates: [Option<(i64, [u8; 29])>; DATES],
}

impl DateCache {
    /// The time of day in the round of the loop that began at `now`.
    pub fn wall(&self, now: Moment) -> Wall {
        match self.asked.get() {
            Some((round, wall)) if round == now => wall,
            _ => {
                let wall = clock::wall();
                self.asked.set(Some((now, wall)));
                wall
            }
        }
    }

    /// A date, by its seconds since 1970.
    pub fn text(&mut self, secs: i64) -> [u8; 29] {
        let kept = &mut self.dates[secs as usize % DATES];
        match kept {
            Some((at, text)) if *at == secs => *text,
            _ => kept.insert((secs, date::format(secs))).1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_share_a_place_are_told_apart() {
        let mut cache = DateCache::default();
        for secs in [0, 16, 0, -16, 1_795_314_909, 1_795_314_909 + 16 * 86_400, 1_795_314_909, i64::MIN, i64::MAX] {
            assert_eq!(cache.text(secs), date::format(secs), "{secs}");
        }
    }

    #[test]
    fn the_clock_is_asked_again_in_the_next_round() {
        let (cache, round) = (DateCache::default(), Moment::now());
        let first = cache.wall(round);
        while clock::wall() == first {}
        assert_eq!(cache.wall(round), first);
        assert!(cache.wall(round.after(std::time::Duration::from_nanos(1))) > first);
    }
}
