//! Files and directories: opening and naming them. Every descriptor made here is closed on exec.
//!
//! A path is a [`CStr`] here, as the kernel takes it; [`c_path`] makes one. Calls whose name ends in `at` take paths
//! from a directory's descriptor; [`CWD`] is the working directory.

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

/// The working directory, where a call takes a directory's descriptor: `AT_FDCWD` in open(2).
// SAFETY: AT_FDCWD is no descriptor that anyone could close, and not -1, the one value that BorrowedFd may not have.
pub const CWD: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(libc::AT_FDCWD) };

bitflags::bitflags! {
    /// How to open a file: open(2). `O_CLOEXEC` is always added.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct OpenFlags: u32 {
        /// To read; so does neither this nor `WRITE`. Both: `O_RDWR`.
        const READ = 1;
        /// To write: `O_WRONLY`.
        const WRITE = 1 << 1;
        /// Makes the file, with the mode given, unless it is there: `O_CREAT`.
        const CREATE = 1 << 2;
        /// With `CREATE`: `EEXIST` if it is there: `O_EXCL`.
        const EXCLUSIVE = 1 << 3;
        /// Cuts the file to 0 bytes: `O_TRUNC`.
        const TRUNCATE = 1 << 4;
        /// Writes go to the end, whoever else writes: `O_APPEND`.
        const APPEND = 1 << 5;
        /// `ELOOP` (on FreeBSD `EMLINK`) if the last name is a symbolic link: `O_NOFOLLOW`.
        const NO_FOLLOW = 1 << 6;
        /// `ENOTDIR` if it is no directory: `O_DIRECTORY`.
        const DIRECTORY = 1 << 7;
        /// Does not wait for the other side of a FIFO, nor for a device: `O_NONBLOCK`.
        const NON_BLOCKING = 1 << 8;
        /// Only names the file, to start `…at` calls from and to stat: `O_PATH`. On systems without it, opens to read.
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

/// A path for the call of the name `call`. Errors: `EINVAL`, said of that call, if `path` has a NUL inside.
pub fn c_path(call: &'static str, path: &[u8]) -> Result<CString> {
    CString::new(path).map_err(|_| Error::new(call, libc::EINVAL))
}

/// Opens a file; `mode` counts if it is made: open(2). As [`openat`] from the working directory, and said so in errors.
pub fn open(path: &CStr, flags: OpenFlags, mode: u32) -> Result<OwnedFd> {
    openat(CWD, path, flags, mode)
}

/// Opens a file whose path starts at `directory`; `mode` (less the umask) counts if it is made: openat(2).
///
/// Errors: `ENOENT`, `EACCES`, `ENOTDIR`, `ENAMETOOLONG`, `ELOOP`, `EMFILE`, `ENXIO` (a FIFO to write
/// that nobody reads).
pub fn openat(directory: BorrowedFd<'_>, path: &CStr, flags: OpenFlags, mode: u32) -> Result<OwnedFd> {
    // SAFETY: the path ends with NUL and outlives the call.
    let fd = unsafe { syscall!(openat(directory.as_raw_fd(), path.as_ptr(), flags.raw(), mode as libc::c_uint)) }?;
    // SAFETY: the call has just opened this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Renames a file, over one that is there: renameat(2). Errors: `EXDEV` (not on one file system), `ENOTEMPTY`, ...
pub fn renameat(from_directory: BorrowedFd<'_>, from: &CStr, to_directory: BorrowedFd<'_>, to: &CStr) -> Result<()> {
    let (old, new) = (from_directory.as_raw_fd(), to_directory.as_raw_fd());
    // SAFETY: both paths end with NUL and outlive the call.
    unsafe { syscall!(renameat(old, from.as_ptr(), new, to.as_ptr())) }.map(drop)
}

/// Gives a file a second name, never over one that is there: linkat(2). Errors: `EEXIST`, `EXDEV`, ...
pub fn linkat(from_directory: BorrowedFd<'_>, from: &CStr, to_directory: BorrowedFd<'_>, to: &CStr) -> Result<()> {
    let (old, new) = (from_directory.as_raw_fd(), to_directory.as_raw_fd());
    // SAFETY: both paths end with NUL and outlive the call.
    unsafe { syscall!(linkat(old, from.as_ptr(), new, to.as_ptr(), 0)) }.map(drop)
}

/// The target of a symbolic link: readlinkat(2). Errors: `EINVAL` if the path is not a link; `ENAMETOOLONG` for a
/// target of more than `PATH_MAX` bytes.
pub fn readlinkat(directory: BorrowedFd<'_>, path: &CStr) -> Result<Vec<u8>> {
    let mut target = vec![0u8; libc::PATH_MAX as usize];
    let (buffer, len) = (target.as_mut_ptr().cast(), target.len());
    // SAFETY: the path ends with NUL and outlives the call, which writes at most `len` bytes into the buffer.
    let count = unsafe { syscall!(readlinkat(directory.as_raw_fd(), path.as_ptr(), buffer, len)) }? as usize;
    if count == target.len() {
        return Err(Error::new("readlinkat", libc::ENAMETOOLONG)); // the rest may be cut off
    }
    target.truncate(count);
    Ok(target)
}

/// Removes a file's name: unlinkat(2). Errors: `ENOENT`, `EISDIR` (Linux) or `EPERM` (a directory).
pub fn unlinkat(directory: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the path ends with NUL and outlives the call.
    unsafe { syscall!(unlinkat(directory.as_raw_fd(), path.as_ptr(), 0)) }.map(drop)
}

/// Removes an empty directory: unlinkat(2) with `AT_REMOVEDIR`. Errors: `ENOTEMPTY`, `ENOENT`, `ENOTDIR`.
pub fn rmdirat(directory: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the path ends with NUL and outlives the call.
    unsafe { syscall!(unlinkat(directory.as_raw_fd(), path.as_ptr(), libc::AT_REMOVEDIR)) }.map(drop)
}

/// Makes a directory with `mode` less the umask: mkdirat(2). Errors: `EEXIST`, `ENOENT` (its parent), ...
pub fn mkdirat(directory: BorrowedFd<'_>, path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the path ends with NUL and outlives the call.
    unsafe { syscall!(mkdirat(directory.as_raw_fd(), path.as_ptr(), mode as libc::mode_t)) }.map(drop)
}

/// Sets a file's permission bits, whatever the umask is: fchmod(2). Errors: `EPERM` (it is not ours).
pub fn fchmod(file: BorrowedFd<'_>, mode: u32) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(fchmod(file.as_raw_fd(), mode as libc::mode_t)) }.map(drop)
}

/// Gives a file to this user and group: fchown(2). Errors: `EPERM` (only root gives files away).
pub fn fchown(file: BorrowedFd<'_>, owner: u32, group: u32) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(fchown(file.as_raw_fd(), owner, group)) }.map(drop)
}

/// Puts the file's position at its beginning: lseek(2).
pub fn rewind(file: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(lseek(file.as_raw_fd(), 0, libc::SEEK_SET)) }.map(drop)
}

/// Waits until the file's bytes are on the disk: fsync(2). Blocks; not for the loop.
pub fn fsync(file: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(fsync(file.as_raw_fd())) }.map(drop)
}

/// Cuts or extends (with zeroes) a file to `size_bytes`: ftruncate(2). Errors: `EFBIG`, `EINVAL` (not open to write).
pub fn ftruncate(file: BorrowedFd<'_>, size_bytes: u64) -> Result<()> {
    let size = offset("ftruncate", size_bytes)?;
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(ftruncate(file.as_raw_fd(), size)) }.map(drop)
}

/// A file offset as the kernel takes it. Errors: `EFBIG`, said of `call`, above what `off_t` can say.
fn offset(call: &'static str, bytes: u64) -> Result<libc::off_t> {
    libc::off_t::try_from(bytes).map_err(|_| Error::new(call, libc::EFBIG))
}

#[cfg(test)]
mod tests;
