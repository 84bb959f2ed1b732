//! Linux: epoll(7), signalfd(2), inotify(7), pidfd_open(2).

use super::{check, same_layout, same_values};
use crate::Result;
use crate::signal::Signal;
use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

pub const EPOLL_CLOEXEC: c_int = 0o2000000;
pub const EPOLL_CTL_ADD: c_int = 1;
pub const EPOLL_CTL_DEL: c_int = 2;
pub const EPOLL_CTL_MOD: c_int = 3;
pub const EPOLLIN: u32 = 0x001;
pub const EPOLLOUT: u32 = 0x004;
pub const EPOLLERR: u32 = 0x008;
pub const EPOLLHUP: u32 = 0x010;
same_values!(EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP);

pub const IN_CLOEXEC: c_int = 0o2000000;
pub const IN_NONBLOCK: c_int = 0o4000;
pub const IN_MODIFY: u32 = 0x0002;
pub const IN_ATTRIB: u32 = 0x0004;
pub const IN_MOVED_FROM: u32 = 0x0040;
pub const IN_MOVED_TO: u32 = 0x0080;
pub const IN_CREATE: u32 = 0x0100;
pub const IN_DELETE: u32 = 0x0200;
pub const IN_DELETE_SELF: u32 = 0x0400;
pub const IN_MOVE_SELF: u32 = 0x0800;
pub const IN_Q_OVERFLOW: u32 = 0x4000;
pub const IN_IGNORED: u32 = 0x8000;
same_values!(IN_CLOEXEC, IN_NONBLOCK, IN_MODIFY, IN_ATTRIB, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE);
same_values!(IN_DELETE_SELF, IN_MOVE_SELF, IN_Q_OVERFLOW, IN_IGNORED);

pub const SFD_CLOEXEC: c_int = 0o2000000;
pub const SFD_NONBLOCK: c_int = 0o4000;
same_values!(SFD_CLOEXEC, SFD_NONBLOCK);

/// `struct epoll_event`: packed on x86-64 only, where 32-bit programs have the same layout.
#[derive(Clone, Copy)]
#[cfg_attr(target_arch = "x86_64", repr(C, packed))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C))]
pub struct EpollEvent {
    pub events: u32,
    pub data: u64,
}

impl EpollEvent {
    pub const NONE: Self = Self { events: 0, data: 0 };
}

mod as_libc_names_them {
    use super::*;
    /// libc calls `data` "u64".
    #[allow(dead_code)]
    #[cfg_attr(target_arch = "x86_64", repr(C, packed))]
    #[cfg_attr(not(target_arch = "x86_64"), repr(C))]
    struct Event {
        events: u32,
        u64: u64,
    }
    same_layout!(Event, libc::epoll_event, events, u64);
    const _: () = assert!(size_of::<Event>() == size_of::<EpollEvent>());
    const _: () = assert!(std::mem::offset_of!(EpollEvent, data) == std::mem::offset_of!(Event, u64));
}

/// `struct inotify_event`, without the name of `len` bytes that follows it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct InotifyEvent {
    pub wd: c_int,
    pub mask: u32,
    pub cookie: u32,
    pub len: u32,
}

impl InotifyEvent {
    /// Splits off the first event of `bytes`, which were read from inotify. Returns it and the bytes after its name.
    pub fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut words = bytes.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().expect("4 bytes")));
        let (wd, mask, cookie, len) = (words.next()? as c_int, words.next()?, words.next()?, words.next()?);
        Some((Self { wd, mask, cookie, len }, bytes.get(size_of::<Self>() + len as usize..)?))
    }
}
same_layout!(InotifyEvent, libc::inotify_event, wd, mask, cookie, len);

/// `sizeof(struct signalfd_siginfo)`: the size of what read(2) returns for one signal.
pub const SIGINFO_BYTES: usize = 128;
const _: () = assert!(SIGINFO_BYTES == size_of::<libc::signalfd_siginfo>());

