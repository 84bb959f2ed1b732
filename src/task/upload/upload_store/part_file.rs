//! A file of an upload, from its first byte until it has its name.

use crate::http::file_name::with_suffix;
use crate::task::file::dir_entry::{part_name_of, rename_to_free};
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use webserv_sys::Error;
use webserv_sys::file::{self, OpenFlags};

/// The mode of new files, before the umask.
const MODE: u32 = 0o666;

/// Pieces up to this size are collected before they are written: bytes that come one by one do not cost a call each.
const SMALL_BYTES: usize = 4 << 10;

/// How many numbers are tried as a suffix if the name is taken. After that, a unique suffix is used.
const NUMBERS_MAX: u32 = 20;

/// A file that is written under a hidden name. The descriptor is closed when the file is complete, so that a form with
/// many files needs one descriptor. A file that has got no other name by then is removed when this value is dropped.
pub(super) struct PartFile {
    folder: Rc<OwnedFd>,
    /// The upload's number and the file's index in it, for the hidden name.
    number: (u128, usize),
    hidden: CString,
    is_hidden: bool,
    file: Option<OwnedFd>,
    /// Bytes that are not written yet.
    small: Vec<u8>,
    /// The number of bytes that have come.
    pub size_bytes: u64,
}

impl PartFile {
    /// Creates an empty file in this directory.
    ///
    /// # Errors
    /// The errors of open(2).
    pub fn create(folder: &Rc<OwnedFd>, number: u128, index: usize) -> Result<Self, Error> {
        let hidden = part_name_of(number, index);
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
        let file = Some(file::openat(folder.as_fd(), &hidden, flags, MODE)?);
        let (folder, small) = (Rc::clone(folder), Vec::new());
        Ok(Self { folder, number: (number, index), hidden, is_hidden: true, file, small, size_bytes: 0 })
    }

    /// Writes the next bytes. Returns the number of calls.
    ///
    /// # Errors
    /// The errors of write(2).
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.size_bytes += bytes.len() as u64;
        if self.small.len() + bytes.len() <= SMALL_BYTES {
            self.small.extend_from_slice(bytes);
            return Ok(0);
        }
        Ok(self.flush()? + self.write_out(bytes)?)
    }

    /// Ends the file. With `sync`, waits until its bytes are on the disk. Returns the number of calls.
    ///
    /// # Errors
    /// The errors of write(2) and fsync(2).
    pub fn close(&mut self, sync: bool) -> Result<usize, Error> {
        let calls = self.flush()?;
        self.small = Vec::new();
        let file = self.file.take();
        match file {
            Some(file) if sync => file::fsync(file.as_fd()).map(|()| calls + 1),
            _ => Ok(calls),
        }
    }

    /// Gives the file this name, or a similar one that is free. Returns the name, and the number of calls. Never
    /// replaces a file.
    ///
    /// # Errors
    /// The errors of rename(2) and link(2).
    pub fn name(&mut self, wanted: &str) -> Result<(String, usize), Error> {
        let mut name = wanted.to_owned();
        for suffix in 1.. {
            // One for each try. One more: link(2) and unlink(2) where the kernel cannot rename to a free name only, or
            // drop() after a failure.
            let calls = suffix as usize + 1;
            match self.take_name(&name) {
                Err(error) if error.is_taken() && suffix <= NUMBERS_MAX => {
                    name = with_suffix(wanted, &suffix.to_string());
                }
                Err(error) if error.is_taken() && suffix == NUMBERS_MAX + 1 => {
                    name = with_suffix(wanted, &format!("{:032x}-{}", self.number.0, self.number.1));
                }
                outcome => return outcome.map(|()| (name, calls)),
            }
        }
        Ok((name, 0))
    }

    fn take_name(&mut self, name: &str) -> Result<(), Error> {
        let (folder, name) = (self.folder.as_fd(), file::c_path("renameat2", name.as_bytes())?);
        let outcome = rename_to_free(folder, &self.hidden, folder, &name);
        self.is_hidden = outcome.is_err();
        outcome
    }

    fn flush(&mut self) -> Result<usize, Error> {
        let small = std::mem::take(&mut self.small);
        let outcome = self.write_out(&small);
        self.small = small;
        self.small.clear();
        outcome
    }

    fn write_out(&self, mut bytes: &[u8]) -> Result<usize, Error> {
        let Some(file) = &self.file else { return Ok(0) };
        let mut calls = 0;
        while !bytes.is_empty() {
            let written = file::write(file.as_fd(), bytes)?;
            bytes = &bytes[written..];
            calls += 1;
        }
        Ok(calls)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if self.is_hidden {
            let _ = file::unlinkat(self.folder.as_fd(), &self.hidden); // the file has got no other name
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::temp_dir::TempDir;

    fn folder(dir: &TempDir) -> Rc<OwnedFd> {
        let path = file::c_path("open", dir.path().to_str().unwrap().as_bytes()).unwrap();
        Rc::new(file::open(&path, OpenFlags::READ | OpenFlags::DIRECTORY, 0).unwrap())
    }

    fn names(dir: &TempDir) -> Vec<String> {
        let entries = std::fs::read_dir(dir.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_the_named_file_is_left_with_all_bytes_written() {
        let dir = TempDir::new();
        let folder = folder(&dir);
        let mut part = PartFile::create(&folder, 7, 0).unwrap();
        let mut expected = Vec::new();
        for size in [1, 4095, 4096, 1, 4097, 0, 100_000, 5] {
            let piece = vec![size as u8; size];
            part.write(&piece).unwrap();
            expected.extend_from_slice(&piece);
        }
        assert_eq!(names(&dir), [format!(".{:032x}-0.part", 7)]);
        part.close(true).unwrap();
        assert_eq!(part.size_bytes, expected.len() as u64);
        assert_eq!(part.name("a.bin").unwrap().0, "a.bin");
        drop(part);
        assert_eq!(names(&dir), ["a.bin"]);
        assert_eq!(std::fs::read(dir.path().join("a.bin")).unwrap(), expected);
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number_and_after_many_a_unique_suffix() {
        let dir = TempDir::new();
        let folder = folder(&dir);
        dir.write("a.txt", b"first");
        for i in 0..23 {
            let mut part = PartFile::create(&folder, 0xabc, i).unwrap();
            part.close(false).unwrap();
            let (name, calls) = part.name("a.txt").unwrap();
            assert!(calls <= NUMBERS_MAX as usize + 3, "{calls} calls for one name");
            let expected = if i < 20 { format!("a-{}.txt", i + 1) } else { format!("a-{:032x}-{i}.txt", 0xabc) };
            assert_eq!(name, expected);
        }
        assert_eq!(std::fs::read(dir.path().join("a.txt")).unwrap(), b"first");
        assert_eq!(names(&dir).len(), 24);
    }

    #[test]
    fn a_file_without_a_name_leaves_nothing() {
        let dir = TempDir::new();
        let mut part = PartFile::create(&folder(&dir), 1, 2).unwrap();
        part.write(b"x").unwrap();
        drop(part);
        assert!(names(&dir).is_empty());
    }
}
