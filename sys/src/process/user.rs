//! Looks up users and groups, and changes the user of this process: getpwnam(3), setuid(2).

use crate::file::c_path;
use crate::{Error, Result};
use libc::{c_char, c_int};
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::ptr;

/// The maximum size of the strings of a user or group record; for larger ones, the result is `ERANGE`.
const RECORD_BYTES_MAX: usize = 1 << 20;

/// A user account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct User {
    /// The user id.
    pub id: u32,
    /// The id of its primary group.
    pub group: u32,
}

/// The effective user id of this process: geteuid(2). 0 is root.
pub fn effective_user() -> u32 {
    // SAFETY: the call takes no pointers and cannot fail.
    unsafe { libc::geteuid() }
}

/// Looks up a user by name: getpwnam_r(3). Returns `None` if it does not exist. It may block: it reads files, or
/// queries a name service.
pub fn lookup_user(name: &str) -> Result<Option<User>> {
    let name = c_path("getpwnam_r", name.as_bytes())?;
    // SAFETY: getpwnam_r has the contract that `lookup` needs, and passwd is integers and pointers.
    let record = unsafe { lookup::<libc::passwd>("getpwnam_r", libc::getpwnam_r, &name) }?;
    Ok(record.map(|r| User { id: r.pw_uid, group: r.pw_gid }))
}

/// Looks up the id of a group by name: getgrnam_r(3). Returns `None` if it does not exist. It may block, too.
pub fn lookup_group(name: &str) -> Result<Option<u32>> {
    let name = c_path("getgrnam_r", name.as_bytes())?;
    // SAFETY: getgrnam_r has the contract that `lookup` needs, and group is integers and pointers.
    let record = unsafe { lookup::<libc::group>("getgrnam_r", libc::getgrnam_r, &name) }?;
    Ok(record.map(|r| r.gr_gid))
}

/// The type of getpwnam_r(3) and getgrnam_r(3).
type Lookup<T> = unsafe extern "C" fn(*const c_char, *mut T, *mut c_char, usize, *mut *mut T) -> c_int;

/// The record with this name. Its pointers are dangling: only its numbers are valid.
///
/// # Safety
/// `function` must fill the record and set the last pointer to it, or set that pointer to null, or return an errno. It
/// must not write beyond the length of the buffer.
unsafe fn lookup<T: Copy>(call: &'static str, function: Lookup<T>, name: &CStr) -> Result<Option<T>> {
    let mut strings: Vec<c_char> = vec![0; 1024];
    loop {
        let (mut record, mut found) = (MaybeUninit::<T>::uninit(), ptr::null_mut());
        // SAFETY: every pointer is valid for the call, the name ends with NUL, and the buffer is as long as said.
        let errno = unsafe {
            function(name.as_ptr(), record.as_mut_ptr(), strings.as_mut_ptr(), strings.len(), &raw mut found)
        };
        match errno {
            0 if found.is_null() => return Ok(None),
            // SAFETY: the call filled the record.
            0 => return Ok(Some(unsafe { record.assume_init() })),
            libc::EINTR => {}
            libc::ERANGE if strings.len() < RECORD_BYTES_MAX => strings.resize(strings.len() * 2, 0),
            // getpwnam(3): on some systems, these errors mean that the name does not exist.
            libc::ENOENT | libc::ESRCH => return Ok(None),
            errno => return Err(Error::new(call, errno)),
        }
    }
}

/// Changes from root to the user `name`, with the group `group` (default: the user's primary group) and all other
/// groups of the user: setgid(2), initgroups(3), setuid(2). The process cannot change back.
///
/// Errors: `ENOENT` of `getpwnam_r` or `getgrnam_r` if the user or the group does not exist; `EPERM` if not root.
pub fn become_user(name: &str, group: Option<&str>) -> Result<()> {
    let user = lookup_user(name)?.ok_or(Error::new("getpwnam_r", libc::ENOENT))?;
    let group = match group {
        Some(group) => lookup_group(group)?.ok_or(Error::new("getgrnam_r", libc::ENOENT))?,
        None => user.group,
    };
    let name: CString = c_path("initgroups", name.as_bytes())?;
    // SAFETY: the name ends with NUL and outlives its call; the others take no pointers.
    unsafe {
        syscall!(setgid(group))?;
        syscall!(initgroups(name.as_ptr(), group as _))?;
        syscall!(setuid(user.id))?;
    }
    Ok(())
}
