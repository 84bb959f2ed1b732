//! kqueue(2): the kernel keeps the set of watches, and each watch keeps its token.
//!
//! Arming and disarming only queue a change; the changes go to the kernel with the next wait. For each watch at most
//! one change is queued, the latest: so a change never outlives its descriptor's owner. (Armed, disarmed, closed, the
//! number used again, armed: what is sent is one `EV_ADD`. The kernel itself forgets a closed descriptor's watches, and
//! says `ENOENT` or `EBADF` to a late `EV_DELETE`, which is what we wanted.)
//!
//! The kernel may answer a change with an `EV_ERROR` event, of which there must be room for one each, and then reports
//! no other events in that call. It has taken all changes even if the wait is interrupted.
//!
//! A signal is noticed when it is sent, whatever the process does with it; it stays pending where it is blocked.

use super::ffi::kqueue::*;
use super::{EVENTS_MAX, Inner, Nap, Poller, Ready, TIMEOUT_MAX, Token, Watch, woken};
use crate::{Error, Result};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// How many changes are queued before they are sent without waiting for the next wait.
const CHANGES_MAX: usize = 128;
const _: () = assert!(CHANGES_MAX <= EVENTS_MAX, "one error for each change must fit");

/// The user data of an `EV_DELETE`: nobody is to be told of its errors. No token has this value.
const NOBODY: usize = usize::MAX;

/// What of a file or directory counts as a change.
const CHANGES: u32 = NOTE_DELETE | NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK | NOTE_RENAME;

/// A kqueue and the changes it has not been told yet.
pub(super) struct Kqueue {
    kqueue: OwnedFd,
    changes: Vec<KEvent>,
    events: Vec<KEvent>,
    /// Errors of changes that were sent before the wait, in which they fire.
    refused: Vec<KEvent>,
}

impl Kqueue {
    /// A queue that waits for nothing yet. Errors: those of kqueue(2).
    pub fn new() -> Result<Self> {
        let (changes, refused) = (Vec::with_capacity(CHANGES_MAX), Vec::new());
        Ok(Self { kqueue: kqueue()?, changes, events: vec![KEvent::NONE; EVENTS_MAX], refused })
    }

    fn queue(&mut self, change: KEvent) -> Result<()> {
        self.refused.retain(|refused| !same_watch(refused, &change));
        match self.changes.iter_mut().rfind(|queued| same_watch(queued, &change)) {
            Some(queued) => *queued = change,
            None => self.changes.push(change),
        }
        if self.changes.len() == CHANGES_MAX { self.send() } else { Ok(()) }
    }

    /// Sends the changes without waiting. Each is answered with a receipt, which leaves no room for events.
    fn send(&mut self) -> Result<()> {
        for change in &mut self.changes {
            change.flags |= EV_RECEIPT;
        }
        let receipts = &mut self.events[..self.changes.len()];
        let result = kevent(&self.kqueue, &self.changes, receipts, Some(Duration::ZERO));
        self.changes.clear();
        let n = woken(result)?;
        self.refused.extend(self.events[..n].iter().filter(|e| refusal(e).is_some()));
        Ok(())
    }
}

fn same_watch(a: &KEvent, b: &KEvent) -> bool {
    a.ident == b.ident && a.filter == b.filter
}

/// What `watch` is called here: not yet with a flag that says what to do about it.
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

/// The error that a change was answered with, unless nobody cares.
fn refusal(event: &KEvent) -> Option<i32> {
    let error = event.flags & EV_ERROR != 0 && event.data != 0 && event.udata != NOBODY;
    error.then_some(event.data as i32)
}

fn ready(event: &KEvent) -> Option<Ready> {
    let token = Token { index: event.udata as u32, generation: (event.udata >> 32) as u32 };
    let hangup = match refusal(event) {
        // The child had ended before we came to watch it.
        Some(libc::ESRCH) if event.filter == EVFILT_PROC => false,
        // The call that the task makes now will tell it what is wrong.
        Some(_) => true,
        None if event.flags & EV_ERROR != 0 => return None,
        // The other side has stopped sending, which is no hangup; with an error in `fflags` it is gone.
        None if event.filter == EVFILT_READ => event.flags & EV_EOF != 0 && event.fflags != 0,
        None => event.filter == EVFILT_WRITE && event.flags & EV_EOF != 0,
    };
    Some(Ready { token, hangup })
}

