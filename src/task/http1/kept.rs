//! A file that the worker keeps is sent from memory: no worker is asked.

use super::current::Current;
use super::{Context, Http1, Step};
use crate::config::GzipStatic;
use crate::http::{Method, accept};
use crate::worker::{KeptAnswer, Place};

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
    matches!(current.method(), Some(Method::Get | Method::Head)) && current.route.settings.open_file_cache.is_on()
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
        let place = Place { settings: &current.route.settings, path: &current.path, gzip };
        let Some(kept) = cx.worker.files.find(place, cx.now) else { return Err(current) };
        let KeptAnswer::File { head, index, source } = &kept.answer else { return Err(current) };
        if let Some(index) = index {
            current.path.extend_from_slice(index.as_bytes()); // as if the client had asked for it
        }
        self.document(current, head.clone(), Some(source.clone()), cx);
        Ok(Step::Again)
    }
}
