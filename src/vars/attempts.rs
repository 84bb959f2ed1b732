//! The `$upstream_` variables: which servers behind were asked, and what became of it.

use super::View;
use super::pairs::sent_field;
use crate::config::GatewayVariable;
use crate::connection::{Attempt, Passed};
use std::time::Duration;

/// The value of one of these variables; empty if no server was asked.
pub(super) fn value(view: &View<'_>, variable: &GatewayVariable) -> Vec<u8> {
    let Some(passed) = &view.transaction.http.passed else { return Vec::new() };
    match variable {
        GatewayVariable::UpstreamAddr => list(passed, |attempt| attempt.name.to_string()),
        GatewayVariable::UpstreamStatus => {
            list(passed, |attempt| if attempt.status == 0 { "-".to_owned() } else { attempt.status.to_string() })
        }
        GatewayVariable::UpstreamConnectTime => list(passed, |attempt| seconds(attempt.connected)),
        GatewayVariable::UpstreamHeaderTime => list(passed, |attempt| seconds(attempt.head)),
        GatewayVariable::UpstreamResponseTime => list(passed, |attempt| seconds(response_time(view, passed, attempt))),
        GatewayVariable::UpstreamResponseLength => list(passed, |attempt| attempt.body_bytes.to_string()),
        GatewayVariable::UpstreamBytesReceived => list(passed, |attempt| attempt.received_bytes.to_string()),
        GatewayVariable::UpstreamBytesSent => list(passed, |attempt| attempt.sent_bytes.to_string()),
        GatewayVariable::UpstreamHttp(name) => fields(&passed.answer_head, name.as_bytes()),
        GatewayVariable::UpstreamTrailer(name) => fields(&passed.answer_trailers, name.as_bytes()),
        GatewayVariable::UpstreamCookie(name) => cookie(&passed.answer_head, name).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// How long the answer took; one that has not ended lasts until now. `None` in a field of the very answer: as in nginx,
/// it is then not over, also if all of it has come with its head.
fn response_time(view: &View<'_>, passed: &Passed, attempt: &Attempt) -> Option<Duration> {
    let is_last = passed.attempts.last().is_some_and(|last| std::ptr::eq(last, attempt));
    let is_passed_on = passed.now.is_some() && attempt.head.is_some() && view.transaction.http.answered.is_none();
    if is_last && is_passed_on {
        return None;
    }
    attempt.ended.or(Some(view.now.since(attempt.began)))
}

/// The values of all attempts, as nginx prints them: with a comma between the servers of a group, and a colon between
/// groups.
fn list(passed: &Passed, text: impl Fn(&Attempt) -> String) -> Vec<u8> {
    let mut out = String::new();
    for attempt in &passed.attempts {
        if !out.is_empty() {
            out.push_str(if attempt.begins_group { " : " } else { ", " });
        }
        out.push_str(&text(attempt));
    }
    out.into_bytes()
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or("-".to_owned(), |time| format!("{}.{:03}", time.as_secs(), time.subsec_millis()))
}

fn fields(lines: &[u8], name: &[u8]) -> Vec<u8> {
    let values: Vec<&[u8]> = sent_field(lines, name).collect();
    values.join(&b", "[..])
}

/// The value of a cookie that the answer sets; `None` for an empty one, as in nginx.
fn cookie(head: &[u8], name: &str) -> Option<Vec<u8>> {
    let value = |cookie: &[u8]| {
        let pair = cookie.split(|b| *b == b';').next().unwrap_or_default();
        let (own, value) = pair.split_at(memchr::memchr(b'=', pair)?);
        let is_it = trim_spaces(own).eq_ignore_ascii_case(name.as_bytes());
        is_it.then(|| trim_spaces(&value[1..]).to_vec()).filter(|value| !value.is_empty())
    };
    sent_field(head, b"set-cookie").find_map(value)
}

/// Without the spaces around it. A tab is a part of a name or a value, as in nginx.
fn trim_spaces(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = text {
        text = rest;
    }
    text
}
