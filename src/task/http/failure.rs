//! The response after a handler has failed.

use super::next::{Next, end_handlers};
use super::page;
use crate::connection::{Failure, FailureKind, Side};
use crate::task::Work;

/// Answers for a handler that failed before a byte of the response was sent.
pub fn failed(w: &mut Work<'_>, failure: Failure) -> Next {
    end_handlers(w);
    page::refuse(w, status(failure))
}

/// 504 and 502 mean that a program or server behind us failed (RFC 9110 sections 15.6.3 and 15.6.5).
pub(super) fn status(failure: Failure) -> u16 {
    match (failure.side, failure.kind) {
        (Side::Upstream, FailureKind::Timeout) => 504,
        (Side::Upstream, _) => 502,
        (Side::Client | Side::Internal, _) => 500,
    }
}
