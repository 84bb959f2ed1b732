//! Linux: descriptors for events without one of their own, so that epoll can wait for them: a pidfd for each child, a
//! signalfd for each signal, and one inotify descriptor for all changes of files.

use super::ffi::linux::*;
use super::{Pid, RECHECK, Ready, Sleep, Token, Watch};
use crate::signal::{self, Signal};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::ffi::{CString, c_int};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// The events that count as a change: contents, attributes and links, a new name, and the entries of a directory.
const CHANGES: u32 =
    IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

/// What to do when a descriptor is readable. It is stored in the upper half of epoll's user data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// Fire the watch: sockets, pipes, pidfds.
    Plain = 0,
    /// Read the signal first; else the descriptor would stay readable.
    Signal = 1,
    /// Read from inotify which files changed.
    Change = 2,
}

impl Source {
    /// The user data for `fd`.
    pub fn tag(self, fd: RawFd) -> u64 {
        (self as u64) << 32 | fd as u64
    }

    /// The reverse of [`Source::tag`].
    pub fn of(tag: u64) -> (Source, RawFd) {
        let source = match tag >> 32 {
            0 => Source::Plain,
            1 => Source::Signal,
            _ => Source::Change,
        };
        (source, tag as u32 as RawFd)
    }
}

/// The descriptors; each is opened when it is needed first.
#[derive(Default)]
pub(super) struct Notices {
    /// The pidfds.
    exits: BTreeMap<Pid, OwnedFd>,
    /// Children without a pidfd (Linux before 5.3, valgrind, or no free descriptor), which are checked every
    /// [`RECHECK`].
    polled: BTreeMap<Pid, Token>,
    signals: Vec<(Signal, OwnedFd)>,
    /// Signals that are checked every [`RECHECK`], because the kernel refuses signalfd(2).
    polled_signals: Vec<(Signal, Token)>,
    changes: Option<Changes>,
}

impl Notices {
    /// The descriptor that becomes readable when `watch` fires. Returns `None` for a child or a signal that
    /// must be polled.
    pub fn open(&mut self, watch: Watch<'_>, token: Token) -> Result<Option<(RawFd, Source)>> {
        match watch {
            Watch::Exit(pid) => Ok(self.open_exit(pid, token, pidfd_open).map(|fd| (fd, Source::Plain))),
            Watch::Signal(signal) => Ok(self.open_signal(signal, token)?.map(|fd| (fd, Source::Signal))),
            Watch::Change(file) => {
                let changes = match &mut self.changes {
                    Some(changes) => changes,
                    none => none.insert(Changes::new()?),
                };
                changes.add(file.as_raw_fd(), token)?;
                Ok(Some((changes.inotify.as_raw_fd(), Source::Change)))
            }
            Watch::Read(_) | Watch::Write(_) | Watch::Always => Err(Error::new("arm", libc::EINVAL)),
        }
    }

    /// Removes `watch`. Returns the descriptor that was only for this watch: the caller removes it from epoll and
    /// closes it.
    pub fn close(&mut self, watch: Watch<'_>) -> Option<OwnedFd> {
        match watch {
            Watch::Exit(pid) => {
                self.polled.remove(&pid);
                self.exits.remove(&pid)
            }
            Watch::Signal(signal) => {
                self.polled_signals.retain(|(s, _)| *s != signal);
                let at = self.signals.iter().position(|(s, _)| *s == signal)?;
                Some(self.signals.swap_remove(at).1)
            }
            Watch::Change(file) => {
                if let Some(changes) = &mut self.changes {
                    changes.remove(file.as_raw_fd());
                }
                None
            }
            Watch::Read(_) | Watch::Write(_) | Watch::Always => None,
        }
    }

    /// Opens a pidfd. If this fails, the child is polled: the kernel may not support pidfds, there may be no free
    /// descriptor, or the child was reaped already, which the first check will show.
    pub fn open_exit(&mut self, pid: Pid, token: Token, open: fn(Pid) -> Result<OwnedFd>) -> Option<RawFd> {
        if let Some(pidfd) = self.exits.get(&pid) {
            return Some(pidfd.as_raw_fd());
        }
        match open(pid) {
            Ok(pidfd) => {
                self.polled.remove(&pid);
                Some(self.exits.entry(pid).or_insert(pidfd).as_raw_fd())
            }
            Err(_) => {
                self.polled.insert(pid, token);
                None
            }
        }
    }

