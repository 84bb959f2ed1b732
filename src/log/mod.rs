//! The error log and the access log.

mod access_log;
mod error_log;
mod level;
pub mod time;

pub use access_log::AccessLogs;
pub use error_log::{ErrorLog, Line};
pub use level::Level;
