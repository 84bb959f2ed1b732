//! The error log and the access log.

mod access_log;
mod error_log;
mod files;
mod level;
pub mod time;

pub use access_log::{AccessLogs, News};
pub use error_log::{ErrorLog, Line};
pub use files::LogFiles;
pub use level::Level;

pub use crate::config::LogTarget;
