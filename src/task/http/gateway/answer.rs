//! The head of an answer from a server behind or a program: what of it the client gets, and what it makes this server
//! do.

use super::super::next::{Next, end_handlers};
use super::super::respond::respond;
use super::super::{document, fields, page};
use super::{accel, cookies, ranges, retry, rewrite, store};
use crate::balance::PeerResult;
use crate::config::{Expires, Gateway, GatewayProtocol, IgnoredFields};
use crate::connection::{Content, Made, Response};
use crate::http::{ReplyHead, Text, date};
use crate::log::Level;
use crate::task::Work;
use crate::vars;
use std::rc::Rc;
use std::sync::Arc;

/// Takes the head of an answer. The body follows.
pub(in crate::task::http) fn answered(w: &mut Work<'_>, mut head: ReplyHead) -> Next {
    if w.t.http.passing().is_none() {
        return match of_program(w, &mut head) {
            Some(next) => next,
            None => document::document(w, head, None),
        };
    }
    if let Some(attempt) = w.t.http.passed_mut().attempt() {
        attempt.status = head.status;
    }
    if let Some(next) = retry::by_status(w, head.status) {
        return next;
    }
    note(w, &head);
    let Some(gateway) = w.t.http.passing().map(|passing| Arc::clone(&passing.gateway)) else { return Next::Wait };
    let rules = &gateway.rules;
    if let Some(next) = intercept(w, rules.intercept_errors, &head) {
        return next;
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

/// A program redirects the client, and has no body for it (RFC 3875 section 6.2.3).
pub(in crate::task::http) fn redirected(w: &mut Work<'_>, mut head: ReplyHead) -> Next {
    match of_program(w, &mut head) {
        Some(next) => next,
        None => page::built_in_page(w, head),
    }
}

/// What the directives of programs make of a head: `cgi_intercept_errors`, `cgi_hide_header`, `cgi_pass_header`.
/// Returns `None` if the head is passed on.
fn of_program(w: &mut Work<'_>, head: &mut ReplyHead) -> Option<Next> {
    let route = Rc::clone(&w.t.route);
    let cgi = route.settings.cgi.as_ref().filter(|cgi| cgi.intercept_errors || !cgi.hidden.is_empty())?;
    if let Some(next) = intercept(w, cgi.intercept_errors, head) {
        return Some(next);
    }
    hide(&cgi.hidden, head);
    None
}

/// `_intercept_errors`: an error page takes the place of the answer with its status.
fn intercept(w: &mut Work<'_>, intercepts: bool, head: &ReplyHead) -> Option<Next> {
    if !intercepts || head.status < 300 || !page::has_page(w, head.status) {
        return None;
    }
    end_handlers(w);
    if head.status == 401 {
        w.t.http.rare.challenge = challenge(head);
    }
    if let Some(passed) = &mut w.t.http.passed {
        passed.now = None; // a program may answer with the page
    }
    Some(page::page(w, ReplyHead::new(head.status)))
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
    if let Some(passing) = w.t.http.passing_mut() {
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

/// The server behind goes on with another protocol. Its head is passed on as other heads are.
pub(in crate::task::http) fn switched(w: &mut Work<'_>, mut head: ReplyHead) -> Next {
    if let Some(attempt) = w.t.http.passed_mut().attempt() {
        attempt.status = head.status;
    }
    note(w, &head);
    if let Some(gateway) = w.t.http.passing().map(|passing| Arc::clone(&passing.gateway)) {
        hide(&gateway.rules.hidden, &mut head);
        cookies::rewrite(w, &gateway.rules.proxy, &mut head);
    }
    if let Some(passing) = w.t.http.passing_mut() {
        passing.read_rate = Some(0);
    }
    w.log(Level::Info, format_args!("the connection is passed on to another protocol"));
    w.t.http.status = Some(head.status);
    let server = fields::add(w, &mut head);
    let made = Made { head, server, content_range: None, content: Content::Stream };
    respond(w, Response::Switched(Box::new(made)))
}

/// Notes that the server has answered, and what it has said for `$upstream_http_NAME`.
fn note(w: &mut Work<'_>, head: &ReplyHead) {
    let peer = w.t.http.passed.as_ref().and_then(|passed| passed.now.as_ref()?.peer.as_ref());
    if let Some(peer) = peer {
        w.worker.upstreams.note(peer, PeerResult::Success, w.now);
    }
    if w.t.reply.body.is_ended()
        && let Some(passing) = w.t.http.passing_mut()
    {
        passing.peer = None; // all of the answer has come with its head: the server's place is free
    }
    if w.identity.listener.routes.config().keeps_answer_heads {
        w.t.http.passed_mut().answer_head = fields::so_far(head, "");
    }
}

/// Removes the fields that the client does not get.
pub(super) fn hide(hidden: &[String], head: &mut ReplyHead) {
    let is_hidden = |name: &[u8]| hidden.iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes()));
    head.fields.retain(|(name, _)| !is_hidden(name.as_bytes()));
    if head.content_type.is_some() && is_hidden(b"Content-Type") {
        head.content_type = None;
    }
    if head.location.is_some() && is_hidden(b"Location") {
        head.location = None;
    }
    if head.etag.is_some() && is_hidden(b"ETag") {
        head.etag = None;
    }
}
