//! The tasks: one file per kind, named after it, in rooms. Each moves bytes one way on one descriptor, or waits for
//! one event.
//!
//! Rooms use only those above them in this list: `file`, `cgi`, then `dav`, `upload`, then `http`, then `http1` and
//! `directory` (the protocols), then `client`, then `server`.

pub mod cgi;
pub mod client;
pub mod dav;
pub mod directory;
pub mod file;
pub mod http;
pub mod http1;
pub mod server;
#[cfg(test)]
mod temp_dir;
#[cfg(test)]
mod test_engine;
mod timer;
pub mod upload;

pub use timer::{Job, Timer, see_to_logs};

use crate::engine::{Context as EngineContext, Work as EngineWork};
use crate::worker::Worker;

/// What a task of this server may use while it runs.
type Context<'a> = EngineContext<'a, Worker>;

/// The same for one transaction.
type Work<'a> = EngineWork<'a, Worker>;
