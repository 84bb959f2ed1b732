//! DirRead: lists a directory. It reads a bounded number of names per turn and sorts them, then writes the listing
//! piece by piece, as fast as the client receives it.
//!
//! The head is sent after the last name was read, because the names must be sorted first. So each error until then can
//! still get an error page.

mod names;

use super::open::look_up;
use crate::config::Settings;
use crate::connection::{Answer, Connection, Outcome, Reply};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::http::listing::{Format, Listing, ListingEntry, Totals};
use crate::http::{Name, ReplyHead, Text};
use crate::limits::{LISTED_PER_TURN, LISTING_BYTES_MAX, LISTING_TEXT_BYTES};
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use names::{Found, Names};
use std::mem::replace;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use webserv_sys::file::{self, Directory, FileKind};
use webserv_sys::{Error, Watch, clock};

/// Lists one directory for one response.
pub struct DirRead {
    stage: Stage,
    url_path: Vec<u8>,
    settings: Arc<Settings>,
    format: Format,
    /// The function of [`Format::Jsonp`].
    callback: Vec<u8>,
    /// Names that are not written yet.
    names: Names,
    /// The bytes of these names.
    held_bytes: usize,
    totals: Totals,
}

enum Stage {
    /// Nothing has been read.
    Opened(OwnedFd),
    /// Reads names.
    Reading(Directory),
    /// All names have been read; the head is in the reply.
    Answered,
    /// Writes the listing.
    Writing,
}

/// The result of a step of reading.
#[derive(PartialEq, Eq, Debug)]
enum Progress {
    More,
    All,
    /// The directory has more names than the limit.
    TooMany,
}

impl DirRead {
    /// Lists this open directory. `url_path` is the decoded path of its URL.
    pub fn new(directory: OwnedFd, url_path: Vec<u8>, settings: Arc<Settings>, format: Format) -> Self {
        let (names, totals) = (Names::default(), Totals::default());
        let (stage, callback) = (Stage::Opened(directory), Vec::new());
        Self { stage, url_path, settings, format, callback, names, held_bytes: 0, totals }
    }

    /// The listing is the argument of this function ([`Format::Jsonp`]).
    pub fn with_callback(self, callback: Vec<u8>) -> Self {
        Self { callback, ..self }
    }

    /// Reads more names. Answers when it has all.
    fn read_on(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let (outcome, flow) = match self.read().map_err(TaskError::internal)? {
            Progress::More => return Ok(Flow::Yield),
            Progress::All => (Outcome::Answer(Answer::Document(self.head())), Flow::Progress),
            Progress::TooMany => {
                let path = String::from_utf8_lossy(&self.url_path);
                let most = LISTING_BYTES_MAX >> 20;
                cx.log(Level::Error, format_args!("\"{path}\" is too large to be listed: its names exceed {most} MiB"));
                (Outcome::status(500), Flow::Done)
            }
        };
        cx.transaction().reply.outcome = Some(outcome);
        Ok(flow)
    }

    /// Reads the next names and their status.
    fn read(&mut self) -> Result<Progress, Error> {
        let mut directory = match replace(&mut self.stage, Stage::Answered) {
            Stage::Opened(fd) => Directory::new(fd)?,
            Stage::Reading(directory) => directory,
            Stage::Answered | Stage::Writing => return Ok(Progress::All),
        };
        let mut entries = Vec::with_capacity(LISTED_PER_TURN);
        let more = directory.read(&mut entries, LISTED_PER_TURN)?;
        let found: Result<Vec<Option<Found>>, Error> =
            entries.into_iter().map(|entry| self.look_at(&directory, entry)).collect();
        self.names.add(found?.into_iter().flatten().collect());
        if self.held_bytes > LISTING_BYTES_MAX {
            return Ok(Progress::TooMany);
        }
        if !more {
            return Ok(Progress::All);
        }
        self.stage = Stage::Reading(directory);
        Ok(Progress::More)
    }

