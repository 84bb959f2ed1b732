//! The access logs: lines are collected in memory and written together.

use super::files::{LogFile, append_late};
use super::made_logs::MadeLogs;
use super::{Level, LogFiles};
use crate::config::{AccessLog, LogTarget, OpenLogFileCache};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::Moment;

/// The access logs of one worker: one buffer for each file, whatever format its lines have.
#[derive(Default)]
pub struct AccessLogs {
    logs: Vec<Log>,
    made: MadeLogs,
    events: Vec<LogEvent>,
}

/// The path of a log with variables, for one request.
#[derive(Clone, Copy)]
pub struct MadePath<'a> {
    /// The path, its variables filled in.
    pub path: &'a [u8],
    /// The document root of the request.
    pub root: &'a [u8],
}

/// What the owner of the logs must do.
#[derive(PartialEq, Eq, Debug)]
pub enum LogEvent {
    /// Call [`AccessLogs::flush_due`] after this time.
    FlushAfter(Duration),
    /// Write this message to the error log: a log cannot be written.
    Trouble(Level, String),
}

struct Log {
    target: Arc<LogTarget>,
    file: Arc<LogFile>,
    buffer: Vec<u8>,
    /// The time to write the buffer, even if it is not full. A timer is running for it.
    due: Option<Moment>,
    /// The value of [`AccessLog::buffer_bytes`], which is the same for all logs of one target; so is `flush`.
    buffer_bytes: usize,
    flush: Duration,
}

impl AccessLogs {
    /// The logs of a configuration, whose files are open.
    pub fn new(settings: &[Arc<AccessLog>], files: &LogFiles) -> Self {
        let mut logs = Self::default();
        for log in settings {
            if let (None, Some(file)) = (logs.find(&log.target), files.file(&log.target)) {
                let AccessLog { target, buffer_bytes, flush, .. } = AccessLog::clone(log);
                logs.logs.push(Log { target, file, buffer: Vec::new(), due: None, buffer_bytes, flush });
            }
        }
        logs
    }

    /// Replaces logs and files by these. Lines in the buffers are written to the old files.
    pub fn replace(&mut self, settings: &[Arc<AccessLog>], files: &LogFiles) {
        self.flush();
        self.logs = Self::new(settings, files).logs;
        self.made.close();
    }

    /// Adds a line: `push` appends it to the buffer, with a newline at its end.
    ///
    /// A log that a reload has removed also gets its line, for requests that began before the reload.
    pub fn write(&mut self, log: &AccessLog, now: Moment, push: impl FnOnce(&mut Vec<u8>)) {
        if let Some(at) = self.find(&log.target) {
            return self.logs[at].add(now, push, &mut self.events);
        }
        let mut line = Vec::new();
        push(&mut line);
        append_late(&log.target, &line);
    }

    /// Adds a line to a log whose path has variables. As in nginx, a site without a document root gets no line: with
    /// `$host` in the path, clients could make files for any name.
    pub fn write_made(
        &mut self,
        to: MadePath<'_>,
        cache: &OpenLogFileCache,
        now: Moment,
        push: impl FnOnce(&mut Vec<u8>),
    ) {
        let (path, root) = (to.path.escape_ascii(), Path::new(OsStr::from_bytes(to.root)));
        if !root.is_dir() {
            let said = format!("no line in the access log {path}: there is no document root {}", root.display());
            return self.events.push(LogEvent::Trouble(Level::Error, said));
        }
        let mut line = Vec::new();
        push(&mut line);
        let trouble = self.made.write(to.path, &line, cache, now);
        self.events.extend(trouble.map(|(level, said)| LogEvent::Trouble(level, said)));
    }

    /// The next event. Call it after each of the other functions, until it returns None.
    pub fn take_event(&mut self) -> Option<LogEvent> {
        self.events.pop()
    }

    /// Usually the log is open, and has this very pointer. After a reload it may be an equal target of the old
    /// configuration.
    #[inline]
    fn find(&self, target: &Arc<LogTarget>) -> Option<usize> {
        let same = self.logs.iter().position(|log| Arc::ptr_eq(&log.target, target));
        same.or_else(|| self.find_equal(target))
    }

