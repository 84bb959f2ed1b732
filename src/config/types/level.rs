//! The levels of log lines.

use std::fmt;
use std::str::FromStr;

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
