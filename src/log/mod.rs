//! The error log and the access log.

mod access_log;
mod error_log;
mod files;
mod made_logs;
mod open;
mod syslog;

pub use crate::config::{Level, LogTarget};
pub use access_log::{AccessLogs, LogEvent, MadePath};
pub use error_log::{ErrorLog, Line};
pub use files::LogFiles;
pub use open::{LogOpener, may_append};
