//! What a new child does before it becomes the program: the same after clone(2) and after fork(2).

#[cfg(target_os = "linux")]
use super::super::limits::limit;
use super::{Pid, Spawn};
use crate::signal::set_of;
use crate::{Error, Result};
use libc::c_char;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;

/// All data that the child needs, prepared by the parent. The child must not allocate, since another thread may hold
/// the allocator's lock.
pub(super) struct Plan<'a> {
    program: &'a CStr,
    arguments: &'a [*mut c_char],
    environment: &'a [*mut c_char],
    directory: Option<&'a CStr>,
    streams: [Option<RawFd>; 3],
    own_group: bool,
    #[cfg(target_os = "linux")]
    limits: &'a [(super::Resource, u64)],
    /// The empty set: the program starts without blocked signals.
    mask: libc::sigset_t,
    /// The signals that this process ignores, or may ignore, as bits; bit 0 is signal 1. The child resets them, since
    /// execve(2) would keep this.
    ignored: u64,
}

impl<'a> Plan<'a> {
    /// The plan for this program. `streams`, `arguments` and `environment` are those of `start`.
    pub fn new(
        spawn: &Spawn<'a>,
        streams: [Option<RawFd>; 3],
        arguments: &'a [*mut c_char],
        environment: &'a [*mut c_char],
        ignored: u64,
    ) -> Self {
        Plan {
            program: spawn.program,
            arguments,
            environment,
            directory: spawn.directory,
            streams,
            own_group: spawn.own_group,
            #[cfg(target_os = "linux")]
            limits: spawn.limits,
            mask: set_of([]),
            ignored,
        }
    }
}

/// Prepares the process and calls execve(2). Returns only if a call fails. Must not call functions that may take a
/// lock.
pub(super) fn become_program(plan: &Plan<'_>) -> Result<()> {
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
    if let Some(directory) = plan.directory {
        // SAFETY: the path ends with NUL and outlives the call.
        unsafe { syscall!(chdir(directory.as_ptr())) }?;
    }
    #[cfg(target_os = "linux")]
    for (resource, most) in plan.limits {
        limit(*resource, *most)?;
    }
    // SAFETY: the set is initialised; the paths end with NUL, both arrays end with null and hold strings that end with
    // NUL; all outlive the calls.
    unsafe {
        syscall!(sigprocmask(libc::SIG_SETMASK, &raw const plan.mask, ptr::null_mut()))?;
        syscall!(execve(plan.program.as_ptr(), plan.arguments.as_ptr().cast(), plan.environment.as_ptr().cast()))
            .map(drop)
    }
}

/// Reaps a child that is about to exit: waits for it.
pub(super) fn reap(pid: Pid) {
    // SAFETY: the pointer for a status is null.
    while unsafe { libc::waitpid(pid, ptr::null_mut(), 0) } == -1 && Error::last("waitpid").errno() == libc::EINTR {}
}
