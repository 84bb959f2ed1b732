//! `error_log` and `access_log`: where log lines go, and which ones.

use super::{Level, Syslog, Template};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where log lines go.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, opened for appending.
    File(PathBuf),
    /// A syslog daemon; each line is a datagram.
    Syslog(Box<Syslog>),
}

impl LogTarget {
    /// The standard stream that this path names, as /dev/stdout does. It is used as it is and not opened: a socket
    /// cannot be opened (`ENXIO`), nor can what belongs to root after the server became another user.
    pub fn standard(path: &Path) -> Option<Self> {
        match path.to_str()? {
            "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => Some(Self::Stdout),
            "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => Some(Self::Stderr),
            _ => None,
        }
    }
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::Stderr => f.write_str("stderr"),
            Self::File(path) => path.display().fmt(f),
            Self::Syslog(syslog) => syslog.fmt(f),
        }
    }
}

/// `error_log FILE|stdout|stderr|syslog:... [LEVEL];`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErrorLogDirective {
    /// The file, the standard stream or the daemon.
    pub target: LogTarget,
    /// The least serious level that is written. Default error; the shipped configuration says notice.
    pub level: Level,
}

/// `access_log FILE|stdout|stderr|syslog:... [FORMAT [buffer=SIZE] [flush=TIME] [if=CONDITION]];`
#[derive(Clone, PartialEq, Debug)]
pub struct AccessLog {
    /// The file. All logs of one file share this pointer: it is the key of the file's buffer. Of a path with variables
    /// this is the text as written: see [`AccessLog::path`].
    pub target: Arc<LogTarget>,
    /// `log_format`, or the built-in combined.
    pub format: Arc<Template>,
    /// The format has fields of the response. Then the response's head is kept until the line is written.
    pub has_sent_fields: bool,
    /// The buffer's size in bytes: a write(2) follows when it is full. Default 0: each line is written at once; with
    /// `flush=` alone 64k.
    pub buffer_bytes: usize,
    /// The longest time that a line waits in the buffer. Default 1 s. (In nginx a line waits until the buffer is full.)
    pub flush: Duration,
    /// `if=`: a request for which this is empty or "0" gets no line.
    pub condition: Option<Template>,
    /// A path with variables. Then the file is opened for each line, or kept as `open_log_file_cache` says. It has no
    /// buffer, and is not in [`super::Config::access_logs`].
    pub path: Option<Template>,
}

/// The settings of logs beside where they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRules {
    /// `open_log_file_cache`. Default off.
    pub open_file_cache: OpenLogFileCache,
    /// `log_not_found`: a file that does not exist is worth a line in the error log. Default on.
    pub not_found: bool,
    /// `log_subrequest`. Default off.
    pub subrequest: bool,
}

/// `open_log_file_cache off|max=N [inactive=TIME] [min_uses=N] [valid=TIME];`: which files a worker keeps open whose
/// paths have variables. Each worker has one table; a line that adds a file makes room by its own location's limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenLogFileCache {
    /// `max=`: the number of paths in the table; zero is off. Default 0.
    pub paths_max: usize,
    /// `inactive=`: a path without a line for this time leaves the table. Default 10 s.
    pub inactive: Duration,
    /// `min_uses=`: the number of lines before a file is kept open. Default 1.
    pub uses_min: u64,
    /// `valid=`: after this time the path is opened again, because the file may have been moved. Default 60 s.
    pub valid: Duration,
}
