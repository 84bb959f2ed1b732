//! The command: arguments to a configuration, a configuration to a server.
#![forbid(unsafe_code)]

mod cli;
mod directory_client;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os().skip(1)).and_then(|command| command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Nobody may be there to read it any more, which is no reason to panic.
            let _ = writeln!(std::io::stderr(), "webserv: {message}");
            ExitCode::FAILURE
        }
    }
}
