//! FileChange: reads the inotify events for the cached files.

use crate::connection::Connection;
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::task::Context;
use crate::worker::Worker;
use std::os::fd::AsFd;
use std::rc::Rc;
use webserv_sys::Watch;
use webserv_sys::changes::Changes;

/// Reads queued inotify events. FileRead reads them itself when it needs them at once.
pub struct FileChange {
    changes: Rc<Changes>,
}

impl FileChange {
    /// Reads the events of the files in [`Worker::files`].
    pub fn new(changes: Rc<Changes>) -> Self {
        Self { changes }
    }
}

impl Task<Worker> for FileChange {
    fn kind(&self) -> &'static str {
        "FileChange"
    }

    fn doing(&self) -> &'static str {
        "watching the files that are kept"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.changes.as_fd())
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => cx.worker.files.catch_up(),
            Event::Cancel => return Ok(Flow::Done),
            Event::Deadline => {}
        }
        Ok(Flow::Blocked)
    }
}