    #[cold]
    fn find_equal(&self, target: &LogTarget) -> Option<usize> {
        self.logs.iter().position(|log| *log.target == *target)
    }

    /// Writes the buffers whose lines have waited for their time.
    pub fn flush_due(&mut self, now: Moment) {
        for log in self.logs.iter_mut().filter(|log| log.due.is_some_and(|due| due <= now)) {
            log.due = None;
            log.flush(&mut self.events);
        }
    }

    /// Writes all buffers.
    pub fn flush(&mut self) {
        self.logs.iter_mut().for_each(|log| log.flush(&mut self.events));
    }
}

impl Log {
    fn add(&mut self, now: Moment, push: impl FnOnce(&mut Vec<u8>), events: &mut Vec<LogEvent>) {
        let before = self.buffer.len();
        push(&mut self.buffer);
        if self.buffer.len() > self.buffer_bytes {
            self.make_room(before, events);
        }
        // One timer at a time, even if the buffer is full before that.
        if self.due.is_none() && !self.buffer.is_empty() {
            self.due = Some(now.after(self.flush));
            events.push(LogEvent::FlushAfter(self.flush));
        }
    }

    /// The last line, which begins here, does not fit: writes the lines before it, and the line too if it is longer
    /// than the buffer. Without a buffer every line is longer.
    fn make_room(&mut self, last_line: usize, events: &mut Vec<LogEvent>) {
        let is_long = self.buffer.len() - last_line > self.buffer_bytes;
        self.write(if is_long { self.buffer.len() } else { last_line }, events);
    }

    fn flush(&mut self, events: &mut Vec<LogEvent>) {
        if !self.buffer.is_empty() {
            self.write(self.buffer.len(), events);
        }
    }

