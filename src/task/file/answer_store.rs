//! AnswerStore: stores the answer of a server behind as a file, which appears only when the answer is complete
//! (`_store`).

use super::dir_entry::{DirEntry, directory_mode};
use super::new_file::NewFile;
use crate::config::DisableSymlinks;
use crate::connection::{Connection, Pipe, Transaction};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::limits::IOVECS_MAX;
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use std::io::IoSlice;
use webserv_sys::{Error, Watch, file};

/// Writes a copy of the answer's body to a temporary file. If the answer is not complete when the task ends, the file
/// is removed.
pub struct AnswerStore {
    /// The path of the file on disk.
    path: Vec<u8>,
    attributes: AnswerAttributes,
    /// The length of the answer in bytes, if it has said one.
    length: Option<u64>,
    /// A number that no other new file has.
    number: u128,
    new: Option<NewFile>,
    is_over: bool,
}

/// What the file is given besides its content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnswerAttributes {
    /// `_store_access`
    pub mode: u32,
    /// The answer's Last-Modified, in seconds since 1970.
    pub modified_secs: Option<i64>,
}

impl AnswerStore {
    /// Stores the answer at this path. `length` is its length in bytes, if it has said one. `number` is one that no
    /// other new file has.
    pub fn new(path: Vec<u8>, attributes: AnswerAttributes, length: Option<u64>, number: u128) -> Self {
        Self { path, attributes, length, number, new: None, is_over: false }
    }

    /// Makes the folders that are missing, as nginx does, and the temporary file.
    fn begin(&self, links: DisableSymlinks) -> Result<NewFile, Error> {
        let place = DirEntry::open(&self.path, links, Some(directory_mode(self.attributes.mode)))?;
        let new = NewFile::create(place, self.attributes.mode, self.number)?;
        file::fchmod(new.file(), self.attributes.mode)?; // whatever the umask is
        Ok(new)
    }

    /// Writes what has come. Behind the last byte, the file gets its name.
    fn store(&mut self, t: &mut Transaction) -> Result<(), Error> {
        let links = t.settings().disable_symlinks;
        let Some(copy) = t.http.passed.as_mut().and_then(|passed| passed.now.as_mut()?.copy.as_mut()) else {
            return Ok(());
        };
        let mut new = match self.new.take() {
            Some(new) => new,
            None => self.begin(links)?,
        };
        write_some(&new, copy)?;
        if !is_complete(copy, self.length) || !copy.is_empty() {
            self.new = Some(new);
            return Ok(());
        }
        if let Some(secs) = self.attributes.modified_secs {
            file::set_modified(new.file(), secs)?;
        }
        self.is_over = true;
        new.commit_over()
    }

    /// Ends the attempt: the answer is not stored, and the client gets it all the same.
    fn give_up(&mut self, error: Error, cx: &mut Context<'_>) {
        (self.is_over, self.new) = (true, None);
        let path = String::from_utf8_lossy(&self.path).into_owned();
        cx.log(Level::Crit, format_args!("{error}: the answer is not stored as \"{path}\""));
        if let Some(copy) = cx.work().and_then(|w| w.t.http.passing_mut()?.copy.as_mut()) {
            copy.abandon();
        }
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Flow {
        if let Err(error) = self.store(cx.transaction()) {
            self.give_up(error, cx);
        }
        if self.is_over { Flow::Done } else { Flow::Progress }
    }

    /// The answer has left, or does not come to its end. A complete one is stored: the rest of it is in memory.
    fn finish(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(w) = cx.work() else { return Flow::Done };
        let copy = w.t.http.passing().and_then(|passing| passing.copy.as_ref());
        let is_complete = copy.is_some_and(|copy| is_complete(copy, self.length));
        while is_complete && !self.is_over {
            self.run(cx);
        }
        Flow::Done
    }
}

/// Whether all of the answer has come. The end of one with a length may be known before the server behind says it.
fn is_complete(copy: &Pipe, length: Option<u64>) -> bool {
    copy.is_ended() || length == Some(copy.taken_bytes() + copy.len())
}

/// Writes the first bytes of the pipe, with one call.
fn write_some(new: &NewFile, bytes: &mut Pipe) -> Result<(), Error> {
    if bytes.is_empty() {
        return Ok(());
    }
    let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
    let (count, _, _) = bytes.gather(&mut slices);
    let written = file::writev(new.file(), &slices[..count])?;
    bytes.consume(written as u64);
    Ok(())
}

impl Task<Worker> for AnswerStore {
    fn kind(&self) -> &'static str {
        "AnswerStore"
    }

    fn doing(&self) -> &'static str {
        "storing the answer as a file"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        let copy = transaction.and_then(|t| t.http.passing()?.copy.as_ref());
        match copy {
            Some(copy) if !copy.is_empty() || is_complete(copy, self.length) => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match event {
            Event::Ready | Event::Hangup => self.run(cx),
            Event::Cancel => self.finish(cx),
            Event::Deadline => Flow::Progress,
        })
    }
}
