//! One peer: what the configuration says of it, and how it is doing.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};

/// What the configuration says of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerRules {
    /// `weight`, at least 1.
    pub weight: u32,
    /// `max_fails`; 0: failures are not counted.
    pub max_fails: u32,
    /// `fail_timeout` in milliseconds.
    pub fail_timeout_ms: u64,
    /// `max_conns`; 0: no limit.
    pub max_conns: u32,
    /// `down`.
    pub is_down: bool,
}

impl Default for PeerRules {
    fn default() -> Self {
        Self { weight: 1, max_fails: 1, fail_timeout_ms: 10_000, max_conns: 0, is_down: false }
    }
}

/// What has become of a request that was passed to a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerResult {
    /// The peer has answered. 403 and 404 are answers, too, also if another peer is asked after them.
    Success,
    /// It has not, or its answer is one of `_next_upstream`.
    Failure,
}

/// How a peer is doing. The workers may share it, so each number is an atomic. A worker may see numbers of different
/// ages; the choice is then one that was right a moment ago.
#[derive(Debug)]
pub struct PeerState {
    /// For the round robin: it grows by the effective weight in each round, and the highest one is chosen.
    current_weight: AtomicI64,
    /// The weight, less after failures.
    effective_weight: AtomicI64,
    /// Requests that the peer works for.
    conns: AtomicU32,
    /// Failures since the last check that went well.
    fails: AtomicU32,
    /// When the last failure was, in milliseconds.
    failed_ms: AtomicU64,
    /// When the time of `fail_timeout` began, in milliseconds.
    checked_ms: AtomicU64,
}

impl PeerState {
    /// A peer that has not been used.
    pub fn new(weight: u32) -> Self {
        Self {
            current_weight: AtomicI64::new(0),
            effective_weight: AtomicI64::new(weight.into()),
            conns: AtomicU32::new(0),
            fails: AtomicU32::new(0),
            failed_ms: AtomicU64::new(0),
            checked_ms: AtomicU64::new(0),
        }
    }

    /// The number of requests that the peer works for.
    pub fn conns(&self) -> u32 {
        self.conns.load(Relaxed)
    }

    /// Whether a request may be passed to the peer.
    pub(super) fn is_usable(&self, rules: &PeerRules, now_ms: u64) -> bool {
        let is_failed = rules.max_fails > 0
            && self.fails.load(Relaxed) >= rules.max_fails
            && now_ms.saturating_sub(self.checked_ms.load(Relaxed)) <= rules.fail_timeout_ms;
        !is_failed && self.has_room(rules)
    }

    /// Whether the peer is in use and `max_conns` permits one request more.
    pub(super) fn has_room(&self, rules: &PeerRules) -> bool {
        !rules.is_down && (rules.max_conns == 0 || self.conns() < rules.max_conns)
    }

    /// A turn of the round robin: returns the new current weight, and what it has grown by.
    pub(super) fn grow(&self, rules: &PeerRules) -> (i64, i64) {
        let effective = self.effective_weight.load(Relaxed);
        if effective < rules.weight.into() {
            self.effective_weight.store(effective + 1, Relaxed);
        }
        let current = self.current_weight.load(Relaxed) + effective;
        self.current_weight.store(current, Relaxed);
        (current, effective)
    }

    /// The peer is the one of this turn, in which all weights have grown by `total`.
    pub(super) fn win(&self, total: i64) {
        self.current_weight.store(self.current_weight.load(Relaxed) - total, Relaxed);
    }

    /// Takes a place for a request. Returns false if another worker has taken the last one.
    pub(super) fn take_place(&self, rules: &PeerRules) -> bool {
        let before = self.conns.fetch_add(1, Relaxed);
        let is_free = rules.max_conns == 0 || before < rules.max_conns;
        if !is_free {
            self.give_back();
        }
        is_free
    }

    /// Gives a place back.
    pub(super) fn give_back(&self) {
        self.conns.fetch_sub(1, Relaxed);
    }

    /// A request is passed to the peer. If the time after the failures is over, it begins again: until this request has
    /// its answer, no other one is passed to a peer that has failed.
    pub(super) fn begin(&self, rules: &PeerRules, now_ms: u64) {
        if now_ms.saturating_sub(self.checked_ms.load(Relaxed)) > rules.fail_timeout_ms {
            self.checked_ms.store(now_ms, Relaxed);
        }
    }

    /// Forgets the failures.
    pub(super) fn forgive(&self) {
        if self.fails.load(Relaxed) > 0 {
            self.fails.store(0, Relaxed);
        }
    }

    /// Counts a success or a failure. Returns true if the peer is not asked any more for the time of `fail_timeout`.
    pub(super) fn note(&self, rules: &PeerRules, result: PeerResult, now_ms: u64) -> bool {
        if result == PeerResult::Success {
            // The time began anew after the last failure, so this success may be that of the check.
            if self.failed_ms.load(Relaxed) < self.checked_ms.load(Relaxed) {
                self.forgive();
            }
            return false;
        }
        let fails = self.fails.fetch_add(1, Relaxed).saturating_add(1);
        self.failed_ms.store(now_ms, Relaxed);
        self.checked_ms.store(now_ms, Relaxed);
        if rules.max_fails == 0 {
            return false;
        }
        let less = i64::from(rules.weight / rules.max_fails);
        let effective = self.effective_weight.load(Relaxed) - less;
        self.effective_weight.store(effective.max(0), Relaxed);
        fails >= rules.max_fails
    }
}
