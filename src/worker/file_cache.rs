//! What a worker keeps of the files that it has served, and how it knows that it still holds.
//!
//! **The guarantee:** a request is answered as if the files were looked at after it was sent. A change that was
//! complete before the last byte of a request was sent is seen by its answer. For that
//! - all that leads to a file is watched *before* the file is opened: each directory and symbolic link on its path, the
//!   file itself, and the directories in which a name that would come first is missing (see
//!   `task/file/file_read/dependencies.rs`);
//! - nothing is answered from here unless [`Changes::is_quiet`]: the kernel has told all that happened before the read
//!   that brought the request.
//!
//! inotify does not tell of three things, which are seen after `open_file_cache_valid` at the latest: bytes that are
//! written through a mapping (until the writer unmaps and closes the file), a file system that is mounted over a part
//! of the path, and changes below an overlayfs. Files that lie on a network's file system are not kept.

use crate::cache::{Cache, CacheEntry, CacheLimits, Dependency};
use crate::config::Settings;
use crate::connection::CachedFile;
use std::collections::HashMap;
use std::ffi::CStr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::changes::{Aspects, Change, Changes, Watched, tells_changes};
use webserv_sys::{Error, Moment, Result};

/// How long nothing new is kept after the kernel would not watch more.
const PAUSE: Duration = Duration::from_secs(60);

/// Requests after which it is tried again to keep something that could not be kept.
const PUT_OFF_USES: i64 = 1000;

/// The files of one worker.
#[derive(Default)]
pub struct FileCache {
    kept: Cache<Rc<Cached>>,
    /// How often the files that are not kept have been asked for.
    asked: Cache<i64>,
    changes: Option<Rc<Changes>>,
    /// The kernel watches no more for us until then.
    paused_until: Option<Moment>,
    /// Whether all changes are told, by the device's number.
    devices: HashMap<u64, bool>,
    /// Someone will call [`FileCache::drop_idle`].
    timed: bool,
    /// The key of the last place: its memory is used again.
    key: Vec<u8>,
}

/// What is asked for: a path of the URL, at a place of the configuration.
#[derive(Clone, Copy)]
pub struct CacheKey<'a> {
    /// What holds there. Each location has settings of its own, so they say which one it is.
    pub settings: &'a Arc<Settings>,
    /// The path, decoded and normalized.
    pub path: &'a [u8],
    /// A compressed copy of the file will do.
    pub gzip: bool,
}

/// An answer that was given once, and can be given again as long as nothing has changed.
pub struct Cached {
    /// The answer.
    pub answer: CachedAnswer,
    until: Moment,
    /// As long as these are held no others can have the same place in memory, which is a part of the key.
    _settings: Arc<Settings>,
}

/// The answer itself.
pub enum CachedAnswer {
    /// This file.
    File(Rc<CachedFile>),
    /// The file does not exist.
    Error(Error),
}

impl FileCache {
    /// The kept answer for this key. It makes no system call; returns None while an inotify event is unread.
    pub fn find(&mut self, place: CacheKey<'_>, now: Moment) -> Option<Rc<Cached>> {
        if !self.changes.as_ref()?.is_quiet() {
            return None;
        }
        self.set_key(place);
        let kept = self.kept.get(&self.key, now)?;
        if now < kept.until {
            return Some(Rc::clone(kept));
        }
        self.kept.remove(&self.key);
        None
    }

    /// The same, after reading the queued events.
    pub fn ask(&mut self, place: CacheKey<'_>, now: Moment) -> Option<Rc<Cached>> {
        if self.kept.is_empty() {
            return None;
        }
        if !self.changes.as_ref()?.is_quiet() {
            self.catch_up();
        }
        self.set_key(place);
        self.kept.get(&self.key, now).filter(|kept| now < kept.until).cloned()
    }

    /// Reads the queued events, and drops the entries that depend on what has changed.
    pub fn catch_up(&mut self) {
        let Some(changes) = &self.changes else { return };
        let kept = &mut self.kept;
        changes.take(|change| match change {
            Change::Of(watched) => kept.change(watched, b""),
            Change::In(watched, name) => kept.change(watched, name),
            Change::Gone(watched) => kept.lose(watched),
            Change::Anything => kept.clear(),
        });
        self.forget_unwatched();
    }

    /// Whether what is now found at this place is to be kept: it is asked for often enough, and changes are told.
    pub fn wants(&mut self, place: CacheKey<'_>, now: Moment) -> bool {
        let settings = place.settings.open_file_cache;
        if self.paused_until.is_some_and(|until| now < until) {
            return false;
        }
        self.set_key(place);
        let asked = self.asked.get(&self.key, now).map_or(0, |count| *count);
        asked.saturating_add(1) >= settings.min_uses as i64
    }

