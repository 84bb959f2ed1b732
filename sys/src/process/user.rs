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

/// A user account and the group that a process has as this user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// The name, for the user's other groups.
    pub name: String,
    /// The user id.
    pub user: u32,
    /// The id of the group.
    pub group: u32,
}

impl Account {
    /// The account with these names; without a group, it has the user's primary group.
    ///
    /// Errors: `ENOENT` of `getpwnam_r` or `getgrnam_r` if the user or the group does not exist.
    pub fn find(name: &str, group: Option<&str>) -> Result<Self> {
        let user = lookup_user(name)?.ok_or(Error::new("getpwnam_r", libc::ENOENT))?;
        let group = match group {
            Some(group) => lookup_group(group)?.ok_or(Error::new("getgrnam_r", libc::ENOENT))?,
            None => user.group,
        };
        Ok(Self { name: name.to_owned(), user: user.id, group })
    }
}

/// Changes from root to this account, with all other groups of the user: setgid(2), initgroups(3), setuid(2). The
/// process cannot change back, which is verified.
///
/// Errors: `EPERM` if not root, or if root's rights are not gone.
pub fn become_user(account: &Account) -> Result<()> {
    let name: CString = c_path("initgroups", account.name.as_bytes())?;
    // SAFETY: the name ends with NUL and outlives its call; the others take no pointers.
    unsafe {
        syscall!(setgid(account.group))?;
        syscall!(initgroups(name.as_ptr(), account.group as _))?;
        syscall!(setuid(account.user))?;
    }
    // SAFETY: the calls take no pointers.
    let (user, group) = unsafe { ((libc::getuid(), libc::geteuid()), (libc::getgid(), libc::getegid())) };
    let has_changed = (user, group) == ((account.user, account.user), (account.group, account.group));
    // SAFETY: the call takes no pointers.
    if !has_changed || (account.user != 0 && unsafe { libc::setuid(0) } == 0) {
        return Err(Error::new("setuid", libc::EPERM));
    }
    Ok(())
}

/// Calls a function with the rights of this account, and takes root's rights back afterwards: initgroups(3),
/// setegid(2), seteuid(2). Only for root, and only while the process has one thread.
///
/// # Panics
/// If root's rights cannot be taken back.
///
/// Errors: `EPERM` if not root. Then the function is not called.
pub fn as_account<T>(account: &Account, call: impl FnOnce() -> T) -> Result<T> {
    let name: CString = c_path("initgroups", account.name.as_bytes())?;
    if effective_user() != 0 {
        return Err(Error::new("seteuid", libc::EPERM));
    }
    // SAFETY: with the length 0 the call writes nothing.
    let count = unsafe { syscall!(getgroups(0, ptr::null_mut())) }?;
    let mut groups: Vec<libc::gid_t> = vec![0; count as usize];
    // SAFETY: the call writes at most `count` numbers, for which the list has room.
    let count = unsafe { syscall!(getgroups(count, groups.as_mut_ptr())) }?;
    groups.truncate(count as usize);
    // SAFETY: the call takes no pointers and cannot fail.
    let root = AsRoot { groups, group: unsafe { libc::getegid() } };
    // SAFETY: the name ends with NUL and outlives its call; the others take no pointers.
    unsafe {
        syscall!(initgroups(name.as_ptr(), account.group as _))?;
        syscall!(setegid(account.group))?;
        syscall!(seteuid(account.user))?;
    }
    let result = call();
    drop(root);
    Ok(result)
}

/// Root's groups. Dropping this takes root's rights back.
struct AsRoot {
    groups: Vec<libc::gid_t>,
    group: libc::gid_t,
}

impl Drop for AsRoot {
    fn drop(&mut self) {
        // SAFETY: the first two calls take no pointers; the last one reads as many numbers as the list has.
        let back = unsafe {
            libc::seteuid(0) == 0
                && libc::setegid(self.group) == 0
                && libc::setgroups(self.groups.len() as _, self.groups.as_ptr()) == 0
        };
        assert!(back, "root's rights cannot be taken back: {}", Error::last("seteuid"));
    }
}

/// Whether the effective user and its groups may write to this file, or create names in this directory: faccessat(2)
/// with `AT_EACCESS`.
pub fn may_write(path: &CStr) -> bool {
    // SAFETY: the path ends with NUL and outlives the call.
    unsafe { syscall!(faccessat(libc::AT_FDCWD, path.as_ptr(), libc::W_OK, libc::AT_EACCESS)) }.is_ok()
}
