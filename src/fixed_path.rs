//! Where root may follow a path: only where the user that the server becomes cannot have changed it.
//!
//! The user may have a program that wants root's rights. A link that it puts into a folder of its own must not lead
//! root to another file.

use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use webserv_sys::file;
use webserv_sys::process::{self, Account};

/// The most symbolic links on a path, as in Linux (path_resolution(7)).
pub const LINKS_MAX: usize = 40;

/// The path with all symbolic links resolved; its last component may be missing. Returns None if the user can change
/// any place on the way. Only for root, and only while the process has one thread.
///
/// # Errors
/// Those of lstat(2), readlink(2) and faccessat(2).
pub fn resolve(account: &Account, path: &Path) -> io::Result<Option<PathBuf>> {
    real_path(path, |place| may_change(account, place))
}

/// The folder in which a file of this path would be created.
///
/// # Errors
/// There is no such folder, or it is not a folder.
pub fn folder_of(path: &Path) -> io::Result<&Path> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.metadata()?.is_dir() { Ok(folder) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// Whether the user, or this process if there is no account, may write to this file or in this folder.
///
/// # Errors
/// The user's rights cannot be taken: this process is not root.
pub fn may_write(path: &Path, account: Option<&Account>) -> io::Result<bool> {
    let name = file::c_path("faccessat", path.as_os_str().as_bytes())?;
    match account {
        None => Ok(process::may_write(&name)),
        Some(account) => Ok(process::as_account(account, || process::may_write(&name))?),
    }
}

/// A place on a path: a directory, and what its entry for the next component is, if it exists.
struct Place<'a> {
    directory: &'a Path,
    entry: Option<&'a Metadata>,
}

/// Whether the user can decide what the entry is: it may write to the directory, or belongs to its owner.
fn may_change(account: &Account, place: &Place<'_>) -> io::Result<bool> {
    let directory = std::fs::metadata(place.directory)?;
    let may_write = may_write(place.directory, Some(account))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_path_is_followed_only_through_places_that_cannot_be_changed() {
        let folder = std::env::temp_dir().join(format!("webserv-fixed-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let at = |name: &str| folder.join(name);
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
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
