//! Responses without a document: refusals, redirects, error pages.

use super::fields::{allowed, tokens};
use super::next::Next;
use super::redirect;
use super::respond::whole;
use crate::config::{ErrorPage, ErrorPageStatus};
use crate::connection::{BodySink, Transaction};
use crate::http::{Method, Name, ReplyHead, Text, error_page, target};
use crate::log::Level;
use crate::task::Work;
use crate::vars;
use std::net::SocketAddr;
use std::rc::Rc;
use webserv_sys::net::Address;

/// The connection closes after these: the position of the next request is unknown, or this server is at fault.
const CLOSING_STATUSES: [u16; 8] = [400, 408, 413, 414, 417, 500, 501, 505];

/// Answers with this status and its page.
pub fn refuse(w: &mut Work<'_>, status: u16) -> Next {
    page(w, ReplyHead::new(status))
}

/// Answers a method that no handler takes: OPTIONS with the methods that are allowed, others with 405, or with 501 if
/// the server has no name for the method (RFC 9110 sections 9.3.7, 15.5.6 and 15.6.2).
pub(super) fn not_taken(w: &mut Work<'_>) -> Next {
    match w.t.http.method() {
        Some(Method::Options) => {
            let allow = (const { Name::from_static("Allow") }, allowed(w.t));
            whole(w, ReplyHead { fields: vec![allow], ..ReplyHead::new(204) }, Vec::new())
        }
        Some(Method::Unknown) => refuse(w, 501),
        _ => refuse(w, 405),
    }
}

/// Answers with this head and the `error_page` for its status, or the built-in page.
pub(super) fn page(w: &mut Work<'_>, mut head: ReplyHead) -> Next {
    if CLOSING_STATUSES.contains(&head.status) {
        w.t.http.keep_alive = false;
        w.t.http.request_body.give_up();
    }
    if !w.t.http.in_error_page || w.t.settings().recursive_error_pages {
        let route = Rc::clone(&w.t.route);
        if let Some(page) = route.settings.error_pages.iter().find(|page| page.codes.contains(&head.status)) {
            return configured_page(w, head, page);
        }
    }
    match &head.location {
        Some(location) => {
            let escaped = Text::new(&target::escape_high(location.as_bytes())).ok();
            head.location = escaped.and_then(|location| redirect_location(&location, w.t, &w.identity.listener.local));
        }
        // If the error page itself fails, the client gets the first error's status, unless `error_page` sets another
        // status.
        None => head.status = w.t.http.error_status.filter(|status| *status >= 400).unwrap_or(head.status),
    }
    built_in_page(w, head)
}

/// Whether an `error_page` is configured for this status, and may answer.
pub(super) fn has_page(w: &Work<'_>, status: u16) -> bool {
    let settings = w.t.settings();
    let may_answer = !w.t.http.in_error_page || settings.recursive_error_pages;
    may_answer && settings.error_pages.iter().any(|page| page.codes.contains(&status))
}

/// Answers with this head as it is and the built-in page for its status.
pub(super) fn built_in_page(w: &mut Work<'_>, mut head: ReplyHead) -> Next {
    let body = match head.status {
        ..300 | 304 => Vec::new(),
        status => error_page::page(status, tokens(w.t.settings())),
    };
    head.content_type = (!body.is_empty()).then_some(const { Text::from_static(error_page::CONTENT_TYPE) });
    whole(w, head, body)
}

/// `error_page`: an internal path, a named location, or a URL.
fn configured_page(w: &mut Work<'_>, mut head: ReplyHead, page: &ErrorPage) -> Next {
    let uri = vars::expand(&page.uri, &w.worker.view(w.identity, w.t, w.now));
    let allow = (head.status == 405).then(|| allowed(w.t));
    let location = head.location.take();
    let location = location.and_then(|location| redirect_location(&location, w.t, &w.identity.listener.local));
    let http = &mut w.t.http;
    http.in_error_page = true;
    (http.rare.allow, http.rare.location) = (allow, location);
    http.error_status = match page.answer {
        ErrorPageStatus::Keep => Some(head.status),
        ErrorPageStatus::Set(status) => Some(status),
        ErrorPageStatus::FromPage => None,
    };
    match uri.first() {
        Some(b'/') => {
            http.request_body.sink = BodySink::Discard;
            http.as_get = true;
            return redirect::to_uri(w, &uri).unwrap_or_else(|status| fail(w, status));
        }
        Some(b'@') => {
            let name = String::from_utf8_lossy(&uri);
            return redirect::to_named(w, &name).unwrap_or_else(|status| fail(w, status));
        }
        _ => match Text::new(&target::escape_high(&uri)) {
            Ok(location) => {
                head.location = Some(location);
                head.status = match page.answer {
                    ErrorPageStatus::Set(status @ (301 | 302 | 303 | 307 | 308)) => status,
                    _ => 302,
                };
            }
            Err(error) => w.log(Level::Error, format_args!("error_page: {error}")),
        },
    }
    built_in_page(w, head)
}

/// An error page cannot be reached. It gets no error page itself: that one would fail in the same way.
fn fail(w: &mut Work<'_>, status: u16) -> Next {
    w.t.http.keep_alive = false;
    w.t.http.request_body.give_up();
    built_in_page(w, ReplyHead::new(status))
}

/// Redirects to the directory's URL with a slash at its end.
pub(super) fn add_slash(w: &mut Work<'_>) -> Next {
    let mut location = target::escape_path(w.t.http.path()).into_owned();
    location.push(b'/');
    if let Some(query) = w.t.http.query().filter(|query| !query.is_empty()) {
        location.push(b'?');
        location.extend_from_slice(query);
    }
    let location = Text::from_vec(location).ok();
    page(w, ReplyHead { location, ..ReplyHead::new(301) })
}

/// Makes an absolute URL of a path, as `absolute_redirect`, `server_name_in_redirect` and `port_in_redirect` say, with
/// the requested host or the server's name. Returns the path as it is if no name is known.
pub(super) fn redirect_location(location: &Text, t: &Transaction, local: &Address) -> Option<Text> {
    let redirects = t.settings().redirects;
    if !redirects.absolute || location.as_bytes().first() != Some(&b'/') {
        return Some(location.clone());
    }
    let name = Some(t.route.server.name().as_bytes()).filter(|name| !name.is_empty());
    let asked = t.http.request.as_ref().and_then(|request| request.host());
    let host = if redirects.server_name { name.or(asked) } else { asked.or(name) };
    let mut url = b"http://".to_vec();
    match (host, local) {
        (Some(host), _) => url.extend_from_slice(host),
        (None, Address::Inet(SocketAddr::V4(local))) if !local.ip().is_unspecified() => {
            url.extend_from_slice(local.ip().to_string().as_bytes());
        }
        (None, Address::Inet(SocketAddr::V6(local))) if !local.ip().is_unspecified() => {
            url.extend_from_slice(format!("[{}]", local.ip()).as_bytes());
        }
        (None, _) => return Some(location.clone()),
    }
    if let Address::Inet(local) = local
        && redirects.port
        && local.port() != 80
    {
        url.extend_from_slice(format!(":{}", local.port()).as_bytes());
    }
    url.extend_from_slice(location.as_bytes());
    Text::from_vec(url).ok()
}
