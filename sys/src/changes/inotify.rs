//! inotify(7) with SIGIO.

use super::{Aspects, Change, Watched};
use crate::{Error, Result};
use libc::c_int;
use std::cell::Cell;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The maximum number of reads in one [`Changes::take`]: enough for all events that the kernel queues.
const READS_MAX: usize = 1024;

/// The maximum number of trials in [`Changes::sigio_works`].
const TRIES_MAX: usize = 100;

/// The size of the read buffer: room for some hundred events.
const READ_BYTES: usize = 4 << 10;

/// `F_SETOWN_EX` of fcntl(2): sets the receiver of SIGIO, a [`FileOwner`].
const F_SETOWN_EX: c_int = 15;

/// `struct f_owner_ex`.
#[repr(C)]
struct FileOwner {
    kind: c_int,
    id: libc::pid_t,
}

/// `F_OWNER_TID`: the owner is a thread.
const OWNER_TID: c_int = 0;

thread_local! {
    /// The number of SIGIO that this thread has received.
    static SIGIO_COUNT: AtomicU64 = const { AtomicU64::new(0) };
}

/// The handler of SIGIO.
extern "C" fn on_sigio(_: c_int) {
    SIGIO_COUNT.with(|count| count.fetch_add(1, Ordering::Relaxed));
}

fn sigio_count() -> u64 {
    SIGIO_COUNT.with(|count| count.load(Ordering::Relaxed))
}

/// A set of watched files and directories. It belongs to the thread that opened it, since SIGIO goes to that thread.
pub struct Changes {
    inotify: OwnedFd,
    /// The value of [`sigio_count`] when all events were read last. `None` if SIGIO does not work here.
    count_at_read: Cell<Option<u64>>,
    _in_this_thread: PhantomData<Rc<()>>,
}

impl Changes {
    /// Opens an inotify descriptor without watches, and installs a handler for SIGIO.
    ///
    /// Errors: those of inotify_init1(2): `EMFILE` (also for `max_user_instances`). If SIGIO does not work, this is not
    /// an error: then [`is_quiet`](Self::is_quiet) is always false.
    pub fn open() -> Result<Self> {
        // SAFETY: the call takes no pointers.
        let fd = unsafe { syscall!(inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK)) }?;
        // SAFETY: the call has just opened this descriptor; it has no other owner.
        let inotify = unsafe { OwnedFd::from_raw_fd(fd) };
        let changes = Self { inotify, count_at_read: Cell::new(None), _in_this_thread: PhantomData };
        if changes.enable_sigio().is_ok() && changes.sigio_works() {
            changes.count_at_read.set(Some(0)); // less than the current count: the events of the trial are not read yet
        }
        Ok(changes)
    }

    /// Makes the kernel send SIGIO to this thread for each event.
    fn enable_sigio(&self) -> Result<()> {
        // SAFETY: sigaction is integers, a set of integers and an optional function pointer: all-zero bytes are one.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = on_sigio as extern "C" fn(c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: the action is initialised and outlives the call; its handler adds to an atomic of its own thread,
        // which needs no initialisation and takes no lock.
        unsafe { syscall!(sigaction(libc::SIGIO, &raw const action, std::ptr::null_mut())) }?;
        let set = crate::signal::set_of([libc::SIGIO]);
        // SAFETY: the set is initialised and outlives the call; the old mask is not asked for.
        match unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut()) } {
            0 => {}
            errno => return Err(Error::new("pthread_sigmask", errno)),
        }
        // SAFETY: the call takes no pointers.
        let owner = FileOwner { kind: OWNER_TID, id: unsafe { libc::syscall(libc::SYS_gettid) } as libc::pid_t };
        let fd = self.inotify.as_raw_fd();
        // SAFETY: the struct is the one that F_SETOWN_EX reads, and outlives the call.
        unsafe { syscall!(fcntl(fd, F_SETOWN_EX, &raw const owner)) }?;
        // SAFETY: the call takes no pointers.
        unsafe { syscall!(fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK | libc::O_ASYNC)) }.map(drop)
    }

    /// Tests that SIGIO arrives before the call that causes it returns. A kernel that only emulates Linux may differ.
    ///
    /// The kernel drops an event that is equal to the last unread one, and then sends no SIGIO. So each trial first
    /// reads the events. If another process opens the same directory in between, the trial fails and is repeated.
    fn sigio_works(&self) -> bool {
        let Ok(watched) = self.add(c"/", libc::IN_OPEN | libc::IN_ONLYDIR) else { return false };
        let works = (0..TRIES_MAX).any(|_| {
            let _ = crate::file::read(self.inotify.as_fd(), &mut [0; READ_BYTES]); // usually EAGAIN
            let before = sigio_count();
            let opened = crate::file::open(c"/", crate::file::OpenFlags::READ, 0);
            opened.is_ok() && sigio_count() != before
        });
        self.forget(watched);
        works
    }

    /// Watches these aspects of the file at this path, in addition to aspects that are watched already:
    /// inotify_add_watch(2). If the last component of the path is a symbolic link, watches the link.
    ///
    /// Errors: those of stat(2); `EACCES` (no read permission); `ENOSPC` (the limit `max_user_watches` is reached).
    pub fn watch(&self, path: &CStr, aspects: Aspects) -> Result<Watched> {
        let mut mask = libc::IN_DONT_FOLLOW | libc::IN_MASK_ADD;
        for (aspect, bits) in [
            (Aspects::ITSELF, libc::IN_ATTRIB | libc::IN_MOVE_SELF | libc::IN_DELETE_SELF),
            (Aspects::BYTES, libc::IN_MODIFY | libc::IN_CLOSE_WRITE),
            (Aspects::NEW_NAMES, libc::IN_CREATE | libc::IN_MOVED_TO),
        ] {
            mask |= if aspects.contains(aspect) { bits } else { 0 };
        }
        self.add(path, mask)
    }

    fn add(&self, path: &CStr, mask: u32) -> Result<Watched> {
        // SAFETY: the path ends with NUL and outlives the call.
        unsafe { syscall!(inotify_add_watch(self.inotify.as_raw_fd(), path.as_ptr(), mask)) }
    }

    /// Ends a watch: inotify_rm_watch(2). Events that are queued already are still reported. Ignores a watch that has
    /// ended.
    pub fn forget(&self, watched: Watched) {
        // SAFETY: the call takes no pointers.
        let _ = unsafe { syscall!(inotify_rm_watch(self.inotify.as_raw_fd(), watched)) };
    }

    /// True if there are no changes since the last [`take`](Self::take). False if there are some, or if this is
    /// unknown.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.count_at_read.get().is_some_and(|count| count == sigio_count())
    }

    /// Reads all queued events and calls `tell` for each.
    pub fn take(&self, mut tell: impl FnMut(Change<'_>)) {
        // Counted before the reads: for an event that arrives during them, `is_quiet` stays false, and the next call
        // reads once more.
        let sigios = sigio_count();
        let mut buffer = [0; READ_BYTES];
        for _ in 0..READS_MAX {
            let read = crate::file::read(self.inotify.as_fd(), &mut buffer);
            let count = match read {
                Ok(count) => count,
                Err(error) if error.would_block() => 0,
                Err(_) => break,
            };
            events(&buffer[..count], &mut tell);
            if count < READ_BYTES - EVENT_BYTES_MAX {
                // The buffer had room for one more event, so there were no more.
                self.count_at_read.set(self.count_at_read.get().map(|_| sigios));
                return;
            }
        }
        tell(Change::Anything);
    }
}

