//! Opens log files: with the rights of this process, or as root for the user that the server becomes.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Component, Path, PathBuf};
use webserv_sys::file::{self, OpenFlags};
use webserv_sys::process::{self, Account};

/// The permissions of a new log file, without the umask.
const MODE: u32 = 0o644;

/// The most symbolic links on a path, as in the kernel (`ELOOP`).
const LINKS_MAX: usize = 40;

/// With whose rights a log is opened.
pub enum LogOpener {
    /// With those of this process.
    Own,
    /// This process is root, and the server becomes this user. The log belongs to the user afterwards, so that the
    /// server can open it again.
    ForUser(Account),
    /// The master process, which is root, has opened these. Others are opened with the rights of this process.
    Handed(Vec<(PathBuf, OwnedFd)>),
}

impl LogOpener {
    /// Opens the log at this path.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        match self {
            LogOpener::ForUser(account) => open_for(account, path),
            LogOpener::Own | LogOpener::Handed(_) => append(path, OpenFlags::CREATE),
        }
    }

    /// Does this with the rights of the process that writes the log.
    pub(super) fn with_rights<T>(&self, what: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self {
            LogOpener::ForUser(account) => process::as_account(account, what)?,
            LogOpener::Own | LogOpener::Handed(_) => what(),
        }
    }

    /// The file at this path that the master process has opened.
    pub(super) fn handed(&self, path: &Path) -> Option<io::Result<File>> {
        let LogOpener::Handed(files) = self else { return None };
        let (_, file) = files.iter().find(|(name, _)| name == path)?;
        Some(file.try_clone().map(File::from))
    }
}

/// Opens a file to append to. A FIFO without a reader is an error (`ENXIO`), and a write to a full one fails: the loop
/// does not wait for either.
pub(super) fn append(path: &Path, more: OpenFlags) -> io::Result<File> {
    let name = file::c_path("open", path.as_os_str().as_bytes())?;
    let flags = OpenFlags::WRITE | OpenFlags::APPEND | OpenFlags::NON_BLOCKING | more;
    Ok(File::from(file::open(&name, flags, MODE)?))
}

/// Opens a log as root for a user.
///
/// The user may have a program that wants root's rights, and may write in the log's directory: a link there must not
/// lead root to a file that the user may not write. So the log is opened with the user's rights. If those are not
/// enough, root opens it, but only where the user cannot have changed the path.
fn open_for(account: &Account, path: &Path) -> io::Result<File> {
    let refused = match process::as_account(account, || append(path, OpenFlags::CREATE))? {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => error,
        outcome => return outcome,
    };
    let real = real_path(path, |place| may_change(account, place))?;
    let Some(real) = real else {
        let what = format!("{refused}; root does not open it, because user {} can change the path", account.name);
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    };
    let file = append(&real, OpenFlags::CREATE | OpenFlags::NO_FOLLOW)?;
    let open = file.metadata()?;
    if is_plainly(&open, path) && open.uid() != account.user {
        fchown(&file, Some(account.user), Some(account.group))?;
    }
    Ok(file)
}

/// A place on a path: a directory, and what its entry for the next component is, if it exists.
struct Place<'a> {
    directory: &'a Path,
    entry: Option<&'a Metadata>,
}

/// Whether the user can decide what the entry is: it may write to the directory, or belongs to its owner.
fn may_change(account: &Account, place: &Place<'_>) -> io::Result<bool> {
    let name = file::c_path("faccessat", place.directory.as_os_str().as_bytes())?;
    let directory = std::fs::metadata(place.directory)?;
    let may_write = process::as_account(account, || process::may_write(&name))?;
    // In a directory with the sticky bit, such as /tmp, only the owner of an entry can replace it.
    let is_sticky = directory.mode() & 0o1000 != 0;
    let is_fixed = is_sticky && place.entry.is_some_and(|entry| entry.uid() != account.user);
    Ok(directory.uid() == account.user || (may_write && !is_fixed))
}

