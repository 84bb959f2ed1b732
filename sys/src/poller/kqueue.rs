//! kqueue(2): the kernel keeps a set of watches; each watch contains its token.
//!
//! Arming and disarming only queue a change; the next wait sends the changes to the kernel. The queue has at most one
//! change per watch, the latest one, so that no change remains for an earlier owner of a descriptor. (Example: arm,
//! disarm, close, open the same number again, arm: this sends one `EV_ADD`. The kernel removes the watches of a closed
//! descriptor itself, and answers a late `EV_DELETE` with `ENOENT` or `EBADF`, which is ignored.)
//!
//! The kernel may answer a change with an `EV_ERROR` event, so there must be room for one per change; then it reports
//! no other events in that call. It has applied all changes even if the wait is interrupted.
//!
//! Not every watch is in the kernel's set. The kernel drops the watch of a child when it reports the exit, and that may
//! be before waitpid(2) can reap the child. It may also refuse a watch. Such a watch fires every [`RECHECK`], until it
//! is disarmed or armed again ([`Unwatched`]).
//!
//! A signal is reported when it is sent, for every disposition; a blocked signal stays pending, and is taken here. One
//! that was pending before is not reported, and neither is an earlier change of a file: so arming these sends the
//! changes at once.

use super::ffi::kqueue::*;
use super::{EVENTS_MAX, Inner, Poller, RECHECK, Ready, Sleep, TIMEOUT_MAX, Token, Watch, woken};
use crate::{Error, Moment, Result};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// The maximum length of the queue of changes. A full queue is sent before the next wait.
const CHANGES_MAX: usize = 128;
const _: () = assert!(CHANGES_MAX <= EVENTS_MAX, "one error for each change must fit");

/// The user data of an `EV_DELETE`, whose errors are ignored. No token has this value.
const NO_TOKEN: usize = usize::MAX;

/// The events that count as a change of a file or directory.
const CHANGES: u32 = NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK | NOTE_RENAME;

/// A kqueue, and the changes that were not sent to the kernel yet.
pub(super) struct Kqueue {
    kqueue: OwnedFd,
    changes: Vec<KEvent>,
    events: Vec<KEvent>,
    unwatched: Vec<Unwatched>,
}

/// A watch that fires without the kernel.
struct Unwatched {
    filter: Filter,
    ident: usize,
    ready: Ready,
    /// When it fires next.
    due: Moment,
    /// The error of a refused watch, else 0.
    errno: i32,
    /// A signal was pending when it was armed: this fires once, and the kernel watches for the next ones.
    once: bool,
}

impl Unwatched {
    fn new(event: &KEvent, ready: Ready, due: Moment) -> Self {
        let errno = refusal(event).unwrap_or(0);
        Self { filter: event.filter, ident: event.ident, ready, due, errno, once: false }
    }

    /// True if this is the watch of `change`.
    fn is(&self, change: &KEvent) -> bool {
        (self.filter, self.ident) == (change.filter, change.ident)
    }
}

impl Kqueue {
    /// Opens a kqueue without watches. Errors: those of kqueue(2).
    pub fn new() -> Result<Self> {
        let (changes, unwatched) = (Vec::with_capacity(CHANGES_MAX), Vec::new());
        Ok(Self { kqueue: kqueue()?, changes, events: vec![KEvent::NONE; EVENTS_MAX], unwatched })
    }

    fn queue(&mut self, change: KEvent) -> Result<()> {
        self.unwatched.retain(|unwatched| !unwatched.is(&change));
        match self.changes.iter_mut().rfind(|queued| same_watch(queued, &change)) {
            Some(queued) => *queued = change,
            None => self.changes.push(change),
        }
        if self.changes.len() == CHANGES_MAX { self.send() } else { Ok(()) }
    }

    /// Sends the changes without waiting. `EV_RECEIPT` makes the kernel answer each change with one event, and the
    /// buffer has no room for others.
    fn send(&mut self) -> Result<()> {
        for change in &mut self.changes {
            change.flags |= EV_RECEIPT;
        }
        let receipts = &mut self.events[..self.changes.len()];
        let result = kevent(&self.kqueue, &self.changes, receipts, Some(Duration::ZERO));
        self.changes.clear();
        let n = woken(result)?;
        let now = Moment::now();
        for event in self.events[..n].iter().filter(|event| refusal(event).is_some()) {
            self.unwatched.extend(ready(event).map(|ready| Unwatched::new(event, ready, now)));
        }
        Ok(())
    }

    /// Sends the queued change of a signal or a file at once, and takes the signal if it is pending already.
    fn send_at_once(&mut self, change: &KEvent) -> Result<()> {
        self.send()?;
        if let Some(at) = self.unwatched.iter().position(|unwatched| unwatched.is(change)) {
            return Err(Error::new("kevent", self.unwatched.swap_remove(at).errno));
        }
        if change.filter == EVFILT_SIGNAL && take_pending(change.ident as i32) {
            let ready = Ready { token: token(change), hangup: false };
            self.unwatched.push(Unwatched { once: true, ..Unwatched::new(change, ready, Moment::now()) });
        }
        Ok(())
    }

