//! Reads a directory's entries, a limited number per call: getdents64(2) on Linux, readdir(3) on other systems.

use super::FileKind;
use super::stat::kind_of_entry;
use crate::Result;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

#[cfg(any(target_os = "linux", target_os = "android"))]
use getdents::Stream;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use readdir::Stream;

/// An entry of a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The name: any bytes except `/` and NUL.
    pub name: CString,
    /// The kind of the file; a symbolic link is [`FileKind::Symlink`]. `None` if the file system does not store it in
    /// the entry: then call [`super::fstatat`].
    pub kind: Option<FileKind>,
    /// The inode number.
    pub inode: u64,
}

/// An open directory. It is read once, from its start to its end.
pub struct Directory {
    stream: Stream,
}

impl Directory {
    /// Starts to read the directory `fd`. Errors: `ENOTDIR` on the BSDs; Linux reports it in [`Directory::read`].
    pub fn new(fd: OwnedFd) -> Result<Self> {
        Ok(Self { stream: Stream::new(fd)? })
    }

    /// Appends up to `most` entries to `out`, in the file system's order and without `.` and `..`. Returns false at the
    /// end of the directory.
    pub fn read(&mut self, out: &mut Vec<Entry>, most: usize) -> Result<bool> {
        self.stream.read(out, most)
    }
}

impl AsFd for Directory {
    /// The directory's descriptor, for [`super::fstatat`].
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

    /// The size of the buffer of one call: enough for about 1,000 entries with names of usual length.
    const BUFFER_BYTES: usize = 32 * 1024;

    /// The descriptor, and the entries of the last call that were not returned yet.
    pub(super) struct Stream {
        fd: OwnedFd,
        buffer: Box<[u8]>,
        /// `at..filled` is the part of the buffer that was not parsed yet.
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

        /// Reads entries into the buffer. Returns false at the end of the directory.
        fn fill(&mut self) -> Result<bool> {
            (self.at, self.filled) = (0, 0);
            let (fd, to, size) = (self.fd.as_raw_fd(), self.buffer.as_mut_ptr(), self.buffer.len());
            // SAFETY: the kernel writes at most `size` bytes to the buffer, which has as many.
            self.filled = unsafe { syscall!(getdents64 = syscall(libc::SYS_getdents64, fd, to, size)) }? as usize;
            Ok(self.filled > 0)
        }

        /// Parses the next entry of the buffer, which must not be empty. Returns `None` for `.` and `..`.
        fn next(&mut self) -> Result<Option<Entry>> {
            let record = &self.buffer[self.at..self.filled];
            let Some((entry_bytes, entry)) = parse(record) else {
                return Err(Error::new("getdents64", libc::EIO)); // malformed; should not happen
            };
            self.at += entry_bytes;
            Ok(entry)
        }
    }

    /// Parses the `struct linux_dirent64` at the start of `bytes`. Returns its length, and the entry (`None` for `.`
    /// and `..`); returns `None` if it is malformed.
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

/// Also compiled for the tests on Linux, so that the tests cover it.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
pub(super) mod readdir {
    use super::{Entry, is_dots, kind_of_entry};
    use crate::{Error, Result};
    use std::ffi::CStr;
    use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
    use std::ptr::NonNull;

    /// A stream of the C library, which owns the descriptor.
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
            crate::error::set_errno(0); // readdir(3) returns null at the end and for errors
            // SAFETY: the stream is open, and `&mut self` gives exclusive access.
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
            // SAFETY: as above, and its name ends with NUL. This makes no reference to the whole struct, since the
            // record may be shorter than the struct.
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
