//! Processes: starts, signals and reaps children; daemons; the user and the limits of this process.

mod limits;
mod spawn;
mod user;

pub use crate::poller::Pid;
pub use limits::{Resource, cpu_count, fd_limit, hostname, raise_fd_limit, set_fd_limit};
pub use spawn::{LIMITS_PROGRAMS, Spawn, spawn};
pub use user::{Account, User, as_account, become_user, effective_user, lookup_group, lookup_user, may_write};

use crate::file::{CWD, OpenFlags, openat, read, write};
use crate::pipe::pipe_to_child;
use crate::signal::Signal;
use crate::{Error, Result};
use libc::c_int;
#[cfg(target_os = "linux")]
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It exited with this code, 0 to 255.
    Exited(i32),
    /// A signal with this number ended it.
    Killed(i32),
}

/// The pid of this process: getpid(2).
pub fn pid() -> Pid {
    std::process::id() as Pid
}

/// Reaps a child if it has ended, without blocking: waitpid(2) with `WNOHANG`. Returns `None` if it still runs.
///
/// Errors: `ECHILD` (not a child of this process, or reaped already), `EINVAL` (not the pid of one process).
pub fn wait(child: Pid) -> Result<Option<Status>> {
    let child = single("waitpid", child, 2)?;
    let mut status: c_int = 0;
    // SAFETY: the call writes the one status.
    if unsafe { syscall!(waitpid(child, &raw mut status, libc::WNOHANG)) }? == 0 {
        return Ok(None);
    }
    Ok(Some(status_of(status)))
}

/// Reaps any child that has ended, without blocking: waitpid(2) with -1 and `WNOHANG`. Returns `None` if all children
/// still run. Errors: `ECHILD` (this process has no children).
pub fn wait_any() -> Result<Option<(Pid, Status)>> {
    let mut status: c_int = 0;
    // SAFETY: the call writes the one status.
    let child = unsafe { syscall!(waitpid(-1, &raw mut status, libc::WNOHANG)) }?;
    Ok((child != 0).then(|| (child, status_of(status))))
}

fn status_of(status: c_int) -> Status {
    if libc::WIFEXITED(status) {
        Status::Exited(libc::WEXITSTATUS(status))
    } else {
        Status::Killed(libc::WTERMSIG(status))
    }
}

/// Continues in two processes: fork(2). Returns the pid of the child in the parent, and `None` in the child.
///
/// Call it only while the process has one thread: only the calling thread continues in the child. Errors: `EAGAIN`,
/// `ENOMEM`.
pub fn fork() -> Result<Option<Pid>> {
    // SAFETY: no memory is shared after the call. Locks that other threads hold would stay locked in the child; the
    // contract excludes other threads, and without it the child could only deadlock.
    let child = unsafe { syscall!(fork()) }?;
    Ok((child != 0).then_some(child))
}

/// A child that has ended, without reaping it: waitid(2) with `WNOWAIT`. Returns the same child until it is reaped, and
/// `None` if no child has ended.
#[cfg(target_os = "linux")]
pub fn ended_child() -> Result<Option<Pid>> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the call writes the one struct, or leaves it as it is.
    match unsafe { syscall!(waitid(libc::P_ALL, 0, info.as_mut_ptr(), options)) } {
        Err(error) if error.is_no_child() => return Ok(None),
        outcome => outcome?,
    };
    // SAFETY: all bytes are set, and zeros are valid. The call has filled the fields for a child, or si_pid is 0.
    let child = unsafe { info.assume_init().si_pid() };
    Ok((child != 0).then_some(child))
}

/// `None`: only on Linux a server can have pid 1, and children that it has not started.
#[cfg(not(target_os = "linux"))]
pub fn ended_child() -> Result<Option<Pid>> {
    Ok(None)
}

/// Sends a signal to one process: kill(2). Errors: `ESRCH` (no such process), `EPERM`, `EINVAL` (not the pid of one
/// process).
pub fn kill(process: Pid, signal: Signal) -> Result<()> {
    let process = single("kill", process, 1)?;
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(kill(process, signal.raw())) }.map(drop)
}

/// Sends a signal to all processes of the group with this leader: killpg(3). Errors as in [`kill`].
pub fn kill_group(leader: Pid, signal: Signal) -> Result<()> {
    let leader = single("killpg", leader, 2)?;
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(killpg(leader, signal.raw())) }.map(drop)
}