/// The path with all symbolic links resolved; its last component may be missing. Returns None if `may_change` is true
/// for any place on the way.
fn real_path(path: &Path, may_change: impl Fn(&Place<'_>) -> io::Result<bool>) -> io::Result<Option<PathBuf>> {
    let mut left: Vec<PathBuf> = std::path::absolute(path)?.components().rev().map(|c| c.as_os_str().into()).collect();
    let (mut real, mut links) = (PathBuf::from("/"), 0);
    while let Some(part) = left.pop() {
        match Path::new(&part).components().next() {
            Some(Component::RootDir) => real = PathBuf::from("/"),
            Some(Component::ParentDir) => drop(real.pop()),
            Some(Component::Normal(_)) => {
                let next = real.join(&part);
                let entry = std::fs::symlink_metadata(&next);
                if may_change(&Place { directory: &real, entry: entry.as_ref().ok() })? {
                    return Ok(None);
                }
                match entry {
                    Ok(entry) if entry.is_symlink() => {
                        links += 1;
                        if links > LINKS_MAX {
                            return Err(webserv_sys::Error::link_refused("open").into());
                        }
                        let target = std::fs::read_link(&next)?;
                        left.extend(target.components().rev().map(|c| PathBuf::from(c.as_os_str())));
                    }
                    Ok(_) => real = next,
                    Err(error) if error.kind() == io::ErrorKind::NotFound && left.is_empty() => real = next,
                    Err(error) => return Err(error),
                }
            }
            _ => {}
        }
    }
    Ok(Some(real))
}

/// Whether this open file is a regular file with one name, and this path is that name.
fn is_plainly(open: &Metadata, path: &Path) -> bool {
    let same = |named: Metadata| (named.dev(), named.ino()) == (open.dev(), open.ino());
    open.is_file() && open.nlink() == 1 && std::fs::symlink_metadata(path).is_ok_and(same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// A directory that is removed with this value.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("webserv-open-{name}-{}", std::process::id()));
            std::fs::create_dir(&path).expect("a folder");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("its mode is set");
            Self(path)
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn only_a_plain_file_is_given_away() {
        let folder = Folder::new("plain");
        let at = |name: &str| folder.at(name);
        for name in ["plain", "behind", "twice"] {
            std::fs::write(at(name), "").expect("written");
        }
        symlink(at("behind"), at("link")).expect("linked");
        std::fs::hard_link(at("twice"), at("second")).expect("linked");
        let plainly = |path: &Path| {
            let open = append(path, OpenFlags::empty()).and_then(|file| file.metadata());
            is_plainly(&open.expect("opens"), path)
        };
        let found = ["plain", "behind", "link", "twice", "second"].map(|name| plainly(&at(name)));
        assert_eq!(found, [true, true, false, false, false]);
        assert!(!plainly(Path::new("/dev/null")));
    }

    #[test]
    fn a_path_is_followed_only_through_places_that_cannot_be_changed() {
        let folder = Folder::new("real");
        let at = |name: &str| folder.at(name);
        for name in ["safe", "open", "target"] {
            std::fs::create_dir(at(name)).expect("made");
        }
        symlink("../target", at("safe/in")).expect("linked");
        symlink(at("open"), at("safe/out")).expect("linked");
        symlink(at("target"), at("open/back")).expect("linked");
        symlink("loop", at("safe/loop")).expect("linked");
        let open = at("open");
        let real = |name: &str| real_path(&at(name), |place| Ok(place.directory == open));
        let target = std::fs::canonicalize(at("target")).expect("it is there");
        for name in ["target/new.log", "safe/in/new.log", "safe/../target/new.log"] {
            assert_eq!(real(name).expect(name), Some(target.join("new.log")), "{name}");
        }
        for name in ["open/new.log", "safe/out/new.log", "open/back/new.log", "safe/out/back/new.log"] {
            assert_eq!(real(name).expect(name), None, "{name}");
        }
        for name in ["absent/new.log", "safe/loop", "safe/loop/x"] {
            assert!(real(name).is_err(), "{name}");
        }
    }
}
