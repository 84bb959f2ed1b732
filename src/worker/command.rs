//! The commands that the first worker sends to all workers.

use super::Reload;
use crate::log::LogFiles;

/// A command to a worker. Everything that can fail has been done before it is sent.
#[derive(Clone)]
pub enum Command {
    /// End now.
    Stop,
    /// Finish the open responses, then end.
    Drain,
    /// Continue with these log files.
    Reopen(LogFiles),
    /// Continue with this configuration.
    Reload(Reload),
}
