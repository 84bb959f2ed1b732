//! DirEntry: a name in an open directory, where a file is stored, removed or moved. Also preconditions and refusals.

use super::open::open_folder;
use super::validators::{last_modified_secs, strong_etag_of};
use crate::config::DisableSymlinks;
use crate::connection::Transaction;
use crate::http::conditional::{self, Validators, Verdict};
use crate::limits::PATH_NAMES_MAX;
use std::ffi::{CStr, CString};
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use webserv_sys::file::{self, FileKind, OpenFlags, Stat};
use webserv_sys::{Error, clock};

/// The suffixes of hidden names: for incomplete files, and for files that are being removed.
const PART: &str = ".part";
const GONE: &str = ".gone";

/// A name in an open directory. After it is opened, a symbolic link put into the path does not change where it is.
pub struct DirEntry {
    folder: OwnedFd,
    name: CString,
    /// The path ends in a slash, so it can only mean a directory.
    pub has_slash: bool,
}

impl DirEntry {
    /// Opens the directory of this path. Missing directories are made with the mode `make`, if there is one.
    ///
    /// # Errors
    /// The errors of open(2); `ELOOP` (or `EMLINK`) for a link that must not be followed; `ENOENT` for a hidden name.
    pub fn open(path: &[u8], links: DisableSymlinks, make: Option<u32>) -> Result<Self, Error> {
        if is_hidden_path(path) {
            return Err(Error::not_found("openat"));
        }
        let (folder, name) = open_folder(path, links, make)?;
        Ok(Self { folder, name, has_slash: path.ends_with(b"/") })
    }

