//! The log files: each is opened once and shared by all workers, which append to it.

use super::Level;
use super::open::{LogOpener, append};
use super::syslog::Daemon;
use crate::config::{Config, LogTarget};
use crate::fixed_path::LINKS_MAX;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use webserv_sys::Moment;
use webserv_sys::file::{self, OpenFlags};

/// The shortest time between two messages that a log cannot be written.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// All log files of one configuration, open.
#[derive(Clone, Default)]
pub struct LogFiles {
    files: Vec<Arc<LogFile>>,
}

/// A log file, open, or a standard stream, or a syslog daemon.
pub(super) struct LogFile {
    /// As the configuration names it.
    target: LogTarget,
    output: Output,
    state: Mutex<State>,
}

/// Where the lines of one log go.
enum Output {
    /// Descriptor 1 or 2, whatever it is at the time: a daemon replaces both by /dev/null. The process inherited it,
    /// so it may be blocking, and a reader that stops reading stops the loop.
    Stdout,
    Stderr,
    File(File),
    Daemon(Daemon),
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
        let targets = config.error_logs.iter().map(|log| &log.target).chain(&config.inner_error_logs);
        let targets = targets.map(|target| (target, "error"));
        for (target, kind) in targets.chain(config.access_logs.iter().map(|log| (&*log.target, "access"))) {
            if files.file(target).is_none() {
                let opened = self.open_or_keep(target, opener);
                files.files.push(opened.map_err(|e| format!("cannot open the {kind} log {target}: {e}"))?);
            }
        }
        Ok(files)
    }

    fn open_or_keep(&self, target: &LogTarget, opener: &LogOpener) -> io::Result<Arc<LogFile>> {
        let path = match stream_behind_links(target) {
            LogTarget::Stdout => return Ok(LogFile::new(target, Output::Stdout, false)),
            LogTarget::Stderr => return Ok(LogFile::new(target, Output::Stderr, false)),
            LogTarget::Syslog(syslog) => return Ok(LogFile::new(target, Output::Daemon(Daemon::new(*syslog)), false)),
            LogTarget::File(path) => path,
        };
        let handed = opener.handed(&path).transpose()?;
        let now = handed.as_ref().map_or_else(|| std::fs::metadata(&path), File::metadata);
        if let (Some(kept), Ok(now)) = (self.file(target), now)
            && kept.is_open_at(&now)
        {
            return Ok(kept);
        }
        let file = handed.map_or_else(|| opener.open(&path), Ok)?;
        // A file that cannot be read is probably whole.
        let torn = opener.with_rights(|| ends_within_a_line(&file, &path)).unwrap_or(false);
        Ok(LogFile::new(target, Output::File(file), torn))
    }

    /// The file of this log. Returns None if the configuration does not have it.
    pub(super) fn file(&self, target: &LogTarget) -> Option<Arc<LogFile>> {
        self.files.iter().find(|log| log.target == *target).cloned()
    }

    /// The path and the descriptor of each file.
    pub fn descriptors(&self) -> impl Iterator<Item = (&Path, BorrowedFd<'_>)> {
        self.files.iter().filter_map(|log| match (&log.target, &log.output) {
            (LogTarget::File(path), Output::File(file)) => Some((&**path, file.as_fd())),
            _ => None,
        })
    }
}

/// Appends to a log that is no longer open, unless the file has been removed.
pub(super) fn append_late(target: &LogTarget, bytes: &[u8]) {
    let output = match stream_behind_links(target) {
        LogTarget::Stdout => Output::Stdout,
        LogTarget::Stderr => Output::Stderr,
        LogTarget::File(path) => match append(&path, OpenFlags::empty()) {
            Ok(file) => Output::File(file),
            Err(_) => return,
        },
        LogTarget::Syslog(syslog) => Output::Daemon(Daemon::new(*syslog)),
    };
    let level = Level::Info; // a daemon's lines of an access log have a level of their own
    let _ = LogFile::new(target, output, false).write(level, bytes); // nobody watches this log any more
}

impl LogFile {
    fn new(target: &LogTarget, output: Output, torn: bool) -> Arc<Self> {
        Arc::new(Self { target: target.clone(), output, state: Mutex::new(State { torn, ..State::default() }) })
    }

    /// Standard error.
    pub(super) fn stderr() -> Arc<Self> {
        Self::new(&LogTarget::Stderr, Output::Stderr, false)
    }

    /// Whether this is the file that was found at its path now.
    fn is_open_at(&self, now: &Metadata) -> bool {
        let Output::File(file) = &self.output else { return false };
        file.metadata().is_ok_and(|open| (open.dev(), open.ino()) == (now.dev(), now.ino()))
    }

    /// A file that has just been opened for this path.
    pub(super) fn opened(path: &Path, file: File) -> Arc<Self> {
        Self::new(&LogTarget::File(path.to_owned()), Output::File(file), false)
    }

    /// Whether lines go to a syslog daemon.
    pub(super) fn is_daemon(&self) -> bool {
        matches!(self.output, Output::Daemon(_))
    }

