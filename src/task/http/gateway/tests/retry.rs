//! Whether another server is asked.

use super::super::super::next::Next;
use super::super::retry::{by_status, failed, may_ask_another};
use super::with_request;
use crate::config::{Gateway, NextUpstream};
use crate::connection::{Attempt, Failure, FailureKind, PassedBody, Side, Stage};
use crate::task::Work;
use std::sync::Arc;
use std::time::Duration;

const ERROR: NextUpstream = NextUpstream::ERROR;
const TIMEOUT: NextUpstream = NextUpstream::TIMEOUT;
const BAD: NextUpstream = NextUpstream::INVALID_HEADER;

/// Directives, a method, the failure, whether a byte of the request was sent, whether a kept connection had ended; and
/// whether another server may be asked.
type Row = (&'static str, &'static str, NextUpstream, bool, bool, bool);

const ROWS: [Row; 20] = [
    ("", "GET", ERROR, true, false, true),
    ("", "GET", TIMEOUT, true, false, true),
    ("", "GET", BAD, true, false, false),
    ("", "GET", NextUpstream::HTTP_500, true, false, false),
    ("proxy_next_upstream invalid_header http_500;", "GET", BAD, true, false, true),
    ("proxy_next_upstream invalid_header http_500;", "GET", NextUpstream::HTTP_500, true, false, true),
    ("proxy_next_upstream invalid_header http_500;", "GET", ERROR, true, false, false),
    ("proxy_next_upstream off;", "GET", ERROR, false, false, false),
    // What may be done twice by that.
    ("", "POST", ERROR, false, false, true),
    ("", "POST", ERROR, true, false, false),
    ("", "LOCK", ERROR, true, false, false),
    ("", "PATCH", ERROR, true, false, false),
    ("", "PUT", ERROR, true, false, true),
    ("", "DELETE", ERROR, true, false, true),
    ("proxy_next_upstream error non_idempotent;", "POST", ERROR, true, false, true),
    // A kept connection that has ended is no failure of the server, and no rule is asked.
    ("proxy_next_upstream off;", "GET", ERROR, true, true, true),
    ("proxy_next_upstream_tries 1;", "GET", ERROR, true, true, true),
    ("", "POST", ERROR, true, true, false),
    // The first attempt is one of the tries.
    ("proxy_next_upstream_tries 1;", "GET", ERROR, true, false, false),
    ("proxy_next_upstream_tries 2;", "GET", ERROR, true, false, true),
];

#[test]
fn the_rules_decide_about_another_server() {
    for (directives, method, kind, anything_sent, is_stale, expected) in ROWS {
        let (found, _) = with_request(directives, &format!("{method} / HTTP/1.1"), move |w, _| {
            may_ask_another(w, kind, anything_sent, is_stale)
        });
        assert_eq!(found, expected, "{directives} {method} {kind:?} sent: {anything_sent} stale: {is_stale}");
    }
}

/// The tries and the time of a group count from its beginning: another group came before, by a redirect.
#[test]
fn each_group_has_its_own_tries() {
    let tries = |earlier: bool| {
        let act = move |w: &mut Work<'_>, _: &Arc<Gateway>| {
            let now = w.now;
            let attempts = &mut w.t.http.passed_mut().attempts;
            attempts.insert(0, Attempt::new(Arc::from("earlier"), false, now));
            attempts[1].begins_group = earlier;
            may_ask_another(w, ERROR, true, false)
        };
        with_request("proxy_next_upstream_tries 2;", "GET / HTTP/1.1", act).0
    };
    assert_eq!((tries(true), tries(false)), (true, false));
}

#[test]
fn there_is_a_time_for_all_tries() {
    let after = |wait: Duration| {
        let act = move |w: &mut Work<'_>, _: &Arc<Gateway>| {
            w.now = w.now.after(wait);
            may_ask_another(w, ERROR, true, false)
        };
        with_request("proxy_next_upstream_timeout 5s;", "GET / HTTP/1.1", act).0
    };
    assert_eq!((after(Duration::from_millis(4999)), after(Duration::from_secs(5))), (true, false));
}

/// A body that streams can be sent again as long as nothing of it has been taken.
#[test]
fn a_streamed_body_is_sent_once() {
    for (taken, expected) in [(0, true), (1, false)] {
        let act = move |w: &mut Work<'_>, _: &Arc<Gateway>| {
            w.t.http.passed_mut().body = PassedBody::Stream;
            w.t.body.push_copy(b"body");
            w.t.body.take(taken);
            may_ask_another(w, ERROR, false, false)
        };
        assert_eq!(with_request("", "PUT / HTTP/1.1", act).0, expected, "{taken} bytes taken");
    }
}

/// A failure, and the status that the client gets if no other server is left.
#[test]
fn a_failure_has_a_status() {
    let rows = [
        (Side::Upstream, FailureKind::Timeout, 504),
        (Side::Upstream, FailureKind::Connect, 502),
        (Side::Upstream, FailureKind::Reset, 502),
        (Side::Upstream, FailureKind::BadHead, 502),
        (Side::Internal, FailureKind::Internal, 500),
    ];
    for (side, kind, status) in rows {
        let act = move |w: &mut Work<'_>, _: &Arc<Gateway>| {
            failed(w, Failure { side, kind, anything_sent: true });
            let attempt = w.t.http.passed_mut().attempt().map(|attempt| (attempt.status, attempt.ended.is_some()));
            (w.t.http.status, attempt, w.t.http.passing().is_some())
        };
        let (found, _) = with_request("", "GET / HTTP/1.1", act);
        assert_eq!(found, (Some(status), Some((status, true)), false), "{kind:?}");
    }
}

/// The server has closed a kept connection before the request came: it is asked again, on another connection.
#[test]
fn a_stale_connection_is_no_failure() {
    let rows = [(true, 0, 2), (true, 1, 1), (false, 0, 1)];
    for (is_kept, received_bytes, attempts) in rows {
        let act = move |w: &mut Work<'_>, _: &Arc<Gateway>| {
            if let Some(passing) = &mut w.t.http.passed_mut().now {
                passing.is_kept = is_kept;
            }
            if let Some(attempt) = w.t.http.passed_mut().attempt() {
                attempt.received_bytes = received_bytes;
            }
            // A group of one server, whose number of tries is used up.
            if let Some(passing) = &mut w.t.http.passed_mut().now {
                passing.tried = Default::default();
            }
            let next = failed(w, Failure { side: Side::Upstream, kind: FailureKind::Reset, anything_sent: true });
            (next == Next::Go(Stage::Handler), w.t.http.passed_mut().attempts.len())
        };
        let (found, _) = with_request("", "GET / HTTP/1.1", act);
        assert_eq!(found, (attempts == 2, attempts), "kept: {is_kept}, {received_bytes} bytes received");
    }
}

/// With one server, each answer is passed on, and 500 and its kind count against the server only where they are named.
#[test]
fn the_last_answer_is_passed_on() {
    for status in [200, 403, 404, 429, 500, 502, 503, 504] {
        for directives in ["", "proxy_next_upstream http_403 http_404 http_429 http_500 http_502 http_503 http_504;"] {
            let act = move |w: &mut Work<'_>, _: &Arc<Gateway>| (by_status(w, status), w.t.http.passing().is_some());
            assert_eq!(with_request(directives, "GET / HTTP/1.1", act).0, (None, true), "{status} {directives}");
        }
    }
}
