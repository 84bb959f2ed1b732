//! The cache of open files: the files that a worker has served, and how it knows that they have not changed.
//!
//! **The guarantee:** a response is the same as if the files were looked up after the request was sent. A change that
//! was complete before the last byte of a request was sent is seen by its response. For that
//! - everything that a path depends on is watched *before* the file is opened: each directory and symbolic link of the
//!   path, the file itself, and the directories in which a name that has priority is missing (see
//!   `task/file/file_read/dependencies.rs`);
//! - no response comes from the cache unless [`Changes::is_quiet`]: the kernel has reported all changes before the
//!   read(2) that returned the request.
//!
//! inotify(7) does not report three kinds of changes, which are seen after `open_file_cache_valid` at the latest: bytes
//! that are written through a mapping (until the writer unmaps and closes the file), a file system that is mounted over
//! a part of the path, and changes below an overlayfs. Files on network file systems are not cached.

use crate::cache::{Cache, CacheEntry, CacheLimits, Dependency};
use crate::config::Settings;
use crate::connection::{CachedFile, DocumentSource};
use crate::limits::UNWATCHED_PER_TURN;
use std::collections::HashMap;
use std::ffi::CStr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::changes::{Aspects, Change, Changes, Watched, tells_changes};
use webserv_sys::{Error, Moment, Result};

/// How long nothing new is cached after the kernel refused another watch.
const PAUSE: Duration = Duration::from_secs(60);

/// After how many requests it is tried again to cache a file that could not be cached.
const PUT_OFF_USES: i64 = 1000;

/// The cache of one worker.
#[derive(Default)]
pub struct FileCache {
    kept: Cache<Rc<Cached>>,
    /// How often files that are not cached have been requested.
    asked: Cache<i64>,
    changes: Option<Rc<Changes>>,
    /// Until then nothing new is cached, because the kernel refused another watch.
    paused_until: Option<Moment>,
    /// Whether inotify reports all changes of a file system, by device number.
    devices: HashMap<u64, bool>,
    /// A timer will call [`FileCache::drop_idle`].
    timed: bool,
    /// The key of the last lookup, to use its memory again.
    key: Vec<u8>,
}

/// The key of an entry: a URL path in a location.
#[derive(Clone, Copy)]
pub struct CacheKey<'a> {
    /// The settings of the location. Each location has its own, so they identify the location.
    pub settings: &'a Arc<Settings>,
    /// The path, decoded and normalized.
    pub path: &'a [u8],
    /// Whether a compressed copy may be sent.
    pub gzip: bool,
}

/// A cached answer.
pub struct Cached {
    /// The answer.
    pub answer: CachedAnswer,
    until: Moment,
    /// Part of the key is the address of the settings. While they are held, no other settings can have this address.
    _settings: Arc<Settings>,
}

/// A cached answer: a file or an error.
pub enum CachedAnswer {
    /// A file.
    File(Rc<CachedFile>),
    /// The file does not exist.
    Error(Error),
}

impl FileCache {
    /// Returns the cached answer for this key. Makes no system call. Returns `None` while an inotify event is unread.
    pub fn find(&mut self, key: CacheKey<'_>, now: Moment) -> Option<Rc<Cached>> {
        if !self.changes.as_ref()?.is_quiet() {
            return None;
        }
        self.set_key(key);
        let kept = self.kept.get(&self.key, now)?;
        if now < kept.until {
            return Some(Rc::clone(kept));
        }
        self.kept.remove(&self.key);
        None
    }

    /// Returns the cached answer for this key. Reads queued inotify events first.
    pub fn catch_up_and_find(&mut self, key: CacheKey<'_>, now: Moment) -> Option<Rc<Cached>> {
        if self.kept.is_empty() {
            return None;
        }
        if !self.changes.as_ref()?.is_quiet() {
            self.catch_up();
        }
        self.set_key(key);
        self.kept.get(&self.key, now).filter(|kept| now < kept.until).cloned()
    }

    /// Reads queued inotify events and drops the entries that depend on the changes.
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

    /// Whether the answer for this key should be cached: it has been requested often enough, and caching is not paused.
    pub fn wants(&mut self, key: CacheKey<'_>, now: Moment) -> bool {
        let settings = key.settings.open_file_cache;
        if self.paused_until.is_some_and(|until| now < until) {
            return false;
        }
        self.set_key(key);
        let asked = self.asked.get(&self.key, now).map_or(0, |count| *count);
        asked.saturating_add(1) >= settings.min_uses as i64
    }

    /// Counts a request for something that is not cached.
    pub fn count(&mut self, key: CacheKey<'_>, now: Moment) {
        self.set_key(key);
        match self.asked.get(&self.key, now) {
            Some(count) => *count += 1,
            None => self.set_count(key, 1, now),
        }
    }

    /// The answer for this key cannot be cached: does not try again for many requests.
    pub fn put_off(&mut self, key: CacheKey<'_>, now: Moment) {
        self.set_key(key);
        self.set_count(key, -PUT_OFF_USES, now);
    }

