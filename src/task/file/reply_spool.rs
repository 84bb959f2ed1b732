//! ReplySpool: moves the answer of a server behind from memory into a file, when its client is slow. So the server
//! behind need not wait for the client (`proxy_buffering`).

use crate::connection::{Connection, Transaction};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::limits::{FILES_MAX, IOVECS_MAX};
use crate::log::Level;
use crate::task::Context;
use crate::task::file::nameless::nameless;
use crate::worker::Worker;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use webserv_sys::{Error, Watch, file};

/// Writes one answer. The file has no name: the kernel frees it with the last use.
pub struct ReplySpool {
    file: Option<Rc<OwnedFd>>,
    path: Vec<u8>,
    /// The number of bytes in the file.
    end: u64,
    /// `_max_temp_file_size`
    bytes_max: u64,
    /// The file cannot be written: the server behind waits for the client.
    is_broken: bool,
}

impl ReplySpool {
    /// Writes to a file that is made at this path, which must be new, and loses its name at once.
    pub fn new(path: Vec<u8>, bytes_max: u64) -> Self {
        Self { file: None, path, end: 0, bytes_max, is_broken: false }
    }

    fn spool(&mut self, t: &mut Transaction) -> Result<(), Error> {
        let file = match &self.file {
            Some(file) => Rc::clone(file),
            None => Rc::clone(self.file.insert(Rc::new(nameless(&self.path)?))),
        };
        let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
        let (count, bytes) = t.reply.body.gather_tail(&mut slices);
        if bytes == 0 {
            return Ok(());
        }
        let written = file::writev(file.as_fd(), &slices[..count])? as u64;
        t.reply.body.replace_tail(&file, self.end..self.end + written);
        self.end += written;
        Ok(())
    }

    fn wants_to(&self, t: &Transaction) -> bool {
        let body = &t.reply.body;
        !self.is_broken && self.end < self.bytes_max && !body.is_ended() && body.room() == 0 && body.files() < FILES_MAX
    }
}

impl Task<Worker> for ReplySpool {
    fn kind(&self) -> &'static str {
        "ReplySpool"
    }

    fn doing(&self) -> &'static str {
        "storing the answer for a slow client"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        if transaction.is_some_and(|t| self.wants_to(t)) { Want::Kernel } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => {
                let Some(w) = cx.work() else { return Ok(Flow::Done) };
                if let Err(error) = self.spool(w.t) {
                    self.is_broken = true;
                    let path = String::from_utf8_lossy(&self.path).into_owned();
                    cx.log(Level::Crit, format_args!("{error}: \"{path}\"; see client_body_temp_path"));
                }
                Ok(Flow::Yield)
            }
            Event::Deadline => Ok(Flow::Progress),
            Event::Cancel => Ok(Flow::Done),
        }
    }
}
