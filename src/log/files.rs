//! The log files: each is opened once and shared by all workers, which append to it.

use super::open::{self, LogOpener, append};
use crate::config::{Config, LogTarget};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use webserv_sys::Moment;
use webserv_sys::file::OpenFlags;

/// The shortest time between two messages that a log cannot be written.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// All log files of one configuration, open.
#[derive(Clone, Default)]
pub struct LogFiles {
    files: Vec<Arc<LogFile>>,
}

/// A log file, open.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    state: Mutex<State>,
}

/// What the workers that share a file must know about earlier writes.
#[derive(Default)]
struct State {
    /// The last write ended in the middle of a line.
    torn: bool,
    /// The number of lines that could not be written since the last message.
    lost: usize,
    /// The time of the last message.
    said: Option<Moment>,
}

/// Where the lines of one log go.
#[derive(Clone)]
pub(super) enum Sink {
    Stderr,
    File(Arc<LogFile>),
}

impl LogFiles {
    /// Opens the error logs and the access logs of the configuration. After an error none of them stays open.
    ///
    /// # Errors
    /// The file that cannot be opened, and the reason.
    pub fn open(config: &Config) -> Result<Self, String> {
        Self::default().renew(config, &LogOpener::Own)
    }

    /// Opens the logs of the configuration again. A file that is still the one at its path stays open: the server may
    /// not have the rights to open it any more.
    ///
    /// # Errors
    /// As in [`LogFiles::open`].
    pub fn renew(&self, config: &Config, opener: &LogOpener) -> Result<Self, String> {
        let mut files = LogFiles::default();
        let targets = [&config.error_log.target].into_iter().chain(config.error_logs.iter().map(|target| &**target));
        let targets = targets.map(|target| (target, "error"));
        for (target, kind) in targets.chain(config.access_logs.iter().map(|log| (&*log.target, "access"))) {
            let LogTarget::File(path) = target else { continue };
            if files.find(path).is_none() {
                let opened = self.open_or_keep(path, opener);
                files.files.push(opened.map_err(|e| format!("cannot open the {kind} log {}: {e}", path.display()))?);
            }
        }
        Ok(files)
    }

    fn open_or_keep(&self, path: &Path, opener: &LogOpener) -> io::Result<Arc<LogFile>> {
        let handed = opener.handed(path).transpose()?;
        let now = handed.as_ref().map_or_else(|| open::metadata(path), File::metadata);
        let is_at_path = |open: &&Arc<LogFile>| {
            let (Ok(open), Ok(now)) = (open.file.metadata(), &now) else { return false };
            (open.dev(), open.ino()) == (now.dev(), now.ino())
        };
        if let Some(kept) = self.find(path).filter(is_at_path) {
            return Ok(Arc::clone(kept));
        }
        let file = handed.map_or_else(|| opener.open(path), Ok)?;
        Ok(Arc::new(LogFile { path: path.to_owned(), file, state: Mutex::default() }))
    }

    fn find(&self, path: &Path) -> Option<&Arc<LogFile>> {
        self.files.iter().find(|log| log.path == path)
    }

    /// The file of this log. Returns None if the configuration does not have it.
    pub(super) fn sink(&self, target: &LogTarget) -> Option<Sink> {
        match target {
            LogTarget::Stderr => Some(Sink::Stderr),
            LogTarget::File(path) => self.find(path).cloned().map(Sink::File),
        }
    }

    /// The path and the descriptor of each file.
    pub fn descriptors(&self) -> impl Iterator<Item = (&Path, BorrowedFd<'_>)> {
        self.files.iter().map(|log| (&*log.path, log.file.as_fd()))
    }
}

/// Appends to a log that is no longer open, unless the file has been removed.
pub(super) fn append_late(target: &LogTarget, bytes: &[u8]) {
    match target {
        LogTarget::Stderr => drop(Sink::Stderr.write(bytes)),
        LogTarget::File(path) => {
            if let Ok(file) = append(path, OpenFlags::empty()) {
                let _ = (&file).write_all(bytes);
            }
        }
    }
}

impl Sink {
    /// Writes whole lines. A log that cannot be written (`ENOSPC`, `EPIPE`) must not stop the server, so its lines are
    /// lost. Returns the message for the error log. Returns None if there was no error, or if the last message is less
    /// than a minute old.
    #[must_use]
    pub fn write(&self, lines: &[u8]) -> Option<String> {
        match self {
            Sink::Stderr => {
                let _ = io::stderr().write_all(lines);
                None // there is no other place to report it
            }
            Sink::File(file) => file.write(lines),
        }
    }
}

