//! Tasks of the server itself: signals, commands between workers, the end of a worker, what the master process passes.

mod command;
mod command_read;
mod handover_read;
mod orphans;
mod signal;
mod worker_exit;

pub use command_read::CommandRead;
pub use handover_read::HandoverRead;
pub use orphans::Orphans;
pub use signal::Signal;
pub use worker_exit::WorkerExit;
