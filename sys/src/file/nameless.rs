//! Files without a name (O_TMPFILE), and renames that never replace a file: Linux's renameat2(2), macOS's
//! renameatx_np(2). On other systems these functions fail with `ENOSYS`, and the caller uses linkat(2) instead.

use crate::Result;
use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

/// Creates a file without a name in the file system of `directory`, open for writing: `O_TMPFILE` in open(2). The file
/// is removed when its descriptor is closed, unless [`link_nameless`] has given it a name. It gets `mode` without the
/// bits of the umask.
///
/// Errors: `EOPNOTSUPP`, `EISDIR` or `EINVAL` (the file system or an old kernel does not support it), `ENOSYS` (other
/// systems).
pub fn open_nameless(directory: BorrowedFd<'_>, mode: u32) -> Result<OwnedFd> {
    imp::open_nameless(directory, mode)
}

/// Gives an open file a name in a directory; never replaces an existing file: linkat(2) with the descriptor's path in
/// /proc. Errors: `EEXIST`, `ENOENT` (/proc is not mounted, or the directory was removed), `ENOSYS`, `EPERM`, `EXDEV`
/// (a filter of a container, or Landlock, refuses it).
pub fn link_nameless(file: BorrowedFd<'_>, directory: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    imp::link_nameless(file, directory, name)
}

/// Renames a file; never replaces an existing one: renameat2(2) with `RENAME_NOREPLACE`. Errors: `EEXIST`, those of
/// renameat(2), `ENOSYS` or `EINVAL` (the system or the file system does not support it).
pub fn rename_new(from_directory: BorrowedFd<'_>, from: &CStr, to_directory: BorrowedFd<'_>, to: &CStr) -> Result<()> {
    imp::rename_new(from_directory, from, to_directory, to)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod imp {
    use crate::{Error, Result};
    use std::ffi::{CStr, CString};
    use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

    pub(super) fn open_nameless(directory: BorrowedFd<'_>, mode: u32) -> Result<OwnedFd> {
        let flags = libc::O_TMPFILE | libc::O_WRONLY | libc::O_CLOEXEC;
        // SAFETY: the path ends with NUL and outlives the call.
        let fd =
            unsafe { syscall!(O_TMPFILE = openat(directory.as_raw_fd(), c".".as_ptr(), flags, mode as libc::c_uint)) }?;
        // SAFETY: the call has just opened this descriptor; it has no other owner.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    pub(super) fn link_nameless(file: BorrowedFd<'_>, directory: BorrowedFd<'_>, name: &CStr) -> Result<()> {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let path = CString::new(path).map_err(|_| Error::new("linkat", libc::EINVAL))?;
        let (old, new, flags) = (libc::AT_FDCWD, directory.as_raw_fd(), libc::AT_SYMLINK_FOLLOW);
        // SAFETY: both paths end with NUL and outlive the call.
        unsafe { syscall!(linkat(old, path.as_ptr(), new, name.as_ptr(), flags)) }.map(drop)
    }

    /// From linux/fs.h.
    const RENAME_NOREPLACE: libc::c_uint = 1;

    pub(super) fn rename_new(
        from_directory: BorrowedFd<'_>,
        from: &CStr,
        to_directory: BorrowedFd<'_>,
        to: &CStr,
    ) -> Result<()> {
        let (old, new) = (from_directory.as_raw_fd(), to_directory.as_raw_fd());
        // By syscall(2), since not every C library has a wrapper.
        // SAFETY: both paths end with NUL and outlive the call.
        unsafe {
            syscall!(renameat2 = syscall(libc::SYS_renameat2, old, from.as_ptr(), new, to.as_ptr(), RENAME_NOREPLACE))
        }
        .map(drop)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod imp {
    use crate::{Error, Result};
    use std::ffi::CStr;
    #[cfg(target_os = "macos")]
    use std::os::fd::AsRawFd;
    use std::os::fd::{BorrowedFd, OwnedFd};

    pub(super) fn open_nameless(_: BorrowedFd<'_>, _: u32) -> Result<OwnedFd> {
        Err(Error::new("openat", libc::ENOSYS))
    }

    pub(super) fn link_nameless(_: BorrowedFd<'_>, _: BorrowedFd<'_>, _: &CStr) -> Result<()> {
        Err(Error::new("linkat", libc::ENOSYS))
    }

    #[cfg(target_os = "macos")]
    pub(super) fn rename_new(
        from_directory: BorrowedFd<'_>,
        from: &CStr,
        to_directory: BorrowedFd<'_>,
        to: &CStr,
    ) -> Result<()> {
        let (old, new) = (from_directory.as_raw_fd(), to_directory.as_raw_fd());
        // SAFETY: both paths end with NUL and outlive the call.
        unsafe { syscall!(renameatx_np(old, from.as_ptr(), new, to.as_ptr(), libc::RENAME_EXCL)) }.map(drop)
    }

    #[cfg(not(target_os = "macos"))]
    pub(super) fn rename_new(_: BorrowedFd<'_>, _: &CStr, _: BorrowedFd<'_>, _: &CStr) -> Result<()> {
        Err(Error::new("renameat2", libc::ENOSYS))
    }
}
