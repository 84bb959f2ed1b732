//! Answers without a document: refusals, redirects, error pages.

use super::current::{Current, Stage};
use super::{Context, Http1, Step};
use crate::config::{ErrorPage, ErrorPageStatus};
use crate::http::print::BodyEnd;
use crate::http::{Name, ReplyHead, Text, error_page, target};
use crate::log::Level;
use crate::route::{self, Route, View};
use std::sync::Arc;
use webserv_sys::clock;
use webserv_sys::net::Address;

/// The server's name in fields and pages, with and without its version.
const TOKENS: &str = concat!("webserv/", env!("CARGO_PKG_VERSION"));
const NO_TOKENS: &str = "webserv";

/// After these the connection ends: it is not known where the next request begins, or something is wrong here.
const LAST: [u16; 8] = [400, 408, 413, 414, 417, 500, 501, 505];

/// What may be done with files.
pub(super) const ALLOW: Text = Text::from_static("GET, HEAD, OPTIONS");

impl Http1 {
    /// Answers with a status and the page that goes with it.
    pub(super) fn refuse(&mut self, current: Box<Current>, status: u16, cx: &mut Context<'_>) -> Step {
        self.page(current, ReplyHead::new(status), cx)
    }

    /// Answers with this head and the page that `error_page` names for its status, or the built-in one.
    pub(super) fn page(&mut self, mut current: Box<Current>, mut head: ReplyHead, cx: &mut Context<'_>) -> Step {
        match head.status {
            405 => head.fields.push((const { Name::from_static("Allow") }, ALLOW)),
            503 => head.fields.push((const { Name::from_static("Retry-After") }, const { Text::from_static("1") })),
            status if LAST.contains(&status) => current.keep_alive = false,
            _ => {}
        }
        if !current.in_error_page {
            let pages = Arc::clone(&current.route.settings);
            if let Some(page) = pages.error_pages.iter().find(|page| page.codes.contains(&head.status)) {
                return self.configured_page(current, head, page, cx);
            }
        }
        head.status = current.error_status.unwrap_or(head.status);
        self.built_in_page(current, head, cx)
    }

    fn built_in_page(&mut self, current: Box<Current>, mut head: ReplyHead, cx: &mut Context<'_>) -> Step {
        if let Some(location) = &head.location {
            head.location = self.absolute(location, &current);
        }
        let body = match head.status {
            ..300 => Vec::new(),
            status => error_page::page(status, tokens(&current)),
        };
        head.content_type = (!body.is_empty()).then_some(const { Text::from_static(error_page::CONTENT_TYPE) });
        self.send_whole(current, head, body, cx)
    }

    /// `error_page`: another path inside, a named location, or a URL elsewhere.
    fn configured_page(
        &mut self,
        mut current: Box<Current>,
        mut head: ReplyHead,
        page: &ErrorPage,
        cx: &mut Context<'_>,
    ) -> Step {
        let uri = route::expand(&page.uri, &self.view(&current, cx));
        current.in_error_page = true;
        current.error_status = match page.answer {
            ErrorPageStatus::Keep => Some(head.status),
            ErrorPageStatus::Set(status) => Some(status),
            ErrorPageStatus::FromPage => None,
        };
        match uri.first() {
            Some(b'/') => {
                let path = uri.split(|b| *b == b'?').next().unwrap_or_default();
                match target::normalize(path, true) {
                    Ok(path) => {
                        let path = path.into_owned();
                        return self.redirect(current, path, cx);
                    }
                    Err(error) => cx.log(Level::Error, format_args!("error_page: {}", error.reason())),
                }
            }
            Some(b'@') => {
                let named = std::str::from_utf8(&uri).ok().and_then(|n| Route::to_named(&current.route.server, n));
                if let Some(route) = named {
                    current.route = route;
                    return self.ask_here(current, cx);
                }
                cx.log(Level::Error, format_args!("error_page: there is no location {}", uri.escape_ascii()));
            }
            _ => match Text::from_vec(uri) {
                Ok(location) => {
                    head.location = Some(location);
                    head.status = match page.answer {
                        ErrorPageStatus::Set(status @ (301 | 302 | 303 | 307 | 308)) => status,
                        _ => 302,
                    };
                }
                Err(error) => cx.log(Level::Error, format_args!("error_page: {error}")),
            },
        }
        self.built_in_page(current, head, cx)
    }

