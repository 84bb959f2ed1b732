//! Starting a program by clone(2) and execve(2), as vfork(2) does: the child runs in our memory, on a stack of its own,
//! and the calling thread sleeps until it has become the program or has failed.
//!
//! glibc's posix_spawn(3) works so too, but makes some 70 calls more: it sets the disposition of each signal, and asks
//! for a limit with each descriptor.

use super::super::limits::limit;
use super::{Pid, Resource, Spawn};
use crate::signal::{ignored, set_of};
use crate::{Error, Result};
use libc::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;

/// Units of 16 bytes: 32 KiB. The child makes a few calls and nothing else.
const STACK_UNITS: usize = 2048;

/// What the child needs, laid out before it is there: it must not allocate, for another thread may hold the lock.
struct Plan<'a> {
    program: *const c_char,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
    /// Or null.
    directory: *const c_char,
    streams: [Option<RawFd>; 3],
    own_group: bool,
    limits: &'a [(Resource, u64)],
    /// No signal.
    mask: libc::sigset_t,
    /// Signals that this process ignores, from bit 0 for number 1: a program would go on doing so.
    ignored: u64,
    /// Which call has failed, and how.
    failure: Option<Error>,
}

/// Starts a program whose standard streams are copies of these, or our own. None of them is a standard stream under
/// another number.
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
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: `top` is the end of memory that nobody else uses, aligned to 16, and the stack grows down from there.
    // CLONE_VFORK: this thread sleeps until the child has called execve or ended, so the stack, the plan and what that
    // points to outlive its use of them, and nobody else touches them meanwhile. The child has descriptors, directory,
    // mask, dispositions and limits of its own (no CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_THREAD). A signal's
    // handler would run in it as if it were this thread: that of SIGIO (see `changes`) only adds to a counter, which
    // only means that a change may be unread, and those of faults are for bugs, which `become_program` has not.
    let pid = unsafe { syscall!(clone(child, top, flags, (&raw mut plan).cast())) };
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

/// The child, from its first instruction on. What it returns is its status.
extern "C" fn child(plan: *mut c_void) -> c_int {
    // SAFETY: it is `start`'s plan, and `start` does nothing until this process has its own memory.
    let plan = unsafe { &mut *plan.cast::<Plan<'_>>() };
    plan.failure = become_program(plan).err();
    127
}

/// Comes back only with an error. Calls nothing that may take a lock.
fn become_program(plan: &Plan<'_>) -> Result<()> {
    // SAFETY: all-zero bytes are a disposition: SIG_DFL, without flags.
    let default: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    for signal in (1..=64).filter(|signal| plan.ignored >> (signal - 1) & 1 != 0) {
        // SAFETY: the disposition outlives the call, and the old one is not asked for.
        unsafe { syscall!(sigaction(signal, &raw const default, ptr::null_mut())) }?;
    }
    if plan.own_group {
        // SAFETY: the call takes no pointers.
        unsafe { syscall!(setpgid(0, 0)) }?;
    }
    for (target, source) in (0..).zip(plan.streams) {
        let Some(source) = source else { continue };
        // SAFETY: neither call takes pointers. A copy of a descriptor onto itself would stay closed on exec.
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

/// Takes away a child that is ending by itself.
fn reap(pid: Pid) {
    // SAFETY: the call is given no place for a status.
    while unsafe { libc::waitpid(pid, ptr::null_mut(), 0) } == -1 && Error::last("waitpid").errno() == libc::EINTR {}
}
