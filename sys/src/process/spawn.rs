//! Starts a program: posix_spawn(3), on Linux clone(2) and execve(2), on OpenBSD fork(2) and execve(2).
//!
//! Except on OpenBSD, the child shares the parent's memory until it calls execve(2), as with vfork(2). So the cost does
//! not grow with the memory of the server. The parent gets the error of a failed execve(2).

#[cfg(any(target_os = "linux", target_os = "openbsd"))]
mod child;
#[cfg(any(target_os = "openbsd", all(target_os = "linux", test)))]
mod fork;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(any(target_os = "linux", target_os = "openbsd")))]
mod posix;

#[cfg(target_os = "openbsd")]
use fork as system;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(any(target_os = "linux", target_os = "openbsd")))]
use posix as system;

use super::{Pid, Resource};
use crate::Result;
use libc::c_char;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// True if [`Spawn::limits`] works on this system: Linux only. posix_spawn(3) cannot set limits.
pub const LIMITS_PROGRAMS: bool = cfg!(target_os = "linux");

/// A program to start. It gets only the three standard streams (all other descriptors are closed on exec), no blocked
/// signals, and the default action of every signal.
#[derive(Clone, Copy, Debug)]
pub struct Spawn<'a> {
    /// The path of the program, absolute or relative to its working directory; `PATH` is not searched.
    pub program: &'a CStr,
    /// Its arguments; the first one is its name.
    pub arguments: &'a [CString],
    /// Its complete environment: `NAME=value`.
    pub environment: &'a [CString],
    /// Its working directory; `None`: the same as that of this process.
    pub directory: Option<&'a CStr>,
    /// Its descriptor 0; `None`: the same as that of this process. Programs expect the standard streams to be blocking:
    /// [`crate::pipe::pipe_to_child`].
    pub stdin: Option<BorrowedFd<'a>>,
    /// Its descriptor 1.
    pub stdout: BorrowedFd<'a>,
    /// Its descriptor 2.
    pub stderr: BorrowedFd<'a>,
    /// Makes it the leader of a new process group, for [`super::kill_group`].
    pub own_group: bool,
    /// Its resource limits, at most those of this process. Ignored if [`LIMITS_PROGRAMS`] is false.
    pub limits: &'a [(Resource, u64)],
}

/// Starts a program: posix_spawn(3).
///
/// Errors: those of execve(2) and chdir(2): `ENOENT` (no such program, directory, or interpreter), `EACCES` (not
/// executable), `ENOEXEC` (neither a binary nor `#!`), `ENOTDIR`, `E2BIG` (arguments and environment), `ETXTBSY`
/// (being written); and those of fork(2): `EAGAIN`, `ENOMEM`.
pub fn spawn(spawn: &Spawn<'_>) -> Result<Pid> {
    spawn_by(system::start, spawn)
}

/// The same as [`spawn`], as on OpenBSD.
#[cfg(all(target_os = "linux", test))]
pub(super) fn spawn_by_fork(spawn: &Spawn<'_>) -> Result<Pid> {
    spawn_by(fork::start, spawn)
}

/// Starts a program with copies of these streams, or for `None` those of this process; see `start` in each file.
type Start = fn(&Spawn<'_>, [Option<RawFd>; 3], &[*mut c_char], &[*mut c_char]) -> Result<Pid>;

fn spawn_by(start: Start, spawn: &Spawn<'_>) -> Result<Pid> {
    // Must stay open until the program runs.
    let mut copies: Vec<OwnedFd> = Vec::new();
    let mut streams = [None; 3];
    for (target, source) in [spawn.stdin, Some(spawn.stdout), Some(spawn.stderr)].into_iter().enumerate() {
        let Some(source) = source else { continue };
        let mut source_fd = source.as_raw_fd();
        if source_fd < super::FIRST && source_fd != target as RawFd {
            // A standard stream with another number: an earlier dup2(2) could overwrite it, so make a copy.
            let copy = duplicate_above_standard(source)?;
            source_fd = copy.as_raw_fd();
            copies.push(copy);
        }
        streams[target] = Some(source_fd);
    }
    start(spawn, streams, &pointers(spawn.arguments), &pointers(spawn.environment))
}

/// The strings as execve(2) takes them: an array of pointers with a null pointer at the end. Valid as long as the
/// strings.
fn pointers(strings: &[CString]) -> Vec<*mut c_char> {
    strings.iter().map(|s| s.as_ptr().cast_mut()).chain([ptr::null_mut()]).collect()
}

fn duplicate_above_standard(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    // SAFETY: the call takes no pointers.
    let copy = unsafe { syscall!(fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, super::FIRST)) }?;
    // SAFETY: the call has just opened this descriptor; it has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}
