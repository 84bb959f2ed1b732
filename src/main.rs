//! The command: parses the arguments and runs the requested command.
#![forbid(unsafe_code)]

mod cli;
mod directory_client;

use std::io::Write;
use std::process::ExitCode;

/// The server does what it can when memory runs out: see [`webserv_sys::memory`] and Accept.
#[global_allocator]
static MEMORY: webserv_sys::memory::KeptBack = webserv_sys::memory::KeptBack;

fn main() -> ExitCode {
    // If the call fails, these signals keep their default action.
    let _ = webserv_sys::signal::block_unused();
    match cli::parse(std::env::args_os().skip(1)).and_then(|command| command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // `eprintln!` would panic if standard error is closed.
            let _ = writeln!(std::io::stderr(), "webserv: {message}");
            ExitCode::FAILURE
        }
    }
}
