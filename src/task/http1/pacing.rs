//! The pace at which a response enters the output: `limit_rate`.

use crate::rate::Pace;
use crate::task::Work;
use crate::task::http;
use webserv_sys::Moment;

/// A response at a certain pace. What may not be sent yet stays outside of the output: so ClientWrite needs no limit,
/// and `send_timeout` does not count the pauses.
pub(super) struct Pacing {
    pace: Pace,
    /// The beginning of the request.
    started: Moment,
    /// Nothing is moved before this time.
    pub paused_until: Option<Moment>,
}

impl Pacing {
    /// The pace of this request's response, if it has one.
    pub fn of(w: &mut Work<'_>) -> Option<Box<Self>> {
        let pace = http::pace(w)?;
        let started = w.t.http.started.unwrap_or(w.now);
        Some(Box::new(Self { pace, started, paused_until: None }))
    }

    /// Bytes that may be sent now.
    pub fn allowed(&self, now: Moment) -> u64 {
        self.pace.allowed(now.since(self.started))
    }

    /// Counts the bytes that have entered the output. Pauses if the rest of what has come has room there and may not be
    /// sent yet.
    pub fn note(&mut self, moved_bytes: u64, left_bytes: u64, has_room: bool, now: Moment) {
        self.pace.count(moved_bytes);
        if left_bytes > 0 && has_room {
            self.paused_until = Some(now.after(self.pace.wait(left_bytes, now.since(self.started))));
        }
    }
}
