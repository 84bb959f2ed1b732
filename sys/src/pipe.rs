//! Pipes, and the flags of descriptors. Both ends of a pipe are closed on exec.
//!
//! `O_NONBLOCK` belongs to the open file description of each end, which a child process shares. Programs expect
//! blocking standard streams, but the event loop must not block. So the child's end is blocking and ours is not, or we
//! read with a call that does not block.

use crate::Result;
use libc::c_int;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A pipe with two non-blocking ends: its read end and its write end. Errors: `EMFILE`, `ENFILE`.
pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    pipe_with(libc::O_NONBLOCK)
}

/// A pipe for a child's standard input: its blocking read end, and our non-blocking write end.
pub fn pipe_to_child() -> Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(0)?;
    make_nonblocking(write.as_fd())?;
    Ok((read, write))
}

/// A pipe for a child's standard output: our read end, for [`read`], and its blocking write end.
pub fn pipe_from_child() -> Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(0)?;
    if !nowait::test_support(read.as_fd()) {
        make_nonblocking(read.as_fd())?;
    }
    Ok((read, write))
}

/// Reads from our end of a [`pipe_from_child`] without blocking. `Ok(0)`: all write ends are closed. Errors: `EAGAIN`
/// (no bytes now).
pub fn read(pipe: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    if nowait::is_supported() {
        match nowait::read(pipe, buffer) {
            // It was supported before. The descriptor is a blocking one, so it is made non-blocking now.
            Err(error) if error.is_unsupported() => make_nonblocking(pipe)?,
            outcome => return outcome,
        }
    }
    crate::file::read(pipe, buffer)
}

/// preadv2(2) with `RWF_NOWAIT` (pipes: Linux 6.5) reads without blocking, also if the descriptor is blocking. This
/// saves the call that makes the descriptor non-blocking.
#[cfg(target_os = "linux")]
mod nowait {
    use super::*;
    use std::sync::OnceLock;

    static SUPPORTED: OnceLock<bool> = OnceLock::new();

    /// True if this kernel supports it. The first call tests it with `fresh`, an empty pipe.
    pub(super) fn test_support(fresh: BorrowedFd<'_>) -> bool {
        *SUPPORTED.get_or_init(|| read(fresh, &mut [0]).is_err_and(|error| error.would_block()))
    }

    pub(super) fn is_supported() -> bool {
        SUPPORTED.get().copied().unwrap_or_default()
    }

    pub(super) fn read(pipe: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
        let slice = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // The offset -1 means the descriptor's own position, which pipes need. The call takes it as two words.
        let (fd, offset) = (pipe.as_raw_fd(), -1 as libc::c_long);
        // SAFETY: the kernel reads the one slice, and writes at most `buffer.len()` bytes to the buffer.
        let read = unsafe {
            syscall!(preadv2 = syscall(libc::SYS_preadv2, fd, &raw const slice, 1, offset, offset, libc::RWF_NOWAIT))
        };
        read.map(|n| n as usize)
    }
}

#[cfg(not(target_os = "linux"))]
mod nowait {
    use super::*;

    pub(super) fn test_support(_: BorrowedFd<'_>) -> bool {
        false
    }

    pub(super) fn is_supported() -> bool {
        false
    }

    pub(super) fn read(pipe: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
        crate::file::read(pipe, buffer)
    }
}

#[cfg(not(target_os = "macos"))]
fn pipe_with(flags: c_int) -> Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    // SAFETY: the call writes two descriptors to the array of two.
    unsafe { syscall!(pipe2(fds.as_mut_ptr(), flags | libc::O_CLOEXEC)) }?;
    // SAFETY: the call has just opened both descriptors; they have no other owner.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

#[cfg(target_os = "macos")]
fn pipe_with(flags: c_int) -> Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    // SAFETY: the call writes two descriptors to the array of two.
    unsafe { syscall!(pipe(fds.as_mut_ptr())) }?;
    // SAFETY: the call has just opened both descriptors; they have no other owner.
    let ends = unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) };
    for end in [&ends.0, &ends.1] {
        set_close_on_exec(end.as_fd())?;
        set_nonblocking(end.as_fd(), flags & libc::O_NONBLOCK != 0)?;
    }
    Ok(ends)
}

