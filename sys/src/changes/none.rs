//! A system that has no inotify(7): nothing can be watched, and who asks is told so.

use super::{Aspects, Change, Watched};
use crate::{Error, Result};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Never made.
pub struct Changes {
    never: OwnedFd,
}

impl Changes {
    /// Errors: `ENOSYS`.
    pub fn open() -> Result<Self> {
        Err(Error::new("inotify_init1", libc::ENOSYS))
    }

    /// Errors: `ENOSYS`.
    pub fn watch(&self, _: &CStr, _: Aspects) -> Result<Watched> {
        Err(Error::new("inotify_add_watch", libc::ENOSYS))
    }

    /// Nothing is watched.
    pub fn forget(&self, _: Watched) {}

    /// Nothing is known.
    pub fn is_quiet(&self) -> bool {
        false
    }

    /// Anything may have changed.
    pub fn take(&self, mut tell: impl FnMut(Change<'_>)) {
        tell(Change::Anything);
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.never.as_fd()
    }
}

/// Errors: `ENOSYS`.
pub fn tells_changes(_: &CStr) -> Result<bool> {
    Err(Error::new("statfs", libc::ENOSYS))
}