    /// The list entry for a name. Returns `None` for names that clients cannot request: hidden names, names that the
    /// format cannot express, removed files, links that are broken or forbidden, and anything else than files and
    /// directories.
    ///
    /// # Errors
    /// Any other error of stat(2). It fails the listing, which would lack entries.
    fn look_at(&mut self, directory: &Directory, entry: file::Entry) -> Result<Option<Found>, Error> {
        let name = entry.name.as_bytes();
        if name.starts_with(b".") || !self.format.says(name) {
            return Ok(None);
        }
        let stat = match look_up(directory.as_fd(), &entry.name, self.settings.disable_symlinks) {
            Err(error) if error.is_not_found() || error.is_forbidden() => return Ok(None),
            stat => stat?,
        };
        match stat.kind {
            FileKind::Directory => self.totals.directories += 1,
            FileKind::File => {
                self.totals.files += 1;
                self.totals.size_bytes = self.totals.size_bytes.saturating_add(stat.size_bytes);
            }
            _ => return Ok(None),
        }
        self.held_bytes += entry.name.as_bytes().len() + size_of::<Found>();
        Ok(Some(Found {
            is_file: stat.kind == FileKind::File,
            name: entry.name,
            size_bytes: stat.size_bytes,
            modified_secs: stat.modified_secs,
        }))
    }

    fn head(&self) -> ReplyHead {
        let mut head = ReplyHead::new(200);
        head.content_type = Some(Text::from_static(self.format.content_type()));
        if self.settings.autoindex.format.is_none() {
            let vary = (const { Name::from_static("Vary") }, const { Text::from_static("Accept") });
            head.fields.push(vary); // RFC 9110 section 12.5.5: the format depends on `Accept`
        }
        head
    }

    /// Writes the next piece of the listing.
    fn write(&mut self, reply: &mut Reply) -> Flow {
        let autoindex = self.settings.autoindex;
        let (exact_size, localtime) = (autoindex.exact_size, autoindex.localtime);
        let (path, callback) = (&self.url_path, &self.callback);
        let listing = Listing { format: self.format, path, exact_size, localtime, callback };
        let mut text = Vec::with_capacity(LISTING_TEXT_BYTES + 1024); // the last entry may exceed the limit
        if let Stage::Answered = replace(&mut self.stage, Stage::Writing) {
            listing.push_head(&mut text, &self.totals);
        }
        while text.len() < LISTING_TEXT_BYTES {
            let Some(Found { is_file, name, size_bytes, modified_secs }) = self.names.take() else {
                listing.push_tail(&mut text);
                reply.body.push_bytes(text);
                reply.body.end();
                return Flow::Done;
            };
            let offset_secs = if localtime { clock::local(modified_secs).offset_secs } else { 0 };
            let (name, is_directory) = (name.as_bytes(), !is_file);
            let entry = ListingEntry { name, is_directory, size_bytes, modified_secs, offset_secs };
            listing.push_entry(&mut text, &entry, self.names.is_empty());
        }
        reply.body.push_bytes(text);
        Flow::Yield
    }
}

impl Task<Worker> for DirRead {
    fn kind(&self) -> &'static str {
        "DirRead"
    }

    fn doing(&self) -> &'static str {
        match self.stage {
            Stage::Opened(_) | Stage::Reading(_) => "reading the directory",
            Stage::Answered | Stage::Writing => "writing the listing",
        }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always // the kernel has no events for reading directories
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match (transaction, &self.stage) {
            (Some(_), Stage::Opened(_) | Stage::Reading(_)) => Want::Kernel,
            // After the protocol has taken the head, if it wants the body.
            (Some(x), _) if x.reply.outcome.is_none() && x.reply.body.room() > 0 => Want::Turn,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match (event, &self.stage) {
            (Event::Ready | Event::Hangup, Stage::Opened(_) | Stage::Reading(_)) => self.read_on(cx),
            (Event::Ready | Event::Hangup, _) => Ok(self.write(&mut cx.transaction().reply)),
            (Event::Cancel, _) => Ok(Flow::Done),
            (Event::Deadline, _) => Ok(Flow::Progress),
        }
    }
}

#[cfg(test)]
mod tests;
