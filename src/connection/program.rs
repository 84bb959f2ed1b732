//! What the tasks of one CGI program tell each other.

use super::Fresh;
use webserv_sys::process::Status;

/// A program that answers a request.
#[derive(Default)]
pub struct Program {
    /// It has closed its output: it is over, or will be soon.
    pub output_ended: bool,
    /// How it ended. `None` while it runs.
    pub exit: Option<Status>,
    /// It was too slow, or what it said was no answer: nobody waits for it any more.
    pub failed: bool,
}

impl Program {
    const NONE: Self = Self { output_ended: false, exit: None, failed: false };
}

impl Fresh for Program {
    const FRESH: &Self = &Self::NONE;

    fn fresh() -> Self {
        Self::NONE
    }
}
