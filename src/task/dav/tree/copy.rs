//! Copier: copies a file or a directory tree.

use crate::limits::{COPY_BYTES_PER_TURN, TREE_DEPTH_MAX, TREE_STEPS_PER_TURN};
use crate::task::file::dir_entry::is_hidden_name;
use std::ffi::CStr;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use webserv_sys::Error;
use webserv_sys::file::{self, Directory, Entry, FileKind, OpenFlags, Stat};

const READ_DIRECTORY: OpenFlags = OpenFlags::READ.union(OpenFlags::DIRECTORY).union(OpenFlags::NO_FOLLOW);
const READ_FILE: OpenFlags = OpenFlags::READ.union(OpenFlags::NO_FOLLOW).union(OpenFlags::NON_BLOCKING);
const WRITE_FILE: OpenFlags = OpenFlags::WRITE.union(OpenFlags::CREATE).union(OpenFlags::EXCLUSIVE);

/// Copies files and directories. Other kinds are skipped and counted: devices, FIFOs, sockets, and symbolic links. (A
/// copied link may lead elsewhere, and to files that the client must not see.) The mode is that of the original,
/// reduced by the umask; times and owners are new.
pub struct Copier {
    /// The open directories from the root down.
    levels: Vec<Level>,
    file: Option<FileCopy>,
    /// The device and inode of the copy, in case it lies in the tree that is copied.
    copy: (u64, u64),
    sync: bool,
    skipped: u64,
    /// copy_file_range(2) was refused for one of the files: it is not tried for the next ones.
    refused: bool,
}

struct Level {
    from: Directory,
    to: OwnedFd,
    entries: Vec<Entry>,
}

struct FileCopy {
    from: OwnedFd,
    to: OwnedFd,
    /// copy_file_range(2) works; otherwise the bytes go through a buffer.
    in_kernel: bool,
    /// It was refused.
    refused: bool,
}

/// The result of a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CopyStep {
    /// This number of bytes was copied, possibly 0. There is more to do.
    More(usize),
    /// The copy is complete.
    Done,
}

impl Copier {
    /// Begins to copy an open file or directory to this name in `folder`. Without `deep`, the content of a directory is
    /// not copied. With `sync`, each file is on the disk before the next one is begun.
    ///
    /// # Errors
    /// The errors of openat(2) and mkdirat(2).
    pub fn start(from: OwnedFd, folder: BorrowedFd<'_>, name: &CStr, deep: bool, sync: bool) -> Result<Self, Error> {
        let stat = file::fstat(from.as_fd())?;
        let mut copier = Self { levels: Vec::new(), file: None, copy: (0, 0), sync, skipped: 0, refused: false };
        match stat.kind {
            FileKind::Directory => {
                let to = make_directory(folder, name, &stat)?;
                let made = file::fstat(to.as_fd()).inspect_err(|_| _ = file::rmdirat(folder, name))?;
                copier.copy = (made.device, made.inode);
                if deep {
                    copier.levels.push(Level { from: Directory::new(from)?, to, entries: Vec::new() });
                }
            }
            FileKind::File => copier.file = Some(FileCopy::new(from, folder, name, &stat)?),
            _ => return Err(Error::link_refused("openat")), // devices and FIFOs may have no end
        }
        Ok(copier)
    }

    /// The number of entries that were skipped.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Copies some bytes of the current file, or begins the next entry. `buffer` is used if the kernel does not copy.
    ///
    /// # Errors
    /// The errors of the calls. The incomplete copy stays.
    pub fn step(&mut self, buffer: &mut [u8]) -> Result<CopyStep, Error> {
        if let Some(file) = &mut self.file {
            let bytes = file.copy(buffer)?;
            if bytes == 0 {
                self.refused |= file.refused;
                if self.sync {
                    file::fsync(file.to.as_fd())?;
                }
                self.file = None;
            }
            return Ok(CopyStep::More(bytes));
        }
        let Some(level) = self.levels.last_mut() else { return Ok(CopyStep::Done) };
        if level.entries.is_empty() {
            match level.from.read(&mut level.entries, TREE_STEPS_PER_TURN) {
                Err(error) if error.kind() == ErrorKind::NotFound => {} // the directory was removed after it was opened
                outcome => _ = outcome?,
            }
        }
        match level.entries.pop() {
            Some(entry) => self.begin(&entry)?,
            None => drop(self.levels.pop()),
        }
        Ok(CopyStep::More(0))
    }