impl AsFd for Changes {
    /// The inotify descriptor; it is readable while events are queued.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// The size of the longest event: the struct, and a name with its NUL.
const EVENT_BYTES_MAX: usize = size_of::<libc::inotify_event>() + libc::NAME_MAX as usize + 1;

/// Parses `bytes`, which were read from inotify, and calls `tell` for each event.
pub(super) fn events(mut bytes: &[u8], tell: &mut impl FnMut(Change<'_>)) {
    const HEAD: usize = size_of::<libc::inotify_event>();
    while let Some((head, rest)) = bytes.split_at_checked(HEAD) {
        let word = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (watched, mask, name_bytes) = (word(0) as Watched, word(4), word(12) as usize);
        let Some((name, rest)) = rest.split_at_checked(name_bytes) else { return };
        let name = name.split(|b| *b == 0).next().unwrap_or_default();
        tell(match name {
            _ if mask & libc::IN_Q_OVERFLOW != 0 => Change::Anything,
            _ if mask & (libc::IN_IGNORED | libc::IN_UNMOUNT) != 0 => Change::Gone(watched),
            [] => Change::Of(watched),
            name => Change::In(watched, name),
        });
        bytes = rest;
    }
}

/// File systems (`f_type` of statfs(2)) on which all changes go through this kernel: ext2 to ext4, xfs, btrfs, f2fs,
/// tmpfs, ramfs, overlayfs, zfs, bcachefs. On network and FUSE file systems inotify does not report all changes.
const LOCAL: [u32; 9] =
    [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994, 0x8584_58f6, 0x794c_7630, 0x2fc1_2fc1, 0xca45_1a4e];

/// True if inotify reports all changes on the file system of this path. Errors: those of statfs(2).
pub fn tells_changes(path: &CStr) -> Result<bool> {
    let mut raw = mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the path ends with NUL and outlives the call, which fills the whole struct, or fails.
    unsafe { syscall!(statfs(path.as_ptr(), raw.as_mut_ptr())) }?;
    // SAFETY: the call succeeded.
    Ok(LOCAL.contains(&(unsafe { raw.assume_init_ref() }.f_type as u32)))
}
