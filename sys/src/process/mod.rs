//! Processes: children and their ends, this one's user and limits.

mod limits;
mod spawn;
mod user;

pub use crate::poller::Pid;
pub use limits::{Resource, cpu_count, fd_limit, hostname, raise_fd_limit};
pub use spawn::{LIMITS_PROGRAMS, Spawn, spawn};
pub use user::{User, become_user, effective_user, lookup_group, lookup_user};

use crate::file::{CWD, OpenFlags, openat, read, write};
use crate::pipe::pipe_to_child;
use crate::signal::Signal;
use crate::{Error, Result};
use libc::c_int;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

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
    let child = one("waitpid", child, 2)?;
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
    let process = one("kill", process, 1)?;
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(kill(process, signal.raw())) }.map(drop)
}

/// Sends a signal to every process of the group that this process leads: killpg(3). Errors as in [`kill`].
pub fn kill_group(leader: Pid, signal: Signal) -> Result<()> {
    let leader = one("killpg", leader, 2)?;
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(killpg(leader, signal.raw())) }.map(drop)
}

/// The number of one process. 0, -1 and other negative numbers name groups or everyone, and are `EINVAL`: a mistake in
/// the bookkeeping must not end all that runs. 1 is no child of ours, and as a group it would be everyone; but in a
/// container it can be a server.
fn one(call: &'static str, process: Pid, first: Pid) -> Result<Pid> {
    if process >= first { Ok(process) } else { Err(Error::new(call, libc::EINVAL)) }
}

/// A process on its way into the background: its parent waits for its word, and it has its standard streams yet.
#[must_use]
pub struct Daemon {
    word: OwnedFd,
    null: OwnedFd,
}

impl Daemon {
    /// Lets go: standard streams on /dev/null, and the parent exits with 0. Without this it exits with 1, at the
    /// latest when this process ends. Errors: none that a descriptor of /dev/null would cause.
    pub fn ready(self) -> Result<()> {
        for standard in 0..3 {
            // SAFETY: the call takes no pointers. Nobody owns the standard streams, whose numbers stay open.
            unsafe { syscall!(dup2(self.null.as_raw_fd(), standard)) }?;
        }
        match write(self.word.as_fd(), b"!") {
            Err(error) if error.errno() != libc::EPIPE => Err(error),
            _ => Ok(()), // the parent may have been killed: it has no one to tell, then
        }
    }
}

/// Goes on in the background: fork(2), setsid(2). The parent waits until the child is [`Daemon::ready`] or has ended,
/// and exits with 0 or 1: so what keeps the child from starting can still be said on the terminal.
///
/// For the start, before there is any thread: only the calling one goes on. Errors: `EAGAIN`, `ENOMEM` (fork).
pub fn daemonize() -> Result<Daemon> {
    let null = openat(CWD, c"/dev/null", OpenFlags::READ | OpenFlags::WRITE, 0)?;
    let (hears, word) = pipe_to_child()?;
    // SAFETY: no memory is shared after the call. Locks that other threads held would stay locked in the child: the
    // caller has none, as the contract says, and at worst the child would wait for ever.
    let child = unsafe { syscall!(fork()) }?;
    if child != 0 {
        drop(word); // only the child's end is left: when it is closed, that is read as the end
        let code = c_int::from(read(hears.as_fd(), &mut [0]) != Ok(1));
        // SAFETY: ends the process at once, without what is registered for exit: that is the child's now.
        unsafe { libc::_exit(code) };
    }
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(setsid()) }?;
    Ok(Daemon { word, null })
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

/// Puts /dev/null in the place of standard input: what a program finds there that is given no other. For the start.
pub fn read_nothing() -> Result<()> {
    let null = openat(CWD, c"/dev/null", OpenFlags::READ, 0)?;
    // SAFETY: the call takes no pointers. Nobody owns the standard streams, whose numbers stay open.
    unsafe { syscall!(dup2(null.as_raw_fd(), 0)) }.map(drop)
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
