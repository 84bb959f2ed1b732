//! Fields that the server and the configuration add to a response's head.
//!
//! One rule holds for all handlers. What a handler has said is sent as it is. A field of the server is added only if
//! the handler has not said it. A directive replaces both: `expires` replaces Expires and Cache-Control, as in nginx,
//! and `add_header` replaces a field that stands once ([`stands_once`](crate::http::reply::stands_once)); other fields
//! it adds. (In nginx, `add_header` always adds one, except for ETag and Last-Modified.)

use super::userid;
use crate::config::{Expires, Settings};
use crate::connection::Transaction;
use crate::http::method::MethodSet;
use crate::http::{Known, Method, Name, ReplyHead, Text, date};
use crate::log::Level;
use crate::task::Work;
use crate::vars;
use std::borrow::Cow;
use std::rc::Rc;
use webserv_sys::clock;

/// The value of `Server` with `server_tokens` on and off.
const TOKENS: &str = concat!("webserv/", env!("CARGO_PKG_VERSION"));
const NO_TOKENS: &str = "webserv";

/// The value of `Allow`: the methods of the requested resource (RFC 9110 section 10.2.1).
pub(super) fn allowed(t: &Transaction) -> Text {
    let settings = t.settings();
    if let Some(methods) = settings.methods {
        let mut names: Vec<&str> = methods.iter().map(Method::name).collect();
        names.extend(settings.extension_methods.iter().map(String::as_str));
        if let Ok(allow) = Text::from_vec(names.join(", ").into_bytes()) {
            return allow;
        }
    }
    if settings.cgi.is_some() {
        return const { Text::from_static("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH") };
    }
    let dav = settings.dav.methods;
    let read = MethodSet::of(&[Method::Get, Method::Head, Method::Options]);
    let read = if settings.upload_store.is_some() { read.with(Method::Post) } else { read };
    let all = Method::KNOWN.into_iter().filter(|method| dav.allow(*method)).fold(read, MethodSet::with);
    Text::from_vec(all.allow().into_bytes()).unwrap_or(const { Text::from_static("GET, HEAD, OPTIONS") })
}

/// The server's name, as `server_tokens` says.
pub(super) fn tokens(settings: &Settings) -> &'static str {
    if settings.server_tokens { TOKENS } else { NO_TOKENS }
}

