//! RandomIndex: chooses a file of a directory by chance (`random_index`). It reads a bounded number of names per turn,
//! and keeps one of them: the nth file takes the place of the kept one with a chance of 1 to n.

use super::open::look_up;
use crate::config::DisableSymlinks;
use crate::connection::{Connection, Outcome, To};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::limits::LISTED_PER_TURN;
use crate::task::Context;
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use webserv_sys::file::{Directory, Entry, FileKind};
use webserv_sys::random::RandomBytes;
use webserv_sys::{Error, Watch};

/// Chooses a file of one directory for one request.
pub struct RandomIndex {
    /// Taken by the first turn.
    opened: Option<OwnedFd>,
    directory: Option<Directory>,
    /// The decoded path of the directory's URL.
    url_path: Vec<u8>,
    links: DisableSymlinks,
    /// The number of files so far, and the one that is kept.
    files: u64,
    chosen: Vec<u8>,
}

impl RandomIndex {
    /// Chooses a file of this open directory. `url_path` is the decoded path of its URL.
    pub fn new(directory: OwnedFd, url_path: Vec<u8>, links: DisableSymlinks) -> Self {
        Self { opened: Some(directory), directory: None, url_path, links, files: 0, chosen: Vec::new() }
    }

    /// Reads the next names. Returns false after the last one.
    fn read(&mut self, random: &mut RandomBytes) -> Result<bool, Error> {
        if let Some(fd) = self.opened.take() {
            self.directory = Some(Directory::new(fd)?);
        }
        let Some(mut directory) = self.directory.take() else { return Ok(false) };
        let mut entries = Vec::with_capacity(LISTED_PER_TURN);
        let more = directory.read(&mut entries, LISTED_PER_TURN)?;
        for entry in entries {
            self.look_at(&directory, &entry, random)?;
        }
        self.directory = Some(directory);
        Ok(more)
    }

    /// Looks at a name. As in nginx, names that begin with a dot are not chosen.
    fn look_at(&mut self, directory: &Directory, entry: &Entry, random: &mut RandomBytes) -> Result<(), Error> {
        let name = entry.name.as_bytes();
        if name.starts_with(b".") {
            return Ok(());
        }
        match look_up(directory.as_fd(), &entry.name, self.links) {
            Ok(stat) if stat.kind == FileKind::File => {}
            Ok(_) => return Ok(()),
            Err(error) if error.is_not_found() || error.is_forbidden() => return Ok(()),
            Err(error) => return Err(error),
        }
        self.files += 1;
        if u64::from_ne_bytes(random.draw()?) % self.files == 0 {
            self.chosen = name.to_vec();
        }
        Ok(())
    }
}

impl Task<Worker> for RandomIndex {
    fn kind(&self) -> &'static str {
        "RandomIndex"
    }

    fn doing(&self) -> &'static str {
        "choosing a file of the directory"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always // the kernel has no events for reading directories
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match transaction {
            Some(x) if x.reply.outcome.is_none() => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => {}
            Event::Cancel => return Ok(Flow::Done),
            Event::Deadline => return Ok(Flow::Progress),
        }
        if self.read(&mut cx.worker.random).map_err(TaskError::internal)? {
            return Ok(Flow::Yield);
        }
        cx.transaction().reply.outcome = Some(match self.chosen.is_empty() {
            true => Outcome::Declined,
            false => Outcome::Redirect(To::Path([&self.url_path[..], &self.chosen].concat())),
        });
        Ok(Flow::Done)
    }
}
