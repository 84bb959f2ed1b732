//! For systems without inotify(7): all functions fail with `ENOSYS`.

use super::{Aspects, Change, Watched};
use crate::{Error, Result};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Cannot be constructed: [`Changes::open`] always fails.
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

    /// Does nothing.
    pub fn forget(&self, _: Watched) {}

    /// Always false.
    pub fn is_quiet(&self) -> bool {
        false
    }

    /// Reports [`Change::Anything`].
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