    /// The directory.
    pub fn folder(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// The name in the directory.
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// Whether the entry is a directory, or a symbolic link to one.
    pub fn leads_to_directory(&self) -> bool {
        self.stat(true).is_ok_and(|stat| stat.is_some_and(|stat| stat.kind == FileKind::Directory))
    }

    /// Waits until the directory is on the disk. One that may be written but not read has no descriptor for that.
    ///
    /// # Errors
    /// The errors of openat(2) and fsync(2).
    pub fn sync(&self) -> Result<(), Error> {
        match file::openat(self.folder(), c".", OpenFlags::READ | OpenFlags::DIRECTORY, 0) {
            Err(error) if error.is_forbidden() => Ok(()),
            folder => file::fsync(folder?.as_fd()),
        }
    }

    /// Whether this entry lies in a directory or below it. It compares inodes, because different paths can mean the
    /// same directory.
    ///
    /// # Errors
    /// The errors of stat(2); `EMLINK` for a path with more than [`PATH_NAMES_MAX`] directories.
    pub fn lies_in(&self, directory: &Stat) -> Result<bool, Error> {
        let id = |stat: &Stat| (stat.device, stat.inode);
        let (mut above, mut below) = (b".".to_vec(), None);
        for _ in 0..=PATH_NAMES_MAX {
            let here = id(&file::fstatat(self.folder(), &file::c_path("fstatat", &above)?, true)?);
            if here == id(directory) {
                return Ok(true);
            }
            if below == Some(here) {
                return Ok(false); // the root
            }
            below = Some(here);
            above.extend_from_slice(b"/..");
        }
        Err(Error::too_deep("fstatat"))
    }

    /// Moves the entry `from` of another directory to this one. Never replaces a file.
    ///
    /// # Errors
    /// `EEXIST`, `EXDEV`, and the other errors of rename(2).
    pub fn take(&self, from_folder: BorrowedFd<'_>, from: &CStr) -> Result<(), Error> {
        rename_to_free(from_folder, from, self.folder(), &self.name)
    }

    /// The status of the entry. Returns `None` if there is no such entry.
    ///
    /// # Errors
    /// The errors of stat(2), except the one for a missing entry.
    pub fn stat(&self, follow: bool) -> Result<Option<Stat>, Error> {
        match file::fstatat(self.folder(), &self.name, follow) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Renames a file or directory to a name that must be free, by the first of three ways that the file system and the
/// kernel do not refuse.
///
/// # Errors
/// `EEXIST`, `EXDEV`, and the other errors of rename(2).
pub fn rename_to_free(
    from_folder: BorrowedFd<'_>,
    from: &CStr,
    to_folder: BorrowedFd<'_>,
    to: &CStr,
) -> Result<(), Error> {
    match file::rename_new(from_folder, from, to_folder, to) {
        Err(error) if error.is_unsupported() => {}
        outcome => return outcome,
    }
    match file::linkat(from_folder, from, to_folder, to) {
        Err(error) if error.is_unsupported() => {} // as for each directory
        Err(error) => return Err(error),
        Ok(()) => {
            return file::unlinkat(from_folder, from).inspect_err(|_| {
                let _ = file::unlinkat(to_folder, to); // it keeps its old name only
            });
        }
    }
    // Another process may come between these two calls.
    match file::fstatat(to_folder, to, false) {
        Err(error) if error.is_not_found() => file::renameat(from_folder, from, to_folder, to),
        Err(error) => Err(error),
        Ok(_) => Err(Error::taken("renameat")),
    }
}

/// A hidden name for something incomplete. No client can request it. `number` must be unique.
pub fn part_name(number: u128) -> CString {
    hidden_name(format_args!("{number:032x}"), PART)
}

/// A hidden name for one of several incomplete files of a request.
pub fn part_name_of(number: u128, index: usize) -> CString {
    hidden_name(format_args!("{number:032x}-{index}"), PART)
}

/// A hidden name for something that is being removed.
pub fn gone_name(number: u128) -> CString {
    hidden_name(format_args!("{number:032x}"), GONE)
}

/// A hidden name for one of several files that are being removed and had the same name.
pub fn gone_name_of(number: u128, index: usize) -> CString {
    hidden_name(format_args!("{number:032x}-{index}"), GONE)
}

fn hidden_name(number: fmt::Arguments<'_>, end: &str) -> CString {
    CString::new(format!(".{number}{end}")).unwrap_or_default() // no NUL is in it
}

/// Whether this is a hidden name.
pub fn is_hidden_name(name: &[u8]) -> bool {
    let number = name.strip_suffix(PART.as_bytes()).or_else(|| name.strip_suffix(GONE.as_bytes()));
    let Some((digits, index)) = number.and_then(|number| number.strip_prefix(b".")?.split_at_checked(32)) else {
        return false;
    };
    let is_index = |index: &[u8]| !index.is_empty() && index.iter().all(u8::is_ascii_digit);
    digits.iter().all(u8::is_ascii_hexdigit) && (index.is_empty() || index.strip_prefix(b"-").is_some_and(is_index))
}

/// Whether a path contains a hidden name. Clients cannot request such paths.
pub fn is_hidden_path(path: &[u8]) -> bool {
    path.split(|b| *b == b'/').any(is_hidden_name)
}

/// Why a file is not stored, moved or removed.
#[derive(Debug)]
pub enum Refusal {
    /// A rule of HTTP or WebDAV forbids it.
    Status(u16),
    /// A call failed. With the status for the client.
    Failed(u16, Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error {
            e if e.is_disk_full() => 507,
            e if e.is_forbidden() => 403,
            e if e.is_exhaustion() => 503,
            e if e.is_not_found() || e.is_not_empty() || e.is_wrong_kind() || e.is_busy() => 409,
            _ => 500,
        };
        Refusal::Failed(status, error)
    }
}

/// Evaluates If-Match and the other preconditions for the existing file, if any (RFC 9110 section 13). The validators
/// are those of the file, also where `add_header` sets others for GET: only these change with each upload.
///
/// # Errors
/// 412.
pub fn check(t: &Transaction, there: Option<&Stat>) -> Result<(), Refusal> {
    let Some(request) = &t.http.request else { return Ok(()) };
    let tag = there.and_then(|stat| strong_etag_of(stat, t.settings().etag));
    let validators = Validators {
        etag: tag.as_ref().map(|tag| tag.as_bytes()),
        last_modified_secs: there.and_then(last_modified_secs),
    };
    let now_secs = clock::wall().secs;
    match conditional::evaluate(request.method, &request.fields, &validators, there.is_some(), now_secs) {
        Verdict::Proceed => Ok(()),
        Verdict::NotModified | Verdict::PreconditionFailed => Err(Refusal::Status(412)),
    }
}

/// The mode of a directory for files with this mode: read or write permission also allows to enter it.
pub fn directory_mode(file_mode: u32) -> u32 {
    file_mode | (file_mode & 0o444) >> 2 | (file_mode & 0o222) >> 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_names_are_recognized() {
        for name in [part_name(0), part_name(u128::MAX), gone_name(7), part_name_of(1, 0), part_name_of(9, 123)] {
            assert!(is_hidden_name(name.as_bytes()), "{name:?}");
            assert!(is_hidden_path(&[b"/a/", name.as_bytes(), b"/b"].concat()), "{name:?}");
        }
        let digits = "0123456789abcdef0123456789abcdef";
        let others = ["", ".part", ".htaccess", "x.part", digits, &format!("{digits}.part"), &format!(".{digits}")];
        let ends = ["0.part", "-.part", "-x.part", "-1", "-1.par", "-1-2.gone"].map(|end| format!(".{digits}{end}"));
        let near = ends.iter().map(|name| &name[..]).chain(others);
        for name in near.chain([&*format!(".{}g.part", &digits[1..])]) {
            assert!(!is_hidden_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn read_or_write_permission_allows_to_enter() {
        for (file, directory) in [(0o600, 0o700), (0o644, 0o755), (0o660, 0o770), (0o640, 0o750), (0o222, 0o333)] {
            assert_eq!(directory_mode(file), directory, "{file:o}");
        }
    }
}
