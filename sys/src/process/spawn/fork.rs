//! Starts a program with fork(2) and execve(2), for OpenBSD: its posix_spawn(3) cannot change the directory. The child
//! gets a copy of this process's memory, and tells an error through a pipe that execve(2) closes.

use super::child::{Plan, become_program, reap};
use super::{Pid, Spawn};
use crate::file::{read, write};
use crate::pipe::pipe_to_child;
use crate::{Error, Result};
use libc::{c_char, c_int};
use std::os::fd::{AsFd, RawFd};

/// The calls of the child, by the number that it sends.
const CALLS: [&str; 7] = ["fork", "sigaction", "setpgid", "fcntl", "dup2", "chdir", "execve"];

/// Every signal whose action can be changed: this process may ignore some of them.
const ALL: u64 = ((1 << 31) - 1) & !bit(libc::SIGKILL) & !bit(libc::SIGSTOP);

const fn bit(signal: c_int) -> u64 {
    1 << (signal - 1)
}

/// Starts a program. Its standard streams are copies of `streams`, or for `None` those of this process. `streams` must
/// not have a standard stream with another number.
pub(super) fn start(
    spawn: &Spawn<'_>,
    streams: [Option<RawFd>; 3],
    arguments: &[*mut c_char],
    environment: &[*mut c_char],
) -> Result<Pid> {
    let plan = Plan::new(spawn, streams, arguments, environment, ALL);
    let (from_child, to_parent) = pipe_to_child()?;
    // SAFETY: the child only makes system calls, on data that was prepared before, and takes no locks: other threads
    // may have held some when the memory was copied.
    let pid = unsafe { syscall!(fork()) }?;
    if pid == 0 {
        if let Err(error) = become_program(&plan) {
            let call = CALLS.iter().position(|call| *call == error.call()).unwrap_or(0);
            let _ = write(to_parent.as_fd(), &(error.errno() << 8 | call as i32).to_ne_bytes());
        }
        // SAFETY: ends the child at once, without the functions registered by atexit(3), which the parent will run.
        unsafe { libc::_exit(127) };
    }
    drop(to_parent);
    let mut failure = [0; 4];
    if read(from_child.as_fd(), &mut failure)? == 0 {
        return Ok(pid);
    }
    reap(pid);
    let failure = i32::from_ne_bytes(failure);
    let call = CALLS.get(failure as usize & 0xff).copied().unwrap_or(CALLS[0]);
    Err(Error::new(call, failure >> 8))
}
