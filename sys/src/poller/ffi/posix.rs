//! Every unix: poll(2) and select(2).

use super::{check, same_layout, same_values};
use crate::Result;
use std::ffi::{c_int, c_short};
use std::os::fd::RawFd;
use std::time::Duration;

pub const POLLIN: c_short = 0x001;
pub const POLLOUT: c_short = 0x004;
pub const POLLERR: c_short = 0x008;
pub const POLLHUP: c_short = 0x010;
pub const POLLNVAL: c_short = 0x020;
same_values!(POLLIN, POLLOUT, POLLERR, POLLHUP, POLLNVAL);

/// `struct pollfd`. One with a negative `fd` is skipped by the kernel.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct PollFd {
    pub fd: c_int,
    pub events: c_short,
    pub revents: c_short,
}
same_layout!(PollFd, libc::pollfd, fd, events, revents);

#[cfg(any(target_os = "linux", target_os = "android"))]
type NFds = std::ffi::c_ulong;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
type NFds = std::ffi::c_uint;
const _: () = assert!(size_of::<NFds>() == size_of::<libc::nfds_t>());

/// The number of descriptors in an [`FdSet`]: 0 to 1023.
pub const FD_SETSIZE: usize = 1024;

/// The word of an `fd_set`. Its size matters on big-endian machines.
#[cfg(any(target_vendor = "apple", target_os = "netbsd", target_os = "openbsd"))]
type Word = u32;
#[cfg(not(any(target_vendor = "apple", target_os = "netbsd", target_os = "openbsd")))]
type Word = std::ffi::c_ulong;
const WORD_BITS: usize = Word::BITS as usize;

/// `fd_set`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct FdSet([Word; FD_SETSIZE / WORD_BITS]);
// NetBSD's default set is smaller (256), but its kernel uses the number in `nfds`.
const _: () = assert!(size_of::<FdSet>() >= size_of::<libc::fd_set>());
const _: () = assert!(align_of::<FdSet>() == align_of::<libc::fd_set>());

impl FdSet {
    pub const EMPTY: Self = Self([0; FD_SETSIZE / WORD_BITS]);

    pub fn insert(&mut self, fd: usize) {
        self.0[fd / WORD_BITS] |= 1 << (fd % WORD_BITS);
    }

    pub fn remove(&mut self, fd: usize) {
        self.0[fd / WORD_BITS] &= !(1 << (fd % WORD_BITS));
    }

    pub fn contains(&self, fd: usize) -> bool {
        self.0[fd / WORD_BITS] & (1 << (fd % WORD_BITS)) != 0
    }
}

mod c {
    use super::*;
    // SAFETY: the signatures are those of the man pages, and the structs were compared with libc's above.
    unsafe extern "C" {
        pub fn poll(fds: *mut PollFd, len: NFds, timeout_ms: c_int) -> c_int;
        #[cfg_attr(all(target_os = "macos", target_arch = "x86_64"), link_name = "select$1050")]
        #[cfg_attr(target_os = "netbsd", link_name = "__select50")]
        pub fn select(
            end: c_int,
            read: *mut FdSet,
            write: *mut FdSet,
            except: *mut FdSet,
            timeout: *mut libc::timeval,
        ) -> c_int;
    }
}

pub fn poll(fds: &mut [PollFd], timeout_ms: c_int) -> Result<usize> {
    // SAFETY: the kernel reads and writes exactly `len` structs, which is what the slice holds.
    check("poll", || unsafe { c::poll(fds.as_mut_ptr(), fds.len() as NFds, timeout_ms) }).map(|n| n as usize)
}

/// `end` is one more than the highest descriptor in the sets. The timeout's nanoseconds are rounded up.
pub fn select(end: RawFd, read: &mut FdSet, write: &mut FdSet, timeout: Option<Duration>) -> Result<usize> {
    let mut time = timeout.map(|t| {
        let micros = t.as_nanos().div_ceil(1000);
        libc::timeval { tv_sec: (micros / 1_000_000) as _, tv_usec: (micros % 1_000_000) as _ }
    });
    let time = time.as_mut().map_or(std::ptr::null_mut(), |t| t as *mut _);
    // SAFETY: both sets hold FD_SETSIZE bits and `end` is at most that, so the kernel stays inside them; `time` is null
    // or points to a timeval that lives until the call returns.
    check("select", || unsafe { c::select(end.min(FD_SETSIZE as RawFd), read, write, std::ptr::null_mut(), time) })
        .map(|n| n as usize)
}
