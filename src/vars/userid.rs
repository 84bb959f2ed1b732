//! `$uid_got` and `$uid_set`: identifiers of visitors.

use super::View;
use super::escape::push_escaped;
use crate::config::{Escape, UseridMode};
use crate::http::userid::UserId;

/// Appends the identifier that the client has sent (`userid`).
#[inline(never)]
pub(super) fn push_got_userid(out: &mut Vec<u8>, view: &View<'_>, how: Escape) {
    let request = view.request().filter(|_| view.settings().userid.mode != UseridMode::Off);
    let got = request.and_then(|request| UserId::find(&request.fields, &view.settings().userid.cookie.name));
    push_userid(out, view, got.map(|sent| sent.id), how);
}

/// Appends the identifier that the response gives to the client (`userid`).
#[inline(never)]
pub(super) fn push_set_userid(out: &mut Vec<u8>, view: &View<'_>, how: Escape) {
    push_userid(out, view, view.userid(), how);
}

/// Appends an identifier in nginx's format: "uid=0100007F00BDE3650403020108070605".
#[inline(never)]
fn push_userid(out: &mut Vec<u8>, view: &View<'_>, id: Option<UserId>, how: Escape) {
    let shown = id.map(|id| format!("{}={id}", view.settings().userid.cookie.name));
    push_escaped(out, shown.unwrap_or_default().as_bytes(), how);
}
