//! One entry of a kqueue (a knote), and the Linux descriptors that emulate it.

use super::descriptors::{self, State};
use super::*;
use crate::signal::Signal;
use crate::{Error, Result};
use std::ffi::CString;
use std::os::fd::AsFd;

/// The ids of the inotify descriptor and of the signalfds in epoll. No knote has them.
pub const FILES: u64 = 0;
pub const SIGNALS: u64 = u64::MAX;

/// Identifies the file of a descriptor: device and inode. Each socket and pipe has its own.
pub type Identity = (u64, u64);

pub struct Knote {
    pub id: u64,
    pub udata: usize,
    pub flags: Flags,
    pub fflags: u32,
    pub enabled: bool,
    /// For a knote of a descriptor: the identity of its file when the knote was added.
    pub identity: Option<Identity>,
    /// For `EVFILT_VNODE`: the watch of inotify.
    pub wd: Option<c_int>,
    /// For `EVFILT_VNODE`: the changes that were not delivered yet.
    pub changes: u32,
    filter: Filter,
    /// The descriptor in epoll.
    fd: RawFd,
    /// That descriptor, if this knote owns it.
    own: Option<Arc<OwnedFd>>,
}

impl Knote {
    /// True if the number now belongs to another file, or is closed.
    pub fn is_stale(&self, ident: usize) -> bool {
        self.identity.is_some() && self.identity != identity(ident).ok()
    }

    /// An event of this knote, without data.
    pub fn blank(&self, key: Key) -> KEvent {
        let flags = self.flags & (EV_CLEAR | EV_ONESHOT);
        KEvent { filter: key.0, ident: key.1, flags, udata: self.udata, ..KEvent::NONE }
    }

    /// The event of this knote, whose descriptor epoll reports. Returns `None` if there is nothing to report.
    pub fn event(&self, key: Key) -> Option<KEvent> {
        let (mut event, fd) = (self.blank(key), key.1 as RawFd);
        match key.0 {
            // A regular file.
            EVFILT_READ if self.own.is_some() => event.data = descriptors::left_in_file(fd)?,
            EVFILT_READ | EVFILT_WRITE => {
                let state = State::of(fd);
                let (data, is_at_end) = match key.0 {
                    _ if state.is_unconnected() => return None,
                    EVFILT_READ => (descriptors::readable(fd), state.is_at_end()),
                    _ => (descriptors::writable(fd), state.is_shut(fd)),
                };
                event.data = data;
                if is_at_end {
                    event.flags |= EV_EOF;
                    event.fflags = state.error();
                }
            }
            EVFILT_PROC => {
                event.flags |= EV_EOF | EV_ONESHOT;
                event.fflags = NOTE_EXIT;
            }
            // EVFILT_SIGNAL; EVFILT_VNODE is handled elsewhere
            _ => event.data = signals::take(self.own.as_ref()?.as_fd())?,
        }
        Some(event)
    }
}

const RDHUP: u32 = libc::EPOLLRDHUP as u32;
const ONESHOT: u32 = libc::EPOLLONESHOT as u32;
const EDGE: u32 = libc::EPOLLET as u32;

/// A descriptor that is always readable.
fn always_ready() -> Result<OwnedFd> {
    // SAFETY: takes no pointer, and the new descriptor has no other owner.
    unsafe { Ok(OwnedFd::from_raw_fd(syscall!(eventfd(1, libc::EFD_CLOEXEC))?)) }
}

/// The identity of the file of `fd`. Errors: `EBADF`.
pub fn identity(fd: usize) -> std::result::Result<Identity, Errno> {
    let fd = RawFd::try_from(fd).map_err(|_| libc::EBADF)?;
    // SAFETY: a struct stat is plain data, and fstat fills it.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        if libc::fstat(fd, &mut stat) == 0 { Ok((stat.st_dev, stat.st_ino)) } else { Err(libc::EBADF) }
    }
}

/// Adds `NOTE_DELETE` to `fflags` if the file of `fd` has no names left: inotify only reports that its links changed.
pub fn deleted(fd: usize, fflags: u32) -> u32 {
    // SAFETY: a struct stat is plain data, and fstat fills it.
    let links = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        if libc::fstat(fd as RawFd, &mut stat) == 0 { stat.st_nlink } else { 1 }
    };
    if links == 0 { fflags | NOTE_DELETE } else { fflags }
}

