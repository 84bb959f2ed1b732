//! Starts a program with clone(2) and execve(2), as vfork(2) does: the child runs in the parent's memory on its own
//! stack, and the calling thread sleeps until the child has called execve(2) or has failed.
//!
//! glibc's posix_spawn(3) works in the same way, but makes some 70 more system calls: it sets the disposition of each
//! signal, and reads a limit for each descriptor.

use super::child::{Plan, become_program, reap};
use super::{Pid, Spawn};
use crate::signal::ignored;
use crate::{Error, Result};
use libc::{c_char, c_int, c_void};
use std::os::fd::RawFd;

/// The size of the child's stack in units of 16 bytes: 32 KiB. The child makes only a few calls.
const STACK_UNITS: usize = 2048;

/// What the child gets.
struct Attempt<'a> {
    plan: Plan<'a>,
    /// Set by the child if a call failed.
    failure: Option<Error>,
}

/// Starts a program. Its standard streams are copies of `streams`, or for `None` those of this process. `streams` must
/// not have a standard stream with another number.
pub(super) fn start(
    spawn: &Spawn<'_>,
    streams: [Option<RawFd>; 3],
    arguments: &[*mut c_char],
    environment: &[*mut c_char],
) -> Result<Pid> {
    let plan = Plan::new(spawn, streams, arguments, environment, ignored());
    let mut attempt = Attempt { plan, failure: None };
    let mut stack = Box::<[u128]>::new_uninit_slice(STACK_UNITS);
    let top = stack.as_mut_ptr_range().end.cast::<c_void>();
    let (shared, copied) = (libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD, libc::SIGCHLD);
    // SAFETY: `top` is the end of memory that nothing else uses, aligned to 16, and the stack grows down from there.
    // CLONE_VFORK: this thread sleeps until the child has called execve or ended. So the stack, the plan and the data
    // it points to outlive the child's use of them, and no other code accesses them in the meantime. The child has its
    // own descriptors, directory, mask, dispositions and limits (no CLONE_FILES, CLONE_FS, CLONE_SIGHAND,
    // CLONE_THREAD). A signal handler would run in the child as in this thread: the one of SIGIO (see `changes`) only
    // increments a counter, which at worst causes one needless read of events; the others are for faults, which
    // `become_program` does not cause.
    let mut pid = unsafe { syscall!(clone(child, top, shared, (&raw mut attempt).cast())) };
    if pid.is_err_and(|error| error.is_unsupported()) {
        // As fork(2) does. Of a failure only the exit status 127 is seen.
        // SAFETY: the child has a copy of the memory, so nothing that it does there is seen here; its copies of the
        // stack and the plan are as above. It makes system calls only, so that no lock of another thread matters.
        pid = unsafe { syscall!(clone(child, top, copied, (&raw mut attempt).cast())) };
    }
    drop(stack);
    let pid = pid?;
    match attempt.failure {
        None => Ok(pid),
        Some(error) => {
            reap(pid);
            Err(error)
        }
    }
}

/// The entry point of the child. Its return value is the child's exit status.
extern "C" fn child(attempt: *mut c_void) -> c_int {
    // SAFETY: this is the attempt of `start`, which sleeps until the child has called execve or ended.
    let attempt = unsafe { &mut *attempt.cast::<Attempt<'_>>() };
    attempt.failure = become_program(&attempt.plan).err();
    127
}