/// Sets or clears `O_NONBLOCK` for this descriptor and all others with the same open file description: fcntl(2).
pub fn set_nonblocking(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    // SAFETY: the call takes no pointers.
    let old = unsafe { syscall!(fcntl(fd.as_raw_fd(), libc::F_GETFL)) }?;
    let new = if on { old | libc::O_NONBLOCK } else { old & !libc::O_NONBLOCK };
    if new != old {
        // SAFETY: the call takes no pointers.
        unsafe { syscall!(fcntl(fd.as_raw_fd(), libc::F_SETFL, new)) }?;
    }
    Ok(())
}

/// The same as [`set_nonblocking`], for a new descriptor without other flags: saves the call that reads the flags.
fn make_nonblocking(fresh: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(fcntl(fresh.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK)) }.map(drop)
}

/// Makes execve(2) close this descriptor: `FD_CLOEXEC` in fcntl(2).
pub fn set_close_on_exec(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC)) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{read, write};
    use crate::testing::{assert_flags, failure};

    #[test]
    fn neither_end_blocks() {
        let (out, into) = pipe().unwrap();
        assert_flags(out.as_fd(), true);
        assert_flags(into.as_fd(), true);
        let mut buffer = [0; 8];
        assert_eq!(failure(read(out.as_fd(), &mut buffer)), ("read", libc::EAGAIN));
        assert_eq!(write(into.as_fd(), b"bytes"), Ok(5));
        assert_eq!(read(out.as_fd(), &mut buffer), Ok(5));
        while write(into.as_fd(), &[0; 65536]).is_ok() {}
        assert_eq!(failure(write(into.as_fd(), b"x")), ("write", libc::EAGAIN));
        drop(out);
        assert_eq!(failure(write(into.as_fd(), b"x")), ("write", libc::EPIPE));
    }

    #[test]
    fn the_end_is_a_read_of_0() {
        let (out, into) = pipe().unwrap();
        write(into.as_fd(), b"last").unwrap();
        drop(into);
        let mut buffer = [0; 8];
        assert_eq!(read(out.as_fd(), &mut buffer), Ok(4));
        assert_eq!(read(out.as_fd(), &mut buffer), Ok(0));
    }

    #[test]
    fn a_childs_end_blocks_and_ours_does_not() {
        let (theirs, ours) = pipe_to_child().unwrap();
        assert_flags(theirs.as_fd(), false);
        assert_flags(ours.as_fd(), true);
        let (ours, theirs) = pipe_from_child().unwrap();
        assert_flags(theirs.as_fd(), false);
        let mut buffer = [0; 8];
        assert!(super::read(ours.as_fd(), &mut buffer).is_err_and(|error| error.would_block()));
        assert_eq!(write(theirs.as_fd(), b"bytes"), Ok(5));
        assert_eq!(super::read(ours.as_fd(), &mut buffer), Ok(5));
        assert!(super::read(ours.as_fd(), &mut buffer).is_err_and(|error| error.would_block()));
        drop(theirs);
        assert_eq!(super::read(ours.as_fd(), &mut buffer), Ok(0));
    }

    #[test]
    fn flags_can_be_changed() {
        let (out, _into) = pipe().unwrap();
        set_nonblocking(out.as_fd(), false).unwrap();
        set_nonblocking(out.as_fd(), false).unwrap();
        assert_flags(out.as_fd(), false);
        set_nonblocking(out.as_fd(), true).unwrap();
        // SAFETY: the call takes no pointers.
        unsafe { syscall!(fcntl(out.as_raw_fd(), libc::F_SETFD, 0)) }.unwrap();
        set_close_on_exec(out.as_fd()).unwrap();
        assert_flags(out.as_fd(), true);
    }
}