    /// Writes whole lines; a daemon gets one line, with this level. A log that cannot be written (`ENOSPC`, `EPIPE`)
    /// must not stop the server, so its lines are lost. Returns the message for the error log. Returns None if there
    /// was no error, or if the last message is less than a minute old.
    #[must_use]
    pub(super) fn write(&self, level: Level, lines: &[u8]) -> Option<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match &self.output {
            Output::Daemon(daemon) => state.send_to(daemon, level, lines),
            output => state.write_to(&mut &*output, lines),
        };
        let Err(error) = written else { return None };
        let now = Moment::now();
        if state.said.is_some_and(|said| now < said.after(SAID_EVERY)) {
            return None;
        }
        state.said = Some(now);
        let (target, lost) = (&self.target, std::mem::take(&mut state.lost));
        let what = if self.is_daemon() { "is its daemon running?" } else { "make room for it" };
        Some(format!("cannot write the log {target}: {error}; {lost} lines are lost, more may be: {what}"))
    }
}

/// The standard stream that a chain of symbolic links leads to: images of containers link their log files to
/// /dev/stdout. Other targets stay what they are.
fn stream_behind_links(target: &LogTarget) -> LogTarget {
    let LogTarget::File(path) = target else { return target.clone() };
    let mut path = path.clone();
    for _ in 0..LINKS_MAX {
        if let Some(stream) = LogTarget::standard(&path) {
            return stream;
        }
        let Ok(next) = std::fs::read_link(&path) else { break };
        path.pop();
        path.push(next);
    }
    target.clone()
}

/// Whether the last line of this file has no end: a full disk cut it, before the log was opened again. A file that
/// grows at this moment is being written by another process, and is whole.
fn ends_within_a_line(file: &File, path: &Path) -> io::Result<bool> {
    let before = file.metadata()?;
    if !before.is_file() || before.len() == 0 {
        return Ok(false);
    }
    let path = file::c_path("open", path.as_os_str().as_bytes())?;
    let reader = File::from(file::open(&path, OpenFlags::READ | OpenFlags::NON_BLOCKING, 0)?);
    let mut last = [0];
    reader.read_exact_at(&mut last, before.len() - 1)?;
    Ok(last != *b"\n" && file.metadata()?.len() == before.len())
}

impl Write for &Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Stdout => Ok(file::write(io::stdout().as_fd(), bytes)?), // std's own writer has a buffer
            Output::Stderr => io::stderr().write(bytes),
            Output::File(file) => (&*file).write(bytes),
            Output::Daemon(_) => Err(io::ErrorKind::Unsupported.into()), // it gets datagrams, by `State::send_to`
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl State {
    /// Sends one line to a daemon.
    fn send_to(&mut self, daemon: &Daemon, level: Level, line: &[u8]) -> io::Result<()> {
        daemon.send(level, line).inspect_err(|_| self.lost += 1).map_err(io::Error::from)
    }

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
        let full = LogTarget::File("/dev/full".into());
        let Ok(log) = LogFiles::default().open_or_keep(&full, &LogOpener::Own) else { return }; // only Linux has it
        let said = log.write(Level::Info, b"one\ntwo\n").expect("it is said");
        assert!(
            said.starts_with("cannot write the log /dev/full: No space left") && said.contains("2 lines"),
            "{said}"
        );
        assert_eq!(log.write(Level::Info, b"three\n"), None, "it was said just now");
    }

    #[test]
    fn a_line_that_was_torn_before_the_log_was_opened_got_the_next_one_at_its_end() {
        let path = std::env::temp_dir().join(format!("webserv-torn-{}", std::process::id()));
        for (before, after) in [("", "next\n"), ("one\n", "one\nnext\n"), ("one\ntw", "one\ntw\nnext\n")] {
            std::fs::write(&path, before).expect("written");
            let log = LogFiles::default().open_or_keep(&LogTarget::File(path.clone()), &LogOpener::Own).expect("opens");
            assert_eq!(log.write(Level::Info, b"next\n"), None);
            assert_eq!(std::fs::read_to_string(&path).expect("read"), after);
        }
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn a_link_to_a_standard_stream_is_that_stream() {
        let folder = std::env::temp_dir().join(format!("webserv-links-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let link = |to: &Path, name: &str| {
            let at = folder.join(name);
            std::os::unix::fs::symlink(to, &at).expect("linked");
            LogTarget::File(at)
        };
        let out = link(Path::new("/dev/stdout"), "out");
        let second = link(Path::new("out"), "second");
        let round = link(Path::new("round"), "round");
        let error = link(Path::new("/proc/self/fd/2"), "error");
        let found = [&out, &second, &error].map(stream_behind_links);
        assert_eq!(found, [LogTarget::Stdout, LogTarget::Stdout, LogTarget::Stderr]);
        assert_eq!(stream_behind_links(&round), round);
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn a_file_that_several_logs_share_is_opened_once() {
        let path = std::env::temp_dir().join(format!("webserv-shared-{}", std::process::id()));
        let target = LogTarget::File(path.clone());
        let config = Config { inner_error_logs: vec![target.clone(), target.clone()], ..Config::default() };
        let files = LogFiles::open(&config).expect("opens");
        assert_eq!(files.files.len(), 2, "it and standard error");
        assert!(files.file(&target).is_some() && files.file(&LogTarget::Stderr).is_some());
        assert!(files.file(&LogTarget::File("/elsewhere".into())).is_none());
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn a_file_that_is_still_at_its_path_stays_open() {
        let path = std::env::temp_dir().join(format!("webserv-kept-{}", std::process::id()));
        let mut config = Config::default();
        config.error_logs[0].target = LogTarget::File(path.clone());
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
