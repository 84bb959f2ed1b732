//! Starting a program: posix_spawn(3).
//!
//! It shares the memory until the program runs (vfork(2) semantics), so its cost does not grow with the server, and an
//! exec that fails is this call's error.

use super::Pid;
use crate::signal::set_of;
use crate::{Error, Result};
use libc::{c_char, c_int};
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

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
    /// Its descriptor 0. Programs expect this and the next two to block: [`crate::pipe::pipe_to_child`].
    pub stdin: BorrowedFd<'a>,
    /// Its descriptor 1.
    pub stdout: BorrowedFd<'a>,
    /// Its descriptor 2.
    pub stderr: BorrowedFd<'a>,
    /// Makes it lead a process group of its own, for [`super::kill_group`].
    pub own_group: bool,
}

/// Starts a program: posix_spawn(3).
///
/// Errors: those of execve(2) and chdir(2): `ENOENT` (no such program, directory, or interpreter), `EACCES` (not
/// executable), `ENOEXEC` (neither a binary nor `#!`), `ENOTDIR`, `E2BIG` (arguments and environment), `ETXTBSY`
/// (being written); and those of fork(2): `EAGAIN`, `ENOMEM`.
pub fn spawn(spawn: &Spawn<'_>) -> Result<Pid> {
    let attributes = Attributes::new(spawn.own_group)?;
    let mut actions = FileActions::new()?;
    // Held until the program runs.
    let mut copies: Vec<OwnedFd> = Vec::new();
    for (target, source) in [(0, spawn.stdin), (1, spawn.stdout), (2, spawn.stderr)] {
        let mut source_fd = source.as_raw_fd();
        if source_fd < super::FIRST && source_fd != target {
            // A standard stream under another number: an earlier dup2 might overwrite it.
            let copy = duplicate_above_standard(source)?;
            source_fd = copy.as_raw_fd();
            copies.push(copy);
        }
        actions.dup2(source_fd, target)?;
    }
    if let Some(directory) = spawn.directory {
        actions.chdir(directory)?;
    }

    let (arguments, environment) = (pointers(spawn.arguments), pointers(spawn.environment));
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

/// The calls of this family return the errno.
fn check(call: &'static str, errno: c_int) -> Result<()> {
    if errno == 0 { Ok(()) } else { Err(Error::new(call, errno)) }
}

#[cfg(target_os = "macos")]
const CLOSE_ALL: c_int = libc::POSIX_SPAWN_CLOEXEC_DEFAULT;
/// Elsewhere every descriptor is made with the flag; on macOS there are moments between making and marking one.
#[cfg(not(target_os = "macos"))]
const CLOSE_ALL: c_int = 0;

/// What the child changes about itself: initialised, and destroyed with this value.
struct Attributes(libc::posix_spawnattr_t);

impl Attributes {
    fn new(own_group: bool) -> Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the call initialises the attributes, or fails.
        check("posix_spawnattr_init", unsafe { libc::posix_spawnattr_init(raw.as_mut_ptr()) })?;
        // SAFETY: the call has succeeded. The value may move: it holds numbers, or a pointer to the heap.
        let mut attributes = Self(unsafe { raw.assume_init() });
        let to = &raw mut attributes.0;

        let none = set_of([]);
        // KILL and STOP cannot have another disposition, and cannot be set to one.
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

/// What the child does with its descriptors and its directory, in order: initialised, and destroyed with this value.
struct FileActions(libc::posix_spawn_file_actions_t);

impl FileActions {
    fn new() -> Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the call initialises the actions, or fails.
        let errno = unsafe { libc::posix_spawn_file_actions_init(raw.as_mut_ptr()) };
        check("posix_spawn_file_actions_init", errno)?;
        // SAFETY: the call has succeeded. The value may move: it holds numbers and pointers to the heap.
        Ok(Self(unsafe { raw.assume_init() }))
    }

    /// `target` becomes a copy of `source`, not closed on exec even if they are the same.
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

#[cfg(any(target_os = "linux", target_os = "macos"))]
use libc::posix_spawn_file_actions_addchdir_np;
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
unsafe extern "C" {
    /// FreeBSD 13.1 has it; crate libc does not declare it there.
    fn posix_spawn_file_actions_addchdir_np(
        actions: *mut libc::posix_spawn_file_actions_t,
        path: *const c_char,
    ) -> c_int;
}
