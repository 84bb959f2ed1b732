//! Remover: removes a directory tree, from the leaves to the root.

use crate::limits::TREE_STEPS_PER_TURN;
use std::ffi::{CStr, CString};
use std::mem::replace;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use webserv_sys::Error;
use webserv_sys::file::{self, Directory, Entry, FileKind, OpenFlags, Stat};

const FLAGS: OpenFlags = OpenFlags::READ.union(OpenFlags::DIRECTORY).union(OpenFlags::NO_FOLLOW);

/// How often directories are read again because entries were added meanwhile, before the remover gives up.
const AGAIN_MAX: u32 = 100;

/// Removes a file or a directory tree. However deep the tree is, only one descriptor is open: the way up is "..", and
/// must lead to the directory that the way down came from.
pub struct Remover {
    /// The directory that is being emptied. `None` before the start and at the end.
    here: Option<Here>,
    /// The directories above, from the root down.
    above: Vec<Level>,
    /// The name of the tree in the directory where it begins.
    name: CString,
    /// How often a directory was not empty after all its entries had been removed.
    again: u32,
}

struct Here {
    directory: Directory,
    id: Id,
    /// Entries that were read and not removed yet.
    entries: Vec<Entry>,
}

/// A directory on the way down.
struct Level {
    id: Id,
    entries: Vec<Entry>,
    /// The name of the next directory down, which is removed when it is empty.
    below: CString,
}

/// Device and inode, which identify a directory.
type Id = (u64, u64);

fn id(stat: &Stat) -> Id {
    (stat.device, stat.inode)
}

impl Remover {
    /// Removes `name` in the directory that is passed to [`Self::step`].
    pub fn new(name: CString) -> Self {
        Self { here: None, above: Vec::new(), name, again: 0 }
    }

    /// The name of the tree.
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// Removes one entry, or reads more entries. Returns false when the tree has been removed.
    ///
    /// # Errors
    /// The errors of unlinkat(2) and openat(2). `EBUSY` at a mount point, which is not removed.
    pub fn step(&mut self, folder: BorrowedFd<'_>) -> Result<bool, Error> {
        let Some(here) = &mut self.here else { return self.start(folder) };
        match here.entries.pop() {
            Some(entry) => self.remove(entry).map(|()| true),
            None => {
                here.directory.read(&mut here.entries, TREE_STEPS_PER_TURN)?;
                if here.entries.is_empty() { self.ascend(folder) } else { Ok(true) }
            }
        }
    }

    /// Opens the directory. A file is removed at once. A missing file is not an error.
    fn start(&mut self, folder: BorrowedFd<'_>) -> Result<bool, Error> {
        match file::fstatat(folder, &self.name, false) {
            Ok(stat) if stat.kind == FileKind::Directory => {
                self.here = Some(open(folder, &self.name, stat.device)?);
                Ok(true)
            }
            Ok(_) => gone(file::unlinkat(folder, &self.name)).map(|()| false),
            Err(error) => gone(Err(error)).map(|()| false),
        }
    }

    fn remove(&mut self, entry: Entry) -> Result<(), Error> {
        let Some(here) = &mut self.here else { return Ok(()) };
        if entry.kind != Some(FileKind::Directory) {
            let outcome = gone(file::unlinkat(here.directory.as_fd(), &entry.name));
            if outcome.is_ok() || entry.kind.is_some() {
                return outcome;
            }
        }
        let below = match open(here.directory.as_fd(), &entry.name, here.id.0) {
            Err(error) if error.is_not_found() => return Ok(()),
            opened => opened?,
        };
        let left = replace(here, below);
        self.above.push(Level { id: left.id, entries: left.entries, below: entry.name });
        Ok(())
    }

    /// Removes an empty directory and goes up. If entries were added after it was read, for example by an upload, it is
    /// read again.
    fn ascend(&mut self, folder: BorrowedFd<'_>) -> Result<bool, Error> {
        let Some(here) = &mut self.here else { return Ok(false) };
        let up = match self.above.last() {
            Some(level) => Some(open_above(here.directory.as_fd(), level.id)?),
            None => None,
        };
        let place = up.as_ref().zip(self.above.last()).map(|(up, level)| (up.as_fd(), &level.below));
        let (above, name) = place.unwrap_or((folder, &self.name));
        match gone(file::rmdirat(above, name)) {
            Err(error) if error.is_not_empty() && self.again < AGAIN_MAX => {
                self.again += 1;
                here.directory = Directory::new(file::openat(here.directory.as_fd(), c".", FLAGS, 0)?)?;
                return Ok(true);
            }
            outcome => outcome?,
        }
        let Some((up, level)) = up.zip(self.above.pop()) else {
            self.here = None;
            return Ok(false);
        };
        *here = Here { directory: Directory::new(up)?, id: level.id, entries: level.entries };
        Ok(true)
    }

    /// Does up to `steps_max` steps at once: there is no later turn.
    pub fn finish(&mut self, folder: BorrowedFd<'_>, steps_max: usize) {
        for _ in 0..steps_max {
            if !matches!(self.step(folder), Ok(true)) {
                break;
            }
        }
    }
}

/// Opens "..", which must be the expected directory.
fn open_above(here: BorrowedFd<'_>, expected: Id) -> Result<OwnedFd, Error> {
    let up = file::openat(here, c"..", FLAGS, 0)?;
    if id(&file::fstat(up.as_fd())?) == expected { Ok(up) } else { Err(Error::replaced("openat")) }
}

fn open(folder: BorrowedFd<'_>, name: &CStr, device: u64) -> Result<Here, Error> {
    let directory = file::openat(folder, name, FLAGS, 0)?;
    let stat = file::fstat(directory.as_fd())?;
    if stat.device != device {
        return Err(Error::mounted("openat"));
    }
    Ok(Here { directory: Directory::new(directory)?, id: id(&stat), entries: Vec::new() })
}

/// Turns ENOENT into success.
fn gone(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}
