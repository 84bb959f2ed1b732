//! `$invalid_referer`.

use super::View;
use super::escape::push_escaped;
use crate::config::Escape;
use crate::http::Known;

/// Appends "1" if `valid_referers` does not take the Referer.
#[inline(never)]
pub(super) fn push_invalid_referer(out: &mut Vec<u8>, view: &View<'_>, how: Escape) {
    let is_own = |host: &[u8]| {
        let named = view.identity.listener.configured.hosts.named(host);
        named.is_some_and(|server| server.route == view.server().route)
    };
    let referer = view.request().and_then(|request| request.fields.get(Known::Referer));
    let valid = view.settings().links.valid_referers.as_ref();
    let is_invalid = valid.is_some_and(|valid| !valid.takes(referer, is_own));
    push_escaped(out, if is_invalid { b"1" } else { b"" }, how);
}
