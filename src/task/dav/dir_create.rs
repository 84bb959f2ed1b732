//! DirCreate: makes a directory, for MKCOL.

use crate::connection::{Connection, Outcome, Transaction};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::log::Level;
use crate::task::Context;
use crate::task::file::dir_entry::{DirEntry, Refusal, check, directory_mode};
use crate::worker::Worker;
use std::os::fd::AsFd;
use webserv_sys::file::{self, OpenFlags};
use webserv_sys::{Error, Watch};

/// Makes the directory of a MKCOL (RFC 4918 section 9.3).
pub struct DirCreate {
    path: Vec<u8>,
    done: bool,
}

impl DirCreate {
    /// Makes the directory at this path, if the request's preconditions are true.
    pub fn new(path: Vec<u8>) -> Self {
        Self { path, done: false }
    }

    /// Makes the directory. Returns 201, or a refusal.
    fn make(&self, t: &Transaction) -> Result<u16, Refusal> {
        let place = DirEntry::open(&self.path, t.settings().disable_symlinks, None)?;
        let there = place.stat(false)?;
        check(t, there.as_ref())?;
        match file::mkdirat(place.folder(), place.name(), 0o777) {
            Err(error) if error.is_taken() => return Err(Refusal::Failed(405, error)),
            outcome => outcome?,
        }
        if let Some(access) = t.settings().dav.access
            && let Err(error) = set_mode(&place, access)
        {
            let _ = file::rmdirat(place.folder(), place.name()); // its mode would be wrong
            return Err(error.into());
        }
        Ok(201)
    }
}

/// Sets the mode of the new directory.
fn set_mode(place: &DirEntry, access: u32) -> Result<(), Error> {
    let flags = OpenFlags::READ | OpenFlags::DIRECTORY | OpenFlags::NO_FOLLOW;
    let made = file::openat(place.folder(), place.name(), flags, 0)?;
    file::fchmod(made.as_fd(), directory_mode(access))
}

impl Task<Worker> for DirCreate {
    fn kind(&self) -> &'static str {
        "DirCreate"
    }

    fn doing(&self) -> &'static str {
        "making the directory"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        if self.done { Want::Nothing } else { Want::Kernel }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Progress });
        }
        self.done = true;
        let status = match self.make(cx.transaction()) {
            Ok(status) => status,
            Err(Refusal::Status(status)) => status,
            Err(Refusal::Failed(status, error)) => {
                let path = String::from_utf8_lossy(&self.path);
                cx.log(Level::Error, format_args!("{error}: the directory \"{path}\" is not made"));
                status
            }
        };
        let t = cx.transaction();
        t.reply.outcome = Some(Outcome::stored(status, t.http.path()));
        Ok(Flow::Done)
    }
}
