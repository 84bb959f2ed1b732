//! The head of an answer as it leaves: what the handler said, what the configuration adds, what the connection needs.

use super::current::Current;
use super::{Context, Http1};
use crate::config::UseridMode;
use crate::http::method::MethodSet;
use crate::http::print::{self, BodyEnd, Frame, Persistence};
use crate::http::range::ContentRange;
use crate::http::userid::UserId;
use crate::http::{Method, Name, ReplyHead, Text, date};
use crate::log::Level;
use crate::vars;
use std::borrow::Cow;
use std::net::SocketAddr;
use webserv_sys::net::Address;
use webserv_sys::random;

/// The server's name in fields and pages, with and without its version.
const TOKENS: &str = concat!("webserv/", env!("CARGO_PKG_VERSION"));
const NO_TOKENS: &str = "webserv";

/// What may be done with what a request names (RFC 9110 section 10.2.1).
pub(super) fn allowed(current: &Current) -> Text {
    let settings = &current.route.settings;
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

impl Http1 {
    /// Makes the answer's head, and decides with it whether the connection goes on.
    pub(super) fn head(
        &self,
        current: &mut Current,
        mut head: ReplyHead,
        body: BodyEnd,
        mut content_range: Option<ContentRange>,
        cx: &mut Context<'_>,
    ) -> Vec<u8> {
        decide(current, cx);
        let connection = match current.keep_alive {
            true => {
                let header = current.route.settings.keepalive_header;
                Persistence::KeepAlive { timeout_secs: header.map(|wait| wait.as_secs()) }
            }
            false => Persistence::Close,
        };
        match head.status {
            405 => {
                let allow = current.rare.allow.take().unwrap_or_else(|| allowed(current));
                head.fields.push((const { Name::from_static("Allow") }, allow));
            }
            416 => content_range = current.document_bytes.map(|length| ContentRange::None { length }),
            503 => head.fields.push((const { Name::from_static("Retry-After") }, const { Text::from_static("1") })),
            _ => {}
        }
        current.status = head.status;
        let now_secs = cx.worker.date.wall(cx.now).secs;
        self.add_userid(current, &mut head, now_secs);
        let mut server = Cow::Borrowed(tokens(current));
        self.add_freshness(current, &mut head, now_secs);
        self.add_fields(current, &mut head, &mut server, cx);
        let dates = &mut cx.worker.date;
        let (date, last_modified) = (&dates.text(now_secs), head.last_modified_secs.map(|secs| dates.text(secs)));
        let frame = Frame { server: &server, date, last_modified, body, connection, content_range };
        let mut bytes = cx.worker.buffers.take(0);
        print::response_head(&mut bytes, &head, &frame);
        head_made(current, &bytes, cx);
        bytes
    }

    /// `userid on`: who sends no identifier is given one.
    fn add_userid(&self, current: &mut Current, head: &mut ReplyHead, now_secs: i64) {
        let settings = &current.route.settings;
        let Some(request) = current.request.as_ref().filter(|_| settings.userid.mode == UseridMode::On) else { return };
        if UserId::find(&request.fields, &settings.userid.cookie.name).is_some() {
            return;
        }
        let server = match &self.listener.local {
            Address::Inet(SocketAddr::V4(local)) => local.ip().octets(),
            Address::Inet(SocketAddr::V6(local)) => *local.ip().octets().last_chunk().unwrap_or(&[0; 4]),
            Address::Unix(_) => [0; 4],
        };
        let mut random = [0; 8];
        if random::fill(&mut random).is_err() {
            return; // one that could be guessed would be worse than none
        }
        let id = UserId::new(server, now_secs, random);
        if let Ok(cookie) = Text::from_vec(settings.userid.cookie.set(id, now_secs)) {
            head.fields.push((const { Name::from_static("Set-Cookie") }, cookie));
            current.rare.userid = Some(id);
        }
    }

    /// `expires`: how long the client may keep the answer without asking.
    fn add_freshness(&self, current: &Current, head: &mut ReplyHead, now_secs: i64) {
        if !crate::config::is_plain_status(head.status) {
            return;
        }
        let freshness = current.route.settings.expires;
        let Some(fresh) = freshness.freshness(now_secs, head.last_modified_secs) else { return };
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

    /// `add_header`: fields of the configuration's own. A value that a client has made unfit for a field is left out.
    fn add_fields(
        &self,
        current: &Current,
        head: &mut ReplyHead,
        server: &mut Cow<'static, str>,
        cx: &mut Context<'_>,
    ) {
        let status = head.status;
        for field in current.route.settings.add_headers.iter().filter(|field| field.applies(status)) {
            let value = vars::expand(&field.value, &self.view(current, cx));
            let (name, value) = match (Name::new(field.name.as_bytes()), Text::from_vec(value)) {
                (Ok(name), Ok(value)) => (name, value),
                (_, Err(error)) | (Err(error), _) => {
                    cx.log(Level::Warn, format_args!("add_header {} is left out: {error}", field.name));
                    continue;
                }
            };
            if field.replaces {
                take_away(&field.name, head);
                if field.name.eq_ignore_ascii_case("Server") {
                    *server = Cow::Owned(String::from_utf8_lossy(value.as_bytes()).into_owned());
                    continue;
                }
            }
            if !value.as_bytes().is_empty() {
                head.fields.push((name, value));
            }
        }
    }
}

/// Whether the connection goes on after this answer, as far as the answer says so.
#[inline]
pub(super) fn decide(current: &mut Current, cx: &Context<'_>) {
    if current.owes_continue {
        current.keep_alive = false; // its body may come all the same, or not
        current.body.give_up();
    }
    let settings = &current.route.settings;
    current.keep_alive &=
        !cx.worker.draining && current.number < settings.keepalive_requests && !settings.keepalive_timeout.is_zero();
}

/// The server's own field of this name makes room for one of the configuration.
fn take_away(name: &str, head: &mut ReplyHead) {
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

/// This head is the next that enters the output.
#[inline]
pub(super) fn head_made(current: &mut Current, head: &[u8], cx: &mut Context<'_>) {
    current.head_bytes = head.len() as u64;
    if logs_sent_fields(current) {
        current.rare.sent_head = head.to_vec();
    }
    current.output_start = cx.connection().output_end();
}

/// Some access log wants to see fields of the answer.
fn logs_sent_fields(current: &Current) -> bool {
    current.route.settings.access_logs.iter().any(|log| log.has_sent_fields)
}

/// The server's name as `server_tokens` wants it told.
pub(super) fn tokens(current: &Current) -> &'static str {
    if current.route.settings.server_tokens { TOKENS } else { NO_TOKENS }
}
