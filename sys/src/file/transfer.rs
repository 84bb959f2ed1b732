//! Reads and writes files, pipes and other descriptors, and sends a file to a socket.

use super::offset;
use crate::Result;
use libc::c_int;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd};

/// The maximum number of slices in one call (`IOV_MAX`: 1,024 on Linux and the BSDs). Further slices are left for the
/// next call.
pub const SLICES_MAX: usize = 1024;

/// Reads up to `buffer.len()` bytes: read(2). `Ok(0)` is the end (or an empty buffer).
///
/// Errors: `EAGAIN` (no bytes now, on a non-blocking descriptor), `EISDIR`, `EIO`.
#[inline]
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes to the buffer.
    let n = unsafe { syscall!(read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len())) }?;
    Ok(n as usize)
}

/// Reads bytes and appends them to `buffer`, up to its capacity: read(2). The buffer does not grow, and its spare
/// capacity need not be initialised. `Ok(0)` is the end, or a full buffer. Errors as in [`read`].
pub fn read_spare(fd: BorrowedFd<'_>, buffer: &mut Vec<u8>) -> Result<usize> {
    let spare = buffer.spare_capacity_mut();
    // SAFETY: the kernel writes at most `spare.len()` bytes there, and reads none.
    let n = unsafe { syscall!(read(fd.as_raw_fd(), spare.as_mut_ptr().cast(), spare.len())) }? as usize;
    // SAFETY: the kernel has just written `n` bytes after the old ones, within the capacity.
    unsafe { buffer.set_len(buffer.len() + n) };
    Ok(n)
}

/// Writes as many bytes as fit: write(2). Returns their number. Errors: `EAGAIN` (no room), `EPIPE` (all read ends are
/// closed), `ENOSPC`.
#[inline]
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize> {
    // SAFETY: the kernel reads at most `bytes.len()` bytes.
    let n = unsafe { syscall!(write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len())) }?;
    Ok(n as usize)
}

/// Reads at an offset in a file; the file's position does not change: pread(2). `Ok(0)` is the end of the file.
pub fn pread(file: BorrowedFd<'_>, buffer: &mut [u8], offset_bytes: u64) -> Result<usize> {
    let at = offset("pread", offset_bytes)?;
    // SAFETY: the kernel writes at most `buffer.len()` bytes to the buffer.
    let n = unsafe { syscall!(pread(file.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), at)) }?;
    Ok(n as usize)
}

/// Writes at an offset in a file; the file's position does not change: pwrite(2).
pub fn pwrite(file: BorrowedFd<'_>, bytes: &[u8], offset_bytes: u64) -> Result<usize> {
    let at = offset("pwrite", offset_bytes)?;
    // SAFETY: the kernel reads at most `bytes.len()` bytes.
    let n = unsafe { syscall!(pwrite(file.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), at)) }?;
    Ok(n as usize)
}

/// Reads into several buffers in order, at most [`SLICES_MAX`]: readv(2). Errors as in [`read`].
pub fn readv(fd: BorrowedFd<'_>, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
    let count = buffers.len().min(SLICES_MAX) as c_int;
    // SAFETY: IoSliceMut has the layout of iovec (std promises it); the kernel reads `count` of them and writes only
    // into the buffers that they borrow.
    let n = unsafe { syscall!(readv(fd.as_raw_fd(), buffers.as_mut_ptr().cast(), count)) }?;
    Ok(n as usize)
}

/// Writes several slices in order, at most [`SLICES_MAX`]: writev(2). Errors as in [`write()`].
#[inline]
pub fn writev(fd: BorrowedFd<'_>, slices: &[IoSlice<'_>]) -> Result<usize> {
    let count = slices.len().min(SLICES_MAX) as c_int;
    // SAFETY: IoSlice has the layout of iovec (std promises it); the kernel reads `count` of them and the bytes that
    // they borrow, and writes nothing.
    let n = unsafe { syscall!(writev(fd.as_raw_fd(), slices.as_ptr().cast(), count)) }?;
    Ok(n as usize)
}

