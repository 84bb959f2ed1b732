//! The tasks: one file per kind, named after it. Each moves bytes one way on one descriptor, or waits for one event.

mod accept;
mod client_read;
mod client_write;
mod dir_read;
mod farewell;
mod file_read;
mod http1;
mod inbox;
mod signal;
#[cfg(test)]
mod temp_dir;
mod timer;

pub use accept::Accept;
pub use client_read::ClientRead;
pub use client_write::ClientWrite;
pub use dir_read::DirRead;
pub use farewell::Farewell;
pub use file_read::{FileRead, Wanted};
pub use http1::Http1;
pub use inbox::Inbox;
pub use signal::Signal;
pub use timer::{Job, Timer};

use crate::engine::Context as EngineContext;
use crate::worker::Worker;

/// What a task of this server may use while it runs.
type Context<'a> = EngineContext<'a, Worker>;
