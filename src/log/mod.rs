//! The error log and the access log.

mod level;

pub use level::Level;