    fn set_count(&mut self, key: CacheKey<'_>, count: i64, now: Moment) {
        let settings = key.settings.open_file_cache;
        let limits = CacheLimits { entries_max: settings.files_max, bytes_max: usize::MAX };
        let entry =
            CacheEntry { value: count, bytes: self.key.len(), idle_max: settings.inactive, depends: Vec::new() };
        self.asked.insert(&self.key, entry, limits, now);
    }

    /// The inotify instance. Returns true with a new one: the caller must start a task that reads its events.
    ///
    /// # Errors
    /// The errors of [`Changes::open`]. Then caching is paused.
    pub fn changes(&mut self, now: Moment) -> Result<(Rc<Changes>, bool)> {
        if let Some(changes) = &self.changes {
            return Ok((Rc::clone(changes), false));
        }
        let changes = Changes::open().map(Rc::new).inspect_err(|_| self.pause(now))?;
        self.changes = Some(Rc::clone(&changes));
        Ok((changes, true))
    }

    /// Watches a path: see [`Changes::watch`].
    ///
    /// # Errors
    /// The errors of [`Changes::watch`].
    pub fn watch(&self, path: &CStr, aspects: Aspects) -> Result<Watched> {
        match &self.changes {
            Some(changes) => changes.watch(path, aspects),
            None => Err(Error::not_found("inotify_add_watch")),
        }
    }

    /// Whether inotify reports all changes of this file. `device` is the number of its file system.
    ///
    /// # Errors
    /// The errors of statfs(2).
    pub fn tells_changes(&mut self, path: &CStr, device: u64) -> Result<bool> {
        if let Some(tells) = self.devices.get(&device) {
            return Ok(*tells);
        }
        let tells = tells_changes(path)?;
        self.devices.insert(device, tells);
        Ok(tells)
    }

    /// Pauses caching, because the kernel refused another watch.
    pub fn pause(&mut self, now: Moment) {
        self.paused_until = Some(now.after(PAUSE));
    }

    /// Caches an answer. Returns the time after which [`drop_idle`](Self::drop_idle) must be called, unless a timer
    /// runs already.
    pub fn keep(
        &mut self,
        key: CacheKey<'_>,
        answer: CachedAnswer,
        depends: Vec<Dependency>,
        now: Moment,
    ) -> Option<Duration> {
        let settings = key.settings.open_file_cache;
        self.set_key(key);
        self.asked.remove(&self.key);
        let bytes = match &answer {
            CachedAnswer::File(file) => file.source.memory_bytes(),
            CachedAnswer::Error(_) => 0,
        };
        let kept = Cached { answer, until: now.after(settings.valid), _settings: Arc::clone(key.settings) };
        let entry = CacheEntry { value: Rc::new(kept), bytes, idle_max: settings.inactive, depends };
        let limits = CacheLimits { entries_max: settings.files_max, bytes_max: settings.bytes_max };
        self.kept.insert(&self.key, entry, limits, now);
        self.forget_unwatched();
        (!std::mem::replace(&mut self.timed, true)).then_some(settings.inactive)
    }

    /// Releases watches for something that is not cached.
    pub fn release(&mut self, depends: Vec<Dependency>) {
        self.kept.release(depends.into_iter().map(|dependency| dependency.on));
        self.forget_unwatched();
    }

    /// Drops entries that were not used for `inactive`. Returns the time after which it must be called again, if
    /// anything is left: `inactive`, or at once if there are more watches to remove than one turn may.
    pub fn drop_idle(&mut self, now: Moment, inactive: Duration) -> Option<Duration> {
        self.kept.drop_idle(now);
        self.asked.drop_idle(now);
        self.forget_unwatched();
        let has_more = self.kept.has_unwatched();
        self.timed = has_more || !self.kept.is_empty();
        self.timed.then_some(if has_more { Duration::ZERO } else { inactive })
    }

    /// Frees what a call has lacked. For a lack of descriptors, drops only the entries that hold one: the files in
    /// memory can be sent without a descriptor. Returns true if anything was freed, and the call can be tried again.
    pub fn relieve(&mut self, lack: Error) -> bool {
        if !lack.lacks_descriptors() {
            return lack.is_exhaustion() && self.clear();
        }
        let dropped = self.kept.drop_all_that(|kept| match &kept.answer {
            CachedAnswer::File(file) => matches!(file.source, DocumentSource::File(_)),
            CachedAnswer::Error(_) => false,
        });
        self.forget_unwatched();
        dropped
    }

    /// Drops all entries. Returns true if there were any.
    pub fn clear(&mut self) -> bool {
        let kept_any = !self.kept.is_empty();
        self.kept.clear();
        self.asked.clear();
        self.devices.clear();
        self.paused_until = None;
        self.forget_unwatched();
        kept_any
    }

    /// Removes watches that no entry needs, a bounded number. A watch that is left reports changes that concern nobody.
    fn forget_unwatched(&mut self) {
        if let Some(changes) = &self.changes {
            self.kept.take_unwatched(UNWATCHED_PER_TURN).into_iter().for_each(|watched| changes.forget(watched));
        }
    }

    fn set_key(&mut self, key: CacheKey<'_>) {
        self.key.clear();
        self.key.extend_from_slice(&(Arc::as_ptr(key.settings) as usize).to_ne_bytes());
        self.key.push(key.gzip.into());
        self.key.extend_from_slice(key.path);
    }
}
