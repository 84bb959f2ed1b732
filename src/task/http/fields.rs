//! Fields that the configuration adds to a response's head.

use crate::config::{Settings, UseridMode};
use crate::connection::Transaction;
use crate::http::method::MethodSet;
use crate::http::userid::UserId;
use crate::http::{Method, Name, ReplyHead, Text, date};
use crate::log::Level;
use crate::task::Work;
use crate::vars;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::rc::Rc;
use webserv_sys::net::Address;

/// The value of `Server` with `server_tokens` on and off.
const TOKENS: &str = concat!("webserv/", env!("CARGO_PKG_VERSION"));
const NO_TOKENS: &str = "webserv";

/// The value of `Allow`: the methods of the requested resource (RFC 9110 section 10.2.1).
pub(super) fn allowed(t: &Transaction) -> Text {
    let settings = t.settings();
    if let Some(Ok(allow)) = settings.methods.map(|methods| Text::from_vec(methods.allow().into_bytes())) {
        return allow;
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
        405 => {
            let allow = w.t.http.rare.allow.take().unwrap_or_else(|| allowed(w.t));
            head.fields.push((const { Name::from_static("Allow") }, allow));
        }
        503 => head.fields.push((const { Name::from_static("Retry-After") }, const { Text::from_static("1") })),
        _ => {}
    }
    let now_secs = w.worker.date.wall(w.now).secs;
    add_userid(w, head, now_secs);
    add_freshness(w.t.settings(), head, now_secs);
    add_headers(w, head)
}

/// `userid on`: gives an identifier to a client that sends none.
fn add_userid(w: &mut Work<'_>, head: &mut ReplyHead, now_secs: i64) {
    let settings = w.t.settings();
    let Some(request) = w.t.http.request.as_ref().filter(|_| settings.userid.mode == UseridMode::On) else { return };
    if UserId::find(&request.fields, &settings.userid.cookie.name).is_some() {
        return;
    }
    let server = match &w.identity.listener.local {
        Address::Inet(SocketAddr::V4(local)) => local.ip().octets(),
        Address::Inet(SocketAddr::V6(local)) => *local.ip().octets().last_chunk().unwrap_or(&[0; 4]),
        Address::Unix(_) => [0; 4],
    };
    let Ok(random) = w.worker.random.draw() else { return }; // no identifier is better than one that can be guessed
    let id = UserId::new(server, now_secs, random);
    if let Ok(cookie) = Text::from_vec(settings.userid.cookie.set(id, now_secs)) {
        head.fields.push((const { Name::from_static("Set-Cookie") }, cookie));
        w.t.http.rare.userid = Some(id);
    }
}

/// `expires`: how long the client may cache the response.
fn add_freshness(settings: &Settings, head: &mut ReplyHead, now_secs: i64) {
    if !crate::config::is_plain_status(head.status) {
        return;
    }
    let Some(fresh) = settings.expires.freshness(now_secs, head.last_modified_secs) else { return };
    if let Ok(expires) = Text::new(&date::format(fresh.expires_secs)) {
        head.fields.push((const { Name::from_static("Expires") }, expires));
    }
    let control = match fresh.max_age_secs {
        Some(secs) => Text::new(format!("max-age={secs}").as_bytes()),
        None => Text::new(b"no-cache"),
    };
    if let Ok(control) = control {
        head.fields.push((const { Name::from_static("Cache-Control") }, control));
    }
}

/// `add_header`: fields of the configuration. A field is left out if variables make its value invalid. Returns the
/// value of `Server`.
fn add_headers(w: &mut Work<'_>, head: &mut ReplyHead) -> Cow<'static, str> {
    let route = Rc::clone(&w.t.route);
    let mut server = Cow::Borrowed(tokens(&route.settings));
    let status = head.status;
    for field in route.settings.add_headers.iter().filter(|field| field.applies(status)) {
        let value = vars::expand(&field.value, &w.worker.view(w.identity, w.t, w.now));
        let (name, value) = match (Name::new(field.name.as_bytes()), Text::from_vec(value)) {
            (Ok(name), Ok(value)) => (name, value),
            (_, Err(error)) | (Err(error), _) => {
                w.log(Level::Warn, format_args!("add_header {} is left out: {error}", field.name));
                continue;
            }
        };
        if field.replaces {
            remove_own(&field.name, head);
            if field.name.eq_ignore_ascii_case("Server") {
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

/// Removes the server's own field of this name, for a configured one that replaces it.
fn remove_own(name: &str, head: &mut ReplyHead) {
    match name.to_ascii_lowercase().as_str() {
        "content-type" => head.content_type = None,
        "etag" => head.etag = None,
        "last-modified" => head.last_modified_secs = None,
        "location" => head.location = None,
        "accept-ranges" => head.seekable = false,
        _ => {}
    }
    head.fields.retain(|(own, _)| !own.as_bytes().eq_ignore_ascii_case(name.as_bytes()));
}
