//! Opens files, with the checks of `disable_symlinks`.

use crate::config::DisableSymlinks;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use webserv_sys::file::{self, FileKind, OpenFlags, Stat};
use webserv_sys::{Error, Result};

/// O_NONBLOCK: open(2) must not wait for a FIFO or device. Only files and directories are accepted later.
const READ: OpenFlags = OpenFlags::READ.union(OpenFlags::NON_BLOCKING);

/// Opens a path for reading.
///
/// # Errors
/// The errors of open(2); `ELOOP` (or `EMLINK`) for a link that must not be followed.
pub fn open(path: &[u8], links: DisableSymlinks) -> Result<OwnedFd> {
    match links {
        DisableSymlinks::Off => file::openat(file::CWD, &file::c_path("openat", path)?, READ, 0),
        _ => open_by_steps(path, links, READ, None),
    }
}

/// Opens the directory of a path for `*at` calls. Returns it with the last name of the path, without a slash at its
/// end. Later changes to the path do not affect the directory. Missing directories are made with the mode `make`
/// (before the umask), if there is one.
///
/// # Errors
/// The errors of [`open`].
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

/// Opens one name after the other, each from the directory before it, so that a link cannot be put there between the
/// check and the use.
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
/// The errors of [`open`].
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
        // With O_DIRECTORY and O_NOFOLLOW, the kernel reports ENOTDIR for a link.
        let is_link = || file::fstatat(here, name, false).is_ok_and(|s| s.kind == FileKind::Symlink);
        if error.is_not_found() && is_link() { Error::link_refused("openat") } else { error }
    })
}

/// The status of a name in a directory. A link that `disable_symlinks` forbids is an error.
///
/// # Errors
/// The errors of stat(2); `ELOOP` for a forbidden link.
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
