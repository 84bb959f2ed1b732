//! The command: parses the arguments and runs the requested command.
#![forbid(unsafe_code)]

mod cli;
mod config_options;
mod directory_client;
mod terminal;

use cli::CommandFailure;
use std::process::ExitCode;

/// The server does what it can when memory runs out: see [`webserv_sys::memory`] and Accept.
#[global_allocator]
static MEMORY: webserv_sys::memory::KeptBack = webserv_sys::memory::KeptBack;

fn main() -> ExitCode {
    // If the call fails, these signals keep their default action.
    let _ = webserv_sys::signal::block_unused();
    let command = cli::parse(std::env::args_os().skip(1)).map_err(CommandFailure::from);
    match command.and_then(|command| command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::note(&failure.message);
            ExitCode::from(failure.status)
        }
    }
}