/// Copies up to `count` bytes between two files, from their current positions, inside the kernel: copy_file_range(2).
/// `Ok(0)` is the end, or a file that only read(2) can read (in /proc, for example).
///
/// Errors: `EXDEV`, `EINVAL`, `EOPNOTSUPP` (not possible between these files), `ENOSYS` (not on this system), `ENOSPC`.
pub fn copy_file_range(from: BorrowedFd<'_>, to: BorrowedFd<'_>, count: usize) -> Result<usize> {
    copy_raw(from.as_raw_fd(), to.as_raw_fd(), count)
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn copy_raw(from: c_int, to: c_int, count: usize) -> Result<usize> {
    let none = std::ptr::null_mut();
    // SAFETY: both offset pointers are null, so the kernel uses the files' positions.
    let n = unsafe { syscall!(copy_file_range(from, none, to, none, count, 0)) }?;
    Ok(n as usize)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn copy_raw(_: c_int, _: c_int, _: usize) -> Result<usize> {
    Err(crate::Error::new("copy_file_range", libc::ENOSYS))
}

/// Sends up to `count` bytes of `file`, starting at `offset_bytes`, without copying them through the process:
/// sendfile(2). The file's position does not change. `Ok(0)` if the file ends at the offset or before it, or if `count`
/// is 0.
///
/// Errors: `EAGAIN` (no room in the socket, and nothing was sent), `EPIPE` and `ECONNRESET` (see [`crate::net`] for
/// SIGPIPE), `EINVAL` (sendfile does not support this file) and `ENOSYS` (or this system): read and send it instead.
pub fn sendfile(socket: BorrowedFd<'_>, file: BorrowedFd<'_>, offset_bytes: u64, count: usize) -> Result<usize> {
    let at = offset("sendfile", offset_bytes)?;
    if count == 0 {
        return Ok(0); // for the BSDs, 0 means "to the end of the file"
    }
    sendfile_raw(socket.as_raw_fd(), file.as_raw_fd(), at, count)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn sendfile_raw(socket: c_int, file: c_int, mut at: libc::off_t, count: usize) -> Result<usize> {
    // SAFETY: the kernel reads and writes the one offset, which outlives the call.
    let n = unsafe { syscall!(sendfile(socket, file, &raw mut at, count)) }?;
    Ok(n as usize)
}

/// The result of sendfile(2) on the BSDs. It may fail after it has sent some bytes, and returns their number: then a
/// full socket or a signal is not an error. Returns `None` if a signal came before the first byte: call it again.
#[cfg(any(test, target_os = "freebsd", target_os = "macos"))]
pub(super) fn outcome(failure: Option<crate::Error>, sent: libc::off_t) -> Option<Result<usize>> {
    match failure {
        None => Some(Ok(sent as usize)),
        Some(e) if sent > 0 && (e.would_block() || e.errno() == libc::EINTR) => Some(Ok(sent as usize)),
        Some(e) if e.errno() == libc::EINTR => None,
        Some(e) => Some(Err(e)),
    }
}

#[cfg(target_os = "freebsd")]
fn sendfile_raw(socket: c_int, file: c_int, at: libc::off_t, count: usize) -> Result<usize> {
    loop {
        let mut done: libc::off_t = 0;
        // SAFETY: the kernel writes the one count, which outlives the call; the pointer to headers is null.
        let result = unsafe { libc::sendfile(file, socket, at, count, std::ptr::null_mut(), &raw mut done, 0) };
        let failure = (result == -1).then(|| crate::Error::last("sendfile"));
        if let Some(outcome) = outcome(failure, done) {
            return outcome;
        }
    }
}

#[cfg(target_os = "macos")]
fn sendfile_raw(socket: c_int, file: c_int, at: libc::off_t, count: usize) -> Result<usize> {
    loop {
        let mut done = libc::off_t::try_from(count).unwrap_or(libc::off_t::MAX);
        // SAFETY: the kernel reads and writes the one count, which outlives the call; the headers are absent.
        let result = unsafe { libc::sendfile(file, socket, at, &raw mut done, std::ptr::null_mut(), 0) };
        let failure = (result == -1).then(|| crate::Error::last("sendfile"));
        if let Some(outcome) = outcome(failure, done) {
            return outcome;
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "macos")))]
fn sendfile_raw(_: c_int, _: c_int, _: libc::off_t, _: usize) -> Result<usize> {
    Err(crate::Error::new("sendfile", libc::ENOSYS))
}
