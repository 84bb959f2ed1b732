//! Answers from the worker's cache of open files, without a handler.

use super::document::document;
use super::fields::{add_charset, has_kept_fields, tokens};
use super::next::Next;
use super::respond::respond;
use crate::config::{Expires, GzipStatic};
use crate::connection::{CachedFile, Content, Made, Response, Transaction};
use crate::http::{Known, Method, ReplyHead, accept};
use crate::task::Work;
use crate::worker::{CacheKey, CachedAnswer};
use std::borrow::Cow;
use std::rc::Rc;

/// Whether a compressed copy of the file may be sent.
pub(super) fn takes_gzip(t: &Transaction) -> bool {
    match t.settings().gzip_static {
        GzipStatic::Off => false,
        GzipStatic::On => t.http.request.as_ref().is_some_and(|r| accept::accepts_coding(&r.fields, b"gzip")),
        GzipStatic::Always => true,
    }
}

/// Whether the response may come from the cache and be stored there.
pub(super) fn keeps(t: &Transaction) -> bool {
    t.http.method().is_some_and(Method::reads) && t.settings().open_file_cache.is_on()
}

/// Answers with the cached file for this path. Returns `None` if it is not cached, or
/// may have changed.
pub(super) fn from_cache(w: &mut Work<'_>) -> Option<Next> {
    if !keeps(w.t) {
        return None;
    }
    let gzip = takes_gzip(w.t);
    let key = CacheKey { settings: &w.t.route.settings, path: w.t.http.path(), gzip };
    let kept = w.worker.files.find(key, w.now)?;
    let CachedAnswer::File(file) = &kept.answer else { return None };
    if let Some(index) = &file.index {
        w.t.http.add_index(index);
    }
    let now_secs = w.worker.date.wall(w.now).secs;
    if is_plain(w.t, &file.head, now_secs) {
        w.t.http.status = Some(file.head.status);
        return Some(respond(w, Response::Cached(Rc::clone(file))));
    }
    Some(document(w, file.head.clone(), Some(file.source.clone())))
}

/// Whether the cache has a file for this path, and nothing has changed since.
pub(super) fn has_file(w: &mut Work<'_>) -> bool {
    let gzip = takes_gzip(w.t);
    let key = CacheKey { settings: &w.t.route.settings, path: w.t.http.path(), gzip };
    keeps(w.t) && w.worker.files.find(key, w.now).is_some_and(|kept| matches!(kept.answer, CachedAnswer::File(_)))
}

/// The head of a cached file when it is sent for the first time.
pub fn first_head(file: &CachedFile, t: &Transaction) -> Made {
    let settings = t.settings();
    let seekable = file.head.seekable && settings.max_ranges != Some(0);
    let mut head = ReplyHead { seekable, ..file.head.clone() };
    add_charset(settings, &mut head);
    let content = Content::Here(file.source.part(0..head.length.unwrap_or_default()));
    Made { head, server: Cow::Borrowed(tokens(settings)), content_range: None, content }
}

/// Whether `limit_rate` may hold for the response.
fn is_paced(t: &Transaction) -> bool {
    t.settings().limits.rate.rate.is_some() || t.http.rare.is_made() && t.http.rare.limited.rate.is_some()
}

/// Whether the response is the whole file, with a head that does not depend on the request. (`error_status` is only set
/// in an error page.)
fn is_plain(t: &Transaction, head: &ReplyHead, now_secs: i64) -> bool {
    const CONDITIONS: [Known; 6] = [
        Known::IfMatch,
        Known::IfModifiedSince,
        Known::IfNoneMatch,
        Known::IfRange,
        Known::IfUnmodifiedSince,
        Known::Range,
    ];
    let settings = t.settings();
    let has_conditions = || t.http.request.as_ref().is_some_and(|request| request.fields.has_any(&CONDITIONS));
    let is_added_to =
        settings.userid.mode.gives() || !matches!(settings.expires, Expires::Off) || !settings.add_headers.is_empty();
    // A date that is not over yet is not sent, or replaced in each response.
    let is_past = head.last_modified_secs < Some(now_secs);
    is_past && !is_added_to && !t.http.in_error_page && !is_paced(t) && !has_kept_fields(t) && !has_conditions()
}
