//! Starts a program with posix_spawn(3).

use super::{Pid, Spawn};
use crate::signal::set_of;
use crate::{Error, Result};
use libc::{c_char, c_int};
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

/// Starts a program. Its standard streams are copies of `streams`, or for `None` those of this process. `streams` must
/// not have a standard stream with another number.
pub(super) fn start(
    spawn: &Spawn<'_>,
    streams: [Option<RawFd>; 3],
    arguments: &[*mut c_char],
    environment: &[*mut c_char],
) -> Result<Pid> {
    let attributes = Attributes::new(spawn.own_group)?;
    let mut actions = FileActions::new()?;
    for (target, source) in (0..).zip(streams) {
        actions.dup2(source.unwrap_or(target), target)?;
    }
    if let Some(directory) = spawn.directory {
        actions.chdir(directory)?;
    }
    let mut pid: libc::pid_t = 0;
    // SAFETY: the path ends with NUL, both arrays end with null and hold strings that end with NUL, the actions and
    // attributes are initialised; all outlive the call, which writes only the pid (and none of the strings).
    let errno = unsafe {
        libc::posix_spawn(
            &raw mut pid,
            spawn.program.as_ptr(),
            &raw const actions.0,
            &raw const attributes.0,
            arguments.as_ptr(),
            environment.as_ptr(),
        )
    };
    check("posix_spawn", errno)?;
    Ok(pid)
}

/// Converts the result of posix_spawn(3) and its helper functions, which return the errno.
fn check(call: &'static str, errno: c_int) -> Result<()> {
    if errno == 0 { Ok(()) } else { Err(Error::new(call, errno)) }
}

#[cfg(target_os = "macos")]
const CLOSE_ALL: c_int = libc::POSIX_SPAWN_CLOEXEC_DEFAULT;
/// On other systems each descriptor is opened with FD_CLOEXEC. macOS sets the flag with a second call, and another
/// thread could start a program between the two calls.
#[cfg(not(target_os = "macos"))]
const CLOSE_ALL: c_int = 0;

/// The attributes of the new process; destroyed when this value is dropped.
struct Attributes(libc::posix_spawnattr_t);

impl Attributes {
    fn new(own_group: bool) -> Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the call initialises the attributes, or fails.
        check("posix_spawnattr_init", unsafe { libc::posix_spawnattr_init(raw.as_mut_ptr()) })?;
        // SAFETY: the call succeeded. The value may move: it contains numbers, or a pointer to the heap.
        let mut attributes = Self(unsafe { raw.assume_init() });
        let to = &raw mut attributes.0;

        let none = set_of([]);
        // The disposition of KILL and STOP cannot be set.
        let all = set_of((1..=64).filter(|signal| ![libc::SIGKILL, libc::SIGSTOP].contains(signal)));
        let mut flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF | CLOSE_ALL;
        // SAFETY: the attributes are initialised, and so are the sets, which the calls copy.
        unsafe {
            check("posix_spawnattr_setsigmask", libc::posix_spawnattr_setsigmask(to, &raw const none))?;
            check("posix_spawnattr_setsigdefault", libc::posix_spawnattr_setsigdefault(to, &raw const all))?;
            if own_group {
                flags |= libc::POSIX_SPAWN_SETPGROUP;
                check("posix_spawnattr_setpgroup", libc::posix_spawnattr_setpgroup(to, 0))?;
            }
            check("posix_spawnattr_setflags", libc::posix_spawnattr_setflags(to, flags as _))?;
        }
        Ok(attributes)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised, and not used again.
        unsafe { libc::posix_spawnattr_destroy(&raw mut self.0) };
    }
}

/// The changes of descriptors and directory that the child makes, in order; destroyed when this value is dropped.
struct FileActions(libc::posix_spawn_file_actions_t);

impl FileActions {
    fn new() -> Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the call initialises the actions, or fails.
        let errno = unsafe { libc::posix_spawn_file_actions_init(raw.as_mut_ptr()) };
        check("posix_spawn_file_actions_init", errno)?;
        // SAFETY: the call succeeded. The value may move: it contains numbers and pointers to the heap.
        Ok(Self(unsafe { raw.assume_init() }))
    }

    /// Makes `target` a copy of `source` that is not closed on exec, also if both are the same.
    fn dup2(&mut self, source: RawFd, target: RawFd) -> Result<()> {
        // SAFETY: the actions are initialised.
        let errno = unsafe { libc::posix_spawn_file_actions_adddup2(&raw mut self.0, source, target) };
        check("posix_spawn_file_actions_adddup2", errno)
    }

    fn chdir(&mut self, directory: &CStr) -> Result<()> {
        // SAFETY: the actions are initialised; the path ends with NUL, and the call copies it.
        let errno = unsafe { posix_spawn_file_actions_addchdir_np(&raw mut self.0, directory.as_ptr()) };
        check("posix_spawn_file_actions_addchdir_np", errno)
    }
}

impl Drop for FileActions {
    fn drop(&mut self) {
        // SAFETY: initialised, and not used again.
        unsafe { libc::posix_spawn_file_actions_destroy(&raw mut self.0) };
    }
}

#[cfg(target_os = "macos")]
use libc::posix_spawn_file_actions_addchdir_np;
#[cfg(not(target_os = "macos"))]
unsafe extern "C" {
    /// FreeBSD 13.1 and NetBSD 10 have it (NetBSD under the name of POSIX 2024); crate libc does not declare it there.
    #[cfg_attr(target_os = "netbsd", link_name = "posix_spawn_file_actions_addchdir")]
    fn posix_spawn_file_actions_addchdir_np(
        actions: *mut libc::posix_spawn_file_actions_t,
        path: *const c_char,
    ) -> c_int;
}
