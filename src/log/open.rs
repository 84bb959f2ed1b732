//! Opens log files: with the rights of this process, or as root for the user that the server becomes.

use crate::fixed_path;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use webserv_sys::file::{self, OpenFlags};
use webserv_sys::process::{self, Account};

/// The permissions of a new log file, without the umask.
const MODE: u32 = 0o644;

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
    let (file, by_root) = find_for(account, path, OpenFlags::CREATE)?;
    let open = file.metadata()?;
    if by_root && is_plainly(&open, path) && open.uid() != account.user {
        fchown(&file, Some(account.user), Some(account.group))?;
    }
    Ok(file)
}

/// Returns also whether root has opened it.
fn find_for(account: &Account, path: &Path, more: OpenFlags) -> io::Result<(File, bool)> {
    let refused = match process::as_account(account, || append(path, more))? {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => error,
        outcome => return outcome.map(|file| (file, false)),
    };
    let real = fixed_path::resolve(account, path)?.ok_or_else(|| can_change(account, &refused))?;
    append(&real, more | OpenFlags::NO_FOLLOW).map(|file| (file, true))
}

fn can_change(account: &Account, refused: &io::Error) -> io::Error {
    let what = format!("{refused}; root does not open it, because user {} can change the path", account.name);
    io::Error::new(io::ErrorKind::PermissionDenied, what)
}

/// Finds what would make opening this log fail: as the user that the server becomes, or with this process's rights. If
/// the file does not exist, looks at its folder: creates nothing.
///
/// # Errors
/// Why it cannot be opened.
pub fn may_append(path: &Path, account: Option<&Account>) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() || found.is_file() => match account {
            None => append(path, OpenFlags::empty()).map(drop),
            Some(account) => find_for(account, path, OpenFlags::empty()).map(drop),
        },
        Ok(_) => Ok(()), // opening a device or a FIFO could have an effect
        Err(_) => {
            let folder = fixed_path::folder_of(path)?;
            match account {
                Some(account) if !fixed_path::may_write(folder, Some(account))? => fixed_path::resolve(account, path)?
                    .map_or_else(|| Err(can_change(account, &io::ErrorKind::PermissionDenied.into())), |_| Ok(())),
                _ => Ok(()),
            }
        }
    }
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
}