    /// Fires the watches of `unwatched` that are due. Returns how long the kernel may wait for events.
    fn fire_unwatched(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> Option<Duration> {
        if self.unwatched.is_empty() {
            return timeout;
        }
        let now = Moment::now();
        for unwatched in self.unwatched.iter_mut().filter(|unwatched| unwatched.due <= now) {
            unwatched.due = now.after(RECHECK);
            out.push(unwatched.ready);
        }
        self.unwatched.retain(|unwatched| !unwatched.once);
        if out.is_empty() { self.until_due(timeout, now) } else { Some(Duration::ZERO) }
    }

    /// The timeout, or the shorter time until a watch of `unwatched` is due.
    fn until_due(&self, timeout: Option<Duration>, now: Moment) -> Option<Duration> {
        let first = self.unwatched.iter().map(|unwatched| unwatched.due.since(now)).min();
        first.map_or(timeout, |first| Some(timeout.map_or(first, |timeout| timeout.min(first))))
    }

    /// Handles one event of the kernel.
    fn fire(&mut self, event: &KEvent, out: &mut Vec<Ready>) {
        let Some(ready) = ready(event) else { return };
        if event.filter == EVFILT_PROC || refusal(event).is_some() {
            self.unwatched.push(Unwatched::new(event, ready, Moment::now().after(RECHECK)));
        } else if event.filter == EVFILT_SIGNAL {
            take_pending(event.ident as i32);
            if out.contains(&ready) {
                return; // it came while it was armed, and was found pending then
            }
        }
        out.push(ready);
    }
}

fn same_watch(a: &KEvent, b: &KEvent) -> bool {
    a.ident == b.ident && a.filter == b.filter
}

/// The kevent for `watch`, without `EV_ADD` or `EV_DELETE`. Returns `None` for [`Watch::Always`].
fn describe(watch: Watch<'_>) -> Option<KEvent> {
    let (filter, ident, flags, fflags) = match watch {
        Watch::Read(fd) => (EVFILT_READ, fd.as_raw_fd(), 0, 0),
        Watch::Write(fd) => (EVFILT_WRITE, fd.as_raw_fd(), 0, 0),
        Watch::Exit(pid) => (EVFILT_PROC, pid, 0, NOTE_EXIT),
        Watch::Signal(signal) => (EVFILT_SIGNAL, signal as i32, EV_CLEAR, 0),
        Watch::Change(fd) => (EVFILT_VNODE, fd.as_raw_fd(), EV_CLEAR, CHANGES),
        Watch::Always => return None,
    };
    Some(KEvent { filter, ident: ident as usize, flags, fflags, ..KEvent::NONE })
}

/// The error of a refused change. Returns `None` for other events, and for `EV_DELETE`.
fn refusal(event: &KEvent) -> Option<i32> {
    let error = event.flags & EV_ERROR != 0 && event.data != 0 && event.udata != NO_TOKEN;
    error.then_some(event.data as i32)
}

fn token(event: &KEvent) -> Token {
    Token { index: event.udata as u32, generation: (event.udata >> 32) as u32 }
}

fn ready(event: &KEvent) -> Option<Ready> {
    let hangup = match refusal(event) {
        // The child had ended before it was watched, or is about to end.
        Some(libc::ESRCH) if event.filter == EVFILT_PROC => false,
        // The task's next call on the descriptor gets the error.
        Some(_) => true,
        None if event.flags & EV_ERROR != 0 => return None,
        // EV_EOF alone means that the other side has stopped sending, which is no hangup. `fflags` has the error of a
        // reset.
        None if event.filter == EVFILT_READ => event.flags & EV_EOF != 0 && event.fflags != 0,
        None => event.filter == EVFILT_WRITE && event.flags & EV_EOF != 0,
    };
    Some(Ready { token: token(event), hangup })
}

impl Poller for Kqueue {
    fn name(&self) -> &'static str {
        "kqueue"
    }

    fn arm(&mut self, watch: Watch<'_>, token: Token) -> Result<()> {
        let change = describe(watch).ok_or(Error::new("arm", libc::EINVAL))?;
        let udata = (token.generation as usize) << 32 | token.index as usize;
        let change = KEvent { flags: change.flags | EV_ADD, udata, ..change };
        self.queue(change)?;
        if matches!(watch, Watch::Signal(_) | Watch::Change(_)) { self.send_at_once(&change) } else { Ok(()) }
    }

