//! The head of an answer from a server behind: what of it the client gets, and what it makes this server do.

use super::super::next::{Next, end_handlers};
use super::super::respond::respond;
use super::super::{document, page};
use super::{accel, cookies, ranges, retry, rewrite, store};
use crate::balance::PeerResult;
use crate::config::{Expires, Gateway, GatewayProtocol, IgnoredFields};
use crate::connection::{Made, Response};
use crate::http::{ReplyHead, Text, date};
use crate::log::Level;
use crate::task::Work;
use crate::vars;
use std::borrow::Cow;
use std::sync::Arc;

/// Takes the head of an answer. The body follows.
pub(in crate::task::http) fn answered(w: &mut Work<'_>, mut head: ReplyHead) -> Next {
    if let Some(attempt) = w.t.http.passed_mut().attempt() {
        attempt.status = head.status;
    }
    if let Some(next) = retry::by_status(w, head.status) {
        return next;
    }
    note(w, &head);
    let Some(gateway) = w.t.http.passing().map(|passing| Arc::clone(&passing.gateway)) else { return Next::Wait };
    let rules = &gateway.rules;
    if rules.intercept_errors && head.status >= 300 && page::has_page(w, head.status) {
        end_handlers(w);
        if head.status == 401 {
            w.t.http.rare.challenge = challenge(&head);
        }
        return page::page(w, ReplyHead::new(head.status));
    }
    limit_rate(w, &gateway);
    accel::follow(w, rules.ignored, &mut head);
    if !rules.ignored.contains(IgnoredFields::ACCEL_REDIRECT)
        && let Some(next) = accel::redirect(w, &head)
    {
        return next;
    }
    store::begin(w, rules.store.as_ref(), &head);
    hide(&rules.hidden, &mut head);
    if gateway.protocol == GatewayProtocol::Http {
        rewrite::redirects(w, &gateway, &mut head);
        cookies::rewrite(w, &rules.proxy, &mut head);
    }
    take_last_modified(w, &mut head);
    match rules.force_ranges {
        true => ranges::document(w, head),
        false => document::document(w, head, None),
    }
}

/// What the server behind asks the client for: it also stands beside an error page.
fn challenge(head: &ReplyHead) -> Option<Text> {
    let asked = head.fields.iter().filter(|(name, _)| name.is(b"WWW-Authenticate"));
    let all: Vec<&[u8]> = asked.map(|(_, value)| value.as_bytes()).collect();
    if all.is_empty() { None } else { Text::from_vec(all.join(&b", "[..])).ok() }
}

/// `_limit_rate`: its variables may be of this answer. As in nginx, a text that is not a size counts as 0.
fn limit_rate(w: &mut Work<'_>, gateway: &Gateway) {
    let Some(size) = &gateway.rules.limit_rate else { return };
    if w.t.http.passing().is_none_or(|passing| passing.read_rate.is_some()) {
        return;
    }
    let rate = vars::size(size, &w.worker.view(w.identity, w.t, w.now)).unwrap_or_else(|message| {
        let prefix = gateway.protocol.prefix();
        w.log(Level::Error, format_args!("{prefix}_limit_rate: {message}; it counts as 0"));
        0
    });
    if let Some(passing) = &mut w.t.http.passed_mut().now {
        passing.read_rate = Some(rate);
    }
}

/// `expires modified` counts from the date that the server behind says.
fn take_last_modified(w: &Work<'_>, head: &mut ReplyHead) {
    if matches!(w.t.settings().expires, Expires::Off) {
        return;
    }
    let Some(at) = head.fields.iter().position(|(name, _)| name.is(b"Last-Modified")) else { return };
    let now_secs = w.worker.date.wall(w.now).secs;
    if let Some(secs) = date::parse(head.fields[at].1.as_bytes(), now_secs) {
        head.last_modified_secs = Some(secs);
        head.fields.remove(at);
    }
}

/// The server behind goes on with another protocol.
pub(in crate::task::http) fn switched(w: &mut Work<'_>, head: ReplyHead) -> Next {
    if let Some(attempt) = w.t.http.passed_mut().attempt() {
        attempt.status = head.status;
    }
    note(w, &head);
    if let Some(passing) = &mut w.t.http.passed_mut().now {
        passing.read_rate = Some(0);
    }
    w.log(Level::Info, format_args!("the connection is passed on to another protocol"));
    w.t.http.status = Some(head.status);
    let content = crate::connection::Content::Stream;
    let made = Made { head, server: Cow::Borrowed(""), content_range: None, content };
    respond(w, Response::Switched(Box::new(made)))
}

/// Notes that the server has answered, and what it has said for `$upstream_http_NAME`.
fn note(w: &mut Work<'_>, head: &ReplyHead) {
    let peer = w.t.http.rare.passed.as_ref().and_then(|passed| passed.now.as_ref()?.peer.as_ref());
    if let Some(peer) = peer {
        w.worker.upstreams.note(peer, PeerResult::Success, w.now);
    }
    w.t.http.passed_mut().answer_head = super::super::fields::so_far(head, "");
}

/// Removes the fields that the client does not get.
pub(super) fn hide(hidden: &[String], head: &mut ReplyHead) {
    let is_hidden = |name: &[u8]| hidden.iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes()));
    head.fields.retain(|(name, _)| !is_hidden(name.as_bytes()));
    if is_hidden(b"Content-Type") {
        head.content_type = None;
    }
    if is_hidden(b"Location") {
        head.location = None;
    }
    if is_hidden(b"ETag") {
        head.etag = None;
    }
}
