//! Answers without a document: refusals, redirects, error pages.

use super::current::Current;
use super::head::{allowed, tokens};
use super::{Context, Http1, Step};
use crate::config::{ErrorPage, ErrorPageStatus};
use crate::http::{ReplyHead, Text, error_page, target};
use crate::log::Level;

use crate::vars;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::net::Address;

/// After these the connection ends: it is not known where the next request begins, or something is wrong here.
const CLOSING_STATUSES: [u16; 8] = [400, 408, 413, 414, 417, 500, 501, 505];

impl Http1 {
    /// Answers with a status and the page that goes with it.
    pub(super) fn refuse(&mut self, current: Box<Current>, status: u16, cx: &mut Context<'_>) -> Step {
        self.page(current, ReplyHead::new(status), cx)
    }

    /// Answers with this head and the page that `error_page` names for its status, or the built-in one.
    pub(super) fn page(&mut self, mut current: Box<Current>, mut head: ReplyHead, cx: &mut Context<'_>) -> Step {
        if CLOSING_STATUSES.contains(&head.status) {
            current.keep_alive = false;
            current.body.give_up();
        }
        if !current.in_error_page {
            let settings = Arc::clone(&current.route.settings);
            if let Some(page) = settings.error_pages.iter().find(|page| page.codes.contains(&head.status)) {
                return self.configured_page(current, head, page, cx);
            }
        }
        // When the error page itself fails, the first error is told, unless the page was to hide it.
        if head.location.is_none() {
            head.status = current.error_status.filter(|status| *status >= 300).unwrap_or(head.status);
        }
        self.built_in_page(current, head, cx)
    }

    fn built_in_page(&mut self, current: Box<Current>, mut head: ReplyHead, cx: &mut Context<'_>) -> Step {
        if let Some(location) = &head.location {
            head.location = self.redirect_location(location, &current);
        }
        let body = match head.status {
            ..300 | 304 => Vec::new(),
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
        let uri = vars::expand(&page.uri, &self.view(&current, cx));
        (current.in_error_page, current.feeds) = (true, false);
        current.rare.allow = (head.status == 405).then(|| allowed(&current));
        current.error_status = match page.answer {
            ErrorPageStatus::Keep => Some(head.status),
            ErrorPageStatus::Set(status) => Some(status),
            ErrorPageStatus::FromPage => None,
        };
        match uri.first() {
            Some(b'/') => {
                let mark = uri.iter().position(|b| *b == b'?');
                let path = &uri[..mark.unwrap_or(uri.len())];
                current.rare.new_query = Some(mark.map(|mark| uri[mark + 1..].to_vec()).unwrap_or_default());
                match target::normalize(path, current.route.settings.merge_slashes) {
                    Ok(path) => {
                        let path = path.into_owned();
                        return self.redirect(current, path, cx);
                    }
                    Err(error) => cx.log(Level::Error, format_args!("error_page: {}", error.reason())),
                }
            }
            Some(b'@') => {
                let named = std::str::from_utf8(&uri).ok();
                let named = named.and_then(|name| self.listener.routes.to_named(&current.route.server, name));
                if let Some(route) = named {
                    current.route = Rc::clone(route);
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
        let mut location = target::escape_path(current.path()).into_owned();
        location.push(b'/');
        if let Some(query) = current.query().filter(|query| !query.is_empty()) {
            location.push(b'?');
            location.extend_from_slice(query);
        }
        let location = Text::from_vec(location).ok();
        self.page(current, ReplyHead { location, ..ReplyHead::new(301) }, cx)
    }

    /// A path of ours becomes a whole URL, as `absolute_redirect` and its kin say: with the host that the client asked
    /// for or the server's name, and our port. It stays a path where no name is known.
    fn redirect_location(&self, location: &Text, current: &Current) -> Option<Text> {
        let redirects = current.route.settings.redirects;
        if !redirects.absolute || location.as_bytes().first() != Some(&b'/') {
            return Some(location.clone());
        }
        let name = Some(current.route.server.name().as_bytes()).filter(|name| !name.is_empty());
        let asked = current.request.as_ref().and_then(|request| request.host());
        let host = if redirects.server_name { name.or(asked) } else { asked.or(name) };
        let mut url = b"http://".to_vec();
        match (host, &self.listener.local) {
            (Some(host), _) => url.extend_from_slice(host),
            (None, Address::Inet(SocketAddr::V4(local))) if !local.ip().is_unspecified() => {
                url.extend_from_slice(local.ip().to_string().as_bytes());
            }
            (None, Address::Inet(SocketAddr::V6(local))) if !local.ip().is_unspecified() => {
                url.extend_from_slice(format!("[{}]", local.ip()).as_bytes());
            }
            (None, _) => return Some(location.clone()),
        }
        if let Address::Inet(local) = &self.listener.local
            && redirects.port
            && local.port() != 80
        {
            url.extend_from_slice(format!(":{}", local.port()).as_bytes());
        }
        url.extend_from_slice(location.as_bytes());
        Text::from_vec(url).ok()
    }
}
