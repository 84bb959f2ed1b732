//! The Date field's value, made once per second.

use crate::http::date;
use webserv_sys::clock;

/// The present second and its date in the form of RFC 9110 section 5.6.7.
#[derive(Default)]
pub struct DateCache {
    seconds: i64,
    text: Option<[u8; 29]>,
}

impl DateCache {
    /// The date now.
    pub fn now(&mut self) -> [u8; 29] {
        let now = clock::wall().secs;
        match self.text {
            Some(text) if now == self.seconds => text,
            _ => {
                self.seconds = now;
                *self.text.insert(date::format(now))
            }
        }
    }
}
