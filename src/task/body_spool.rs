//! BodySpool: a request's body of unknown length into a nameless file, so that a program can be told how long it is.

use super::Context;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::limits::IOVECS_MAX;
use crate::exchange::{Answer, Exchange};
use crate::http::ReplyHead;
use crate::log::Level;
use crate::worker::Worker;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use webserv_sys::file::{self, OpenFlags};
use webserv_sys::{Error, Watch};

/// Stores one body. The file has no name from its first byte on: whatever happens, nothing is left of it.
pub struct BodySpool {
    /// A name for a moment: in `client_body_temp_path`, with a number that no other body has.
    path: Vec<u8>,
    file: Option<OwnedFd>,
    bytes: u64,
}

impl BodySpool {
    /// Will store a body in this folder.
    pub fn new(folder: &Path, number: u128) -> Self {
        let path = [folder.as_os_str().as_bytes(), format!("/webserv-{number:032x}").as_bytes()].concat();
        Self { path, file: None, bytes: 0 }
    }

    fn open(&self) -> Result<OwnedFd, Error> {
        let path = file::c_path("openat", &self.path)?;
        let flags = OpenFlags::READ | OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
        let opened = file::openat(file::CWD, &path, flags, 0o600)?;
        file::unlinkat(file::CWD, &path)?;
        Ok(opened)
    }

    fn store(&mut self, cx: &mut Context<'_>) -> Result<Flow, Error> {
        if self.file.is_none() {
            self.file = Some(self.open()?);
            cx.exchange().body.release();
        }
        let (Some(file), body) = (&self.file, &mut cx.exchange().body) else { return Ok(Flow::Done) };
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
            cx.exchange().reply.answer = Some(Answer::Spooled(file, self.bytes));
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

    fn watch(&self) -> Watch<'_> {
        Watch::Always
    }

    fn wants(&self, exchange: Option<&Exchange>) -> Want {
        match exchange {
            Some(x) if self.file.is_none() || !x.body.is_empty() || x.body.is_ended() => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Progress });
        }
        self.store(cx).or_else(|error| {
            let path = String::from_utf8_lossy(&self.path);
            cx.log(Level::Crit, format_args!("{error}: \"{path}\"; see client_body_temp_path"));
            let status = if error.is_disk_full() { 507 } else { 500 };
            cx.exchange().reply.answer = Some(Answer::Page(ReplyHead::new(status)));
            Ok(Flow::Done)
        })
    }
}
