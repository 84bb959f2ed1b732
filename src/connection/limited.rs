//! What `limit_req`, `limit_conn` and `limit_rate` have made of a request.

use crate::rate::Place;

/// What `limit_req` or `limit_conn` has decided. Each of the two decides once for a request, also if an internal
/// redirect leads to another location.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitStatus {
    /// The request was under all limits.
    Passed,
    /// The request had to wait.
    Delayed,
    /// The request was refused.
    Rejected,
    /// The request would have had to wait, without `limit_req_dry_run`.
    DelayedDryRun,
    /// The request would have been refused, without `dry_run`.
    RejectedDryRun,
}

impl LimitStatus {
    /// The value of `$limit_req_status` or `$limit_conn_status`.
    pub fn name(self) -> &'static str {
        match self {
            LimitStatus::Passed => "PASSED",
            LimitStatus::Delayed => "DELAYED",
            LimitStatus::Rejected => "REJECTED",
            LimitStatus::DelayedDryRun => "DELAYED_DRY_RUN",
            LimitStatus::RejectedDryRun => "REJECTED_DRY_RUN",
        }
    }
}

/// What keeps a request in its phase.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PhaseWait {
    /// Nothing.
    No,
    /// The task Delay, until its time has passed.
    Time,
    /// Responses to earlier requests of the connection: `limit_conn` counts those until they have left.
    EarlierResponses,
    /// Nothing any more: the earlier responses have left.
    Over,
}

impl PhaseWait {
    /// Whether the request waits.
    pub fn is_on(self) -> bool {
        matches!(self, PhaseWait::Time | PhaseWait::EarlierResponses)
    }
}

/// The state of a request under limits.
pub struct Limited {
    /// What `limit_req` has decided. `None` if no limit has counted the request.
    pub request: Option<LimitStatus>,
    /// What `limit_conn` has decided. `None` if no limit has counted the request.
    pub place: Option<LimitStatus>,
    /// The places that `limit_conn` has given to the request. They are given back when the transaction is cleared or
    /// dropped, so the request has them as long as it exists, however it ends.
    pub places: Vec<Place>,
    /// What keeps the request in its phase.
    pub wait: PhaseWait,
    /// The rate of this response in bytes per second, instead of `limit_rate`'s.
    pub rate: Option<u64>,
}

impl Limited {
    /// No limit has counted the request.
    pub const NOT: Self = Self { request: None, place: None, places: Vec::new(), wait: PhaseWait::No, rate: None };
}
