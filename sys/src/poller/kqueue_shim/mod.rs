//! An emulation of kqueue(2) on Linux, for tests: `kqueue.rs` runs on it in the suite of behaviours and, with the cargo
//! feature `kqueue-shim`, in the whole server. Not for production: it makes a dozen system calls where kqueue makes
//! one.
//!
//! It has the pitfalls of kqueue(2):
//! - Changes are applied even if the wait after them is interrupted.
//! - An error of a change is reported as an event with `EV_ERROR` if there is room, and then there are no other events;
//!   without room the call fails. `EV_RECEIPT` requests such an event for each change.
//! - Closing a descriptor removes its knotes without an event; a late `EV_DELETE` fails with `ENOENT` or `EBADF`.
//! - Without room for a receipt, the call returns, and the changes after it are dropped.
//! - A second `EV_ADD` changes the user data, but neither `EV_CLEAR` nor that the knote is disabled.
//! - `NOTE_EXIT` for a child that has ended fails with `ESRCH`, as on macOS and OpenBSD (FreeBSD fires at once). It
//!   fires once. Some children are told, or refused with `ESRCH`, while they still run: see `Sources::open_process`.
//! - A signal that is pending when its knote is added is not told, nor one for a thread. See `signals`.
//! - `EV_EOF` of a socket's read side is set after a half-close, also if there are bytes left; of its write side, also
//!   after this side's own shutdown(2). Only sockets have an error in `fflags`.
//! - A socket that was never connected is silent.
//! - The write end of a pipe without a reader cannot be added.
//! - A forked child does not inherit a kqueue: the descriptor is `EBADF` there.
//!
//! A queue is an epoll descriptor that contains two others, one per direction, because an epoll set has a descriptor
//! only once, but a descriptor has two knotes. Their entries are one-shot and are armed again after each event. So an
//! entry of a closed descriptor that is still open in a forked child fires at most once, and is then known to be stale.

mod descriptors;
mod knote;
mod signals;
#[cfg(test)]
mod tests;

pub use signals::take_pending;

use super::ffi::kqueue::*;
use super::ffi::linux::*;
use knote::{Knote, Sources};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Flags that kqueue.rs does not use.
pub(super) const EV_ENABLE: Flags = 0x0004;
pub(super) const EV_DISABLE: Flags = 0x0008;
pub(super) const EV_ONESHOT: Flags = 0x0010;

/// An error number.
type Errno = i32;

/// Identifies a knote: the filter, and the descriptor, process or signal.
type Key = (Filter, usize);

/// One kqueue.
struct Queue {
    /// The descriptor of the queue. The caller owns it, and may close it at any time.
    epoll: ManuallyDrop<OwnedFd>,
    /// The process that opened it.
    owner: u32,
    /// The identity of the descriptor when it was opened. All epoll descriptors have the same identity.
    identity: knote::Identity,
    sources: Sources,
    knotes: BTreeMap<Key, Knote>,
    /// The knote of each id in epoll's user data. Ids are not reused, so the id of a removed knote finds nothing.
    ids: BTreeMap<u64, Key>,
    last_id: u64,
    /// Knotes with changes of a file that were not delivered yet.
    changed: BTreeSet<Key>,
    /// Knotes that epoll reported and kqueue(2) does not: asked again in the next call.
    silent: Vec<Key>,
}

/// All queues by descriptor. A queue whose descriptor was closed is removed when the next queue is opened.
static QUEUES: Mutex<BTreeMap<RawFd, Arc<Mutex<Queue>>>> = Mutex::new(BTreeMap::new());

/// kqueue(2).
///
/// # Safety
/// No requirements; it is unsafe only because the real function is.
pub unsafe fn kqueue() -> c_int {
    let new = || -> crate::Result<c_int> {
        let epoll = epoll_create1(EPOLL_CLOEXEC)?;
        let sources = Sources::new(&epoll)?;
        let number = epoll.into_raw_fd();
        // SAFETY: the number is an open descriptor, and ManuallyDrop leaves its closing to the caller.
        let epoll = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(number) });
        let queue = Queue {
            epoll,
            owner: std::process::id(),
            identity: knote::identity(number as usize).expect("open"),
            sources,
            knotes: BTreeMap::new(),
            ids: BTreeMap::new(),
            last_id: 0,
            changed: BTreeSet::new(),
            silent: Vec::new(),
        };
        let mut queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, queue| queue.try_lock().is_ok_and(|queue| queue.is_open()) || Arc::strong_count(queue) > 1);
        queues.insert(number, Arc::new(Mutex::new(queue)));
        Ok(number)
    };
    new().unwrap_or_else(|error| fail(error.errno()))
}