impl Poller for Kqueue {
    fn name(&self) -> &'static str {
        "kqueue"
    }

    fn arm(&mut self, watch: Watch<'_>, token: Token) -> Result<()> {
        let change = describe(watch).ok_or(Error::new("arm", libc::EINVAL))?;
        let udata = (token.generation as usize) << 32 | token.index as usize;
        self.queue(KEvent { flags: change.flags | EV_ADD, udata, ..change })
    }

    fn disarm(&mut self, watch: Watch<'_>) -> Result<()> {
        match describe(watch) {
            Some(change) => self.queue(KEvent { flags: EV_DELETE, udata: NOBODY, ..change }),
            None => Ok(()),
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> Result<()> {
        out.clear();
        out.extend(self.refused.drain(..).filter_map(|event| ready(&event)));
        let timeout = if out.is_empty() { timeout.map(|t| t.min(TIMEOUT_MAX)) } else { Some(Duration::ZERO) };
        let result = kevent(&self.kqueue, &self.changes, &mut self.events, timeout);
        self.changes.clear();
        let n = woken(result)?;
        out.extend(self.events[..n].iter().filter_map(ready));
        Ok(())
    }
}

impl AsFd for Kqueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.kqueue.as_fd()
    }
}

impl Inner for Kqueue {
    fn nap(&mut self, timeout: Option<Duration>) -> Result<Nap> {
        if !self.changes.is_empty() {
            self.send()?;
        }
        let look = !self.refused.is_empty();
        Ok(Nap { timeout: if look { Some(Duration::ZERO) } else { timeout }, look })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::RawFd;

    fn token(index: u32) -> Token {
        Token { index, generation: 0 }
    }

    /// A number that is no descriptor: what a task would have closed without disarming it first.
    fn closed() -> BorrowedFd<'static> {
        // SAFETY: not true to the letter, which is the point; nothing is done with it but failing.
        unsafe { BorrowedFd::borrow_raw(RawFd::MAX) }
    }

    #[test]
    fn of_each_watch_only_the_latest_change_is_sent() {
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
    fn what_the_kernel_refuses_fires_as_a_hangup_unless_it_was_to_be_forgotten() {
        // Sent with the wait, sent before it because of an owner's nap, and because the queue was full.
        for sent in ["wait", "nap", "full"] {
            let mut kqueue = Kqueue::new().unwrap();
            let (read_end, _write_end) = std::io::pipe().unwrap();
            kqueue.arm(Watch::Read(closed()), token(1)).unwrap();
            kqueue.disarm(Watch::Write(closed())).unwrap();
            kqueue.disarm(Watch::Read(read_end.as_fd())).unwrap();
            kqueue.disarm(Watch::Exit(i32::MAX)).unwrap();
            match sent {
                "nap" => {
                    let nap = kqueue.nap(None).unwrap();
                    assert_eq!((nap.timeout, nap.look), (Some(Duration::ZERO), true));
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
            kqueue.wait(Some(Duration::ZERO), &mut out).unwrap();
            assert_eq!(out, [], "{sent}");
        }
    }

    #[test]
    fn a_refusal_is_not_told_after_a_disarm() {
        let mut kqueue = Kqueue::new().unwrap();
        kqueue.arm(Watch::Read(closed()), token(1)).unwrap();
        assert!(kqueue.nap(None).unwrap().look);
        kqueue.disarm(Watch::Read(closed())).unwrap();
        assert!(!kqueue.nap(None).unwrap().look);
        let mut out = Vec::new();
        kqueue.wait(Some(Duration::ZERO), &mut out).unwrap();
        assert_eq!(out, []);
    }
}