/// Checks that this is the pid of a single process, at least `first`. kill(2) takes 0 and negative numbers for process
/// groups or for all processes: a bug must not end all processes, so these are `EINVAL`. Pid 1 is never a child, and as
/// a group it would mean all processes; but in a container, pid 1 can be a server.
fn single(call: &'static str, process: Pid, first: Pid) -> Result<Pid> {
    if process >= first { Ok(process) } else { Err(Error::new(call, libc::EINVAL)) }
}

/// A new daemon that is not ready yet: its parent process waits for it, and its standard streams are still open.
#[must_use]
pub struct Daemon {
    /// The pipe to the parent. A byte means that the daemon is ready; EOF means that it has failed.
    to_parent: OwnedFd,
    /// The new standard input.
    input: OwnedFd,
    /// The new standard output and standard error.
    output: OwnedFd,
}

impl Daemon {
    /// Replaces the standard streams by /dev/null, and lets the parent exit with 0. If this is not called, the parent
    /// exits with 1 when the `Daemon` is dropped. Errors: those of dup2(2).
    pub fn ready(self) -> Result<()> {
        self.leave_terminal()?;
        match write(self.to_parent.as_fd(), b"!") {
            Err(error) if error.errno() != libc::EPIPE => Err(error),
            _ => Ok(()), // EPIPE: the parent was killed, which does not matter
        }
    }

    /// Replaces the standard streams of this process by /dev/null. For a process that lets another one call
    /// [`Daemon::ready`]. Errors: those of dup2(2).
    pub fn leave_terminal(&self) -> Result<()> {
        for (standard, null) in [(0, &self.input), (1, &self.output), (2, &self.output)] {
            // SAFETY: the call takes no pointers. The standard streams have no owner, and their numbers stay open.
            unsafe { syscall!(dup2(null.as_raw_fd(), standard)) }?;
        }
        Ok(())
    }
}

/// Continues in the background: fork(2), setsid(2). The parent waits until the child calls [`Daemon::ready`] or ends,
/// and exits with 0 or 1. Until then the child can still write errors to the terminal.
///
/// Call it before any thread is started: only the calling thread continues in the child. Errors: `EAGAIN`, `ENOMEM`
/// (fork).
pub fn daemonize() -> Result<Daemon> {
    let (input, output) = nothing()?;
    let (from_child, to_parent) = pipe_to_child()?;
    if fork()?.is_some() {
        drop(to_parent); // only the child's write end is left, so that read(2) returns 0 when the child closes it
        let code = c_int::from(read(from_child.as_fd(), &mut [0]) != Ok(1));
        // SAFETY: ends the process at once, without the functions registered by atexit(3), which the child will run.
        unsafe { libc::_exit(code) };
    }
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(setsid()) }?;
    Ok(Daemon { to_parent, input, output })
}

/// The first descriptor after the standard streams.
const FIRST: RawFd = 3;

/// Makes execve(2) close all descriptors that this process was started with, except the standard streams:
/// close_range(2). Call it at the start. Descriptors that this crate opens are closed on exec already.
pub fn inherit_nothing() -> Result<()> {
    match close_range_on_exec() {
        Err(error) if error.is_unsupported() => {}
        outcome => return outcome,
    }
    // Old kernels: one by one. It is enough to check low numbers, since parents leave few descriptors open.
    let end = fd_limit()?.0.min(1024) as RawFd;
    for fd in FIRST..end {
        // SAFETY: the call takes no pointers, and changes only what a later exec does. EBADF: not open.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    Ok(())
}

/// Replaces standard input by /dev/null, which programs without another standard input then inherit. Call it at the
/// start.
pub fn read_nothing() -> Result<()> {
    let (input, _) = nothing()?;
    // SAFETY: the call takes no pointers. The standard streams have no owner, and their numbers stay open.
    unsafe { syscall!(dup2(input.as_raw_fd(), 0)) }.map(drop)
}

/// An input that is at its end, and an output that nobody reads: /dev/null. In a chroot(2) without it, two pipes whose
/// other end is closed: reading from the first returns 0, and writing to the second fails with `EPIPE`.
fn nothing() -> Result<(OwnedFd, OwnedFd)> {
    match openat(CWD, c"/dev/null", OpenFlags::READ | OpenFlags::WRITE, 0) {
        Ok(null) => Ok((null.try_clone().map_err(|_| Error::last("fcntl"))?, null)),
        Err(_) => closed_pipes(),
    }
}

fn closed_pipes() -> Result<(OwnedFd, OwnedFd)> {
    let ((input, _), (_, output)) = (pipe_to_child()?, pipe_to_child()?);
    Ok((input, output))
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
