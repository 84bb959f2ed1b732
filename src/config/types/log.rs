//! `error_log` and `access_log`: where log lines go, and which ones.

use super::Template;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
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
        }
    }
}

/// `error_log FILE|stdout|stderr [LEVEL];`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErrorLogDirective {
    /// The file or the standard stream.
    pub target: LogTarget,
    /// The least serious level that is written. Default error; the shipped configuration says notice.
    pub level: Level,
}

/// `access_log FILE|stdout|stderr [FORMAT [buffer=SIZE] [flush=TIME]];`
#[derive(Clone, PartialEq, Debug)]
pub struct AccessLog {
    /// The file. All logs of one file share this pointer: it is the key of the file's buffer.
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
}

/// syslog(3)'s levels, as nginx's `error_log` names them; a lower one is more serious.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Level {
    /// The server cannot go on.
    Emerg,
    /// Somebody must act: a bug was caught, descriptors have run out.
    Alert,
    /// A part of the server does not work.
    Crit,
    /// A request failed, and the fault is on our side.
    Error,
    /// Something looks wrong, but the server goes on.
    Warn,
    /// The server started, reloaded or stopped.
    Notice,
    /// What clients did: closed early, timed out, sent nonsense.
    Info,
    /// Each turn of a task.
    Debug,
}

impl Level {
    /// All levels, the most serious first.
    pub const ALL: [Level; 8] =
        [Level::Emerg, Level::Alert, Level::Crit, Level::Error, Level::Warn, Level::Notice, Level::Info, Level::Debug];

    /// The name in the configuration and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Level::Emerg => "emerg",
            Level::Alert => "alert",
            Level::Crit => "crit",
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Notice => "notice",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Level {
    /// The text is not the name of a level.
    type Err = ();

    fn from_str(s: &str) -> Result<Self, ()> {
        Level::ALL.into_iter().find(|level| level.name() == s).ok_or(())
    }
}
