//! BodySpool: stores all of a request's body before a program gets it, for its length or its file name.
//!
//! A body that fits into the pipe (`client_body_buffer_size`) stays there. A longer one goes into a file, which has no
//! name unless `client_body_in_file_only` asks for one.

use crate::connection::{Connection, Outcome, StoredBody};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::limits::IOVECS_MAX;
use crate::log::Level;
use crate::task::Context;
use crate::task::file::nameless::{named, nameless};
use crate::worker::Worker;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use webserv_sys::file;
use webserv_sys::{Error, Watch};

/// Stores one body. A file without a name is freed by the kernel. A file with a name stays only if it is complete.
pub struct BodySpool {
    /// A unique path in `client_body_temp_path`. For a file without a name it exists only for a moment.
    path: Vec<u8>,
    /// The body goes into a file with a name, however short it is.
    keeps_name: bool,
    /// A file with a name exists and is not complete.
    is_partial: bool,
    /// The client has been asked for the body.
    begun: bool,
    file: Option<OwnedFd>,
    bytes: u64,
}

impl BodySpool {
    /// Stores a body in this directory. `number` is one that no other body has.
    pub fn new(folder: &Path, number: u128, keeps_name: bool) -> Self {
        let path = [folder.as_os_str().as_bytes(), format!("/webserv-{number:032x}").as_bytes()].concat();
        Self { path, keeps_name, is_partial: false, begun: false, file: None, bytes: 0 }
    }

    fn open(&mut self) -> Result<OwnedFd, Error> {
        if !self.keeps_name {
            return nameless(&self.path);
        }
        let opened = named(&self.path)?;
        self.is_partial = true;
        Ok(opened)
    }

    fn store(&mut self, cx: &mut Context<'_>) -> Result<Flow, Error> {
        let is_first = !std::mem::replace(&mut self.begun, true);
        if is_first && self.keeps_name {
            self.file = Some(self.open()?); // before the client is asked to send the body
        }
        let body = &mut cx.transaction().body;
        if is_first {
            body.release();
        }
        if self.file.is_none() && !self.keeps_name && !body.is_ended() && body.room() > 0 {
            return Ok(Flow::Progress);
        }
        if self.file.is_none() && body.is_ended() && !self.keeps_name {
            let bytes = body.len();
            cx.transaction().reply.outcome = Some(Outcome::Stored(StoredBody { file: None, path: Vec::new(), bytes }));
            return Ok(Flow::Done);
        }
        if self.file.is_none() {
            self.file = Some(self.open()?);
        }
        let (Some(file), body) = (&self.file, &mut cx.transaction().body) else { return Ok(Flow::Done) };
        if !body.is_empty() {
            let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
            let (count, _, _) = body.gather(&mut slices);
            let written = file::writev(file.as_fd(), &slices[..count])? as u64;
            body.consume(written);
            self.bytes += written;
        }
        if !body.is_ended() || !body.is_empty() {
            return Ok(Flow::Progress);
        }
        if let Some(file) = self.file.take() {
            self.is_partial = false;
            let path = if self.keeps_name { std::mem::take(&mut self.path) } else { Vec::new() };
            cx.transaction().reply.outcome =
                Some(Outcome::Stored(StoredBody { file: Some(file), path, bytes: self.bytes }));
        }
        Ok(Flow::Done)
    }
}

impl Task<Worker> for BodySpool {
    fn kind(&self) -> &'static str {
        "BodySpool"
    }

    fn doing(&self) -> &'static str {
        "storing the request's body"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match transaction {
            Some(x) if !self.begun || x.body.is_ended() || x.body.room() == 0 => Want::Kernel,
            Some(x) if self.file.is_some() && !x.body.is_empty() => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Progress });
        }
        self.store(cx).or_else(|error| {
            if self.file.is_none() && cx.worker.files.relieve(error) {
                self.begun = false;
                return Ok(Flow::Progress); // nothing is open yet: try again
            }
            let path = String::from_utf8_lossy(&self.path);
            cx.log(Level::Crit, format_args!("{error}: \"{path}\"; see client_body_temp_path"));
            let status = match error {
                e if e.is_disk_full() => 507,
                e if e.is_exhaustion() => 503,
                _ => 500,
            };
            cx.transaction().reply.outcome = Some(Outcome::status(status));
            Ok(Flow::Done)
        })
    }
}

impl Drop for BodySpool {
    fn drop(&mut self) {
        if self.is_partial {
            let _ = file::c_path("unlinkat", &self.path).and_then(|path| file::unlinkat(file::CWD, &path));
        }
    }
}