    /// Writes the first bytes of the buffer.
    fn write(&mut self, bytes: usize, events: &mut Vec<LogEvent>) {
        let (level, severity) = match &*self.target {
            LogTarget::Syslog(syslog) => (Level::Crit, syslog.severity),
            _ => (Level::Alert, Level::Info),
        };
        events.extend(self.file.write(severity, &self.buffer[..bytes]).map(|said| LogEvent::Trouble(level, said)));
        self.buffer.drain(..bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Template};
    use std::path::{Path, PathBuf};

    const FLUSH: Duration = Duration::from_secs(1);

    /// A file that is removed with this value.
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

    /// Adds a line, and returns the time that it may wait.
    fn write(logs: &mut AccessLogs, log: &AccessLog, now: Moment, line: &str) -> Option<Duration> {
        logs.write(log, now, |out| out.extend_from_slice(line.as_bytes()));
        logs.take_event().map(|event| match event {
            LogEvent::FlushAfter(wait) => wait,
            LogEvent::Trouble(_, said) => panic!("{said}"),
        })
    }

    fn settings(path: &Path, buffer_bytes: usize) -> Arc<AccessLog> {
        Arc::new(of_format(path, buffer_bytes, Template::default()))
    }

    fn of_format(path: &Path, buffer_bytes: usize, format: Template) -> AccessLog {
        let (target, format) = (Arc::new(LogTarget::File(path.to_owned())), Arc::new(format));
        AccessLog { target, format, has_sent_fields: false, buffer_bytes, flush: FLUSH, condition: None, path: None }
    }

    fn open(settings: &[Arc<AccessLog>]) -> (AccessLogs, LogFiles) {
        let config = Config { access_logs: settings.to_vec(), ..Config::default() };
        let files = LogFiles::open(&config).expect("opens");
        (AccessLogs::new(settings, &files), files)
    }

    #[test]
    fn lines_are_gathered_until_the_buffer_is_full_or_flushed() {
        let now = Moment::now();
        let file = TempFile::new("gathered");
        let log = settings(&file.0, 10);
        let (mut logs, _) = open(std::slice::from_ref(&log));
        assert_eq!(write(&mut logs, &log, now, "one\n"), Some(FLUSH));
        assert_eq!((write(&mut logs, &log, now, "two\n"), file.read()), (None, String::new()));
        assert_eq!((write(&mut logs, &log, now, "three\n"), file.read()), (None, "one\ntwo\n".into()));
        logs.flush();
        assert_eq!(file.read(), "one\ntwo\nthree\n");
        assert_eq!(write(&mut logs, &log, now, "longer than the buffer\n"), None);
        assert_eq!(file.read().lines().count(), 4);
    }

    #[test]
    fn without_a_buffer_each_line_is_written_at_once() {
        let file = TempFile::new("at-once");
        let log = settings(&file.0, 0);
        let (mut logs, _) = open(std::slice::from_ref(&log));
        for lines in 1..=3 {
            assert_eq!(write(&mut logs, &log, Moment::now(), "line\n"), None, "no timer");
            assert_eq!(file.read(), "line\n".repeat(lines));
        }
    }

    #[test]
    fn a_log_is_found_by_its_file_whatever_stands_before_it() {
        let now = Moment::now();
        let (first, second) = (TempFile::new("first"), TempFile::new("second"));
        let (a, b) = (settings(&first.0, 64), settings(&second.0, 64));
        let (mut logs, _) = open(&[a.clone(), b.clone()]);
        write(&mut logs, &b, now, "before\n");
        let (_, files) = open(std::slice::from_ref(&b));
        logs.replace(std::slice::from_ref(&b), &files);
        write(&mut logs, &b, now, "after\n");
        // The log of a request that began before the reload is not in the list any more.
        assert_eq!(write(&mut logs, &a, now, "late\n"), None);
        logs.flush();
        assert_eq!((first.read(), second.read()), ("late\n".into(), "before\nafter\n".into()));
        drop(first);
        assert_eq!(write(&mut logs, &a, now, "gone\n"), None, "a log that was removed is not made anew");
        assert!(matches!(&*a.target, LogTarget::File(path) if !path.exists()));
    }

    #[test]
    fn one_file_has_one_buffer_for_lines_of_all_formats() {
        let now = Moment::now();
        let file = TempFile::new("formats");
        let short = settings(&file.0, 64);
        let long = Arc::new(of_format(&file.0, 64, Template::parse("$uri").expect("parses")));
        let (mut logs, _) = open(&[short.clone(), long.clone()]);
        assert_eq!(write(&mut logs, &long, now, "1\n"), Some(FLUSH));
        assert_eq!(write(&mut logs, &short, now, "2\n"), None);
        logs.flush();
        assert_eq!(file.read(), "1\n2\n");
    }

    #[test]
    fn a_buffer_that_is_often_full_before_its_time_had_a_timer_each_time() {
        let (often, seldom) = (TempFile::new("often"), TempFile::new("seldom"));
        let log = Arc::new(AccessLog { flush: 10 * FLUSH, ..of_format(&often.0, 8, Template::default()) });
        let other = settings(&seldom.0, 64);
        let (mut logs, _) = open(&[log.clone(), other.clone()]);
        let start = Moment::now();
        assert_eq!(write(&mut logs, &log, start, "12345\n"), Some(10 * FLUSH));
        for _ in 0..5 {
            assert_eq!(write(&mut logs, &log, start, "12345\n"), None, "the first timer is still to come");
        }
        assert_eq!(often.read().lines().count(), 5);
        assert_eq!(
            write(&mut logs, &other, start, "12345\n"),
            Some(FLUSH),
            "a log whose lines wait less long has its own"
        );
        logs.flush_due(start.after(FLUSH));
        assert_eq!((often.read().lines().count(), seldom.read().lines().count()), (5, 1), "each at its time");
        logs.flush_due(start.after(10 * FLUSH));
        assert_eq!(often.read().lines().count(), 6);
        assert_eq!(write(&mut logs, &log, start, "12345\n"), Some(10 * FLUSH));
    }
}
