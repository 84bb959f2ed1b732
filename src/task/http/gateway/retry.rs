//! A server behind has failed: whether another one is asked.

use super::super::next::{Next, end_handlers};
use super::super::{failure, page};
use super::{ask, next_server};
use crate::balance::PeerResult;
use crate::config::NextUpstream;
use crate::connection::{Failure, FailureKind, PassedBody, Passing, Servers, Side};
use crate::http::Method;
use crate::log::Level;
use crate::task::Work;
use crate::upstreams::Peer;
use std::sync::Arc;

/// Goes on after a failure before a byte of the answer has left: asks another server, or answers with 502 or 504.
pub(in crate::task::http) fn failed(w: &mut Work<'_>, failure: Failure) -> Next {
    end_handlers(w);
    let status = failure::status(failure);
    let kind = match failure.kind {
        FailureKind::Timeout => NextUpstream::TIMEOUT,
        FailureKind::BadHead => NextUpstream::INVALID_HEADER,
        _ => NextUpstream::ERROR,
    };
    let mut received_bytes = 0;
    let now = w.now;
    if let Some(attempt) = w.t.http.passed_mut().attempt() {
        received_bytes = attempt.received_bytes;
        attempt.status = status;
        attempt.ended = Some(now.since(attempt.began));
    }
    let passing = w.t.http.passing();
    // The server has closed a kept connection, perhaps before the request came. That is no fault of it.
    let is_stale = passing.is_some_and(|it| it.is_kept) && failure.kind == FailureKind::Reset && received_bytes == 0;
    if !is_stale && failure.side == Side::Upstream {
        note_failure(w);
    }
    if failure.side == Side::Upstream && may_ask_another(w, kind, failure.anything_sent, is_stale) {
        if is_stale && let Some(peer) = w.t.http.passing_mut().and_then(|passing| passing.peer.take()) {
            return ask_again(w, peer);
        }
        if has_another(w) {
            return next_server(w, false);
        }
    }
    w.t.http.passed_mut().now = None;
    page::refuse(w, status)
}

/// Asks the same server over a new connection: the kept connections of a group may have ended all at once.
fn ask_again(w: &mut Work<'_>, peer: Peer) -> Next {
    if let Some(attempt) = w.t.http.passed_mut().attempt() {
        attempt.was_stale = true;
    }
    ask(w, peer, false, false)
}

/// The server has answered with a status that counts as a failure. Returns `None` if its answer is passed on.
pub(super) fn by_status(w: &mut Work<'_>, status: u16) -> Option<Next> {
    let kind = match status {
        500 => NextUpstream::HTTP_500,
        502 => NextUpstream::HTTP_502,
        503 => NextUpstream::HTTP_503,
        504 => NextUpstream::HTTP_504,
        403 => NextUpstream::HTTP_403,
        404 => NextUpstream::HTTP_404,
        429 => NextUpstream::HTTP_429,
        _ => return None,
    };
    if !w.t.http.passing()?.gateway.rules.next_upstream.contains(kind) {
        return None;
    }
    // As in nginx, these two say nothing of the server's health.
    if !matches!(status, 403 | 404) {
        note_failure(w);
    }
    if !may_ask_another(w, kind, true, false) || !has_another(w) {
        return None;
    }
    end_handlers(w);
    Some(next_server(w, false))
}

/// The server counts as failed for a while, if it fails often.
fn note_failure(w: &mut Work<'_>) {
    let Some(peer) = w.t.http.passed.as_ref().and_then(|passed| passed.now.as_ref()?.peer.as_ref()) else {
        return;
    };
    if w.worker.upstreams.note(peer, PeerResult::Failure, w.now) {
        let name = Arc::clone(peer.name());
        w.log(Level::Warn, format_args!("upstream {name} is not asked for a while: max_fails, fail_timeout"));
    }
}

/// Whether a server is left that has not been asked.
fn has_another(w: &mut Work<'_>) -> bool {
    let asked = attempts_of_group(w);
    let Some(passing) = w.t.http.passing() else { return false };
    let tries = match &passing.servers {
        Servers::Group(upstream) => w.worker.upstreams.tries(upstream),
        Servers::Made(made) => made.tries(),
    };
    asked < tries
}

/// Whether the request may be sent to another server. `is_stale`: to the same one, on another connection.
pub(super) fn may_ask_another(w: &Work<'_>, kind: NextUpstream, anything_sent: bool, is_stale: bool) -> bool {
    let Some(passing) = w.t.http.passing() else { return false };
    let rules = &passing.gateway.rules;
    let mask = rules.next_upstream;
    let is_late = !rules.next_upstream_timeout.is_zero() && w.now.since(passing.began) >= rules.next_upstream_timeout;
    let tries = attempts_of_group(w);
    let are_used_up = rules.next_upstream_tries > 0 && tries >= rules.next_upstream_tries;
    let is_allowed = is_stale || mask.contains(kind) && !mask.contains(NextUpstream::OFF) && !is_late && !are_used_up;
    is_allowed && !(anything_sent && may_be_done_twice(w, passing)) && may_send_body_again(w)
}

/// How many servers of the current group have been asked, but for kept connections that had ended.
fn attempts_of_group(w: &Work<'_>) -> usize {
    let attempts = w.t.http.passed.as_ref().map_or(&[][..], |passed| &passed.attempts);
    let before = attempts.iter().rposition(|attempt| attempt.begins_group).unwrap_or(0);
    attempts[before..].iter().filter(|attempt| !attempt.was_stale).count()
}

/// Whether the request's work might be done twice (RFC 9110 section 9.2.2).
fn may_be_done_twice(w: &Work<'_>, passing: &Passing) -> bool {
    let once = [Some(Method::Post), Some(Method::Lock), Some(Method::Patch)];
    once.contains(&w.t.http.method_now()) && !passing.gateway.rules.next_upstream.contains(NextUpstream::NON_IDEMPOTENT)
}

/// Whether all of the body is there to be sent again.
fn may_send_body_again(w: &Work<'_>) -> bool {
    let passed = w.t.http.passed.as_ref();
    let is_stream = passed.is_some_and(|passed| matches!(passed.body, PassedBody::Stream));
    !is_stream || w.t.body.taken_bytes() == 0
}
