//! Pipes, and the flags of descriptors. Both ends of a pipe are closed on exec.
//!
//! Blocking or not is a property of each end (of the open file description, which a child shares): programs expect
//! their standard streams to block, the loop must not. So a child's end is made blocking, and ours not; or ours is read
//! from by a call that does not wait.

use crate::Result;
use libc::c_int;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A pipe of which neither end blocks: its read end and its write end. Errors: `EMFILE`, `ENFILE`.
pub fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    pipe_with(libc::O_NONBLOCK)
}

/// A pipe whose read end, for a child's standard input, blocks: that end, and our write end.
pub fn pipe_to_child() -> Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(0)?;
    make_nonblocking(write.as_fd())?;
    Ok((read, write))
}

/// A pipe whose write end, for a child's standard output, blocks: our read end, for [`read`], and that end.
pub fn pipe_from_child() -> Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(0)?;
    if !nowait::find_out(read.as_fd()) {
        make_nonblocking(read.as_fd())?;
    }
    Ok((read, write))
}

/// Reads from our end of a [`pipe_from_child`], and does not wait. `Ok(0)`: all write ends are closed. Errors: `EAGAIN`
/// (nothing has come).
pub fn read(pipe: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    if nowait::is_known() { nowait::read(pipe, buffer) } else { crate::file::read(pipe, buffer) }
}

/// Linux since 6.5 can read from a pipe without waiting whatever the flags of its descriptor: preadv2(2).
#[cfg(target_os = "linux")]
mod nowait {
    use super::*;
    use std::sync::OnceLock;

    static KNOWN: OnceLock<bool> = OnceLock::new();

    /// Whether this system knows it; found out with the first pipe, in which there is nothing yet.
    pub(super) fn find_out(fresh: BorrowedFd<'_>) -> bool {
        *KNOWN.get_or_init(|| read(fresh, &mut [0]).is_err_and(|error| error.would_block()))
    }

    pub(super) fn is_known() -> bool {
        KNOWN.get().copied().unwrap_or_default()
    }

    pub(super) fn read(pipe: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
        let slice = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // The place -1, in two halves, means the descriptor's own: a pipe has no other.
        let (fd, place) = (pipe.as_raw_fd(), -1 as libc::c_long);
        // SAFETY: the kernel reads the one slice, and writes at most `buffer.len()` bytes to the buffer.
        let read = unsafe {
            syscall!(preadv2 = syscall(libc::SYS_preadv2, fd, &raw const slice, 1, place, place, libc::RWF_NOWAIT))
        };
        read.map(|n| n as usize)
    }
}

#[cfg(not(target_os = "linux"))]
mod nowait {
    use super::*;

    pub(super) fn find_out(_: BorrowedFd<'_>) -> bool {
        false
    }

    pub(super) fn is_known() -> bool {
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
    // SAFETY: the call has just opened both descriptors, nobody else owns them.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

#[cfg(target_os = "macos")]
fn pipe_with(flags: c_int) -> Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    // SAFETY: the call writes two descriptors to the array of two.
    unsafe { syscall!(pipe(fds.as_mut_ptr())) }?;
    // SAFETY: the call has just opened both descriptors, nobody else owns them.
    let ends = unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) };
    for end in [&ends.0, &ends.1] {
        set_close_on_exec(end.as_fd())?;
        set_nonblocking(end.as_fd(), flags & libc::O_NONBLOCK != 0)?;
    }
    Ok(ends)
}

/// Whether calls on this descriptor, and on all that share its open file description, wait: `O_NONBLOCK` in fcntl(2).
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

/// As [`set_nonblocking`], of a descriptor that was made just now and has no other flag: there is nothing to ask.
fn make_nonblocking(fresh: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(fcntl(fresh.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK)) }.map(drop)
}

/// Closes this descriptor in programs that the process starts: `FD_CLOEXEC` in fcntl(2).
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
    fn bytes_go_one_way_and_nothing_waits() {
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
    fn the_end_is_read_as_nothing() {
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
