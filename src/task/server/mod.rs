//! Tasks of the server itself: signals, commands between workers, the end of a worker.

mod command;
mod command_read;
mod orphans;
mod signal;
mod worker_exit;

pub use command_read::CommandRead;
pub use orphans::Orphans;
pub use signal::Signal;
pub use worker_exit::WorkerExit;
