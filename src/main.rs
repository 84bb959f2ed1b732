//! The command: arguments to a configuration, a configuration to a server.
#![forbid(unsafe_code)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os().skip(1)).and_then(|command| command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("webserv: {message}");
            ExitCode::FAILURE
        }
    }
}