/// Adds the fields for this response. Returns the value of `Server`.
pub(super) fn add(w: &mut Work<'_>, head: &mut ReplyHead) -> Cow<'static, str> {
    match head.status {
        401 if w.t.http.rare.challenge.is_some() => {
            if let Some(challenge) = w.t.http.rare.challenge.take() {
                head.add_default(const { Name::from_static("WWW-Authenticate") }, challenge);
            }
        }
        405 => {
            let allow = w.t.http.rare.allow.take().unwrap_or_else(|| allowed(w.t));
            head.add_default(const { Name::from_static("Allow") }, allow);
        }
        301 | 302 | 303 | 307 | 308 if head.location.is_none() => head.location = w.t.http.rare.location.take(),
        503 => head.add_default(const { Name::from_static("Retry-After") }, const { Text::from_static("1") }),
        _ => {}
    }
    if has_kept_fields(w.t) {
        add_kept(w, head);
    }
    add_charset(w.t.settings(), head);
    let now_secs = w.worker.date.wall(w.now).secs;
    // A handler's date that cannot be read would make the response invalid (RFC 9110 section 6.6.1).
    head.fields
        .retain(|(name, value)| name.known() != Some(Known::Date) || date::parse(value.as_bytes(), now_secs).is_some());
    userid::add(w, head, now_secs);
    add_freshness(w, head, now_secs);
    add_headers(w, head)
}

/// Whether a server behind has said fields of the response (X-Accel-Redirect).
pub(super) fn has_kept_fields(t: &Transaction) -> bool {
    t.http.passed.as_ref().is_some_and(|passed| !passed.kept_fields.is_empty())
}

/// What a server behind has said of the response that it has this server make (X-Accel-Redirect).
#[cold]
fn add_kept(w: &mut Work<'_>, head: &mut ReplyHead) {
    for (name, value) in std::mem::take(&mut w.t.http.passed_mut().kept_fields) {
        match name.known() {
            Some(Known::ContentType) => head.content_type = Some(value),
            _ => head.fields.push((name, value)),
        }
    }
}

/// `charset`: a text without one gets it. As in nginx, not with a redirect.
pub(super) fn add_charset(settings: &Settings, head: &mut ReplyHead) {
    let Some(content_type) = head.content_type.as_ref().filter(|_| !matches!(head.status, 301 | 302)) else { return };
    let Some(charset) = settings.charset.of(content_type.as_bytes()) else { return };
    let whole = [content_type.as_bytes(), b"; charset=", charset.as_bytes()].concat();
    head.content_type = Text::from_vec(whole).ok().or(head.content_type.take());
}

/// `expires`: how long the client may cache the response.
fn add_freshness(w: &mut Work<'_>, head: &mut ReplyHead, now_secs: i64) {
    let route = Rc::clone(&w.t.route);
    let expires = &route.settings.expires;
    if *expires == Expires::Off || !crate::config::is_plain_status(head.status) {
        return;
    }
    let made = match expires {
        Expires::Variable { text, after_modified } => {
            w.t.http.rare.sent_head = so_far(head, "");
            let text = vars::expand(text, &w.worker.view(w.identity, w.t, w.now));
            // As in nginx, a value that is no time adds no field.
            let made = Expires::parse(&String::from_utf8_lossy(&text), *after_modified);
            made.unwrap_or(Expires::Off)
        }
        _ => expires.clone(),
    };
    let offset_secs = |secs| clock::local(secs).offset_secs.into();
    let Some(fresh) = made.freshness(now_secs, head.last_modified_secs, offset_secs) else { return };
    if let Ok(expires) = Text::new(&date::format(fresh.expires_secs)) {
        head.replace(const { Name::from_static("Expires") }, expires);
    }
    let control = match fresh.max_age_secs {
        Some(secs) => Text::new(format!("max-age={secs}").as_bytes()),
        None => Text::new(b"no-cache"),
    };
    if let Ok(control) = control {
        head.replace(const { Name::from_static("Cache-Control") }, control);
    }
}

/// `add_header`: fields of the configuration. A field is left out if variables make its value invalid. Returns the
/// value of `Server`.
fn add_headers(w: &mut Work<'_>, head: &mut ReplyHead) -> Cow<'static, str> {
    let route = Rc::clone(&w.t.route);
    let theirs = head.says(&const { Name::from_static("Server") });
    let mut server = Cow::Borrowed(if theirs { "" } else { tokens(&route.settings) });
    let status = head.status;
    for field in route.settings.add_headers.iter().filter(|field| !field.is_trailer && field.applies(status)) {
        if field.needs_head {
            w.t.http.rare.sent_head = so_far(head, &server);
        }
        let value = vars::expand(&field.value, &w.worker.view(w.identity, w.t, w.now));
        let (name, value) = match (Name::new(field.name.as_bytes()), Text::from_vec(value)) {
            (Ok(name), Ok(value)) => (name, value),
            (_, Err(error)) | (Err(error), _) => {
                w.log(Level::Warn, format_args!("add_header {} is left out: {error}", field.name));
                continue;
            }
        };
        if field.replaces {
            head.remove(&name);
            if name.known() == Some(Known::Server) {
                server = Cow::Owned(String::from_utf8_lossy(value.as_bytes()).into_owned());
                continue;
            }
        }
        if !value.as_bytes().is_empty() {
            head.fields.push((name, value));
        }
    }
    server
}

/// The fields that are known so far as lines, for `$sent_http_NAME` in the value of another field.
pub(super) fn so_far(head: &ReplyHead, server: &str) -> Vec<u8> {
    let mut lines = b"\r\n".to_vec();
    let mut push = |name: &[u8], value: &[u8]| lines.extend_from_slice(&[name, b": ", value, b"\r\n"].concat());
    let values = [("Content-Type", &head.content_type), ("Location", &head.location), ("ETag", &head.etag)];
    for (name, value) in values.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        push(name.as_bytes(), value.as_bytes());
    }
    if !server.is_empty() {
        push(b"Server", server.as_bytes());
    }
    if let Some(bytes) = head.length {
        push(b"Content-Length", bytes.to_string().as_bytes());
    }
    if let Some(secs) = head.last_modified_secs {
        push(b"Last-Modified", &date::format(secs));
    }
    head.fields.iter().for_each(|(name, value)| push(name.as_bytes(), value.as_bytes()));
    lines
}

/// The validators as the response will have them: those of the document, or those that `add_header` puts in their
/// place. What is sent is what preconditions are compared with. A value that is no entity tag, or no date, matches
/// nothing.
///
/// nginx sends the same, but compares only If-Range with it, and the other preconditions with the file's own.
pub(super) fn validators(w: &Work<'_>, head: &ReplyHead, now_secs: i64) -> (Option<Text>, Option<i64>) {
    let (mut etag, mut last_modified_secs) = (head.etag.clone(), head.last_modified_secs);
    for field in w.t.settings().add_headers.iter().filter(|field| field.replaces && field.applies(head.status)) {
        let is_etag = field.name.eq_ignore_ascii_case("ETag");
        if !is_etag && !field.name.eq_ignore_ascii_case("Last-Modified") {
            continue;
        }
        match Text::from_vec(vars::expand(&field.value, &w.worker.view(w.identity, w.t, w.now))) {
            Ok(value) if is_etag => etag = Some(value),
            Ok(value) => last_modified_secs = date::parse(value.as_bytes(), now_secs),
            Err(_) => {} // the field is left out, and the server's own stays
        }
    }
    (etag, last_modified_secs)
}
