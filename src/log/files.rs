//! The log files: each is opened once and shared by all workers, who append to it.

use crate::config::{Config, LogTarget};
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use webserv_sys::file::{self, OpenFlags};

/// Who may read a log besides its owner; less the umask.
const MODE: u32 = 0o644;

/// All log files of one configuration, open.
#[derive(Clone, Default)]
pub struct LogFiles {
    files: Vec<(PathBuf, Arc<File>)>,
}

/// Where the lines of one log go.
#[derive(Clone)]
pub(super) enum Sink {
    Stderr,
    File(Arc<File>),
}

impl LogFiles {
    /// Opens the error logs and the access logs that the configuration names. Nothing is kept of them on an error.
    ///
    /// # Errors
    /// Which file cannot be opened, and why.
    pub fn open(config: &Config) -> Result<Self, String> {
        let mut files = LogFiles::default();
        for target in [&config.error_log.target].into_iter().chain(&config.error_logs) {
            files.add(target, "error")?;
        }
        for log in &config.access_logs {
            files.add(&log.target, "access")?;
        }
        Ok(files)
    }

    fn add(&mut self, target: &LogTarget, kind: &str) -> Result<(), String> {
        let LogTarget::File(path) = target else { return Ok(()) };
        if self.find(path).is_none() {
            let file = append(path, OpenFlags::CREATE)
                .map_err(|e| format!("cannot open the {kind} log {}: {e}", path.display()))?;
            self.files.push((path.clone(), Arc::new(file)));
        }
        Ok(())
    }

    fn find(&self, path: &Path) -> Option<&Arc<File>> {
        self.files.iter().find(|(known, _)| known == path).map(|(_, file)| file)
    }

    /// Where this log's lines go; a target that the configuration does not name has nowhere.
    pub(super) fn sink(&self, target: &LogTarget) -> Option<Sink> {
        match target {
            LogTarget::Stderr => Some(Sink::Stderr),
            LogTarget::File(path) => self.find(path).cloned().map(Sink::File),
        }
    }

    /// Makes this user and group their owner, who must be able to open them again when the server has become that user.
    ///
    /// Devices keep their owner. So does what is reached through a symbolic link or has a second name: whoever may
    /// write to the log's directory could have put it there, to be given some other file of root's.
    ///
    /// # Errors
    /// Which file cannot be given away, and why.
    pub fn give_to(&self, user: u32, group: u32) -> Result<(), String> {
        for (path, file) in &self.files {
            let given = file.metadata().and_then(|open| match is_plainly(&open, path) && open.uid() != user {
                true => fchown(file, Some(user), Some(group)),
                false => Ok(()),
            });
            given.map_err(|e| format!("cannot give the log {} to user {user}: {e}", path.display()))?;
        }
        Ok(())
    }
}

/// Whether this open file is a regular one, has one name, and this path is that name.
fn is_plainly(open: &Metadata, path: &Path) -> bool {
    let same = |named: Metadata| (named.dev(), named.ino()) == (open.dev(), open.ino());
    open.is_file() && open.nlink() == 1 && std::fs::symlink_metadata(path).is_ok_and(same)
}

/// Opens a file to append to. A FIFO that nobody reads is an error (`ENXIO`), and one that is full takes no more: the
/// loop waits for neither.
fn append(path: &Path, more: OpenFlags) -> io::Result<File> {
    let path = file::c_path("open", path.as_os_str().as_bytes())?;
    let flags = OpenFlags::WRITE | OpenFlags::APPEND | OpenFlags::NON_BLOCKING | more;
    Ok(File::from(file::open(&path, flags, MODE)?))
}

/// Appends to a log that is not open any more, unless it has been removed.
pub(super) fn append_late(target: &LogTarget, bytes: &[u8]) {
    match target {
        LogTarget::Stderr => Sink::Stderr.write(bytes),
        LogTarget::File(path) => {
            if let Ok(file) = append(path, OpenFlags::empty()) {
                Sink::File(Arc::new(file)).write(bytes);
            }
        }
    }
}

impl Sink {
    /// Writes whole lines. A log that cannot be written (`ENOSPC`, `EPIPE`) must not stop the server: they are lost.
    pub fn write(&self, lines: &[u8]) {
        let _ = match self {
            Sink::Stderr => io::stderr().write_all(lines),
            Sink::File(file) => (&**file).write_all(lines),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_file_is_given_away() {
        let folder = std::env::temp_dir().join(format!("webserv-files-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let at = |name: &str| folder.join(name);
        for name in ["plain", "behind", "twice"] {
            std::fs::write(at(name), "").expect("written");
        }
        std::os::unix::fs::symlink(at("behind"), at("link")).expect("linked");
        std::fs::hard_link(at("twice"), at("second")).expect("linked");
        let plainly = |path: &Path| {
            let open = append(path, OpenFlags::empty()).and_then(|file| file.metadata());
            is_plainly(&open.expect("opens"), path)
        };
        let found = ["plain", "behind", "link", "twice", "second"].map(|name| plainly(&at(name)));
        assert_eq!(found, [true, true, false, false, false]);
        assert!(!plainly(Path::new("/dev/null")));
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_file_that_several_logs_share_is_opened_once() {
        let path = std::env::temp_dir().join(format!("webserv-shared-{}", std::process::id()));
        let target = LogTarget::File(path.clone());
        let config = Config { error_logs: vec![target.clone(), target.clone()], ..Config::default() };
        let files = LogFiles::open(&config).expect("opens");
        assert_eq!(files.files.len(), 1);
        assert!(files.sink(&target).is_some() && files.sink(&LogTarget::Stderr).is_some());
        assert!(files.sink(&LogTarget::File("/elsewhere".into())).is_none());
        std::fs::remove_file(path).expect("removed");
    }
}