/// The descriptors that all knotes of a queue share.
pub struct Sources {
    reads: OwnedFd,
    writes: OwnedFd,
    inotify: Option<OwnedFd>,
    /// The signalfds.
    signals: Vec<(usize, OwnedFd)>,
    /// The number of knotes of a kind that were refused, or told, on purpose.
    exits: u64,
    pipes: u64,
}

const READS: u64 = 1;
const WRITES: u64 = 2;

impl Sources {
    pub fn new(epoll: &OwnedFd) -> Result<Self> {
        let (reads, writes) = (epoll_create1(EPOLL_CLOEXEC)?, epoll_create1(EPOLL_CLOEXEC)?);
        for (fd, data) in [(&reads, READS), (&writes, WRITES)] {
            epoll_ctl(epoll, EPOLL_CTL_ADD, fd.as_raw_fd(), EpollEvent { events: EPOLLIN, data })?;
        }
        Ok(Self { reads, writes, inotify: None, signals: Vec::new(), exits: 0, pipes: 0 })
    }

    /// Makes a new knote, and adds its descriptor to epoll.
    pub fn open(&mut self, id: u64, change: &KEvent) -> std::result::Result<Knote, Errno> {
        let &KEvent { ident, filter, flags, fflags, udata, .. } = change;
        let mut knote = Knote {
            id,
            udata,
            flags,
            fflags,
            enabled: true,
            identity: None,
            wd: None,
            changes: 0,
            filter,
            fd: ident as RawFd,
            own: None,
        };
        let opened = match filter {
            EVFILT_READ | EVFILT_WRITE => {
                knote.identity = Some(identity(ident)?);
                if filter == EVFILT_WRITE && State::of(ident as RawFd).has_no_reader() {
                    self.pipes += 1;
                    return Err(descriptors::refusal_without_reader(self.pipes));
                }
                self.open_descriptor(&mut knote)
            }
            EVFILT_VNODE => {
                knote.identity = Some(identity(ident)?);
                self.open_file(&mut knote)
            }
            EVFILT_PROC => self.open_process(&mut knote, ident),
            EVFILT_SIGNAL => self.open_signal(&mut knote, ident),
            _ => return Err(libc::EINVAL),
        };
        opened.map(|()| knote).map_err(|error| error.errno())
    }

    fn open_descriptor(&self, knote: &mut Knote) -> Result<()> {
        match self.control(EPOLL_CTL_ADD, knote) {
            Err(error) if error.errno() == libc::EEXIST => self.control(EPOLL_CTL_MOD, knote),
            // A regular file, which epoll does not support.
            Err(error) if error.errno() == libc::EPERM => self.add_own(knote, always_ready()?),
            result => result,
        }
    }

    /// A child. Of three that run, the first is told when it has ended; the second at once, and the third is refused at
    /// once, as if both were about to end: the kernels do this before waitpid(2) sees the end.
    fn open_process(&mut self, knote: &mut Knote, pid: usize) -> Result<()> {
        let pid = pid as i32;
        if has_exited(pid) {
            return Err(Error::new("kevent", libc::ESRCH));
        }
        self.exits += 1;
        match self.exits % 3 {
            1 => self.add_own(knote, pidfd_open(pid)?), // fails without support for pidfds (valgrind)
            2 => self.add_own(knote, always_ready()?),
            _ => Err(Error::new("kevent", libc::ESRCH)),
        }
    }

    fn open_signal(&mut self, knote: &mut Knote, number: usize) -> Result<()> {
        let signal = Signal::from_raw(number as i32).ok_or(Error::new("kevent", libc::EINVAL))?;
        let (source, counter) = signals::open(signal)?;
        let trigger = EpollEvent { events: EPOLLIN, data: SIGNALS };
        epoll_ctl(&self.reads, EPOLL_CTL_ADD, source.as_raw_fd(), trigger)?;
        self.signals.push((number, source));
        knote.fd = counter.as_raw_fd();
        knote.own = Some(counter);
        self.control(EPOLL_CTL_ADD, knote)
    }