    fn disarm(&mut self, watch: Watch<'_>) -> Result<()> {
        match describe(watch) {
            Some(change) => self.queue(KEvent { flags: EV_DELETE, udata: NO_TOKEN, ..change }),
            None => Ok(()),
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> Result<()> {
        out.clear();
        let timeout = self.fire_unwatched(timeout, out).map(|timeout| timeout.min(TIMEOUT_MAX));
        let result = kevent(&self.kqueue, &self.changes, &mut self.events, timeout);
        self.changes.clear();
        for at in 0..woken(result)? {
            let event = self.events[at];
            self.fire(&event, out);
        }
        Ok(())
    }
}

impl AsFd for Kqueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.kqueue.as_fd()
    }
}

impl Inner for Kqueue {
    fn before_sleep(&mut self, timeout: Option<Duration>) -> Result<Sleep> {
        if !self.changes.is_empty() {
            self.send()?;
        }
        if self.unwatched.is_empty() {
            return Ok(Sleep { timeout, check_inner: false });
        }
        Ok(Sleep { timeout: self.until_due(timeout, Moment::now()), check_inner: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::RawFd;

    fn token(index: u32) -> Token {
        Token { index, generation: 0 }
    }

    /// A number that is not an open descriptor: stands for one that a task closed without disarming it first.
    fn closed() -> BorrowedFd<'static> {
        // SAFETY: this violates the contract on purpose (the descriptor is not open); every call with it fails.
        unsafe { BorrowedFd::borrow_raw(RawFd::MAX) }
    }

    #[test]
    fn only_the_latest_change_of_a_watch_is_sent() {
        let mut kqueue = Kqueue::new().unwrap();
        let (read_end, _write_end) = std::io::pipe().unwrap();
        let watch = Watch::Read(read_end.as_fd());
        kqueue.arm(watch, token(1)).unwrap();
        kqueue.arm(Watch::Write(read_end.as_fd()), token(2)).unwrap();
        kqueue.disarm(watch).unwrap();
        kqueue.arm(watch, token(3)).unwrap();
        let queued: Vec<_> = kqueue.changes.iter().map(|c| (c.filter, c.flags, c.udata)).collect();
        assert_eq!(queued, [(EVFILT_READ, EV_ADD, 3), (EVFILT_WRITE, EV_ADD, 2)]);
    }

    #[test]
    fn a_refused_change_fires_as_a_hangup_but_a_refused_delete_does_not() {
        // The changes are sent by the wait, by `before_sleep`, or because the queue is full.
        for sent in ["wait", "sleep", "full"] {
            let mut kqueue = Kqueue::new().unwrap();
            let (read_end, _write_end) = std::io::pipe().unwrap();
            kqueue.arm(Watch::Read(closed()), token(1)).unwrap();
            kqueue.disarm(Watch::Write(closed())).unwrap();
            kqueue.disarm(Watch::Read(read_end.as_fd())).unwrap();
            kqueue.disarm(Watch::Exit(i32::MAX)).unwrap();
            match sent {
                "sleep" => {
                    let sleep = kqueue.before_sleep(None).unwrap();
                    assert_eq!((sleep.timeout, sleep.check_inner), (Some(Duration::ZERO), true));
                }
                "full" => {
                    for number in 0.. {
                        if kqueue.changes.is_empty() {
                            break;
                        }
                        kqueue.disarm(Watch::Exit(i32::MAX - number)).unwrap();
                    }
                }
                _ => {}
            }
            let mut out = Vec::new();
            kqueue.wait(None, &mut out).unwrap();
            assert_eq!(out, [Ready { token: token(1), hangup: true }], "{sent}");
            out.clear();
            while out.is_empty() {
                kqueue.wait(None, &mut out).unwrap(); // would wait for ever if it fired only once
            }
            assert_eq!(out, [Ready { token: token(1), hangup: true }], "{sent}");
            kqueue.disarm(Watch::Read(closed())).unwrap();
            kqueue.wait(Some(Duration::ZERO), &mut out).unwrap();
            assert_eq!(out, [], "{sent}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_watched_is_refused_at_once() {
        let mut kqueue = Kqueue::new().unwrap();
        let error = kqueue.arm(Watch::Change(closed()), token(1)).unwrap_err();
        assert_eq!((error.call(), error.errno()), ("kevent", libc::EBADF));
        let mut out = Vec::new();
        kqueue.wait(Some(Duration::ZERO), &mut out).unwrap();
        assert_eq!(out, []);
    }

    #[test]
    fn a_refusal_is_not_reported_after_a_disarm() {
        let mut kqueue = Kqueue::new().unwrap();
        kqueue.arm(Watch::Read(closed()), token(1)).unwrap();
        assert!(kqueue.before_sleep(None).unwrap().check_inner);
        kqueue.disarm(Watch::Read(closed())).unwrap();
        assert!(!kqueue.before_sleep(None).unwrap().check_inner);
        let mut out = Vec::new();
        kqueue.wait(Some(Duration::ZERO), &mut out).unwrap();
        assert_eq!(out, []);
    }
}
