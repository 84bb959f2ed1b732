//! The pid file: contains the server's process id, so that `webserv -s` finds the server.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use webserv_sys::process;

/// Dropping it removes the file, unless the file contains the pid of a server that was started later.
pub struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Writes this process's pid.
    ///
    /// # Errors
    /// A message for the user: the file that cannot be written, and why.
    pub fn write(path: &Path) -> Result<Self, String> {
        let written = File::create(path).and_then(|mut file| {
            file.write_all(text().as_bytes())?;
            Ok(Self { path: path.to_owned(), file })
        });
        written.map_err(|e| format!("cannot write the pid file {}: {e}", path.display()))
    }
}

fn text() -> String {
    format!("{}\n", process::pid())
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let ours = std::fs::read_to_string(&self.path).is_ok_and(|now| now == text());
        if ours && std::fs::remove_file(&self.path).is_err() {
            // After `user` the process may have no write permission for the directory. It can still truncate the open
            // file, so that `-s` finds no pid.
            let _ = self.file.set_len(0);
        }
    }
}
