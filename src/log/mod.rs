//! The error log and the access log.

mod error_log;
mod level;

pub use error_log::{ErrorLog, Line};
pub use level::Level;
