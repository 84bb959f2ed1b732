//! The access logs: lines are gathered in memory and written many at a time.

use crate::config::{AccessLog, LogTarget};
use std::io::{self, Write};
use std::time::Duration;

/// The access logs of one worker, in the order of [`crate::config::Config::access_logs`].
#[derive(Default)]
pub struct AccessLogs {
    logs: Vec<Log>,
}

struct Log {
    settings: AccessLog,
    sink: Box<dyn Write + Send>,
    buffer: Vec<u8>,
}

impl AccessLogs {
    /// Opens all of them.
    ///
    /// # Errors
    /// Which file cannot be opened, and why.
    pub fn open(settings: &[AccessLog]) -> Result<Self, String> {
        let open = |settings: &AccessLog| {
            let sink = open_sink(&settings.target)
                .map_err(|e| format!("cannot open the access log {:?}: {e}", settings.target))?;
            Ok(Log { settings: settings.clone(), sink, buffer: Vec::new() })
        };
        Ok(Self { logs: settings.iter().map(open).collect::<Result<_, String>>()? })
    }

    /// Opens them again, after a rename or with new settings; what was gathered goes to the old files. On an error the
    /// old ones stay.
    ///
    /// # Errors
    /// Those of [`AccessLogs::open`].
    pub fn reopen(&mut self, settings: &[AccessLog]) -> Result<(), String> {
        let fresh = Self::open(settings)?;
        self.flush();
        *self = fresh;
        Ok(())
    }

    /// Adds a line, which ends in a newline. Returns how long it may wait when it is the first one in its buffer:
    /// somebody must then see to a [`flush`](Self::flush).
    pub fn write(&mut self, log: usize, line: &[u8]) -> Option<Duration> {
        let log = self.logs.get_mut(log)?;
        if log.buffer.len() + line.len() > log.settings.buffer_bytes {
            log.flush();
        }
        let first = log.buffer.is_empty();
        log.buffer.extend_from_slice(line);
        if log.buffer.len() > log.settings.buffer_bytes {
            log.flush(); // a line longer than the buffer
            return None;
        }
        first.then_some(log.settings.flush)
    }

    /// Writes out what has been gathered.
    pub fn flush(&mut self) {
        self.logs.iter_mut().for_each(Log::flush);
    }
}

impl Log {
    /// A log that cannot be written must not stop the server: the lines are lost.
    fn flush(&mut self) {
        if !self.buffer.is_empty() {
            let _ = self.sink.write_all(&self.buffer).and_then(|()| self.sink.flush());
            self.buffer.clear();
        }
    }
}

fn open_sink(target: &LogTarget) -> io::Result<Box<dyn Write + Send>> {
    match target {
        LogTarget::Stderr => Ok(Box::new(io::stderr())),
        LogTarget::File(path) => {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
            Ok(Box::new(file))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Template;
    use std::sync::Arc;

    fn log(path: &std::path::Path, buffer_bytes: usize) -> AccessLogs {
        let (target, format) = (LogTarget::File(path.to_owned()), Arc::new(Template::default()));
        AccessLogs::open(&[AccessLog { target, format, buffer_bytes, flush: Duration::from_secs(1) }]).expect("opens")
    }

    #[test]
    fn lines_are_gathered_until_the_buffer_is_full_or_flushed() {
        let path = std::env::temp_dir().join(format!("webserv-access-{}", std::process::id()));
        let read = || std::fs::read_to_string(&path).expect("the log is there");
        let mut logs = log(&path, 10);
        assert_eq!(logs.write(0, b"one\n"), Some(Duration::from_secs(1)));
        assert_eq!((logs.write(0, b"two\n"), read()), (None, String::new()));
        assert_eq!((logs.write(0, b"three\n"), read()), (Some(Duration::from_secs(1)), "one\ntwo\n".into()));
        logs.flush();
        assert_eq!(read(), "one\ntwo\nthree\n");
        assert_eq!(logs.write(0, b"longer than the buffer\n"), None);
        assert_eq!(read().lines().count(), 4);
        std::fs::remove_file(&path).expect("removed");
    }
}
