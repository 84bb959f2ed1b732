//! What FileRead has to do with the files that its worker keeps: it looks there first, and adds what it finds.

use super::dependencies::Dependencies;
use super::{FileRead, read_exactly};
use crate::cache::Dependency;
use crate::connection::{Answer, CachedFile, DocumentSource, Outcome};
use crate::engine::Flow;
use crate::http::ReplyHead;
use crate::log::Level;
use crate::task::Context;
use crate::task::file::FileChange;
use crate::task::{Job, Timer};
use crate::worker::{CacheKey, Cached, CachedAnswer};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use webserv_sys::Error;

impl FileRead {
    fn place(&self) -> CacheKey<'_> {
        CacheKey { settings: &self.wanted.settings, path: &self.wanted.url_path, gzip: self.wanted.gzip }
    }

    /// The answer that is kept for this request, after a look at what has changed.
    pub(super) fn ask_cache(&self, cx: &mut Context<'_>) -> Option<Rc<Cached>> {
        if !self.wanted.keeps {
            return None;
        }
        cx.worker.files.ask(self.place(), cx.now)
    }

    /// Answers as it was answered before.
    pub(super) fn answer_again(&self, kept: &Cached, cx: &mut Context<'_>) -> Flow {
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

    /// Something to note what the answer depends on, if it is worth keeping.
    pub(super) fn trail<'c>(&self, cx: &'c mut Context<'_>) -> Option<Dependencies<'c>> {
        if !self.wanted.keeps || !cx.worker.files.wants(self.place(), cx.now) {
            return None;
        }
        match cx.worker.files.changes(cx.now) {
            Ok((_, false)) => {}
            Ok((changes, true)) => cx.start(Box::new(FileChange::new(changes))),
            Err(error) => {
                cx.log(Level::Info, format_args!("{error}: no files are kept, since changes would not be seen"));
                return None;
            }
        }
        Some(Dependencies::new(&mut cx.worker.files))
    }

    /// What the answer depends on. `None`: it cannot be kept, or is not to be.
    pub(super) fn end_trail(
        &self,
        trail: Option<(Vec<Dependency>, Option<Error>)>,
        cx: &mut Context<'_>,
    ) -> Option<Vec<Dependency>> {
        let (depends, failed) = trail?;
        let Some(error) = failed else { return Some(depends) };
        cx.worker.files.release(depends);
        if error.is_exhaustion() || error.is_disk_full() {
            let what = "for a minute no more files are kept; fs.inotify.max_user_watches allows more";
            cx.log(Level::Warn, format_args!("{error}: {what}"));
            cx.worker.files.pause(cx.now);
        }
        cx.worker.files.put_off(self.place(), cx.now);
        None
    }

    /// Answers with a file: from memory, if it is kept from now on.
    pub(super) fn answer_document(
        &mut self,
        file: OwnedFd,
        head: ReplyHead,
        index: Option<String>,
        depends: Option<Vec<Dependency>>,
        cx: &mut Context<'_>,
    ) -> Flow {
        let file = Rc::new(file);
        let source = depends.is_some().then(|| self.source(&file, &head)).flatten();
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
                cx.worker.files.put_off(self.place(), cx.now);
            }
            (None, _) if self.wanted.keeps => cx.worker.files.count(self.place(), cx.now),
            (None, _) => {}
        }
        self.file = Some(file);
        Flow::Progress
    }

    /// The file's bytes, as they are kept: short ones in memory, others in the kernel.
    fn source(&self, file: &Rc<OwnedFd>, head: &ReplyHead) -> Option<DocumentSource> {
        let (settings, bytes) = (&self.wanted.settings, head.length?);
        let limits = settings.open_file_cache;
        if bytes <= limits.file_bytes_max.min(limits.bytes_max) as u64 {
            return read_exactly(file, 0..bytes).ok().map(|bytes| DocumentSource::Bytes(Rc::from(bytes)));
        }
        settings.sendfile.then(|| DocumentSource::File(Rc::clone(file)))
    }

    /// Keeps that there is no such file, where that is wanted.
    pub(super) fn keep_error(&self, error: Error, depends: Option<Vec<Dependency>>, cx: &mut Context<'_>) {
        let is_wanted = self.wanted.settings.open_file_cache.errors && error.is_not_found();
        match depends {
            // Of a directory more was looked at than is watched.
            Some(depends) if is_wanted && !self.wanted.path.ends_with(b"/") => {
                self.keep(CachedAnswer::Error(error), depends, cx);
            }
            Some(depends) => cx.worker.files.release(depends),
            None if is_wanted && self.wanted.keeps => cx.worker.files.count(self.place(), cx.now),
            None => {}
        }
    }

    fn keep(&self, answer: CachedAnswer, depends: Vec<Dependency>, cx: &mut Context<'_>) {
        if let Some(wait) = cx.worker.files.keep(self.place(), answer, depends, cx.now) {
            cx.start(Box::new(Timer::after(wait, Job::DropIdleFiles)));
        }
    }
}