    /// A directory's URL with its slash.
    pub(super) fn add_slash(&mut self, current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let mut location = target::escape_path(&current.path).into_owned();
        location.push(b'/');
        if let Some(query) = current.request.as_ref().and_then(|r| r.query()) {
            location.push(b'?');
            location.extend_from_slice(query);
        }
        let location = Text::from_vec(location).ok();
        self.page(current, ReplyHead { location, ..ReplyHead::new(301) }, cx)
    }

    /// A path becomes a whole URL: with the host that the client asked for, or else the server's name, and our port.
    fn absolute(&self, location: &Text, current: &Current) -> Option<Text> {
        if location.as_bytes().first() != Some(&b'/') {
            return Some(location.clone());
        }
        let name = current.route.server.name();
        let host = current.request.as_ref().and_then(|r| r.host()).unwrap_or(name.as_bytes());
        let mut url = [b"http://", host].concat();
        match &*self.local {
            Address::Inet(local) if host.is_empty() => url.extend_from_slice(local.to_string().as_bytes()),
            Address::Inet(local) if local.port() != 80 => {
                url.extend_from_slice(format!(":{}", local.port()).as_bytes());
            }
            _ => {}
        }
        url.extend_from_slice(location.as_bytes());
        Text::from_vec(url).ok()
    }

    /// An answer whose whole body is at hand.
    pub(super) fn send_whole(
        &mut self,
        mut current: Box<Current>,
        head: ReplyHead,
        body: Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Step {
        if !current.body.is_finished() && !current.body.is_nearly_finished() {
            current.keep_alive = false;
            current.body.give_up();
        }
        let mut bytes = self.head(&mut current, &head, BodyEnd::Length(body.len() as u64), None, cx);
        if !current.head_only {
            bytes.extend_from_slice(&body);
        }
        let output = &mut cx.exchange().output;
        output.push_bytes(bytes);
        current.output_end = output.taken_bytes() + output.len();
        current.stage = Stage::Sent;
        self.current = Some(current);
        Step::Again
    }

    /// What the variables are made of.
    pub(super) fn view<'a>(&'a self, current: &'a Current, cx: &'a Context<'_>) -> View<'a> {
        let x = cx.exchange.as_deref();
        let taken = x.map_or(0, |x| x.output.taken_bytes());
        let sent = taken.min(current.output_end).saturating_sub(current.output_start);
        View {
            request: current.request.as_deref(),
            request_line: current.request.as_ref().map_or(&current.bad_line, |r| r.line()),
            path: &current.path,
            server: &current.route.server,
            settings: &current.route.settings,
            client: x.and_then(|x| x.subject.client.as_ref()),
            local: &self.local,
            wall: clock::wall(),
            status: current.status,
            body_bytes_sent: sent.saturating_sub(current.head_bytes),
            bytes_sent: sent,
            request_bytes: current.request_head_bytes + current.body.bytes,
            elapsed: cx.now.saturating_duration_since(current.started),
            connection: self.connection,
            connection_requests: current.number,
            pipelined: current.pipelined,
            sent_head: &current.sent_head,
            request_id: route::request_id(cx.worker.team.number(), self.connection, current.number),
        }
    }
}

/// The server's name as `server_tokens` wants it told.
pub(super) fn tokens(current: &Current) -> &'static str {
    if current.route.settings.server_tokens { TOKENS } else { NO_TOKENS }
}
