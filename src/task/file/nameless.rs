//! Files without a name, for what is stored only while a request lasts.

use std::os::fd::OwnedFd;
use webserv_sys::Result;
use webserv_sys::file::{self, OpenFlags};

/// Makes a file for reading and writing at this path, which must be new, and removes its name. The kernel frees the
/// file with its last use, also if the server is killed.
pub(super) fn nameless(path: &[u8]) -> Result<OwnedFd> {
    let opened = named(path)?;
    file::unlinkat(file::CWD, &file::c_path("unlinkat", path)?)?;
    Ok(opened)
}

/// The same with its name.
pub(super) fn named(path: &[u8]) -> Result<OwnedFd> {
    let path = file::c_path("openat", path)?;
    let flags = OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
    file::openat(file::CWD, &path, flags, 0o600)
}
