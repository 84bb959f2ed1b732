//! The tasks: one file per kind, named after it. Each moves bytes one way on one descriptor, or waits for one event.

mod accept;
mod body_file;
mod body_spool;
mod cgi_errors;
mod cgi_read;
mod cgi_start;
mod cgi_write;
mod client_read;
mod client_write;
mod dir_create;
mod dir_read;
mod directory;
mod farewell;
mod file_change;
mod file_read;
mod file_write;
mod http1;
mod inbox;
mod new_file;
mod place;
mod process_exit;
mod signal;
#[cfg(test)]
mod temp_dir;
#[cfg(test)]
mod test_engine;
mod timer;
mod tree;
mod tree_copy;
mod tree_delete;
mod upload_store;

pub use accept::Accept;
pub use body_file::BodyFile;
pub use body_spool::BodySpool;
pub use cgi_errors::CgiErrors;
pub use cgi_read::CgiRead;
pub use cgi_start::{CgiStart, Question};
pub use cgi_write::CgiWrite;
pub use client_read::ClientRead;
pub use client_write::ClientWrite;
pub use dir_create::DirCreate;
pub use dir_read::DirRead;
pub use directory::Directory;
pub use farewell::Farewell;
pub use file_change::FileChange;
pub use file_read::{FileRead, Wanted};
pub use file_write::{FileWrite, Upload};
pub use http1::Http1;
pub use inbox::Inbox;
pub use process_exit::ProcessExit;
pub use signal::Signal;
pub use timer::{Job, Timer, see_to_logs};
pub use tree_copy::{Transport, TreeCopy};
pub use tree_delete::{Removal, TreeDelete};
pub use upload_store::{NewUpload, UploadStore};

use crate::engine::Context as EngineContext;
use crate::worker::Worker;

/// What a task of this server may use while it runs.
type Context<'a> = EngineContext<'a, Worker>;
