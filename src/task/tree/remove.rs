//! Remover: takes a tree away, from the leaves to the root.

use crate::exchange::limits::TREE_STEPS_PER_TURN;
use std::ffi::{CStr, CString};
use std::mem::replace;
use std::os::fd::{AsFd, BorrowedFd};
use webserv_sys::Error;
use webserv_sys::file::{self, Directory, Entry, FileKind, OpenFlags, Stat};

const FLAGS: OpenFlags = OpenFlags::READ.union(OpenFlags::DIRECTORY).union(OpenFlags::NO_FOLLOW);

/// Removes one directory with all that is in it, or one file. However deep it is, one descriptor is open at a time: the
/// way up is by "..", and what is found there must be what the way down came from.
pub struct Remover {
    /// The directory that is being emptied; `None`: not yet opened, or done.
    here: Option<Here>,
    /// Those above it, the outermost first.
    above: Vec<Level>,
    /// What is to be removed, by its name in the folder where all begins.
    name: CString,
}

struct Here {
    directory: Directory,
    id: Id,
    /// Entries that were read and are still there.
    entries: Vec<Entry>,
}

/// A directory on the way down.
struct Level {
    id: Id,
    entries: Vec<Entry>,
    /// The name in it of the directory below, which is removed when that is empty.
    below: CString,
}

/// Device and inode: which directory it is.
type Id = (u64, u64);

fn id(stat: &Stat) -> Id {
    (stat.device, stat.inode)
}

impl Remover {
    /// Will remove what has this name in the folder that [`Self::step`] is given.
    pub fn new(name: CString) -> Self {
        Self { here: None, above: Vec::new(), name }
    }

    /// What is removed.
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// Removes one entry, or reads the next ones. False: all is gone.
    ///
    /// # Errors
    /// Those of unlinkat(2) and openat(2): it cannot go on. `EBUSY` at a mount point, whose files are another's.
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

    /// Opens the directory that is to go. A file is removed at once, and so is what is gone already.
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

    /// This directory is empty: back to the one above, where it is removed.
    fn ascend(&mut self, folder: BorrowedFd<'_>) -> Result<bool, Error> {
        let Some(level) = self.above.pop() else {
            self.here = None;
            return gone(file::rmdirat(folder, &self.name)).map(|()| false);
        };
        let Some(here) = &mut self.here else { return Ok(false) };
        let up = file::openat(here.directory.as_fd(), c"..", FLAGS, 0)?;
        if id(&file::fstat(up.as_fd())?) != level.id {
            return Err(Error::replaced("openat"));
        }
        gone(file::rmdirat(up.as_fd(), &level.below))?;
        *here = Here { directory: Directory::new(up)?, id: level.id, entries: level.entries };
        Ok(true)
    }

    /// Removes up to `steps_max` steps' worth, for want of a later turn.
    pub fn finish(&mut self, folder: BorrowedFd<'_>, steps_max: usize) {
        for _ in 0..steps_max {
            if !matches!(self.step(folder), Ok(true)) {
                break;
            }
        }
    }
}

fn open(folder: BorrowedFd<'_>, name: &CStr, device: u64) -> Result<Here, Error> {
    let directory = file::openat(folder, name, FLAGS, 0)?;
    let stat = file::fstat(directory.as_fd())?;
    if stat.device != device {
        return Err(Error::mounted("openat"));
    }
    Ok(Here { directory: Directory::new(directory)?, id: id(&stat), entries: Vec::new() })
}

/// What is not there needs not be removed.
fn gone(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}