    /// Called if epoll refuses the descriptor of `watch`: closes it. A child is polled instead.
    pub fn refused(&mut self, watch: Watch<'_>, token: Token, error: Error) -> Result<()> {
        self.close(watch);
        match watch {
            Watch::Exit(pid) => {
                self.polled.insert(pid, token);
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// Sets the pidfd of a child.
    #[cfg(test)]
    pub fn put_exit(&mut self, pid: Pid, fd: OwnedFd) {
        self.exits.insert(pid, fd);
    }

    fn open_signal(&mut self, signal: Signal, token: Token) -> Result<Option<RawFd>> {
        if let Some((_, fd)) = self.signals.iter().find(|(s, _)| *s == signal) {
            return Ok(Some(fd.as_raw_fd()));
        }
        let fd = match signalfd(signal, SFD_CLOEXEC | SFD_NONBLOCK) {
            Err(error) if error.is_unsupported() => {
                self.polled_signals.retain(|(s, _)| *s != signal);
                self.polled_signals.push((signal, token));
                return Ok(None);
            }
            fd => fd?,
        };
        let number = fd.as_raw_fd();
        self.signals.push((signal, fd));
        Ok(Some(number))
    }

    /// True if there are children or signals without a descriptor.
    pub fn has_polled(&self) -> bool {
        !(self.polled.is_empty() && self.polled_signals.is_empty())
    }

    /// How to sleep: while there are children or signals without a descriptor, at most [`RECHECK`].
    pub fn before_sleep(&self, timeout: Option<Duration>) -> Sleep {
        if !self.has_polled() {
            return Sleep { timeout, check_inner: false };
        }
        Sleep { timeout: Some(timeout.map_or(RECHECK, |t| t.min(RECHECK))), check_inner: true }
    }

    /// Checks the children and signals without a descriptor, and fires for children that have ended and for signals
    /// that are pending.
    pub fn take_polled(&self, out: &mut Vec<Ready>) {
        let ended = self.polled.iter().filter(|(pid, _)| has_exited(**pid));
        out.extend(ended.map(|(_, token)| Ready { token: *token, hangup: false }));
        let pending = self.polled_signals.iter().filter(|(signal, _)| signal::take_pending(signal.raw()));
        out.extend(pending.map(|(_, token)| Ready { token: *token, hangup: false }));
    }

    /// Reads a signal, so that it fires once. Returns false if another thread has read it already. There is room for
    /// two: the same signal can be pending for the thread and for the process.
    pub fn take_signal(&self, fd: RawFd) -> bool {
        let found = self.signals.iter().find(|(_, owned)| owned.as_raw_fd() == fd);
        found.is_some_and(|(_, fd)| read_some(fd.as_fd(), &mut [0; 2 * SIGINFO_BYTES]).is_some())
    }

    /// Reads which files changed. If the buffer is too small, the next wait reads the rest.
    pub fn take_changes(&mut self, out: &mut Vec<Ready>) {
        if let Some(changes) = &mut self.changes {
            changes.take(out);
        }
    }
}

/// The inotify descriptor and its watches. All descriptors of one file share a watch (a "watch descriptor", `wd`).
struct Changes {
    inotify: OwnedFd,
    wds: BTreeMap<RawFd, c_int>,
    tokens: BTreeMap<(c_int, RawFd), Token>,
}

impl Changes {
    fn new() -> Result<Self> {
        let inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)?;
        Ok(Self { inotify, wds: BTreeMap::new(), tokens: BTreeMap::new() })
    }

    fn add(&mut self, file: RawFd, token: Token) -> Result<()> {
        let wd = match self.wds.get(&file) {
            Some(wd) => *wd,
            None => {
                // inotify takes paths. This path leads to the open file, even if it was renamed or deleted.
                let path = CString::new(format!("/proc/self/fd/{file}")).expect("no NUL in digits");
                inotify_add_watch(&self.inotify, &path, CHANGES)?
            }
        };
        self.wds.insert(file, wd);
        self.tokens.insert((wd, file), token);
        Ok(())
    }

    fn remove(&mut self, file: RawFd) {
        let Some(wd) = self.wds.remove(&file) else { return };
        self.tokens.remove(&(wd, file));
        if self.of(wd).next().is_none() {
            // EINVAL: the file was deleted, and the kernel has removed the watch.
            let _ = inotify_rm_watch(&self.inotify, wd);
        }
    }

    fn of(&self, wd: c_int) -> impl Iterator<Item = Token> {
        self.tokens.range((wd, RawFd::MIN)..=(wd, RawFd::MAX)).map(|(_, token)| *token)
    }

    fn take(&mut self, out: &mut Vec<Ready>) {
        let mut buf = [0; 4096];
        let Some(len) = read_some(self.inotify.as_fd(), &mut buf) else { return };
        let mut rest = &buf[..len];
        let mut wds = Vec::new();
        while let Some((event, next)) = InotifyEvent::split(rest) {
            rest = next;
            if event.mask & IN_Q_OVERFLOW != 0 {
                wds.extend(self.wds.values()); // events were lost: anything may have changed
            } else if event.mask & IN_IGNORED == 0 {
                wds.push(event.wd);
            }
        }
        wds.sort_unstable();
        wds.dedup();
        for wd in wds {
            out.extend(self.of(wd).map(|token| Ready { token, hangup: false }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_child_without_pidfd_is_polled() {
        let unknown = |_| Err(Error::new("pidfd_open", libc::ENOSYS));
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let (pid, token) = (child.id() as Pid, Token { index: 1, generation: 0 });
        let (mut notices, mut out) = (Notices::default(), Vec::new());
        assert!(notices.open_exit(pid, token, unknown).is_none());
        for (timeout, expected) in [(None, RECHECK), (Some(RECHECK * 2), RECHECK), (Some(RECHECK / 2), RECHECK / 2)] {
            let sleep = notices.before_sleep(timeout);
            assert_eq!((sleep.timeout, sleep.check_inner), (Some(expected), true));
        }
        notices.take_polled(&mut out);
        assert_eq!(out, [], "it still runs");
        drop(child.stdin.take());
        while out.is_empty() {
            std::thread::yield_now();
            notices.take_polled(&mut out);
        }
        assert_eq!(out, [Ready { token, hangup: false }]);
        assert!(child.wait().unwrap().success(), "it was not reaped");
        assert!(notices.close(Watch::Exit(pid)).is_none());
        let sleep = notices.before_sleep(None);
        assert_eq!((sleep.timeout, sleep.check_inner), (None, false));
    }

    #[test]
    fn the_user_data_of_epoll_is_read_as_it_was_written() {
        for source in [Source::Plain, Source::Signal, Source::Change] {
            for fd in [0, 1023, RawFd::MAX] {
                assert_eq!(Source::of(source.tag(fd)), (source, fd));
            }
        }
    }
}
