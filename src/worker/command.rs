//! What a worker can be told from outside.

use super::Reload;
use crate::log::LogFiles;

/// An order to a worker. Whatever can fail has been done before it is given.
#[derive(Clone)]
pub enum Command {
    /// End now.
    Stop,
    /// Finish the open responses, then end.
    Drain,
    /// Go on with these log files, opened anew.
    Reopen(LogFiles),
    /// Go on with this configuration.
    Reload(Reload),
}