/// kevent(2).
///
/// # Safety
/// The same as for the real function: `changes` and `events` must point to arrays of the given lengths, `timeout` to a
/// timespec, or be null.
pub unsafe fn kevent(
    kqueue: c_int,
    changes: *const KEvent,
    changes_len: c_int,
    events: *mut KEvent,
    events_len: c_int,
    timeout: *const libc::timespec,
) -> c_int {
    // SAFETY: by the contract of this function. With a length of 0, the pointer is not used.
    let (changes, events, timeout) = unsafe {
        let changes = if changes_len > 0 { std::slice::from_raw_parts(changes, changes_len as usize) } else { &[] };
        let events = if events_len > 0 { std::slice::from_raw_parts_mut(events, events_len as usize) } else { &mut [] };
        (changes, events, timeout.as_ref())
    };
    let timeout = timeout.map(|t| Duration::new(t.tv_sec as u64, t.tv_nsec as u32));
    let found = QUEUES.lock().unwrap_or_else(PoisonError::into_inner).get(&kqueue).cloned();
    let Some(queue) = found else { return fail(libc::EBADF) };
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    if queue.owner != std::process::id() || !queue.is_open() {
        return fail(libc::EBADF);
    }
    match queue.kevent(changes, events, timeout) {
        Ok(n) => n as c_int,
        Err(errno) => fail(errno),
    }
}

fn fail(errno: Errno) -> c_int {
    // SAFETY: the pointer is to this thread's errno.
    unsafe { *libc::__errno_location() = errno };
    -1
}

impl Queue {
    /// True if the caller has not closed the descriptor yet. (If another epoll has its number now, this is not
    /// noticed.)
    fn is_open(&self) -> bool {
        knote::identity(self.epoll.as_raw_fd() as usize) == Ok(self.identity)
    }

    fn kevent(&mut self, changes: &[KEvent], events: &mut [KEvent], timeout: Option<Duration>) -> Result<usize, Errno> {
        let mut errors = 0;
        for change in changes {
            let errno = self.change(change).err();
            if errno.is_none() && change.flags & EV_RECEIPT == 0 {
                continue;
            }
            match (events.get_mut(errors), errno) {
                (Some(event), errno) => {
                    *event = KEvent { flags: EV_ERROR, data: errno.unwrap_or(0) as i64, ..*change };
                    errors += 1;
                }
                (None, Some(errno)) => return Err(errno),
                (None, None) => return Ok(0),
            }
        }
        if errors > 0 || events.is_empty() { Ok(errors) } else { self.wait(events, timeout) }
    }

    fn change(&mut self, change: &KEvent) -> Result<(), Errno> {
        let key = (change.filter, change.ident);
        if matches!(change.filter, EVFILT_READ | EVFILT_WRITE | EVFILT_VNODE) {
            let now = knote::identity(change.ident)?; // EBADF, also for deleting
            if self.knotes.get(&key).is_some_and(|old| old.identity != Some(now)) {
                self.forget(key);
            }
        }
        if change.flags & EV_ADD != 0 {
            self.add(key, change)?;
        }
        let knote = self.knotes.get_mut(&key).ok_or(libc::ENOENT)?;
        if change.flags & EV_DELETE != 0 {
            self.forget(key);
        } else if change.flags & EV_DISABLE != 0 {
            knote.enabled = false;
        } else {
            knote.enabled |= change.flags & EV_ENABLE != 0;
            self.sources.arm(knote);
        }
        Ok(())
    }