    /// Counts the signals that have arrived.
    pub fn collect_signals(&self) {
        for (_, source) in &self.signals {
            signals::collect(source.as_fd());
        }
    }

    fn open_file(&mut self, knote: &mut Knote) -> Result<()> {
        let inotify = match &mut self.inotify {
            Some(inotify) => inotify,
            none => {
                let new = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)?;
                epoll_ctl(&self.reads, EPOLL_CTL_ADD, new.as_raw_fd(), EpollEvent { events: EPOLLIN, data: FILES })?;
                none.insert(new)
            }
        };
        let path = CString::new(format!("/proc/self/fd/{}", knote.fd)).expect("no NUL in digits");
        let mask = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF;
        let entries = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
        knote.wd = Some(inotify_add_watch(inotify, &path, mask | entries)?);
        Ok(())
    }

    fn add_own(&self, knote: &mut Knote, own: OwnedFd) -> Result<()> {
        knote.fd = own.as_raw_fd();
        knote.own = Some(Arc::new(own));
        self.control(EPOLL_CTL_ADD, knote)
    }

    fn direction(&self, filter: Filter) -> (&OwnedFd, u32) {
        if filter == EVFILT_WRITE { (&self.writes, EPOLLOUT) } else { (&self.reads, EPOLLIN | RDHUP) }
    }

    fn control(&self, op: c_int, knote: &Knote) -> Result<()> {
        let (epoll, events) = self.direction(knote.filter);
        let once = if knote.flags & EV_CLEAR != 0 && knote.identity.is_some() { EDGE } else { ONESHOT };
        epoll_ctl(epoll, op, knote.fd, EpollEvent { events: events | once, data: knote.id })
    }

    /// Lets the knote fire again, at once if its descriptor is still ready. (With `EV_CLEAR`, only new events fire it.)
    pub fn arm(&self, knote: &Knote) {
        if knote.wd.is_none() && (knote.flags & EV_CLEAR == 0 || knote.identity.is_none()) {
            // This fails if the knote has just become stale, which does not matter.
            let _ = self.control(EPOLL_CTL_MOD, knote);
        }
    }

    pub fn close(&mut self, key: Key, knote: Knote, last_of_file: bool) {
        if key.0 == EVFILT_SIGNAL {
            self.signals.retain(|(number, _)| *number != key.1);
        }
        match (knote.wd, &self.inotify) {
            (Some(wd), Some(inotify)) if last_of_file => drop(inotify_rm_watch(inotify, wd)),
            (Some(_), _) => {}
            // This fails if the number was closed, or belongs to another file now.
            _ if !knote.is_stale(knote.fd as usize) || knote.own.is_some() => drop(self.control(EPOLL_CTL_DEL, &knote)),
            _ => {}
        }
    }

    /// The ready descriptors of one direction.
    pub fn ready(&self, direction: u64, events: &mut [EpollEvent]) -> usize {
        let epoll = if direction == WRITES { &self.writes } else { &self.reads };
        epoll_wait(epoll, events, 0).unwrap_or(0)
    }

    /// Reads the changes of files: the watch of inotify, and kqueue's flags.
    pub fn changes(&self) -> Vec<(c_int, u32)> {
        let (mut buf, mut changes) = ([0; 4096], Vec::new());
        let inotify = self.inotify.as_ref().map(|fd| fd.as_fd());
        let len = inotify.and_then(|fd| read_some(fd, &mut buf)).unwrap_or(0);
        let mut rest = &buf[..len];
        while let Some((event, next)) = InotifyEvent::split(rest) {
            rest = next;
            let mut fflags = 0;
            for (inotify, kqueue) in [
                (IN_MODIFY, NOTE_WRITE),
                (IN_ATTRIB, NOTE_ATTRIB),
                (IN_MOVE_SELF, NOTE_RENAME),
                (IN_DELETE_SELF, NOTE_DELETE),
                (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO, NOTE_WRITE),
            ] {
                if event.mask & inotify != 0 {
                    fflags |= kqueue;
                }
            }
            changes.push((event.wd, fflags));
        }
        changes
    }
}
