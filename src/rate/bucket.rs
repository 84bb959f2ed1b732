//! The leaky bucket of `limit_req`, which counts in thousandths of a request, as nginx does.

/// Requests as the bucket counts them.
pub(super) const REQUEST: u64 = 1000;

/// A rate in thousandths of a request per second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate(u64);

impl Rate {
    /// This number of requests per second; at least one.
    pub fn per_second(requests: u32) -> Self {
        Self(u64::from(requests.max(1)) * REQUEST)
    }

    /// This number of requests per minute; at least one. As in nginx, fractions of a thousandth are dropped: one
    /// request per minute is 0.016 per second.
    pub fn per_minute(requests: u32) -> Self {
        Self(u64::from(requests.max(1)) * REQUEST / 60)
    }

    /// Thousandths that leak in this time.
    fn leaks(self, ms: u64) -> u64 {
        (u128::from(self.0) * u128::from(ms) / 1000).try_into().unwrap_or(u64::MAX)
    }
}

/// The bucket of one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bucket {
    /// What has not leaked yet, at `last_ms`.
    excess: u64,
    /// When the last request was counted.
    last_ms: u64,
}

impl Bucket {
    /// The bucket after the first request of its key. That one is free: the excess counts what comes too early.
    pub fn new(now_ms: u64) -> Self {
        Self { excess: 0, last_ms: now_ms }
    }

    /// The excess that one more request makes. The clocks of two workers differ by a few milliseconds, so `now_ms` may
    /// lie before the last request.
    pub fn with_one_more(&self, rate: Rate, now_ms: u64) -> u64 {
        let leaked = rate.leaks(now_ms.saturating_sub(self.last_ms));
        (self.excess + REQUEST).saturating_sub(leaked)
    }

    /// Counts a request. `excess` is the result of [`with_one_more`](Self::with_one_more).
    pub fn count(&mut self, excess: u64, now_ms: u64) {
        self.excess = excess;
        self.last_ms = self.last_ms.max(now_ms);
    }
}

/// How long a request with this excess waits. The part of the excess up to `undelayed` costs no time.
pub fn delay_ms(excess: u64, undelayed: u64, rate: Rate) -> u64 {
    (u128::from(excess.saturating_sub(undelayed)) * 1000 / u128::from(rate.0)).try_into().unwrap_or(u64::MAX)
}
