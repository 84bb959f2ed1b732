//! The BSDs and macOS: kqueue(2). On Linux, for tests, its emulation in `kqueue_shim`.

use super::check;
#[cfg(has_kqueue)]
use super::{same_layout, same_values};
use crate::{Error, Result};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

#[cfg(not(target_os = "netbsd"))]
mod types {
    pub type Filter = i16;
    pub type Flags = u16;
    pub type Count = std::ffi::c_int;
    pub const EVFILT_READ: Filter = -1;
    pub const EVFILT_WRITE: Filter = -2;
    pub const EVFILT_VNODE: Filter = -4;
    pub const EVFILT_PROC: Filter = -5;
    pub const EVFILT_SIGNAL: Filter = -6;
}
#[cfg(target_os = "netbsd")]
mod types {
    pub type Filter = u32;
    pub type Flags = u32;
    pub type Count = usize;
    pub const EVFILT_READ: Filter = 0;
    pub const EVFILT_WRITE: Filter = 1;
    pub const EVFILT_VNODE: Filter = 3;
    pub const EVFILT_PROC: Filter = 4;
    pub const EVFILT_SIGNAL: Filter = 5;
}
pub use types::*;

pub const EV_ADD: Flags = 0x0001;
pub const EV_DELETE: Flags = 0x0002;
pub const EV_CLEAR: Flags = 0x0020;
pub const EV_RECEIPT: Flags = 0x0040;
pub const EV_ERROR: Flags = 0x4000;
pub const EV_EOF: Flags = 0x8000;

pub const NOTE_DELETE: u32 = 0x0001;
pub const NOTE_WRITE: u32 = 0x0002;
pub const NOTE_EXTEND: u32 = 0x0004;
pub const NOTE_ATTRIB: u32 = 0x0008;
pub const NOTE_LINK: u32 = 0x0010;
pub const NOTE_RENAME: u32 = 0x0020;
pub const NOTE_EXIT: u32 = 0x8000_0000;

/// `struct kevent`. FreeBSD's has 64 bytes with `ext` since release 12; programs that are linked today get the new
/// version of the call. Apple's is packed to 4 bytes.
///
/// `udata` is a pointer in C and contains a token here, so it must have 64 bits.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(target_vendor = "apple", repr(C, packed(4)))]
#[cfg_attr(not(target_vendor = "apple"), repr(C))]
pub struct KEvent {
    pub ident: usize,
    pub filter: Filter,
    pub flags: Flags,
    pub fflags: u32,
    pub data: i64,
    pub udata: usize,
    #[cfg(target_os = "freebsd")]
    pub ext: [u64; 4],
}
const _: () = assert!(usize::BITS == 64, "a token fills the user data of a kevent");

impl KEvent {
    pub const NONE: Self = Self {
        ident: 0,
        filter: 0,
        flags: 0,
        fflags: 0,
        data: 0,
        udata: 0,
        #[cfg(target_os = "freebsd")]
        ext: [0; 4],
    };
}

#[cfg(has_kqueue)]
mod as_libc_has_them {
    use super::*;
    same_layout!(KEvent, libc::kevent, ident, filter, flags, fflags, data, udata);
    #[cfg(target_os = "freebsd")]
    const _: () = assert!(std::mem::offset_of!(KEvent, ext) == std::mem::offset_of!(libc::kevent, ext));
    same_values!(EVFILT_READ, EVFILT_WRITE, EVFILT_VNODE, EVFILT_PROC, EVFILT_SIGNAL);
    same_values!(EV_ADD, EV_DELETE, EV_CLEAR, EV_RECEIPT, EV_ERROR, EV_EOF);
    same_values!(NOTE_DELETE, NOTE_WRITE, NOTE_EXTEND, NOTE_ATTRIB, NOTE_LINK, NOTE_RENAME, NOTE_EXIT);
}

#[cfg(has_kqueue)]
mod c {
    use super::{Count, KEvent};
    use std::ffi::c_int;
    // SAFETY: the signatures are those of the man pages, and the struct was compared with libc's above.
    unsafe extern "C" {
        pub fn kqueue() -> c_int;
        #[cfg_attr(target_os = "netbsd", link_name = "__kevent50")]
        pub fn kevent(
            kqueue: c_int,
            changes: *const KEvent,
            changes_len: Count,
            events: *mut KEvent,
            events_len: Count,
            timeout: *const libc::timespec,
        ) -> c_int;
    }
}
#[cfg(not(has_kqueue))]
use crate::poller::kqueue_shim as c;

#[cfg(not(has_kqueue))]
pub(in crate::poller) use crate::poller::kqueue_shim::take_pending;
#[cfg(has_kqueue)]
pub(in crate::poller) use crate::signal::take_pending;

/// Opens a kqueue, and marks its descriptor closed on exec.
pub fn kqueue() -> Result<OwnedFd> {
    // SAFETY: takes no pointer, and the descriptor it returns is ours alone. (The test double is an `unsafe fn`, too.)
    let kqueue = unsafe { OwnedFd::from_raw_fd(check("kqueue", || c::kqueue())? as RawFd) };
    // SAFETY: takes no pointer.
    match unsafe { libc::fcntl(kqueue.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) } {
        -1 => Err(Error::last("fcntl")),
        _ => Ok(kqueue),
    }
}

/// Sends `changes`, then waits for events.
pub fn kevent(kqueue: &OwnedFd, changes: &[KEvent], events: &mut [KEvent], timeout: Option<Duration>) -> Result<usize> {
    let timeout = timeout.map(|t| libc::timespec { tv_sec: t.as_secs() as _, tv_nsec: t.subsec_nanos() as _ });
    let timeout = timeout.as_ref().map_or(std::ptr::null(), |t| t as *const _);
    let (changes_len, events_len) = (changes.len() as Count, events.len() as Count);
    let (kqueue, changes, events) = (kqueue.as_raw_fd(), changes.as_ptr(), events.as_mut_ptr());
    // SAFETY: the kernel reads `changes_len` structs and writes at most `events_len`, which is what the slices hold;
    // `timeout` is null or points to a timespec that lives until the call returns.
    let n = check("kevent", || unsafe { c::kevent(kqueue, changes, changes_len, events, events_len, timeout) });
    n.map(|n| n as usize)
}
