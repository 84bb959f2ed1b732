//! What the command writes to its user.

use std::io::Write;

/// Writes to standard output. A closed pipe is not an error: `head` and pagers close it early.
///
/// # Errors
/// A message for the user: why nothing could be written.
pub fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// Writes a message to standard error. Ignores errors, since there is no other place to report them.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "webserv: {text}");
}