mod c {
    use super::*;
    // SAFETY: the signatures are those of the man pages, and the structs were compared with libc's above.
    unsafe extern "C" {
        pub fn epoll_create1(flags: c_int) -> c_int;
        pub fn epoll_ctl(epoll: c_int, op: c_int, fd: c_int, event: *mut EpollEvent) -> c_int;
        pub fn epoll_wait(epoll: c_int, events: *mut EpollEvent, len: c_int, timeout_ms: c_int) -> c_int;
        pub fn signalfd(fd: c_int, mask: *const libc::sigset_t, flags: c_int) -> c_int;
        pub fn inotify_init1(flags: c_int) -> c_int;
        pub fn inotify_add_watch(inotify: c_int, path: *const c_char, mask: u32) -> c_int;
        pub fn inotify_rm_watch(inotify: c_int, wd: c_int) -> c_int;
    }
}

/// Owns the descriptor that a call returned.
fn owned(call: &'static str, make: impl FnOnce() -> c_int) -> Result<OwnedFd> {
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows its number.
    check(call, make).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

pub fn epoll_create1(flags: c_int) -> Result<OwnedFd> {
    // SAFETY: takes no pointer.
    owned("epoll_create1", || unsafe { c::epoll_create1(flags) })
}

pub fn epoll_ctl(epoll: &OwnedFd, op: c_int, fd: RawFd, mut event: EpollEvent) -> Result<()> {
    // SAFETY: `event` lives until the call returns, and the kernel keeps no pointer to it.
    check("epoll_ctl", || unsafe { c::epoll_ctl(epoll.as_raw_fd(), op, fd, &mut event) }).map(drop)
}

pub fn epoll_wait(epoll: &OwnedFd, events: &mut [EpollEvent], timeout_ms: c_int) -> Result<usize> {
    let len = events.len() as c_int;
    // SAFETY: the kernel writes at most `len` events, which is what the slice holds.
    check("epoll_wait", || unsafe { c::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), len, timeout_ms) })
        .map(|n| n as usize)
}

/// Opens a descriptor that is readable while this signal, which must be blocked, is pending.
pub fn signalfd(signal: Signal, flags: c_int) -> Result<OwnedFd> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset fills the whole set before it is read, and the kernel copies it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal as c_int);
        owned("signalfd", || c::signalfd(-1, set.as_ptr(), flags))
    }
}

pub fn inotify_init1(flags: c_int) -> Result<OwnedFd> {
    // SAFETY: takes no pointer.
    owned("inotify_init1", || unsafe { c::inotify_init1(flags) })
}

pub fn inotify_add_watch(inotify: &OwnedFd, path: &CStr, mask: u32) -> Result<c_int> {
    // SAFETY: `path` ends in NUL and lives until the call returns.
    check("inotify_add_watch", || unsafe { c::inotify_add_watch(inotify.as_raw_fd(), path.as_ptr(), mask) })
}

pub fn inotify_rm_watch(inotify: &OwnedFd, wd: c_int) -> Result<()> {
    // SAFETY: takes no pointer.
    check("inotify_rm_watch", || unsafe { c::inotify_rm_watch(inotify.as_raw_fd(), wd) }).map(drop)
}

/// Opens a descriptor that becomes readable when the child has ended. It is always closed on exec.
pub fn pidfd_open(pid: i32) -> Result<OwnedFd> {
    // SAFETY: takes no pointer. glibc has had a wrapper only since 2.36.
    owned("pidfd_open", || unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) } as c_int)
}

/// True if the child has ended; does not reap it. Also true if it is not a child of this process, or was reaped
/// already.
pub fn has_exited(pid: i32) -> bool {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is one siginfo_t, zeroed as the man page asks, so that "no child has ended" reads as pid 0.
    unsafe {
        let result = libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), options);
        result == -1 || info.assume_init().si_pid() == pid
    }
}

/// Reads the bytes that are there. Returns `None` if there are none, and for all errors.
pub fn read_some(fd: BorrowedFd<'_>, buf: &mut [u8]) -> Option<usize> {
    // SAFETY: the kernel writes at most `buf.len()` bytes into `buf`.
    let n = attempt!("read", unsafe { libc::read(fd.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len()) });
    usize::try_from(n).ok().filter(|&n| n > 0)
}
