//! Reads from and writes to sockets.

use crate::Result;
use crate::file::SLICES_MAX;
use libc::c_int;
use std::io::IoSlice;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

#[cfg(any(target_os = "linux", target_os = "android"))]
const MORE: c_int = libc::MSG_MORE;
/// The BSDs have no such flag; they may send a short segment.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const MORE: c_int = 0;

fn flags(more: bool) -> c_int {
    libc::MSG_NOSIGNAL | if more { MORE } else { 0 }
}

/// Reads the bytes that have arrived: recv(2). `Ok(0)`: the other side sends no more (or the buffer is empty).
///
/// Errors: `EAGAIN` (no bytes now), `ECONNRESET`, and other errors of the connection.
pub fn recv(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes to the buffer.
    let n = unsafe { syscall!(recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0)) }?;
    Ok(n as usize)
}

/// Sends as many bytes as fit: send(2). Returns their number. With `more`, the caller sends more bytes at once, so the
/// kernel delays a short segment (`MSG_MORE`; Linux only). Raises no SIGPIPE.
///
/// Errors: `EAGAIN` (no room), `EPIPE` (closed for writing), `ECONNRESET`.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], more: bool) -> Result<usize> {
    // SAFETY: the kernel reads at most `bytes.len()` bytes.
    let n = unsafe { syscall!(send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags(more))) }?;
    Ok(n as usize)
}

/// Sends as many bytes of the slices as fit, in order, at most 1,024 slices: writev(2); with `more` sendmsg(2), which
/// takes `MSG_MORE`, unless the kernel refuses that. Errors as in [`send`].
///
/// writev(2) is cheaper, since the kernel does not copy a message header. It can raise SIGPIPE: see [the
/// module](super).
pub fn sendv(socket: BorrowedFd<'_>, slices: &[IoSlice<'_>], more: bool) -> Result<usize> {
    if !more {
        return crate::file::writev(socket, slices);
    }
    match sendmsg_more(socket, slices) {
        Err(error) if error.is_unsupported() => crate::file::writev(socket, slices),
        outcome => outcome,
    }
}

/// sendmsg(2) with `MSG_MORE`.
fn sendmsg_more(socket: BorrowedFd<'_>, slices: &[IoSlice<'_>]) -> Result<usize> {
    // SAFETY: msghdr consists of integers and pointers, for which all-zero bytes are valid.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = slices.as_ptr().cast_mut().cast();
    message.msg_iovlen = slices.len().min(SLICES_MAX) as _;
    // SAFETY: IoSlice has the layout of iovec (std promises it); the kernel reads `msg_iovlen` of them and the bytes
    // that they borrow, and writes nothing.
    let n = unsafe { syscall!(sendmsg(socket.as_raw_fd(), &raw const message, flags(true))) }?;
    Ok(n as usize)
}

/// Ends the sending direction; the socket can still read: shutdown(2) with `SHUT_WR`. Errors: `ENOTCONN` (the other
/// side has reset the connection).
pub fn shutdown_write(socket: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(shutdown(socket.as_raw_fd(), libc::SHUT_WR)) }.map(drop)
}
