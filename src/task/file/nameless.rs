//! Files without a name, for what is stored only while a request lasts.

use std::os::fd::OwnedFd;
use webserv_sys::Result;
use webserv_sys::file::{self, OpenFlags};

/// Makes a file for reading and writing at this path, which must be new, and removes its name. The kernel frees the
/// file with its last use, also if the server is killed.
pub(super) fn nameless(path: &[u8]) -> Result<OwnedFd> {
    let opened = named(path)?;
    file::unlinkat(file::CWD, &file::c_path("unlinkat", path)?)?;
    Ok(opened)
}

/// The same with its name.
pub(super) fn named(path: &[u8]) -> Result<OwnedFd> {
    let path = file::c_path("openat", path)?;
    let flags = OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
    file::openat(file::CWD, &path, flags, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::temp_dir::TempDir;
    use std::os::fd::AsFd;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_without_a_name_is_written_and_read() {
        let folder = TempDir::new();
        let path = folder.path().join("x");
        let opened = nameless(path.as_os_str().as_bytes()).unwrap();
        assert!(!path.exists());
        assert_eq!(file::write(opened.as_fd(), b"bytes"), Ok(5));
        let mut read = [0; 8];
        assert_eq!(file::pread(opened.as_fd(), &mut read, 0), Ok(5));
        assert_eq!(&read[..5], b"bytes");
        assert_eq!(file::fstat(opened.as_fd()).unwrap().mode & 0o777, 0o600, "nobody else may read it");
    }

    #[test]
    fn a_path_must_be_new() {
        let folder = TempDir::new();
        folder.write("x", b"old");
        let path = folder.path().join("x");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("missing"), &link).unwrap();
        for taken in [&path, &link] {
            let taken = taken.as_os_str().as_bytes();
            assert!(nameless(taken).unwrap_err().is_taken() && named(taken).unwrap_err().is_taken());
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"old", "nothing is replaced, and no link is followed");
        let made = folder.path().join("made");
        named(made.as_os_str().as_bytes()).unwrap();
        assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(nameless(b"/a\0b").is_err());
    }
}
