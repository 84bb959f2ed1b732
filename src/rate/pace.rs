//! The token bucket of `limit_rate`: how many bytes of one response may be sent by a time.

use std::time::Duration;

/// The pace of one response. As in nginx, the time counts from the beginning of the request, the first second's bytes
/// may be sent at once, and `limit_rate_after` comes on top.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// Bytes per second, at least one.
    rate: u64,
    /// Bytes that cost no time.
    free: u64,
    /// Bytes that have been sent, with the head.
    sent: u64,
}

impl Pace {
    /// `limit_rate`, which is not zero, and `limit_rate_after`.
    pub fn new(rate: u64, after: u64) -> Self {
        Self { rate: rate.max(1), free: after.saturating_add(rate.max(1)), sent: 0 }
    }

    /// Bytes that may be sent now.
    pub fn allowed(&self, elapsed: Duration) -> u64 {
        let earned = u128::from(self.rate) * elapsed.as_millis() / 1000;
        let all = earned + u128::from(self.free);
        all.saturating_sub(self.sent.into()).try_into().unwrap_or(u64::MAX)
    }

    /// Counts bytes that have been sent.
    pub fn count(&mut self, bytes: u64) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// How long to wait until `bytes` may be sent, or as many as a second allows: a client that is slowed down costs
    /// one turn per second.
    pub fn wait(&self, bytes: u64, elapsed: Duration) -> Duration {
        let missing = bytes.clamp(1, self.rate) as u128 + u128::from(self.sent);
        let earned_at_ms = missing.saturating_sub(self.free.into()) * 1000;
        let at_ms = u64::try_from(earned_at_ms.div_ceil(self.rate.into())).unwrap_or(u64::MAX);
        Duration::from_millis(at_ms).saturating_sub(elapsed)
    }
}
