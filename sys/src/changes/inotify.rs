//! inotify(7) with SIGIO as its bell.

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

/// The most reads of one [`Changes::take`]: more than the kernel keeps of unread events.
const READS_MAX: usize = 1024;

/// Trials of the bell before it is given up.
const TRIES_MAX: usize = 100;

/// The size of one read: room for some hundred events.
const READ_BYTES: usize = 4 << 10;

/// `F_SETOWN_EX` of fcntl(2): who gets the signal, as a [`FileOwner`].
const F_SETOWN_EX: c_int = 15;

/// `struct f_owner_ex`.
#[repr(C)]
struct FileOwner {
    kind: c_int,
    id: libc::pid_t,
}

/// `F_OWNER_TID`: a thread.
const OWNER_TID: c_int = 0;

thread_local! {
    /// How often the bell has rung in this thread.
    static BELL: AtomicU64 = const { AtomicU64::new(0) };
}

/// The handler of SIGIO.
extern "C" fn ring(_: c_int) {
    BELL.with(|bell| bell.fetch_add(1, Ordering::Relaxed));
}

fn rings() -> u64 {
    BELL.with(|bell| bell.load(Ordering::Relaxed))
}

/// The watched files and directories, and their events. It stays in the thread that made it.
pub struct Changes {
    inotify: OwnedFd,
    /// The bell's count when the last event was read. None: there is no bell, so the caller must ask the kernel.
    heard: Cell<Option<u64>>,
    _in_this_thread: PhantomData<Rc<()>>,
}

impl Changes {
    /// Watches nothing yet. The handler of SIGIO is this module's from now on.
    ///
    /// Errors: those of inotify_init1(2): `EMFILE` (`max_user_instances` too). That there is no bell is no error.
    pub fn open() -> Result<Self> {
        // SAFETY: the call takes no pointers.
        let fd = unsafe { syscall!(inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK)) }?;
        // SAFETY: the call has just opened this descriptor, nobody else owns it.
        let inotify = unsafe { OwnedFd::from_raw_fd(fd) };
        let changes = Self { inotify, heard: Cell::new(None), _in_this_thread: PhantomData };
        if changes.hang_bell().is_ok() && changes.try_bell() {
            changes.heard.set(Some(0)); // before the first ring: the event of the trial is still unread
        }
        Ok(changes)
    }

    /// Lets events send SIGIO to this thread.
    fn hang_bell(&self) -> Result<()> {
        // SAFETY: sigaction is integers, a set of integers and an optional function pointer: all-zero bytes are one.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = ring as extern "C" fn(c_int) as libc::sighandler_t;
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

    /// Whether the bell rings before the call that causes it returns. A kernel that only resembles Linux may do
    /// otherwise.
    ///
    /// An event is not told if the last one that waits to be read is just like it. So that is read before, and when
    /// somebody else opens the same in between, it is tried again.
    fn try_bell(&self) -> bool {
        let Ok(watched) = self.add(c"/", libc::IN_OPEN | libc::IN_ONLYDIR) else { return false };
        let rung = (0..TRIES_MAX).any(|_| {
            let _ = crate::file::read(self.inotify.as_fd(), &mut [0; READ_BYTES]); // mostly there is nothing
            let before = rings();
            let opened = crate::file::open(c"/", crate::file::OpenFlags::READ, 0);
            opened.is_ok() && rings() != before
        });
        self.forget(watched);
        rung
    }

    /// Watches these aspects, beside others that are watched already, of what a path names. A symbolic link as its last
    /// name is not followed.
    ///
    /// Errors: those of stat(2); `EACCES` if it may not be read; `ENOSPC`: `max_user_watches` are watched.
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

    /// Ends a watch. Its events that are already queued are still reported. It is no error if the watch has ended by
    /// itself.
    pub fn forget(&self, watched: Watched) {
        // SAFETY: the call takes no pointers.
        let _ = unsafe { syscall!(inotify_rm_watch(self.inotify.as_raw_fd(), watched)) };
    }

    /// Nothing has changed that [`take`](Self::take) has not told. False when that is not known.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.heard.get().is_some_and(|heard| heard == rings())
    }

    /// Reports all queued events.
    pub fn take(&self, mut tell: impl FnMut(Change<'_>)) {
        // Counted before the reads: what comes meanwhile may be read now, and is asked for once more.
        let rung = rings();
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
                // A read gives all there is, as far as it has room.
                self.heard.set(self.heard.get().map(|_| rung));
                return;
            }
        }
        tell(Change::Anything);
    }
}

impl AsFd for Changes {
    /// Readable while an event is queued.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// The longest event: its head and a name with its NUL.
const EVENT_BYTES_MAX: usize = size_of::<libc::inotify_event>() + libc::NAME_MAX as usize + 1;

/// Takes the events in `bytes`, which were read from inotify, apart.
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

/// File systems, by the `f_type` of statfs(2), on which all changes are made through this kernel: ext2 to ext4, xfs,
/// btrfs, f2fs, tmpfs, ramfs, overlayfs, zfs, bcachefs. Of a network's or a FUSE file system inotify tells only a part.
const LOCAL: [u32; 9] =
    [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994, 0x8584_58f6, 0x794c_7630, 0x2fc1_2fc1, 0xca45_1a4e];

/// Whether all changes on the file system that a path leads to are told. Errors: those of statfs(2).
pub fn tells_changes(path: &CStr) -> Result<bool> {
    let mut raw = mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the path ends with NUL and outlives the call, which fills the whole struct, or fails.
    unsafe { syscall!(statfs(path.as_ptr(), raw.as_mut_ptr())) }?;
    // SAFETY: the call has succeeded.
    Ok(LOCAL.contains(&(unsafe { raw.assume_init_ref() }.f_type as u32)))
}
