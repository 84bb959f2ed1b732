//! A file that the worker keeps is sent from memory: no handler is asked.

use super::answer::end_handlers;
use super::current::Current;
use super::head::{decide, head_made};
use super::{Context, Http1, Step};
use crate::config::{Expires, GzipStatic, UseridMode};
use crate::http::print::{BodyEnd, Printed};
use crate::http::{Known, Method, ReplyHead, accept};
use crate::worker::{CacheKey, CachedAnswer, CachedFile};

/// Whether a compressed copy of the file will do.
pub(super) fn takes_gzip(current: &Current) -> bool {
    match current.route.settings.gzip_static {
        GzipStatic::Off => false,
        GzipStatic::On => current.request.as_ref().is_some_and(|r| accept::accepts_coding(&r.fields, b"gzip")),
        GzipStatic::Always => true,
    }
}

/// Whether the answer may be one that was kept, and may be kept.
pub(super) fn keeps(current: &Current) -> bool {
    current.method().is_some_and(Method::reads) && current.route.settings.open_file_cache.is_on()
}

impl Http1 {
    /// Answers with what the worker keeps for this path. Gives the request back if it has nothing, or cannot be certain
    /// that it still holds.
    pub(super) fn answer_from_cache(
        &mut self,
        mut current: Box<Current>,
        cx: &mut Context<'_>,
    ) -> Result<Step, Box<Current>> {
        if !keeps(&current) {
            return Err(current);
        }
        let gzip = takes_gzip(&current);
        let place = CacheKey { settings: &current.route.settings, path: current.path(), gzip };
        let Some(kept) = cx.worker.files.find(place, cx.now) else { return Err(current) };
        let CachedAnswer::File(file) = &kept.answer else { return Err(current) };
        if let Some(index) = &file.index {
            current.add_index(index);
        }
        let now_secs = cx.worker.date.wall(cx.now).secs;
        if is_plain(&current, &file.head, now_secs) {
            return Ok(self.send_kept(current, file, now_secs, cx));
        }
        self.document(current, file.head.clone(), Some(file.source.clone()), cx);
        Ok(Step::Again)
    }

    /// Sends a file with the head that it had before, and today's date.
    fn send_kept(&mut self, mut current: Box<Current>, file: &CachedFile, now_secs: i64, cx: &mut Context<'_>) -> Step {
        decide(&mut current, cx);
        let printed = &file.printed[usize::from(current.keep_alive)];
        let bytes = file.head.length.unwrap_or_default();
        let head = match printed.get() {
            Some(printed) => {
                let mut head = cx.worker.buffers.take(0);
                printed.push(&mut head, &cx.worker.date.text(now_secs));
                current.status = file.head.status;
                head_made(&mut current, &head, cx);
                head
            }
            None => {
                let seekable = file.head.seekable && current.route.settings.max_ranges != Some(0);
                let first = ReplyHead { seekable, ..file.head.clone() };
                let head = self.head(&mut current, first, BodyEnd::Length(bytes), None, cx);
                if let Some(made) = Printed::new(&head) {
                    let _ = printed.set(made); // it was empty
                }
                head
            }
        };
        end_handlers(cx);
        self.send_at_hand(current, head, file.source.part(0..bytes), cx)
    }
}

/// Whether this request gets the file as any other does: whole, with nothing in its head that depends on the client.
fn is_plain(current: &Current, head: &ReplyHead, now_secs: i64) -> bool {
    const CONDITIONS: [Known; 6] = [
        Known::IfMatch,
        Known::IfModifiedSince,
        Known::IfNoneMatch,
        Known::IfRange,
        Known::IfUnmodifiedSince,
        Known::Range,
    ];
    let settings = &current.route.settings;
    let has_conditions = || current.request.as_ref().is_some_and(|request| request.fields.has_any(&CONDITIONS));
    let is_added_to =
        settings.userid.mode == UseridMode::On || settings.expires != Expires::Off || !settings.add_headers.is_empty();
    // A file from the future has changed now, whenever that is.
    let is_past = head.last_modified_secs <= Some(now_secs);
    is_past && !is_added_to && !current.in_error_page && current.error_status.is_none() && !has_conditions()
}