    /// Begins to copy an entry. Skips an entry that was removed after it was read.
    fn begin(&mut self, entry: &Entry) -> Result<(), Error> {
        let Some(level) = self.levels.last() else { return Ok(()) };
        if is_hidden_name(entry.name.as_bytes()) {
            return Ok(()); // being stored, copied or removed now
        }
        let from = match open_entry(level.from.as_fd(), entry) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        let Some(from) = from else {
            self.skipped += 1;
            return Ok(());
        };
        let (stat, name) = (file::fstat(from.as_fd())?, &*entry.name);
        match stat.kind {
            FileKind::Directory => {
                if (stat.device, stat.inode) == self.copy {
                    return Ok(());
                }
                if self.levels.len() >= TREE_DEPTH_MAX {
                    return Err(Error::too_deep("mkdirat"));
                }
                let to = make_directory(level.to.as_fd(), name, &stat)?;
                self.levels.push(Level { from: Directory::new(from)?, to, entries: Vec::new() });
            }
            FileKind::File => {
                let in_kernel = !self.refused;
                self.file = Some(FileCopy { in_kernel, ..FileCopy::new(from, level.to.as_fd(), name, &stat)? });
            }
            _ => self.skipped += 1,
        }
        Ok(())
    }
}

impl FileCopy {
    fn new(from: OwnedFd, folder: BorrowedFd<'_>, name: &CStr, stat: &Stat) -> Result<Self, Error> {
        let to = file::openat(folder, name, WRITE_FILE, stat.mode & 0o777)?;
        Ok(Self { from, to, in_kernel: true, refused: false })
    }

    /// Copies the next bytes. Returns 0 at the end of the file.
    fn copy(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if self.in_kernel {
            match file::copy_file_range(self.from.as_fd(), self.to.as_fd(), COPY_BYTES_PER_TURN) {
                Ok(0) => {} // the end, or not supported by the file system: read(2) shows which
                Err(error) if error.is_unsupported() || error.is_cross_device() => self.refused = true,
                outcome => return outcome,
            }
            self.in_kernel = false;
        }
        let bytes = file::read(self.from.as_fd(), buffer)?;
        let mut rest = &buffer[..bytes];
        while !rest.is_empty() {
            let written = file::write(self.to.as_fd(), rest)?;
            rest = &rest[written..];
        }
        Ok(bytes)
    }
}

/// Opens a file or directory. Returns `None` for other kinds.
fn open_entry(folder: BorrowedFd<'_>, entry: &Entry) -> Result<Option<OwnedFd>, Error> {
    let kind = match entry.kind {
        Some(kind) => kind,
        None => file::fstatat(folder, &entry.name, false)?.kind,
    };
    match kind {
        FileKind::Directory => file::openat(folder, &entry.name, READ_DIRECTORY, 0).map(Some),
        FileKind::File => file::openat(folder, &entry.name, READ_FILE, 0).map(Some),
        _ => Ok(None),
    }
}

/// Makes a directory that is writable for the server, whatever the mode of the original is.
fn make_directory(folder: BorrowedFd<'_>, name: &CStr, like: &Stat) -> Result<OwnedFd, Error> {
    file::mkdirat(folder, name, like.mode & 0o777 | 0o700)?;
    file::openat(folder, name, READ_DIRECTORY, 0).inspect_err(|_| {
        let _ = file::rmdirat(folder, name);
    })
}
