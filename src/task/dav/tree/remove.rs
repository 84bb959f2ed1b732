//! Remover: takes a tree away, from the leaves to the root.

use crate::limits::TREE_STEPS_PER_TURN;
use std::ffi::{CStr, CString};
use std::mem::replace;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use webserv_sys::Error;
use webserv_sys::file::{self, Directory, Entry, FileKind, OpenFlags, Stat};

const FLAGS: OpenFlags = OpenFlags::READ.union(OpenFlags::DIRECTORY).union(OpenFlags::NO_FOLLOW);

/// Directories that are read again before it is given up: who goes on putting something in may keep it.
const AGAIN_MAX: u32 = 100;

/// Removes one directory with all that is in it, or one file. However deep it is, one descriptor is open at a time: the
/// way up is by "..", and what is found there must be what the way down came from.
pub struct Remover {
    /// The directory that is being emptied; `None`: not yet opened, or done.
    here: Option<Here>,
    /// Those above it, the outermost first.
    above: Vec<Level>,
    /// What is to be removed, by its name in the folder where all begins.
    name: CString,
    /// How often a directory was not empty although nothing was left to be read in it.
    again: u32,
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
        Self { here: None, above: Vec::new(), name, again: 0 }
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

    /// This directory is empty: it is removed from the one above, where the work goes on. If something has come into it
    /// since it was read, such as a file whose upload was under way, it is read again.
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

    /// Removes up to `steps_max` steps' worth, for want of a later turn.
    pub fn finish(&mut self, folder: BorrowedFd<'_>, steps_max: usize) {
        for _ in 0..steps_max {
            if !matches!(self.step(folder), Ok(true)) {
                break;
            }
        }
    }
}

/// The directory above, which must be the one that the way down came from.
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

/// What is not there needs not be removed.
fn gone(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}
