//! NewFile: a file that becomes visible only when it is complete.

use super::dir_entry::{DirEntry, part_name, rename_to_free};
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use webserv_sys::Error;
use webserv_sys::file::{self, OpenFlags, Stat};

/// Whether linkat(2) can name a file through /proc/self/fd. The first new file tries it before anything is written:
/// when the file is complete, it is too late for another way.
static CAN_LINK: OnceLock<bool> = OnceLock::new();

/// A file that will get a name. Until then it has no name (O_TMPFILE), so that nothing is left of it after `kill -9` or
/// a power failure. Where that is not supported, it has a hidden name, which is removed when this value is dropped.
pub struct NewFile {
    place: DirEntry,
    file: OwnedFd,
    /// The hidden name, if it has one.
    hidden: Option<CString>,
    number: u128,
}

impl NewFile {
    /// Creates an empty file for writing, which will be named `place`. `mode` is reduced by the umask. `number` is one
    /// that no other new file has.
    ///
    /// # Errors
    /// The errors of open(2).
    pub fn create(place: DirEntry, mode: u32, number: u128) -> Result<Self, Error> {
        if CAN_LINK.get() == Some(&false) {
            return Self::create_hidden(place, mode, number);
        }
        let file = match file::open_nameless(place.folder(), mode) {
            Err(error) if error.is_unsupported() => return Self::create_hidden(place, mode, number),
            file => file?,
        };
        if CAN_LINK.get() == Some(&true) {
            return Ok(Self { place, file, hidden: None, number });
        }
        let hidden = part_name(number);
        match file::link_nameless(file.as_fd(), place.folder(), &hidden) {
            Err(error) if error.is_unsupported() || error.is_not_found() || error.is_cross_device() => {
                // The reason may also be the folder, which was removed just now.
                let file = Self::create_hidden(place, mode, number)?;
                let _ = CAN_LINK.set(false);
                return Ok(file);
            }
            outcome => outcome?,
        }
        let _ = CAN_LINK.set(true);
        Ok(Self { place, file, hidden: Some(hidden), number })
    }

    /// Gives a file without a name its hidden name.
    fn hide(&mut self) -> Result<(), Error> {
        let hidden = part_name(self.number);
        file::link_nameless(self.file(), self.place.folder(), &hidden)?;
        self.hidden = Some(hidden);
        Ok(())
    }

    fn create_hidden(place: DirEntry, mode: u32, number: u128) -> Result<Self, Error> {
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
        let hidden = part_name(number);
        let file = file::openat(place.folder(), &hidden, flags, mode)?;
        Ok(Self { place, file, hidden: Some(hidden), number })
    }

    /// The open file.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The name that the file will get.
    pub fn place(&self) -> &DirEntry {
        &self.place
    }

    /// Copies the mode of the file that will be replaced, and its owner if the process may change owners.
    ///
    /// # Errors
    /// The errors of fstat(2) and fchmod(2).
    pub fn copy_attributes(&self, old: &Stat) -> Result<(), Error> {
        let new = file::fstat(self.file())?;
        let mut mode_is_lost = false;
        if (new.owner, new.group) != (old.owner, old.group) {
            mode_is_lost = file::fchown(self.file(), old.owner, old.group).is_ok();
        }
        let mode = old.mode & 0o777; // never set-user-ID: the content comes from a client
        if new.mode != mode || mode_is_lost { file::fchmod(self.file(), mode) } else { Ok(()) }
    }

    /// Gives the file its name. Fails if the name exists.
    ///
    /// # Errors
    /// `EEXIST`, and the other errors of linkat(2) and rename(2).
    pub fn commit_new(&mut self) -> Result<(), Error> {
        let (folder, name) = (self.place.folder(), self.place.name());
        let Some(hidden) = &self.hidden else { return file::link_nameless(self.file(), folder, name) };
        rename_to_free(folder, hidden, folder, name)?;
        self.hidden = None;
        Ok(())
    }

    /// Gives the file its name, and replaces the file that has it.
    ///
    /// # Errors
    /// The errors of linkat(2) and rename(2).
    pub fn commit_over(&mut self) -> Result<(), Error> {
        if self.hidden.is_none() {
            self.hide()?;
        }
        let folder = self.place.folder();
        let Some(hidden) = &self.hidden else { return Ok(()) };
        file::renameat(folder, hidden, folder, self.place.name())?;
        self.hidden = None;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(hidden) = &self.hidden {
            let _ = file::unlinkat(self.place.folder(), hidden); // incomplete
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DisableSymlinks;
    use crate::task::temp_dir::TempDir;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;

    type Create = fn(DirEntry, u32, u128) -> Result<NewFile, Error>;
    const WAYS: [Create; 2] = [NewFile::create, NewFile::create_hidden];

    fn place(folder: &TempDir, name: &str) -> DirEntry {
        DirEntry::open(folder.path().join(name).as_os_str().as_bytes(), DisableSymlinks::Off, None).unwrap()
    }

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_visible_only_when_it_is_complete() {
        for create in WAYS {
            let folder = TempDir::new();
            let mut new = create(place(&folder, "x"), 0o600, 1).unwrap();
            file::write(new.file(), b"one").unwrap();
            assert!(!names(&folder).contains(&"x".to_owned()));
            new.commit_new().unwrap();
            drop(new);
            assert_eq!(names(&folder), ["x"]);

            let mut late = create(place(&folder, "x"), 0o600, 2).unwrap();
            file::write(late.file(), b"two").unwrap();
            assert!(late.commit_new().unwrap_err().is_taken());
            assert_eq!(std::fs::read(folder.path().join("x")).unwrap(), b"one");
            late.commit_over().unwrap();
            drop(late);
            assert_eq!(std::fs::read(folder.path().join("x")).unwrap(), b"two");

            drop(create(place(&folder, "y"), 0o600, 3).unwrap());
            let mut failing = create(place(&folder, "x/"), 0o600, 4).unwrap();
            std::fs::remove_file(folder.path().join("x")).unwrap();
            std::fs::create_dir(folder.path().join("x")).unwrap();
            assert!(failing.commit_over().unwrap_err().is_wrong_kind());
            drop(failing);
            assert_eq!(names(&folder), ["x"], "nothing else is left");
        }
    }

    #[test]
    fn only_one_of_several_files_gets_the_same_name() {
        for create in WAYS {
            let folder = TempDir::new();
            let mut all: Vec<NewFile> = (0..9).map(|i| create(place(&folder, "x"), 0o600, i).unwrap()).collect();
            let won = all.iter_mut().filter_map(|new| new.commit_new().ok()).count();
            drop(all);
            assert_eq!((won, names(&folder)), (1, vec!["x".to_owned()]));
        }
    }

    #[test]
    fn a_new_file_gets_the_mode_of_the_file_that_it_replaces() {
        let folder = TempDir::new();
        folder.write("x", b"old");
        for mode in [0o600, 0o664, 0o4755] {
            std::fs::set_permissions(folder.path().join("x"), PermissionsExt::from_mode(mode)).unwrap();
            let mut new = NewFile::create(place(&folder, "x"), 0o666, mode.into()).unwrap();
            new.copy_attributes(&new.place().stat(true).unwrap().unwrap()).unwrap();
            new.commit_over().unwrap();
            let now = std::fs::metadata(folder.path().join("x")).unwrap().permissions().mode();
            assert_eq!(now & 0o7777, mode & 0o777, "{mode:o}");
        }
    }
}
