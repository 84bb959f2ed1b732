//! BodyFile: removes the file of a stored request body after the response (`client_body_in_file_only clean`).

use crate::connection::Connection;
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::task::Context;
use crate::worker::Worker;
use webserv_sys::{Watch, file};

/// Keeps the path of the file. Removes the file when this value is dropped.
pub struct BodyFile {
    path: Vec<u8>,
}

impl BodyFile {
    /// Removes the file at this path when the value is dropped.
    pub fn new(path: Vec<u8>) -> Self {
        Self { path }
    }
}

impl Task<Worker> for BodyFile {
    fn kind(&self) -> &'static str {
        "BodyFile"
    }

    fn doing(&self) -> &'static str {
        "keeping the request's body"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Nothing
    }

    fn handle(&mut self, event: Event, _: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(if event == Event::Cancel { Flow::Done } else { Flow::Progress })
    }
}

impl Drop for BodyFile {
    fn drop(&mut self) {
        let _ = file::c_path("unlinkat", &self.path).and_then(|path| file::unlinkat(file::CWD, &path));
    }
}
