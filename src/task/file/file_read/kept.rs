//! How FileRead uses the worker's cache of open files: it looks there first, and adds what it finds.

use super::dependencies::Dependencies;
use super::{FileRead, read_exactly};
use crate::cache::Dependency;
use crate::connection::{Answer, CachedFile, DocumentSource, Outcome};
use crate::engine::Flow;
use crate::http::ReplyHead;
use crate::http::etag::EntityTag;
use crate::log::Level;
use crate::task::Context;
use crate::task::file::FileChange;
use crate::task::{Job, Timer};
use crate::worker::{CacheKey, Cached, CachedAnswer};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use webserv_sys::Error;
use webserv_sys::file;

impl FileRead {
    fn cache_key(&self) -> CacheKey<'_> {
        CacheKey { settings: &self.wanted.settings, path: &self.wanted.url_path, gzip: self.wanted.gzip }
    }

    /// The cached answer for this request. Reads queued inotify events first.
    pub(super) fn ask_cache(&self, cx: &mut Context<'_>) -> Option<Rc<Cached>> {
        if !self.wanted.keeps {
            return None;
        }
        cx.worker.files.catch_up_and_find(self.cache_key(), cx.now)
    }

    /// Answers from the cache.
    pub(super) fn answer_from_cache(&self, kept: &Cached, cx: &mut Context<'_>) -> Flow {
        match &kept.answer {
            CachedAnswer::File(file) => {
                let CachedFile { head, index, source, .. } = &**file;
                let reply = &mut cx.transaction().reply;
                reply.index.clone_from(index);
                reply.source = Some(source.clone());
                reply.outcome = Some(Outcome::Answer(Answer::Document(head.clone())));
                Flow::Done
            }
            CachedAnswer::Error(error) => self.answer_error(*error, None, cx),
        }
    }

    /// Starts to watch the paths of this request. Returns `None` if the answer will not be cached.
    pub(super) fn begin_dependencies<'c>(&self, cx: &'c mut Context<'_>) -> Option<Dependencies<'c>> {
        if !self.wanted.keeps || !cx.worker.files.wants(self.cache_key(), cx.now) {
            return None;
        }
        match cx.worker.files.changes(cx.now) {
            Ok((_, false)) => {}
            Ok((changes, true)) => cx.start(Box::new(FileChange::new(changes))),
            Err(error) => {
                cx.log(
                    Level::Info,
                    format_args!("{error}: no files are cached, because their changes cannot be watched"),
                );
                return None;
            }
        }
        Some(Dependencies::new(&mut cx.worker.files))
    }

    /// The watches for the cache. Returns `None` if the answer cannot or will not be cached.
    pub(super) fn end_dependencies(
        &self,
        dependencies: Option<(Vec<Dependency>, Option<Error>)>,
        cx: &mut Context<'_>,
    ) -> Option<Vec<Dependency>> {
        let (depends, failed) = dependencies?;
        let Some(error) = failed else { return Some(depends) };
        cx.worker.files.release(depends);
        if error.is_exhaustion() || error.is_disk_full() {
            let what = "no more files are cached for a minute; raise fs.inotify.max_user_watches";
            cx.log(Level::Warn, format_args!("{error}: {what}"));
            cx.worker.files.pause(cx.now);
        }
        cx.worker.files.put_off(self.cache_key(), cx.now);
        None
    }

    /// Answers with a file. A file that is cached from now on is sent from the cache.
    pub(super) fn answer_document(
        &mut self,
        file: OwnedFd,
        head: ReplyHead,
        index: Option<String>,
        depends: Option<Vec<Dependency>>,
        cx: &mut Context<'_>,
    ) -> Flow {
        if self.is_sendable && !cx.worker.refusals.is_empty() {
            self.is_sendable = file::fstat(file.as_fd()).is_ok_and(|stat| !cx.worker.refusals.contains(stat.device));
        }
        let file = Rc::new(file);
        // The head of a kept file is made once: one whose entity tag is only for this answer is not kept.
        let is_new = head.etag.as_ref().and_then(|tag| EntityTag::parse(tag.as_bytes())).is_some_and(|tag| tag.weak);
        let source = depends.as_ref().filter(|_| !is_new).and_then(|_| self.source(&file, &head));
        let reply = &mut cx.transaction().reply;
        reply.outcome = Some(Outcome::Answer(Answer::Document(head.clone())));
        reply.index.clone_from(&index);
        reply.source.clone_from(&source);
        match (depends, source) {
            (Some(depends), Some(source)) => {
                self.keep(CachedAnswer::File(Rc::new(CachedFile::new(head, index, source))), depends, cx);
                return Flow::Done;
            }
            (Some(depends), None) => {
                cx.worker.files.release(depends);
                if !is_new {
                    cx.worker.files.put_off(self.cache_key(), cx.now);
                }
            }
            (None, _) if self.wanted.keeps => cx.worker.files.count(self.cache_key(), cx.now),
            (None, _) => {}
        }
        self.file = Some(file);
        Flow::Progress
    }

    /// The source of a cached file: its bytes in memory if it is short, else the open file.
    fn source(&self, file: &Rc<OwnedFd>, head: &ReplyHead) -> Option<DocumentSource> {
        let (settings, bytes) = (&self.wanted.settings, head.length?);
        let limits = settings.open_file_cache;
        if bytes <= limits.file_bytes_max.min(limits.bytes_max) as u64 {
            return read_exactly(file, 0..bytes).ok().map(|bytes| DocumentSource::Bytes(Rc::from(bytes)));
        }
        self.is_sendable.then(|| DocumentSource::File(Rc::clone(file)))
    }

    /// Caches that the file is missing (`open_file_cache_errors`).
    pub(super) fn keep_error(&self, error: Error, depends: Option<Vec<Dependency>>, cx: &mut Context<'_>) {
        let is_wanted = self.wanted.settings.open_file_cache.errors && error.is_not_found();
        match depends {
            // The check of a directory looks at more than the watched paths.
            Some(depends) if is_wanted && !self.wanted.path.ends_with(b"/") => {
                self.keep(CachedAnswer::Error(error), depends, cx);
            }
            Some(depends) => cx.worker.files.release(depends),
            None if is_wanted && self.wanted.keeps => cx.worker.files.count(self.cache_key(), cx.now),
            None => {}
        }
    }

    fn keep(&self, answer: CachedAnswer, depends: Vec<Dependency>, cx: &mut Context<'_>) {
        if let Some(wait) = cx.worker.files.keep(self.cache_key(), answer, depends, cx.now) {
            cx.start(Box::new(Timer::after(wait, Job::DropIdleFiles)));
        }
    }
}
