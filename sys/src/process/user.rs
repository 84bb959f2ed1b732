//! Users and groups, and becoming another one: getpwnam(3), setuid(2).

use crate::file::c_path;
use crate::{Error, Result};
use libc::{c_char, c_int};
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::ptr;

/// What an account's records need at most; larger ones are `ERANGE`.
const RECORD_BYTES_MAX: usize = 1 << 20;

/// An account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct User {
    /// The user's number.
    pub id: u32,
    /// The number of its first group.
    pub group: u32,
}

/// The user whose rights this process has: geteuid(2). 0 is root.
pub fn effective_user() -> u32 {
    // SAFETY: the call takes no pointers and cannot fail.
    unsafe { libc::geteuid() }
}

/// Looks up an account by its name: getpwnam_r(3). Returns None if there is no such account. Reads files, or asks a
/// server.
pub fn lookup_user(name: &str) -> Result<Option<User>> {
    let name = c_path("getpwnam_r", name.as_bytes())?;
    // SAFETY: getpwnam_r has the contract that `lookup` needs, and passwd is integers and pointers.
    let record = unsafe { lookup::<libc::passwd>("getpwnam_r", libc::getpwnam_r, &name) }?;
    Ok(record.map(|r| User { id: r.pw_uid, group: r.pw_gid }))
}

/// Looks up a group's number by its name: getgrnam_r(3). Returns None if there is no such group.
pub fn lookup_group(name: &str) -> Result<Option<u32>> {
    let name = c_path("getgrnam_r", name.as_bytes())?;
    // SAFETY: getgrnam_r has the contract that `lookup` needs, and group is integers and pointers.
    let record = unsafe { lookup::<libc::group>("getgrnam_r", libc::getgrnam_r, &name) }?;
    Ok(record.map(|r| r.gr_gid))
}

/// The shape of getpwnam_r(3) and getgrnam_r(3).
type Lookup<T> = unsafe extern "C" fn(*const c_char, *mut T, *mut c_char, usize, *mut *mut T) -> c_int;

/// The record of this name. Its pointers point nowhere any more: only its numbers count.
///
/// # Safety
/// `function` fills the record and sets the last pointer to it, or sets that to null, or returns an errno; it writes
/// strings into the buffer, no further than its length.
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
            // SAFETY: the call has filled the record.
            0 => return Ok(Some(unsafe { record.assume_init() })),
            libc::EINTR => {}
            libc::ERANGE if strings.len() < RECORD_BYTES_MAX => strings.resize(strings.len() * 2, 0),
            // getpwnam(3): some systems report an unknown name with one of these.
            libc::ENOENT | libc::ESRCH => return Ok(None),
            errno => return Err(Error::new(call, errno)),
        }
    }
}

/// Gives root's rights up for those of `name`, and of `group` or else its first group, with all its other groups:
/// setgid(2), initgroups(3), setuid(2). There is no way back.
///
/// Errors: `ENOENT`, said of `getpwnam_r` or `getgrnam_r`, if there is no such user or group; `EPERM` if not root.
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
