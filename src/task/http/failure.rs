//! A handler has failed: what the client is told.

use super::next::{Next, end_handlers};
use super::page;
use crate::connection::{Failure, FailureKind, Side};
use crate::task::Work;

/// A handler has failed before a byte of its answer was sent.
pub fn failed(w: &mut Work<'_>, failure: Failure) -> Next {
    end_handlers(w);
    page::refuse(w, status(failure))
}

/// 504 and 502 are for what was asked on the client's behalf (RFC 9110 sections 15.6.3 and 15.6.5).
fn status(failure: Failure) -> u16 {
    match (failure.side, failure.kind) {
        (Side::Upstream, FailureKind::Timeout) => 504,
        (Side::Upstream, _) => 502,
        (Side::Client | Side::Internal, _) => 500,
    }
}