impl LogFile {
    fn write(&self, lines: &[u8]) -> Option<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Err(error) = state.write_to(&mut &self.file, lines) else { return None };
        let now = Moment::now();
        if state.said.is_some_and(|said| now < said.after(SAID_EVERY)) {
            return None;
        }
        state.said = Some(now);
        let (path, lost) = (self.path.display(), std::mem::take(&mut state.lost));
        Some(format!("cannot write the log {path}: {error}; {lost} lines are lost, more may be: make room for it"))
    }
}

impl State {
    /// Appends whole lines. If the last line in the file is incomplete, it is ended first.
    fn write_to(&mut self, file: &mut impl Write, lines: &[u8]) -> io::Result<()> {
        let mut left = lines;
        let failed = |state: &mut Self, left: &[u8], error: io::Error| {
            state.lost += left.iter().filter(|byte| **byte == b'\n').count();
            Err(error)
        };
        while self.torn || !left.is_empty() {
            let next = if self.torn { b"\n" } else { left };
            match file.write(next) {
                Ok(0) => return failed(self, left, io::ErrorKind::WriteZero.into()),
                Ok(_) if self.torn => self.torn = false,
                Ok(bytes) => left = &left[bytes..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.torn |= left.len() < lines.len() && !lines[..lines.len() - left.len()].ends_with(b"\n");
                    return failed(self, left, error);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with room for this number of bytes, which is full until there is room again.
    struct Full {
        taken: Vec<u8>,
        room: usize,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let bytes = &bytes[..bytes.len().min(self.room)];
            self.taken.extend_from_slice(bytes);
            self.room -= bytes.len();
            if bytes.is_empty() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(bytes.len()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_line_goes_on_in_one_that_a_full_disk_has_cut() {
        let lines = b"one\ntwo\n";
        for room in 0..=lines.len() {
            for more in [0, 1, 100] {
                let (mut file, mut state) = (Full { taken: Vec::new(), room }, State::default());
                assert_eq!(state.write_to(&mut file, lines).is_ok(), room == lines.len());
                assert_eq!(state.lost, lines[room..].iter().filter(|byte| **byte == b'\n').count(), "room for {room}");
                file.room += more;
                let _ = state.write_to(&mut file, b"three\n");
                file.room += 100;
                state.write_to(&mut file, b"four\n").expect("there is room again");
                let text = String::from_utf8(file.taken).expect("text");
                let starts = |line: &str| ["one", "two", "three", "four"].iter().any(|whole| whole.starts_with(line));
                assert!(text.lines().all(starts), "room for {room}, then {more}: {text:?}");
                assert!(text.ends_with("\nfour\n") || text == "four\n", "room for {room}, then {more}: {text:?}");
            }
        }
    }

    #[test]
    fn a_log_that_cannot_be_written_is_told_of_once() {
        let file = append(Path::new("/dev/full"), OpenFlags::empty());
        let Ok(file) = file else { return }; // only Linux has it
        let sink = Sink::File(Arc::new(LogFile { path: "/dev/full".into(), file, state: Mutex::default() }));
        let said = sink.write(b"one\ntwo\n").expect("it is said");
        assert!(
            said.starts_with("cannot write the log /dev/full: No space left") && said.contains("2 lines"),
            "{said}"
        );
        assert_eq!(sink.write(b"three\n"), None, "it was said just now");
    }

    #[test]
    fn a_file_that_several_logs_share_is_opened_once() {
        let path = std::env::temp_dir().join(format!("webserv-shared-{}", std::process::id()));
        let target = LogTarget::File(path.clone());
        let config =
            Config { error_logs: vec![Arc::new(target.clone()), Arc::new(target.clone())], ..Config::default() };
        let files = LogFiles::open(&config).expect("opens");
        assert_eq!(files.files.len(), 1);
        assert!(files.sink(&target).is_some() && files.sink(&LogTarget::Stderr).is_some());
        assert!(files.sink(&LogTarget::File("/elsewhere".into())).is_none());
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn a_file_that_is_still_at_its_path_stays_open() {
        let path = std::env::temp_dir().join(format!("webserv-kept-{}", std::process::id()));
        let mut config = Config::default();
        config.error_log.target = LogTarget::File(path.clone());
        let first = LogFiles::open(&config).expect("opens");
        let same = first.renew(&config, &LogOpener::Own).expect("opens");
        assert!(Arc::ptr_eq(&first.files[0], &same.files[0]));
        let copy = File::options().append(true).open(&path).expect("opens");
        let handed = LogOpener::Handed(vec![(path.clone(), copy.into())]);
        let same = first.renew(&config, &handed).expect("opens");
        assert!(Arc::ptr_eq(&first.files[0], &same.files[0]));
        std::fs::remove_file(&path).expect("removed");
        let other = first.renew(&config, &LogOpener::Own).expect("opens");
        assert!(!Arc::ptr_eq(&first.files[0], &other.files[0]) && path.exists());
        std::fs::remove_file(path).expect("removed");
    }
}
