//! `proxy_redirect`: Location and Refresh of a server behind name that server; the client needs this one's names.

use super::super::page;
use crate::config::{Gateway, RewriteFrom, Template};
use crate::http::{ReplyHead, Text};
use crate::log::Level;
use crate::task::Work;
use crate::vars;

/// Rewrites Location and Refresh.
pub(super) fn redirects(w: &mut Work<'_>, gateway: &Gateway, head: &mut ReplyHead) {
    if let Some(location) = &head.location
        && let Some(made) = redirect(w, gateway, location.as_bytes())
    {
        // As in nginx: a path that was rewritten becomes a whole URL, as those of the server's own redirects do.
        let made = text(w, made).and_then(|made| page::redirect_location(&made, w.t, &w.identity.listener.local));
        head.location = made.or(head.location.take());
    }
    let refresh = head.fields.iter().position(|(name, _)| name.is(b"Refresh"));
    let Some(at) = refresh else { return };
    let value = head.fields[at].1.as_bytes().to_vec();
    let Some(url) = url_of_refresh(&value) else { return };
    if let Some(made) = redirect(w, gateway, &value[url..])
        && let Some(text) = text(w, [&value[..url], &made].concat())
    {
        head.fields[at].1 = text;
    }
}

/// Where the URL begins in `5; url=http://...`.
fn url_of_refresh(value: &[u8]) -> Option<usize> {
    let at = value.windows(4).position(|it| it.eq_ignore_ascii_case(b"url="))?;
    Some(at + 4)
}

fn text(w: &mut Work<'_>, value: Vec<u8>) -> Option<Text> {
    match Text::from_vec(value) {
        Ok(text) => Some(text),
        Err(error) => {
            w.log(Level::Error, format_args!("proxy_redirect: {error}"));
            None
        }
    }
}

/// What becomes of a URL; `None` if nothing does.
fn redirect(w: &mut Work<'_>, gateway: &Gateway, url: &[u8]) -> Option<Vec<u8>> {
    let rules = &gateway.rules.proxy.redirects;
    rules.iter().find_map(|rule| replaced(w, &rule.from, &rule.to, url))
}

/// The text with its beginning, or what an expression matches, replaced.
pub(super) fn replaced(w: &mut Work<'_>, from: &RewriteFrom, to: &Template, text: &[u8]) -> Option<Vec<u8>> {
    let view = w.worker.view(w.identity, w.t, w.now);
    match from {
        RewriteFrom::Text(from) => {
            let rest = text.strip_prefix(&vars::expand(from, &view)[..])?;
            Some([&vars::expand(to, &view)[..], rest].concat())
        }
        RewriteFrom::Regex(regex) => vars::matches(&view, regex, text).then(|| vars::expand(to, &view)),
    }
}
