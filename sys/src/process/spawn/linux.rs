//! Starts a program with clone(2) and execve(2), as vfork(2) does: the child runs in the parent's memory on its own
//! stack, and the calling thread sleeps until the child has called execve(2) or has failed.
//!
//! glibc's posix_spawn(3) works in the same way, but makes some 70 more system calls: it sets the disposition of each
//! signal, and reads a limit for each descriptor.

use super::super::limits::limit;
use super::{Pid, Resource, Spawn};
use crate::signal::{ignored, set_of};
use crate::{Error, Result};
use libc::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;

/// The size of the child's stack in units of 16 bytes: 32 KiB. The child makes only a few calls.
const STACK_UNITS: usize = 2048;

/// All data that the child needs, prepared by the parent. The child must not allocate, since another thread may hold
/// the allocator's lock.
struct Plan<'a> {
    program: *const c_char,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
    /// May be null.
    directory: *const c_char,
    streams: [Option<RawFd>; 3],
    own_group: bool,
    limits: &'a [(Resource, u64)],
    /// The empty set: the program starts without blocked signals.
    mask: libc::sigset_t,
    /// The signals that this process ignores (see [`ignored`]). The child resets them, since execve(2) would keep this.
    ignored: u64,
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
    let mut plan = Plan {
        program: spawn.program.as_ptr(),
        arguments: arguments.as_ptr(),
        environment: environment.as_ptr(),
        directory: spawn.directory.map_or(ptr::null(), |directory| directory.as_ptr()),
        streams,
        own_group: spawn.own_group,
        limits: spawn.limits,
        mask: set_of([]),
        ignored: ignored(),
        failure: None,
    };
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
    let mut pid = unsafe { syscall!(clone(child, top, shared, (&raw mut plan).cast())) };
    if pid.is_err_and(|error| error.is_unsupported()) {
        // As fork(2) does. Of a failure only the exit status 127 is seen.
        // SAFETY: the child has a copy of the memory, so nothing that it does there is seen here; its copies of the
        // stack and the plan are as above. It makes system calls only, so that no lock of another thread matters.
        pid = unsafe { syscall!(clone(child, top, copied, (&raw mut plan).cast())) };
    }
    drop(stack);
    let pid = pid?;
    match plan.failure {
        None => Ok(pid),
        Some(error) => {
            reap(pid);
            Err(error)
        }
    }
}

/// The entry point of the child. Its return value is the child's exit status.
extern "C" fn child(plan: *mut c_void) -> c_int {
    // SAFETY: this is the plan of `start`, which sleeps until the child has called execve or ended.
    let plan = unsafe { &mut *plan.cast::<Plan<'_>>() };
    plan.failure = become_program(plan).err();
    127
}

/// Prepares the process and calls execve(2). Returns only if a call fails. Must not call functions that may take a
/// lock.
fn become_program(plan: &Plan<'_>) -> Result<()> {
    // SAFETY: all-zero bytes are a valid sigaction: SIG_DFL without flags.
    let default: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    for signal in (1..=64).filter(|signal| plan.ignored >> (signal - 1) & 1 != 0) {
        // SAFETY: the disposition outlives the call, and the pointer for the old one is null.
        unsafe { syscall!(sigaction(signal, &raw const default, ptr::null_mut())) }?;
    }
    if plan.own_group {
        // SAFETY: the call takes no pointers.
        unsafe { syscall!(setpgid(0, 0)) }?;
    }
    for (target, source) in (0..).zip(plan.streams) {
        let Some(source) = source else { continue };
        // SAFETY: neither call takes pointers. dup2(2) of a descriptor onto itself would not clear FD_CLOEXEC.
        unsafe {
            match source == target {
                true => syscall!(fcntl(target, libc::F_SETFD, 0))?,
                false => syscall!(dup2(source, target))?,
            };
        }
    }
    if !plan.directory.is_null() {
        // SAFETY: the path ends with NUL and outlives the call.
        unsafe { syscall!(chdir(plan.directory)) }?;
    }
    for (resource, most) in plan.limits {
        limit(*resource, *most)?;
    }
    // SAFETY: the set is initialised; the paths end with NUL, both arrays end with null and hold strings that end with
    // NUL; all outlive the calls.
    unsafe {
        syscall!(sigprocmask(libc::SIG_SETMASK, &raw const plan.mask, ptr::null_mut()))?;
        syscall!(execve(plan.program, plan.arguments.cast(), plan.environment.cast())).map(drop)
    }
}

/// Reaps a child that is about to exit: waits for it.
fn reap(pid: Pid) {
    // SAFETY: the pointer for a status is null.
    while unsafe { libc::waitpid(pid, ptr::null_mut(), 0) } == -1 && Error::last("waitpid").errno() == libc::EINTR {}
}
