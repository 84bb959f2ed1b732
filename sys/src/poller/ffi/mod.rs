//! Declarations of the system calls for events, and a safe function of the same name for each.
//!
//! The safe functions take borrowed descriptors and slices, and return the call's return value; `-1` becomes an
//! [`Error`] that names the call. They do not repeat a call after `EINTR`. Constants have their C names. Struct layouts
//! and constants are compared with the libc crate's at compile time, so that type-checking for a target verifies them.

#[cfg(any(has_kqueue, test, feature = "kqueue-shim"))]
pub(super) mod kqueue;
#[cfg(has_epoll)]
pub(super) mod linux;
pub(super) mod posix;

use crate::{Error, Result};
use std::ffi::c_int;

/// What `make` returns, and `-1` as an error of `call`, with the current `errno`.
fn check(call: &'static str, make: impl FnOnce() -> c_int) -> Result<c_int> {
    let result = attempt!(call, make());
    if result == -1 { Err(Error::last(call)) } else { Ok(result) }
}

/// The size of the type that a pointer points to.
const fn pointee_bytes<T>(_: *const T) -> usize {
    size_of::<T>()
}

/// Checks at compile time that a struct has the same size and alignment as libc's, and its fields the same offsets and
/// sizes.
macro_rules! same_layout {
    ($ours:ty, $theirs:ty, $($field:ident),+) => {
        const _: () = {
            assert!(size_of::<$ours>() == size_of::<$theirs>());
            assert!(align_of::<$ours>() == align_of::<$theirs>());
            let (ours, theirs) = (std::mem::MaybeUninit::<$ours>::uninit(), std::mem::MaybeUninit::<$theirs>::uninit());
            let (ours, theirs) = (ours.as_ptr(), theirs.as_ptr());
            $(
                assert!(std::mem::offset_of!($ours, $field) == std::mem::offset_of!($theirs, $field));
                // SAFETY: the pointers stay inside their structs, and nothing is read.
                let (a, b) = unsafe { (&raw const (*ours).$field, &raw const (*theirs).$field) };
                assert!($crate::poller::ffi::pointee_bytes(a) == $crate::poller::ffi::pointee_bytes(b));
            )+
        };
    };
}

/// Checks at compile time that constants have the same values as libc's.
macro_rules! same_values {
    ($($name:ident),+ $(,)?) => {
        const _: () = { $(assert!($name as i64 == libc::$name as i64);)+ };
    };
}

use {same_layout, same_values};
