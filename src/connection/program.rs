//! The state that the tasks of a CGI program share.

use super::Fresh;
use webserv_sys::process::Status;

/// The state of a CGI program.
#[derive(Default)]
pub struct Program {
    /// The program has closed its standard output: it has ended, or will soon.
    pub output_ended: bool,
    /// The exit status. `None` while the program runs.
    pub exit: Option<Status>,
    /// The program was too slow or its response was malformed: its output is no longer used.
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
