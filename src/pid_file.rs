//! The file that the process's number stands in, by which `webserv -s` finds the server.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use webserv_sys::process;

/// Goes with the server, unless a server that was started later has put its own number there.
pub struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Writes this process's number.
    ///
    /// # Errors
    /// Which file cannot be written, and why.
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
            // After `user` the folder may be read-only for us, but the file is still open: empty it, so that `-s` finds
            // no pid.
            let _ = self.file.set_len(0);
        }
    }
}