    /// Adds a knote, or changes the user data and the filter's flags of an existing one.
    fn add(&mut self, key: Key, change: &KEvent) -> Result<(), Errno> {
        if let Some(old) = self.knotes.get_mut(&key) {
            (old.udata, old.fflags) = (change.udata, change.fflags);
            return Ok(());
        }
        self.last_id += 1;
        let knote = self.sources.open(self.last_id, change)?;
        self.ids.insert(knote.id, key);
        self.knotes.insert(key, knote);
        Ok(())
    }

    fn forget(&mut self, key: Key) {
        if let Some(knote) = self.knotes.remove(&key) {
            self.ids.remove(&knote.id);
            self.changed.remove(&key);
            let last_of_file = knote.wd.is_some_and(|wd| !self.knotes.values().any(|k| k.wd == Some(wd)));
            self.sources.close(key, knote, last_of_file);
        }
    }

    fn wait(&mut self, events: &mut [KEvent], timeout: Option<Duration>) -> Result<usize, Errno> {
        let start = Instant::now();
        for key in std::mem::take(&mut self.silent) {
            self.knotes.get(&key).into_iter().for_each(|knote| self.sources.arm(knote));
        }
        loop {
            self.sources.collect_signals();
            let mut n = self.deliver_changes(events);
            let left = timeout.map(|t| t.saturating_sub(start.elapsed()));
            let sleep = if n > 0 { Some(Duration::ZERO) } else { left };
            let mut ready = [EpollEvent::NONE; 2];
            // The kernel rotates its list of ready descriptors, so neither direction starves.
            let directions = epoll_wait(&self.epoll, &mut ready, super::millis(sleep)).map_err(|e| e.errno())?;
            for direction in &ready[..directions] {
                n += self.deliver(direction.data, &mut events[n..]);
            }
            n += self.deliver_changes(&mut events[n..]);
            if n > 0 || left.is_some_and(|left| left.is_zero()) {
                return Ok(n);
            }
        }
    }

    /// Delivers the events of one direction. Returns their number.
    fn deliver(&mut self, direction: u64, events: &mut [KEvent]) -> usize {
        let mut ready = vec![EpollEvent::NONE; events.len()];
        let found = match ready.len() {
            0 => 0, // epoll_wait(2) fails without room for an event
            _ => self.sources.ready(direction, &mut ready),
        };
        let mut n = 0;
        for event in &ready[..found] {
            if event.data == knote::FILES {
                self.note_changes();
                continue;
            }
            if event.data == knote::SIGNALS {
                continue; // the next round counts them
            }
            let Some(&key) = self.ids.get(&{ event.data }) else { continue };
            let knote = &self.knotes[&key];
            if knote.is_stale(key.1) {
                self.forget(key);
            } else if let Some(fired) = knote.enabled.then(|| knote.event(key)).flatten() {
                events[n] = fired;
                n += 1;
                self.after(key, fired.flags);
            } else {
                self.silent.push(key);
            }
        }
        n
    }

    /// Removes a one-shot knote after its event was delivered; arms others again.
    fn after(&mut self, key: Key, flags: Flags) {
        if flags & EV_ONESHOT != 0 {
            self.forget(key);
        } else {
            self.sources.arm(&self.knotes[&key]);
        }
    }

    /// Reads from inotify which files changed, and stores the changes in their knotes.
    fn note_changes(&mut self) {
        for (wd, fflags) in self.sources.changes() {
            for (key, knote) in self.knotes.iter_mut().filter(|(_, knote)| knote.wd == Some(wd)) {
                knote.changes |= knote::deleted(key.1, fflags) & knote.fflags;
                if knote.changes != 0 {
                    self.changed.insert(*key);
                }
            }
        }
    }

    fn deliver_changes(&mut self, events: &mut [KEvent]) -> usize {
        let keys: Vec<Key> = self.changed.iter().copied().take(events.len()).collect();
        let mut n = 0;
        for key in keys {
            let Some(knote) = self.knotes.get_mut(&key).filter(|knote| knote.enabled) else { continue };
            if knote.is_stale(key.1) {
                self.forget(key);
                continue;
            }
            events[n] = KEvent { fflags: std::mem::take(&mut knote.changes), ..knote.blank(key) };
            self.changed.remove(&key);
            n += 1;
            if events[n - 1].flags & EV_ONESHOT != 0 {
                self.forget(key);
            }
        }
        n
    }
}
