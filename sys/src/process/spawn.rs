//! Starting a program: posix_spawn(3), or what it comes to.
//!
//! It shares the memory until the program runs (vfork(2) semantics), so its cost does not grow with the server, and an
//! exec that fails is this call's error.

#[cfg(target_os = "linux")]
#[path = "spawn/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "spawn/posix.rs"]
mod system;

use super::{Pid, Resource};
use crate::Result;
use libc::c_char;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// Whether a program can be given limits: posix_spawn(3) has no such thing, what Linux has here has.
pub const LIMITS_PROGRAMS: bool = cfg!(target_os = "linux");

/// A program to start, and what it is given. It gets no descriptors but the three standard streams (every other one is
/// closed on exec), no blocked signals, and every signal's default.
#[derive(Clone, Copy, Debug)]
pub struct Spawn<'a> {
    /// The program's path, from the server's working directory; not looked up in `PATH`.
    pub program: &'a CStr,
    /// Its arguments; the first is its name.
    pub arguments: &'a [CString],
    /// Its whole environment: `NAME=value`.
    pub environment: &'a [CString],
    /// Its working directory, else the server's. A relative `program` is then looked up from here.
    pub directory: Option<&'a CStr>,
    /// Its descriptor 0; `None`: this process's own. Programs expect this and the next two to block:
    /// [`crate::pipe::pipe_to_child`].
    pub stdin: Option<BorrowedFd<'a>>,
    /// Its descriptor 1.
    pub stdout: BorrowedFd<'a>,
    /// Its descriptor 2.
    pub stderr: BorrowedFd<'a>,
    /// Makes it lead a process group of its own, for [`super::kill_group`].
    pub own_group: bool,
    /// What it may use at most, from its first instruction on; never more than this process may. Counts where
    /// [`LIMITS_PROGRAMS`] says so.
    pub limits: &'a [(Resource, u64)],
}

/// Starts a program: posix_spawn(3).
///
/// Errors: those of execve(2) and chdir(2): `ENOENT` (no such program, directory, or interpreter), `EACCES` (not
/// executable), `ENOEXEC` (neither a binary nor `#!`), `ENOTDIR`, `E2BIG` (arguments and environment), `ETXTBSY`
/// (being written); and those of fork(2): `EAGAIN`, `ENOMEM`.
pub fn spawn(spawn: &Spawn<'_>) -> Result<Pid> {
    // Held until the program runs.
    let mut copies: Vec<OwnedFd> = Vec::new();
    let mut streams = [None; 3];
    for (target, source) in [spawn.stdin, Some(spawn.stdout), Some(spawn.stderr)].into_iter().enumerate() {
        let Some(source) = source else { continue };
        let mut source_fd = source.as_raw_fd();
        if source_fd < super::FIRST && source_fd != target as RawFd {
            // A standard stream under another number: an earlier dup2 might overwrite it.
            let copy = duplicate_above_standard(source)?;
            source_fd = copy.as_raw_fd();
            copies.push(copy);
        }
        streams[target] = Some(source_fd);
    }
    system::start(spawn, streams, &pointers(spawn.arguments), &pointers(spawn.environment))
}

/// The strings as execve(2) takes them: pointers, and a null one at the end. Valid as long as the strings.
fn pointers(strings: &[CString]) -> Vec<*mut c_char> {
    strings.iter().map(|s| s.as_ptr().cast_mut()).chain([ptr::null_mut()]).collect()
}

fn duplicate_above_standard(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    // SAFETY: the call takes no pointers.
    let copy = unsafe { syscall!(fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, super::FIRST)) }?;
    // SAFETY: the call has just opened this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}
