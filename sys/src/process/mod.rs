//! Processes: children and their ends, this one's user and limits.

mod limits;
mod spawn;
mod user;

pub use crate::poller::Pid;
pub use limits::{cpu_count, fd_limit, hostname, raise_fd_limit};
pub use spawn::{Spawn, spawn};
pub use user::{User, become_user, effective_user, lookup_group, lookup_user};

use crate::file::{CWD, OpenFlags, openat};
use crate::signal::Signal;
use crate::{Error, Result};
use libc::c_int;
use std::os::fd::{AsRawFd, RawFd};

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// By itself, with this code: 0 to 255.
    Exited(i32),
    /// By the signal of this number.
    Killed(i32),
}

/// This process's number: getpid(2).
pub fn pid() -> Pid {
    std::process::id() as Pid
}

/// Reaps a child if it has ended, and does not wait: waitpid(2) with `WNOHANG`. `None`: it still runs.
///
/// Errors: `ECHILD` (no child of ours, or reaped already), `EINVAL` (no process's number).
pub fn wait(child: Pid) -> Result<Option<Status>> {
    let child = one("waitpid", child)?;
    let mut status: c_int = 0;
    // SAFETY: the call writes the one status.
    if unsafe { syscall!(waitpid(child, &raw mut status, libc::WNOHANG)) }? == 0 {
        return Ok(None);
    }
    Ok(Some(if libc::WIFEXITED(status) {
        Status::Exited(libc::WEXITSTATUS(status))
    } else {
        Status::Killed(libc::WTERMSIG(status))
    }))
}

/// Sends a signal to one process: kill(2). Errors: `ESRCH` (it is gone), `EPERM`, `EINVAL` (no process's number).
pub fn kill(process: Pid, signal: Signal) -> Result<()> {
    let process = one("kill", process)?;
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(kill(process, signal.raw())) }.map(drop)
}

/// Sends a signal to every process of the group that this process leads: killpg(3). Errors as in [`kill`].
pub fn kill_group(leader: Pid, signal: Signal) -> Result<()> {
    let leader = one("killpg", leader)?;
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(killpg(leader, signal.raw())) }.map(drop)
}

/// The number of one process. 0, -1 and other negative numbers name groups or everyone, and are `EINVAL`: a mistake in
/// the bookkeeping must not end all that runs. So is 1: it is no child of ours, and as a group it would be everyone.
fn one(call: &'static str, process: Pid) -> Result<Pid> {
    if process > 1 { Ok(process) } else { Err(Error::new(call, libc::EINVAL)) }
}

/// Goes on in the background: fork(2), of which the parent exits with 0; setsid(2); standard streams on /dev/null.
///
/// For the start, before there is any thread: only the calling one goes on. Errors: `EAGAIN`, `ENOMEM` (fork).
pub fn daemonize() -> Result<()> {
    let null = openat(CWD, c"/dev/null", OpenFlags::READ | OpenFlags::WRITE, 0)?;
    // SAFETY: no memory is shared after the call. Locks that other threads held would stay locked in the child: the
    // caller has none, as the contract says, and at worst the child would wait for ever.
    let child = unsafe { syscall!(fork()) }?;
    if child != 0 {
        // SAFETY: ends the process at once, without what is registered for exit: that is the child's now.
        unsafe { libc::_exit(0) };
    }
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(setsid()) }?;
    for standard in 0..3 {
        // SAFETY: the call takes no pointers. Nobody owns the standard streams, whose numbers stay open.
        unsafe { syscall!(dup2(null.as_raw_fd(), standard)) }?;
    }
    Ok(())
}

/// The first descriptor that is no standard stream.
const FIRST: RawFd = 3;

/// Lets no program that is started later have descriptors that this process was started with, but for the standard
/// streams: marks all others closed on exec. For the start; whatever this crate opens is marked already.
pub fn inherit_nothing() -> Result<()> {
    match close_range_on_exec() {
        Err(error) if error.errno() == libc::ENOSYS || error.errno() == libc::EINVAL => {}
        outcome => return outcome,
    }
    // The kernel is too old for it: one by one. Programs that start servers leave few open, and low ones.
    let end = fd_limit()?.0.min(1024) as RawFd;
    for fd in FIRST..end {
        // SAFETY: the call takes no pointers, and changes only what a later exec does. EBADF: not open.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn close_range_on_exec() -> Result<()> {
    let (first, last, flags) = (FIRST as libc::c_uint, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    // SAFETY: the call takes no pointers, and with this flag it closes nothing now.
    if unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) } == -1 {
        return Err(Error::last("close_range"));
    }
    Ok(())
}

#[cfg(target_os = "freebsd")]
fn close_range_on_exec() -> Result<()> {
    let (first, last, flags) = (FIRST as libc::c_uint, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as c_int);
    // SAFETY: the call takes no pointers, and with this flag it closes nothing now.
    unsafe { syscall!(close_range(first, last, flags)) }.map(drop)
}

#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
fn close_range_on_exec() -> Result<()> {
    Err(Error::new("close_range", libc::ENOSYS))
}

#[cfg(test)]
mod tests;
