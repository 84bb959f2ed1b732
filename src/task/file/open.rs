//! Opening a file with as much trust in symbolic links as `disable_symlinks` allows.

use crate::config::DisableSymlinks;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use webserv_sys::file::{self, FileKind, OpenFlags, Stat};
use webserv_sys::{Error, Result};

/// A FIFO or device would make open(2) wait without this; what is no file or directory is refused later.
const READ: OpenFlags = OpenFlags::READ.union(OpenFlags::NON_BLOCKING);

/// Opens a path for reading.
///
/// # Errors
/// Those of open(2); `ELOOP` (or `EMLINK`) for a link that is not to be followed.
pub fn open(path: &[u8], links: DisableSymlinks) -> Result<OwnedFd> {
    match links {
        DisableSymlinks::Off => file::openat(file::CWD, &file::c_path("openat", path)?, READ, 0),
        _ => open_by_steps(path, links, READ, None),
    }
}

/// Opens the folder that a path lies in, to start `...at` calls from, and gives the last name of the path without a
/// slash behind it. What then happens to the name happens in this folder, whatever is done to the path meanwhile.
/// Folders that are missing on the way are made with the mode `make`, if it says one (less the umask).
///
/// # Errors
/// As of [`open`].
pub fn open_folder(path: &[u8], links: DisableSymlinks, make: Option<u32>) -> Result<(OwnedFd, CString)> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let end = path.iter().rposition(|b| *b == b'/').map_or(0, |slash| slash + 1);
    let (folder, name) = path.split_at(end);
    let folder = if folder.is_empty() { b"." } else { folder };
    let flags = OpenFlags::PATH | OpenFlags::DIRECTORY;
    let folder = match (links, make) {
        (DisableSymlinks::Off, None) => file::openat(file::CWD, &file::c_path("openat", folder)?, flags, 0)?,
        _ => open_by_steps(folder, links, flags, make)?,
    };
    Ok((folder, file::c_path("openat", name)?))
}

/// Opens one name after the other, each from the directory before it, so that nobody can put a link in our way between
/// the check and the use.
fn open_by_steps(path: &[u8], links: DisableSymlinks, last: OpenFlags, make: Option<u32>) -> Result<OwnedFd> {
    let start = match path.first() {
        Some(b'/') => c"/",
        _ => c".",
    };
    let mut here = file::openat(file::CWD, start, OpenFlags::PATH | OpenFlags::DIRECTORY, 0)?;
    let mut names = path.split(|b| *b == b'/').filter(|n| !n.is_empty() && *n != b".").peekable();
    while let Some(name) = names.next() {
        let name = file::c_path("openat", name)?;
        let flags = if names.peek().is_some() { OpenFlags::PATH | OpenFlags::DIRECTORY } else { last };
        here = match (open_step(here.as_fd(), &name, flags, links), make) {
            (Err(error), Some(mode)) if error.is_not_found() => match file::mkdirat(here.as_fd(), &name, mode) {
                Err(error) if !error.is_taken() => return Err(error),
                _ => open_step(here.as_fd(), &name, flags, links)?,
            },
            (opened, _) => opened?,
        };
    }
    Ok(here)
}

/// Opens one name in a directory.
///
/// # Errors
/// As of [`open`].
pub fn open_step(here: BorrowedFd<'_>, name: &CStr, flags: OpenFlags, links: DisableSymlinks) -> Result<OwnedFd> {
    if links == DisableSymlinks::Off {
        return file::openat(here, name, flags, 0);
    }
    if links == DisableSymlinks::IfNotOwner {
        let itself = file::fstatat(here, name, false)?;
        if itself.kind == FileKind::Symlink {
            let target = file::openat(here, name, flags, 0)?;
            let same_owner = file::fstat(target.as_fd())?.owner == itself.owner;
            return if same_owner { Ok(target) } else { Err(Error::link_refused("openat")) };
        }
    }
    file::openat(here, name, flags | OpenFlags::NO_FOLLOW, 0).map_err(|error| {
        // Asked for a directory and not to follow, the kernel says of a link that it is no directory.
        let is_link = || file::fstatat(here, name, false).is_ok_and(|s| s.kind == FileKind::Symlink);
        if error.is_not_found() && is_link() { Error::link_refused("openat") } else { error }
    })
}

/// What a name in a directory is, if `disable_symlinks` lets one see it: a link that is not to be followed is an error.
///
/// # Errors
/// Those of stat(2); `ELOOP` for such a link.
pub fn look_up(directory: BorrowedFd<'_>, name: &CStr, links: DisableSymlinks) -> Result<Stat> {
    if links == DisableSymlinks::Off {
        return file::fstatat(directory, name, true);
    }
    let itself = file::fstatat(directory, name, false)?;
    if itself.kind != FileKind::Symlink {
        return Ok(itself);
    }
    let target = file::fstatat(directory, name, true)?;
    match links {
        DisableSymlinks::IfNotOwner if target.owner == itself.owner => Ok(target),
        _ => Err(Error::link_refused("fstatat")),
    }
}
