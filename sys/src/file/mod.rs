//! Files and directories: opens, creates, renames and removes them. Every descriptor from here is closed on exec.
//!
//! A path is a [`CStr`], as the kernel takes it; [`c_path`] makes one. In calls whose name ends in `at`, a relative
//! path starts at a directory's descriptor; [`CWD`] stands for the working directory.

mod directory;
mod nameless;
mod stat;
mod transfer;

pub use directory::{Directory, Entry};
pub use nameless::{link_nameless, open_nameless, rename_new};
pub use stat::{FileKind, Stat, fstat, fstatat};
pub use transfer::{SLICES_MAX, copy_file_range, pread, pwrite, read, read_spare, readv, sendfile, write, writev};

use crate::{Error, Result};
use libc::c_int;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The working directory, as the directory argument of a call: `AT_FDCWD` in open(2).
// SAFETY: AT_FDCWD is not a descriptor that can be closed, and not -1, which BorrowedFd must not contain.
pub const CWD: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(libc::AT_FDCWD) };

bitflags::bitflags! {
    /// How to open a file: open(2). `O_CLOEXEC` is always added.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct OpenFlags: u32 {
        /// Opens for reading: `O_RDONLY`, also if neither this nor `WRITE` is set. With `WRITE`: `O_RDWR`.
        const READ = 1;
        /// Opens for writing: `O_WRONLY`.
        const WRITE = 1 << 1;
        /// Creates the file with the given mode if it does not exist: `O_CREAT`.
        const CREATE = 1 << 2;
        /// With `CREATE`: fails with `EEXIST` if the file exists: `O_EXCL`.
        const EXCLUSIVE = 1 << 3;
        /// Truncates the file to 0 bytes: `O_TRUNC`.
        const TRUNCATE = 1 << 4;
        /// Each write goes to the end of the file, also if other processes write: `O_APPEND`.
        const APPEND = 1 << 5;
        /// Fails with `ELOOP` (on FreeBSD `EMLINK`) if the last component is a symbolic link: `O_NOFOLLOW`.
        const NO_FOLLOW = 1 << 6;
        /// Fails with `ENOTDIR` if it is not a directory: `O_DIRECTORY`.
        const DIRECTORY = 1 << 7;
        /// Does not wait for the other side of a FIFO or for a device: `O_NONBLOCK`.
        const NON_BLOCKING = 1 << 8;
        /// Opens without access to the content, for `…at` calls and fstat(2): `O_PATH`. On systems without it, opens
        /// for reading.
        const PATH = 1 << 9;
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const O_PATH: c_int = libc::O_PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const O_PATH: c_int = 0;

impl OpenFlags {
    fn raw(self) -> c_int {
        let mut raw = libc::O_CLOEXEC;
        raw |= match (self.contains(Self::READ), self.contains(Self::WRITE)) {
            (true, true) => libc::O_RDWR,
            (false, true) => libc::O_WRONLY,
            (_, false) => libc::O_RDONLY,
        };
        for (flag, bits) in [
            (Self::CREATE, libc::O_CREAT),
            (Self::EXCLUSIVE, libc::O_EXCL),
            (Self::TRUNCATE, libc::O_TRUNC),
            (Self::APPEND, libc::O_APPEND),
            (Self::NO_FOLLOW, libc::O_NOFOLLOW),
            (Self::DIRECTORY, libc::O_DIRECTORY),
            (Self::NON_BLOCKING, libc::O_NONBLOCK),
            (Self::PATH, O_PATH),
        ] {
            raw |= if self.contains(flag) { bits } else { 0 };
        }
        raw
    }
}

/// Makes a path for the system call named `call`. Errors: `EINVAL` of that call if `path` contains a NUL.
pub fn c_path(call: &'static str, path: &[u8]) -> Result<CString> {
    CString::new(path).map_err(|_| Error::new(call, libc::EINVAL))
}

/// Opens a file: open(2). The same as [`openat`] with [`CWD`]; errors name openat, too.
pub fn open(path: &CStr, flags: OpenFlags, mode: u32) -> Result<OwnedFd> {
    openat(CWD, path, flags, mode)
}

/// Opens a file whose path starts at `directory`: openat(2). A new file gets `mode` without the bits of the umask.
///
/// Errors: `ENOENT`, `EACCES`, `ENOTDIR`, `ENAMETOOLONG`, `ELOOP`, `EMFILE`, `ENXIO` (a FIFO for writing that no
/// process has open for reading).
pub fn openat(directory: BorrowedFd<'_>, path: &CStr, flags: OpenFlags, mode: u32) -> Result<OwnedFd> {
    // SAFETY: the path ends with NUL and outlives the call.
    let fd = unsafe { syscall!(openat(directory.as_raw_fd(), path.as_ptr(), flags.raw(), mode as libc::c_uint)) }?;
    // SAFETY: the call has just opened this descriptor; it has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sets the permissions of a file; a symbolic link is not followed: fchmodat(2) with `AT_SYMLINK_NOFOLLOW`.
///
/// Errors: `EOPNOTSUPP` (a symbolic link; or on Linux, /proc is not mounted, or the C library is older than 2020).
pub fn chmod_no_follow(path: &CStr, mode: u32) -> Result<()> {
    let flags = libc::AT_SYMLINK_NOFOLLOW;
    // SAFETY: the path ends with NUL and outlives the call.
    unsafe { syscall!(fchmodat(libc::AT_FDCWD, path.as_ptr(), mode as libc::mode_t, flags)) }.map(drop)
}

/// Renames a file and replaces an existing one: renameat(2). Errors: `EXDEV` (different file systems), `ENOTEMPTY`, ...
pub fn renameat(from_directory: BorrowedFd<'_>, from: &CStr, to_directory: BorrowedFd<'_>, to: &CStr) -> Result<()> {
    let (old, new) = (from_directory.as_raw_fd(), to_directory.as_raw_fd());
    // SAFETY: both paths end with NUL and outlive the call.
    unsafe { syscall!(renameat(old, from.as_ptr(), new, to.as_ptr())) }.map(drop)
}

/// Gives a file a second name; never replaces an existing file: linkat(2). Errors: `EEXIST`, `EXDEV`, ...
pub fn linkat(from_directory: BorrowedFd<'_>, from: &CStr, to_directory: BorrowedFd<'_>, to: &CStr) -> Result<()> {
    let (old, new) = (from_directory.as_raw_fd(), to_directory.as_raw_fd());
    // SAFETY: both paths end with NUL and outlive the call.
    unsafe { syscall!(linkat(old, from.as_ptr(), new, to.as_ptr(), 0)) }.map(drop)
}

/// The target of a symbolic link: readlinkat(2). Errors: `EINVAL` (not a symbolic link); `ENAMETOOLONG` (longer than
/// `PATH_MAX`).
pub fn readlinkat(directory: BorrowedFd<'_>, path: &CStr) -> Result<Vec<u8>> {
    let mut target = vec![0u8; libc::PATH_MAX as usize];
    let (buffer, len) = (target.as_mut_ptr().cast(), target.len());
    // SAFETY: the path ends with NUL and outlives the call, which writes at most `len` bytes into the buffer.
    let count = unsafe { syscall!(readlinkat(directory.as_raw_fd(), path.as_ptr(), buffer, len)) }? as usize;
    if count == target.len() {
        return Err(Error::new("readlinkat", libc::ENAMETOOLONG)); // the target may be longer than the buffer
    }
    target.truncate(count);
    Ok(target)
}

/// Removes a file's name: unlinkat(2). Errors: `ENOENT`; for a directory `EISDIR` (Linux) or `EPERM`.
pub fn unlinkat(directory: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the path ends with NUL and outlives the call.
    unsafe { syscall!(unlinkat(directory.as_raw_fd(), path.as_ptr(), 0)) }.map(drop)
}

/// Removes an empty directory: unlinkat(2) with `AT_REMOVEDIR`. Errors: `ENOTEMPTY`, `ENOENT`, `ENOTDIR`.
pub fn rmdirat(directory: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the path ends with NUL and outlives the call.
    unsafe { syscall!(unlinkat(directory.as_raw_fd(), path.as_ptr(), libc::AT_REMOVEDIR)) }.map(drop)
}

/// Makes a directory with `mode` without the bits of the umask: mkdirat(2). Errors: `EEXIST`, `ENOENT` (no parent), ...
pub fn mkdirat(directory: BorrowedFd<'_>, path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the path ends with NUL and outlives the call.
    unsafe { syscall!(mkdirat(directory.as_raw_fd(), path.as_ptr(), mode as libc::mode_t)) }.map(drop)
}

/// Sets a file's permission bits, without the umask: fchmod(2). Errors: `EPERM` (the file has another owner).
pub fn fchmod(file: BorrowedFd<'_>, mode: u32) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(fchmod(file.as_raw_fd(), mode as libc::mode_t)) }.map(drop)
}

/// Sets the times of last access and last change, in seconds since 1970: futimens(2). Errors: `EPERM` (the file has
/// another owner).
pub fn set_modified(file: BorrowedFd<'_>, secs: i64) -> Result<()> {
    let time = libc::timespec { tv_sec: secs as libc::time_t, tv_nsec: 0 };
    // SAFETY: the call reads the two times.
    unsafe { syscall!(futimens(file.as_raw_fd(), [time, time].as_ptr())) }.map(drop)
}

/// Sets a file's user and group: fchown(2). Errors: `EPERM` (only root may change the owner).
pub fn fchown(file: BorrowedFd<'_>, owner: u32, group: u32) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(fchown(file.as_raw_fd(), owner, group)) }.map(drop)
}

/// Sets the file's position to 0: lseek(2).
pub fn rewind(file: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(lseek(file.as_raw_fd(), 0, libc::SEEK_SET)) }.map(drop)
}

/// Writes the file's data to the disk: fsync(2). It blocks until this is done, so do not call it in the event loop.
/// Does nothing where the file system cannot do it (`EINVAL`, `ENOSYS`, `EOPNOTSUPP`): some network file systems cannot
/// for directories.
pub fn fsync(file: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes no pointers.
    match unsafe { syscall!(fsync(file.as_raw_fd())) } {
        Err(error) if [libc::EINVAL, libc::ENOSYS, libc::EOPNOTSUPP].contains(&error.errno()) => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// Truncates a file to `size_bytes`, or extends it with zeros: ftruncate(2). Errors: `EFBIG`, `EINVAL` (not open for
/// writing).
pub fn ftruncate(file: BorrowedFd<'_>, size_bytes: u64) -> Result<()> {
    let size = offset("ftruncate", size_bytes)?;
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(ftruncate(file.as_raw_fd(), size)) }.map(drop)
}

/// Converts a file offset for the kernel. Errors: `EFBIG` of `call` if it does not fit into `off_t`.
fn offset(call: &'static str, bytes: u64) -> Result<libc::off_t> {
    libc::off_t::try_from(bytes).map_err(|_| Error::new(call, libc::EFBIG))
}

#[cfg(test)]
mod tests;
