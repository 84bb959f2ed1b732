//! A directory's entries, a bounded number at a time: getdents64(2) on Linux, readdir(3) elsewhere.

use super::FileKind;
use super::stat::kind_of_entry;
use crate::Result;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

#[cfg(any(target_os = "linux", target_os = "android"))]
use getdents::Stream;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use readdir::Stream;

/// One name in a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The name: any bytes but `/` and NUL.
    pub name: CString,
    /// What it names (a symbolic link is [`FileKind::Symlink`]), if the file system says so here; else stat it.
    pub kind: Option<FileKind>,
    /// The inode's number.
    pub inode: u64,
}

/// An open directory, read from its start to its end once.
pub struct Directory {
    stream: Stream,
}

impl Directory {
    /// Reads the directory that `fd` is. Errors on the BSDs: `ENOTDIR`; Linux says it at [`Directory::read`].
    pub fn new(fd: OwnedFd) -> Result<Self> {
        Ok(Self { stream: Stream::new(fd)? })
    }

    /// Appends up to `most` entries, in the file system's order and without `.` and `..`, to `out`. False: these were
    /// the last.
    pub fn read(&mut self, out: &mut Vec<Entry>, most: usize) -> Result<bool> {
        self.stream.read(out, most)
    }
}

impl AsFd for Directory {
    /// The directory's descriptor, to start [`super::fstatat`] from.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn is_dots(name: &[u8]) -> bool {
    name == b"." || name == b".."
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod getdents {
    use super::{Entry, is_dots, kind_of_entry};
    use crate::{Error, Result};
    use std::ffi::CStr;
    use std::mem::offset_of;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

    /// How many bytes of entries one call brings: about 1,000 of usual names.
    const BUFFER_BYTES: usize = 32 * 1024;

    /// The descriptor and the entries that the last call brought and nobody took yet.
    pub(super) struct Stream {
        fd: OwnedFd,
        buffer: Box<[u8]>,
        /// The bytes of the buffer that are still to be read: `at..filled`.
        at: usize,
        filled: usize,
    }

    impl Stream {
        pub(super) fn new(fd: OwnedFd) -> Result<Self> {
            Ok(Self { fd, buffer: vec![0; BUFFER_BYTES].into(), at: 0, filled: 0 })
        }

        pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
            self.fd.as_fd()
        }

        pub(super) fn read(&mut self, out: &mut Vec<Entry>, most: usize) -> Result<bool> {
            let mut left = most;
            while left > 0 {
                if self.at == self.filled && !self.fill()? {
                    return Ok(false);
                }
                if let Some(entry) = self.next()? {
                    out.push(entry);
                    left -= 1;
                }
            }
            Ok(true)
        }

        /// False at the directory's end.
        fn fill(&mut self) -> Result<bool> {
            (self.at, self.filled) = (0, 0);
            let (fd, to, size) = (self.fd.as_raw_fd(), self.buffer.as_mut_ptr(), self.buffer.len());
            // SAFETY: the kernel writes at most `size` bytes to the buffer, which has as many.
            self.filled = unsafe { syscall!(getdents64 = syscall(libc::SYS_getdents64, fd, to, size)) }? as usize;
            Ok(self.filled > 0)
        }

        /// Takes the next entry off the buffer, which is not empty; `None` for `.` and `..`.
        fn next(&mut self) -> Result<Option<Entry>> {
            let record = &self.buffer[self.at..self.filled];
            let Some((entry_bytes, entry)) = parse(record) else {
                return Err(Error::new("getdents64", libc::EIO)); // no kernel writes such a record
            };
            self.at += entry_bytes;
            Ok(entry)
        }
    }

    /// One `struct linux_dirent64` at the start of `bytes`: its length, and the entry unless it is `.` or `..`.
    fn parse(bytes: &[u8]) -> Option<(usize, Option<Entry>)> {
        let inode = offset_of!(libc::dirent64, d_ino);
        let length = offset_of!(libc::dirent64, d_reclen);
        let kind = offset_of!(libc::dirent64, d_type);
        let name = offset_of!(libc::dirent64, d_name);

        let inode = u64::from_ne_bytes(bytes.get(inode..inode + 8)?.try_into().ok()?);
        let entry_bytes = usize::from(u16::from_ne_bytes(bytes.get(length..length + 2)?.try_into().ok()?));
        let kind = kind_of_entry(*bytes.get(kind)?);
        let name = CStr::from_bytes_until_nul(bytes.get(name..entry_bytes)?).ok()?;
        let entry = (!is_dots(name.to_bytes())).then(|| Entry { name: name.into(), kind, inode });
        Some((entry_bytes, entry))
    }
}

/// Compiled for the tests on Linux too, so that it runs where the tests do.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
pub(super) mod readdir {
    use super::{Entry, is_dots, kind_of_entry};
    use crate::{Error, Result};
    use std::ffi::CStr;
    use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
    use std::ptr::NonNull;

    /// The C library's stream, which owns the descriptor.
    pub(in super::super) struct Stream {
        stream: NonNull<libc::DIR>,
    }

    impl Stream {
        pub(in super::super) fn new(fd: OwnedFd) -> Result<Self> {
            // SAFETY: the descriptor is open. On success the stream owns it, else `fd` still does.
            let stream = NonNull::new(unsafe { libc::fdopendir(fd.as_raw_fd()) });
            let stream = stream.ok_or_else(|| Error::last("fdopendir"))?;
            let _ = fd.into_raw_fd();
            Ok(Self { stream })
        }

        pub(in super::super) fn as_fd(&self) -> BorrowedFd<'_> {
            // SAFETY: the stream is open as long as self is, and its descriptor is too.
            unsafe { BorrowedFd::borrow_raw(libc::dirfd(self.stream.as_ptr())) }
        }

        pub(in super::super) fn read(&mut self, out: &mut Vec<Entry>, most: usize) -> Result<bool> {
            let mut left = most;
            while left > 0 {
                match self.next()? {
                    Some(entry) if is_dots(entry.name.to_bytes()) => {}
                    Some(entry) => {
                        out.push(entry);
                        left -= 1;
                    }
                    None => return Ok(false),
                }
            }
            Ok(true)
        }

        fn next(&mut self) -> Result<Option<Entry>> {
            crate::error::set_errno(0); // readdir returns null for the end and for errors
            // SAFETY: the stream is open, and nobody else uses it.
            let Some(entry) = NonNull::new(unsafe { libc::readdir(self.stream.as_ptr()) }) else {
                let error = Error::last("readdir");
                return if error.errno() == 0 { Ok(None) } else { Err(error) };
            };
            let entry = entry.as_ptr();
            #[cfg(any(target_os = "freebsd", target_os = "openbsd", target_os = "netbsd"))]
            // SAFETY: the entry is valid until the next call.
            let inode = unsafe { (*entry).d_fileno };
            #[cfg(not(any(target_os = "freebsd", target_os = "openbsd", target_os = "netbsd")))]
            // SAFETY: the entry is valid until the next call.
            let inode = unsafe { (*entry).d_ino };
            // SAFETY: as above, and its name ends with NUL. No reference to the whole struct is made, for the record
            // may be shorter than that.
            let (kind, name) = unsafe { ((*entry).d_type, CStr::from_ptr((&raw const (*entry).d_name).cast())) };
            Ok(Some(Entry { name: name.into(), kind: kind_of_entry(kind), inode }))
        }
    }

    impl Drop for Stream {
        fn drop(&mut self) {
            // SAFETY: the stream is open, and this is its last use. It closes the descriptor.
            unsafe { libc::closedir(self.stream.as_ptr()) };
        }
    }
}
