//! The access logs: lines are gathered in memory and written many at a time.

use super::LogFiles;
use super::files::{Sink, append_late};
use crate::config::{AccessLog, LogTarget};
use std::time::Duration;

/// The access logs of one worker: one buffer for each file, whatever formats its lines have.
#[derive(Default)]
pub struct AccessLogs {
    logs: Vec<Log>,
}

struct Log {
    target: LogTarget,
    sink: Sink,
    buffer: Vec<u8>,
    /// As [`AccessLog::buffer_bytes`], which is the same for all logs of one target; so is `flush`.
    buffer_bytes: usize,
    flush: Duration,
}

impl AccessLogs {
    /// These logs, whose files are open.
    pub fn new(settings: &[AccessLog], files: &LogFiles) -> Self {
        let mut logs = Self::default();
        for log in settings {
            if let (None, Some(sink)) = (logs.find(&log.target), files.sink(&log.target)) {
                let AccessLog { target, buffer_bytes, flush, .. } = log.clone();
                logs.logs.push(Log { target, sink, buffer: Vec::new(), buffer_bytes, flush });
            }
        }
        logs
    }

    /// Goes on with these logs and files; what was gathered goes to the old ones.
    pub fn replace(&mut self, settings: &[AccessLog], files: &LogFiles) {
        self.flush();
        self.logs = Self::new(settings, files).logs;
    }

    /// Adds a line, which `push` appends to what was gathered and which ends in a newline. Returns how long it may wait
    /// when it is the first one in its buffer: somebody must then see to a [`flush`](Self::flush).
    ///
    /// A log that was dropped by a reload gets its line as well, for requests begun before that.
    pub fn write(&mut self, log: &AccessLog, push: impl FnOnce(&mut Vec<u8>)) -> Option<Duration> {
        if let Some(at) = self.find(&log.target) {
            return self.logs[at].add(push);
        }
        let mut line = Vec::new();
        push(&mut line);
        append_late(&log.target, &line);
        None
    }

    fn find(&self, target: &LogTarget) -> Option<usize> {
        // Byte by byte, as it was written: to compare paths piece by piece costs more, for each request.
        let same = |log: &Log| match (&log.target, target) {
            (LogTarget::File(a), LogTarget::File(b)) => a.as_os_str() == b.as_os_str(),
            (a, b) => a == b,
        };
        self.logs.iter().position(same)
    }

    /// Writes out what has been gathered.
    pub fn flush(&mut self) {
        self.logs.iter_mut().for_each(Log::flush);
    }
}

impl Log {
    fn add(&mut self, push: impl FnOnce(&mut Vec<u8>)) -> Option<Duration> {
        let before = self.buffer.len();
        push(&mut self.buffer);
        if self.buffer.len() > self.buffer_bytes {
            self.make_room(before);
        }
        (before == 0 || self.buffer.len() < before).then_some(self.flush).filter(|_| !self.buffer.is_empty())
    }

    /// The last line, which begins here, is too long for what is left: those before it go, and it too if it is longer
    /// than all of the buffer.
    #[cold]
    fn make_room(&mut self, last_line: usize) {
        let ends = if self.buffer.len() - last_line > self.buffer_bytes { self.buffer.len() } else { last_line };
        self.sink.write(&self.buffer[..ends]);
        self.buffer.drain(..ends);
    }

    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            self.sink.write(&self.buffer);
            self.buffer.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Template};
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    const FLUSH: Duration = Duration::from_secs(1);

    /// A file that goes away with this value.
    struct TempFile(PathBuf);

    impl TempFile {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("webserv-access-{name}-{}", std::process::id())))
        }

        fn read(&self) -> String {
            std::fs::read_to_string(&self.0).expect("the log is there")
        }
    }

    impl Drop for TempFile {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn settings(path: &Path, buffer_bytes: usize) -> AccessLog {
        let (target, format) = (LogTarget::File(path.to_owned()), Arc::new(Template::default()));
        AccessLog { target, format, has_sent_fields: false, buffer_bytes, flush: FLUSH }
    }

    fn open(settings: &[AccessLog]) -> (AccessLogs, LogFiles) {
        let config = Config { access_logs: settings.to_vec(), ..Config::default() };
        let files = LogFiles::open(&config).expect("opens");
        (AccessLogs::new(settings, &files), files)
    }

    #[test]
    fn lines_are_gathered_until_the_buffer_is_full_or_flushed() {
        let file = TempFile::new("gathered");
        let log = settings(&file.0, 10);
        let (mut logs, _) = open(std::slice::from_ref(&log));
        assert_eq!(logs.write(&log, |line| line.extend_from_slice(b"one\n")), Some(FLUSH));
        assert_eq!((logs.write(&log, |line| line.extend_from_slice(b"two\n")), file.read()), (None, String::new()));
        assert_eq!(
            (logs.write(&log, |line| line.extend_from_slice(b"three\n")), file.read()),
            (Some(FLUSH), "one\ntwo\n".into())
        );
        logs.flush();
        assert_eq!(file.read(), "one\ntwo\nthree\n");
        assert_eq!(logs.write(&log, |line| line.extend_from_slice(b"longer than the buffer\n")), None);
        assert_eq!(file.read().lines().count(), 4);
    }

    #[test]
    fn a_log_is_found_by_its_file_whatever_stands_before_it() {
        let (first, second) = (TempFile::new("first"), TempFile::new("second"));
        let (a, b) = (settings(&first.0, 64), settings(&second.0, 64));
        let (mut logs, _) = open(&[a.clone(), b.clone()]);
        logs.write(&b, |line| line.extend_from_slice(b"before\n"));
        let (_, files) = open(std::slice::from_ref(&b));
        logs.replace(std::slice::from_ref(&b), &files);
        logs.write(&b, |line| line.extend_from_slice(b"after\n"));
        // The log of a request that was begun before the reload is not among them any more.
        assert_eq!(logs.write(&a, |line| line.extend_from_slice(b"late\n")), None);
        logs.flush();
        assert_eq!((first.read(), second.read()), ("late\n".into(), "before\nafter\n".into()));
        drop(first);
        assert_eq!(
            logs.write(&a, |line| line.extend_from_slice(b"gone\n")),
            None,
            "a log that was removed is not made anew"
        );
        assert!(matches!(&a.target, LogTarget::File(path) if !path.exists()));
    }

    #[test]
    fn one_file_has_one_buffer_for_lines_of_all_formats() {
        let file = TempFile::new("formats");
        let short = settings(&file.0, 64);
        let long = AccessLog { format: Arc::new(Template::parse("$uri").expect("parses")), ..short.clone() };
        let (mut logs, _) = open(&[short.clone(), long.clone()]);
        assert_eq!(logs.write(&long, |line| line.extend_from_slice(b"1\n")), Some(FLUSH));
        assert_eq!(logs.write(&short, |line| line.extend_from_slice(b"2\n")), None);
        logs.flush();
        assert_eq!(file.read(), "1\n2\n");
    }
}
