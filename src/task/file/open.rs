//! Opens files, with the checks of `disable_symlinks`.

use crate::config::DisableSymlinks;
use crate::limits::PATH_NAMES_MAX;
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

/// A directory in which several names are looked up one after another. Its path is followed once, since that takes many
/// calls with `disable_symlinks`.
pub struct Folder<'a> {
    path: &'a [u8],
    links: DisableSymlinks,
    opened: Option<OwnedFd>,
}

impl<'a> Folder<'a> {
    /// The directory of this path: all of it up to its last slash. Nothing is opened yet.
    pub fn of(path: &'a [u8], links: DisableSymlinks) -> Self {
        let end = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
        Self { path: &path[..end], links, opened: None }
    }

    /// Opens a path for reading. It must begin with the directory's path.
    ///
    /// # Errors
    /// The errors of [`open`].
    pub fn open(&mut self, path: &[u8]) -> Result<OwnedFd> {
        if self.links == DisableSymlinks::Off {
            return open(path, self.links);
        }
        let name = path.get(self.path.len()..).unwrap_or_default();
        let (links, folder) = (self.links, self.opened()?);
        match walk(folder, name, links, READ, None)? {
            Some(opened) => Ok(opened),
            None => file::openat(folder, c".", READ, 0), // the directory itself
        }
    }

    fn opened(&mut self) -> Result<BorrowedFd<'_>> {
        let folder = match self.opened.take() {
            Some(folder) => folder,
            None => open_by_steps(self.path, self.links, OpenFlags::PATH | OpenFlags::DIRECTORY, None)?,
        };
        let folder: &OwnedFd = self.opened.insert(folder);
        Ok(folder.as_fd())
    }
}

/// Opens the directory of a path for `*at` calls. Returns it with the last name of the path, without a slash at its
/// end. Later changes to the path do not affect the directory. Missing directories are made with the mode `make`
/// (before the umask), if there is one.
///
/// # Errors
/// The errors of [`open`]; those of mkdir(2).
pub fn open_folder(path: &[u8], links: DisableSymlinks, make: Option<u32>) -> Result<(OwnedFd, CString)> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let end = path.iter().rposition(|b| *b == b'/').map_or(0, |slash| slash + 1);
    let (folder, name) = path.split_at(end);
    let folder = if folder.is_empty() { b"." } else { folder };
    let flags = OpenFlags::PATH | OpenFlags::DIRECTORY;
    let folder = match links {
        DisableSymlinks::Off => match file::openat(file::CWD, &file::c_path("openat", folder)?, flags, 0) {
            Err(error) if error.is_not_found() && make.is_some() => open_by_steps(folder, links, flags, make)?,
            opened => opened?,
        },
        _ => open_by_steps(folder, links, flags, make)?,
    };
    Ok((folder, file::c_path("openat", name)?))
}

/// Opens one name after the other, from the root or the working directory.
///
/// # Errors
/// The errors of [`walk`].
fn open_by_steps(path: &[u8], links: DisableSymlinks, last: OpenFlags, make: Option<u32>) -> Result<OwnedFd> {
    let start = match path.first() {
        Some(b'/') => c"/",
        _ => c".",
    };
    let start = file::openat(file::CWD, start, OpenFlags::PATH | OpenFlags::DIRECTORY, 0)?;
    Ok(walk(start.as_fd(), path, links, last, make)?.unwrap_or(start))
}

/// Opens one name after the other, each from the directory before it, so that a link cannot be put there between the
/// check and the use. Below a directory that was missing, all others are missing, too: they are made without a look.
/// Returns `None` for a path without names.
///
/// # Errors
/// The errors of [`open`] and mkdir(2). `EMLINK` for a path with more than [`PATH_NAMES_MAX`] names: all calls are made
/// in one turn.
fn walk(
    start: BorrowedFd<'_>,
    path: &[u8],
    links: DisableSymlinks,
    last: OpenFlags,
    make: Option<u32>,
) -> Result<Option<OwnedFd>> {
    let names = || path.split(|b| *b == b'/').filter(|n| !n.is_empty() && *n != b".");
    if names().count() > PATH_NAMES_MAX {
        return Err(Error::too_deep("openat"));
    }
    let (mut names, mut opened, mut is_missing) = (names().peekable(), None::<OwnedFd>, false);
    while let Some(name) = names.next() {
        let here = opened.as_ref().map_or(start, AsFd::as_fd);
        let name = file::c_path("openat", name)?;
        let flags = if names.peek().is_some() { OpenFlags::PATH | OpenFlags::DIRECTORY } else { last };
        if is_missing && let Some(mode) = make {
            make_directory(here, &name, mode)?;
        }
        opened = Some(match (open_step(here, &name, flags, links), make) {
            (Err(error), Some(mode)) if error.is_not_found() => {
                is_missing = true;
                make_directory(here, &name, mode)?;
                open_step(here, &name, flags, links)?
            }
            (opened, _) => opened?,
        });
    }
    Ok(opened)
}

/// Makes a directory, unless something has this name.
fn make_directory(here: BorrowedFd<'_>, name: &CStr, mode: u32) -> Result<()> {
    match file::mkdirat(here, name, mode) {
        Err(error) if !error.is_taken() => Err(error),
        _ => Ok(()),
    }
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
