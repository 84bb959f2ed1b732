//! The time of day and formatted dates. The clock is read once per round of the loop, and formatted dates are cached.

use crate::http::date;
use std::cell::Cell;
use webserv_sys::Moment;
use webserv_sys::clock::{self, Wall};

/// The number of cached dates.
const DATES: usize = 16;

/// The time of day, and a cache of dates in the format of RFC 9110 section 5.6.7: the current second for Date, and the
/// times of recently sent files for Last-Modified.
#[derive(Default)]
pub struct DateCache {
    /// The start of the round in which the clock was read last, and its value.
    asked: Cell<Option<(Moment, Wall)>>,
    /// A hash table without chains: the slot of a date is its second modulo `DATES`.
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

    /// The date that is `secs` seconds after 1970-01-01 00:00 UTC.
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
    fn dates_that_share_a_slot_are_not_confused() {
        let mut cache = DateCache::default();
        for secs in [0, 16, 0, -16, 1_795_314_909, 1_795_314_909 + 16 * 86_400, 1_795_314_909, i64::MIN, i64::MAX] {
            assert_eq!(cache.text(secs), date::format(secs), "{secs}");
        }
    }

    #[test]
    fn the_clock_is_read_again_in_the_next_round() {
        let (cache, round) = (DateCache::default(), Moment::now());
        let first = cache.wall(round);
        while clock::wall() == first {}
        assert_eq!(cache.wall(round), first);
        assert!(cache.wall(round.after(std::time::Duration::from_nanos(1))) > first);
    }
}