    /// Something was found at this place, and is not kept.
    pub fn count(&mut self, place: CacheKey<'_>, now: Moment) {
        self.set_key(place);
        match self.asked.get(&self.key, now) {
            Some(count) => *count += 1,
            None => self.set_count(place, 1, now),
        }
    }

    /// What was found at this place cannot be kept: for long it is not tried again.
    pub fn put_off(&mut self, place: CacheKey<'_>, now: Moment) {
        self.set_key(place);
        self.set_count(place, -PUT_OFF_USES, now);
    }

    fn set_count(&mut self, place: CacheKey<'_>, count: i64, now: Moment) {
        let settings = place.settings.open_file_cache;
        let limits = CacheLimits { entries_max: settings.files_max, bytes_max: usize::MAX };
        let entry =
            CacheEntry { value: count, bytes: self.key.len(), idle_max: settings.inactive, depends: Vec::new() };
        self.asked.insert(&self.key, entry, limits, now);
    }

    /// The watcher of changes. True: it has just been made, and a task must read its events.
    ///
    /// # Errors
    /// Those of [`Changes::open`]. Then, and for a while, nothing is wanted.
    pub fn changes(&mut self, now: Moment) -> Result<(Rc<Changes>, bool)> {
        if let Some(changes) = &self.changes {
            return Ok((Rc::clone(changes), false));
        }
        let changes = Changes::open().map(Rc::new).inspect_err(|_| self.pause(now))?;
        self.changes = Some(Rc::clone(&changes));
        Ok((changes, true))
    }

    /// Watches what a path names, as [`Changes::watch`].
    ///
    /// # Errors
    /// As there.
    pub fn watch(&self, path: &CStr, aspects: Aspects) -> Result<Watched> {
        match &self.changes {
            Some(changes) => changes.watch(path, aspects),
            None => Err(Error::not_found("inotify_add_watch")),
        }
    }

    /// Whether all changes of what a path leads to are told, where `device` is the number of its file system.
    ///
    /// # Errors
    /// Those of statfs(2).
    pub fn tells_changes(&mut self, path: &CStr, device: u64) -> Result<bool> {
        if let Some(tells) = self.devices.get(&device) {
            return Ok(*tells);
        }
        let tells = tells_changes(path)?;
        self.devices.insert(device, tells);
        Ok(tells)
    }

    /// Nothing more is kept for a while: the kernel does not watch it.
    pub fn pause(&mut self, now: Moment) {
        self.paused_until = Some(now.after(PAUSE));
    }

    /// Keeps an answer. Returns after which time [`drop_idle`](Self::drop_idle) must be called, if nobody was told yet.
    pub fn keep(
        &mut self,
        place: CacheKey<'_>,
        answer: CachedAnswer,
        depends: Vec<Dependency>,
        now: Moment,
    ) -> Option<Duration> {
        let settings = place.settings.open_file_cache;
        self.set_key(place);
        self.asked.remove(&self.key);
        let bytes = match &answer {
            CachedAnswer::File(file) => file.source.memory_bytes(),
            CachedAnswer::Error(_) => 0,
        };
        let kept = Cached { answer, until: now.after(settings.valid), _settings: Arc::clone(place.settings) };
        let entry = CacheEntry { value: Rc::new(kept), bytes, idle_max: settings.inactive, depends };
        let limits = CacheLimits { entries_max: settings.files_max, bytes_max: settings.bytes_max };
        self.kept.insert(&self.key, entry, limits, now);
        self.forget_unwatched();
        (!std::mem::replace(&mut self.timed, true)).then_some(settings.inactive)
    }

    /// These were watched for something that is not kept.
    pub fn release(&mut self, depends: Vec<Dependency>) {
        self.kept.release(depends.into_iter().map(|dependency| dependency.on));
        self.forget_unwatched();
    }

    /// Drops what nobody has asked for since long. True: there is more, for the next time.
    pub fn drop_idle(&mut self, now: Moment) -> bool {
        self.kept.drop_idle(now);
        self.asked.drop_idle(now);
        self.forget_unwatched();
        self.timed = !self.kept.is_empty();
        self.timed
    }

    /// Drops everything. True: there was something.
    pub fn clear(&mut self) -> bool {
        let kept_any = !self.kept.is_empty();
        self.kept.clear();
        self.asked.clear();
        self.devices.clear();
        self.paused_until = None;
        self.forget_unwatched();
        kept_any
    }

    fn forget_unwatched(&mut self) {
        if let Some(changes) = &self.changes {
            self.kept.take_unwatched().into_iter().for_each(|watched| changes.forget(watched));
        }
    }

    fn set_key(&mut self, place: CacheKey<'_>) {
        self.key.clear();
        self.key.extend_from_slice(&(Arc::as_ptr(place.settings) as usize).to_ne_bytes());
        self.key.push(place.gzip.into());
        self.key.extend_from_slice(place.path);
    }
}
