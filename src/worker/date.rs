//! The time of day: the clock is asked once in each round of the loop, and the Date field's value is made once a second.

use crate::http::date;
use std::cell::Cell;
use std::time::Instant;
use webserv_sys::clock::{self, Wall};

/// The present second and its date in the form of RFC 9110 section 5.6.7.
#[derive(Default)]
pub struct DateCache {
    /// The round that the clock was asked in, and what it said.
    asked: Cell<Option<(Instant, Wall)>>,
    seconds: i64,
    text: Option<[u8; 29]>,
}

impl DateCache {
    /// The time of day in the round of the loop that began at `now`.
    pub fn wall(&self, now: Instant) -> Wall {
        match self.asked.get() {
            Some((round, wall)) if round == now => wall,
            _ => {
                let wall = clock::wall();
                self.asked.set(Some((now, wall)));
                wall
            }
        }
    }

    /// The date in that round.
    pub fn date(&mut self, now: Instant) -> &[u8; 29] {
        let secs = self.wall(now).secs;
        if secs != self.seconds {
            (self.seconds, self.text) = (secs, None);
        }
        self.text.get_or_insert_with(|| date::format(secs))
    }
}
