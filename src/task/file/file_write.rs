//! FileWrite: writes the body of a PUT to a file, which appears only when it is complete.

use super::dir_entry::{DirEntry, Refusal, check, directory_mode};
use super::new_file::NewFile;
use crate::connection::{Connection, Outcome, Transaction};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::limits::IOVECS_MAX;
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use std::io::IoSlice;
use webserv_sys::file::{self, FileKind, Stat};
use webserv_sys::{Error, Watch};

/// The modes of new files and directories, before the umask.
const MODE: u32 = 0o666;
const FOLDER_MODE: u32 = 0o777;

/// How often the existing file may change between the check and the call that replaces it, before the task gives up.
const TRIES_MAX: usize = 10;

/// Writes to a temporary file, and gives it the target's name when the body is complete. If the task ends before, the
/// temporary file is removed.
pub struct FileWrite {
    /// The path of the target on disk.
    path: Vec<u8>,
    /// A number that no other upload has. It is a part of the temporary file's name.
    number: u128,
    /// The file being written.
    new: Option<NewFile>,
}

impl FileWrite {
    /// Stores the request's body at this path. `number` is one that no other upload has.
    pub fn new(path: Vec<u8>, number: u128) -> Self {
        Self { path, number, new: None }
    }

    /// Checks the existing file and opens the temporary file.
    fn begin(&mut self, t: &Transaction) -> Result<(), Refusal> {
        let (dav, links) = (&t.settings().dav, t.settings().disable_symlinks);
        let make = dav.full_put_path.then_some(dav.access.map_or(FOLDER_MODE, directory_mode));
        // RFC 4918 section 9.7.1: 409 if the parent collection does not exist.
        let place = DirEntry::open(&self.path, links, make)?;
        if place.has_slash {
            return Err(Refusal::Status(409)); // the name of a file has no slash at its end
        }
        check_target(&place, t)?;
        let new = NewFile::create(place, MODE, self.number)?;
        if let Some(mode) = dav.access {
            file::fchmod(new.file(), mode)?;
        }
        self.new = Some(new);
        Ok(())
    }

    /// Writes the bytes that have come. After the last bytes, the file gets its name.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<Option<u16>, Refusal> {
        let Some(new) = &self.new else { return Ok(None) };
        let body = &mut cx.transaction().body;
        if !body.is_empty() {
            let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
            let (count, _, _) = body.gather(&mut slices);
            let written = file::writev(new.file(), &slices[..count])?;
            body.consume(written as u64);
        }
        if !body.is_ended() || !body.is_empty() {
            return Ok(None);
        }
        self.finish(cx.transaction()).map(Some)
    }

    fn finish(&mut self, t: &Transaction) -> Result<u16, Refusal> {
        let sync = t.settings().dav.sync;
        let Some(mut new) = self.new.take() else { return Ok(500) };
        if sync {
            file::fsync(new.file())?;
        }
        let status = commit(&mut new, t)?;
        if sync {
            new.place().sync()?; // the name is part of the directory (fsync(2))
        }
        Ok(status)
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Flow {
        let outcome = match self.new {
            None => self.begin(cx.transaction()).map(|()| {
                cx.transaction().body.release();
                None
            }),
            Some(_) => self.write(cx),
        };
        let status = match outcome {
            Ok(None) => return Flow::Progress,
            // Nothing is open yet: try again.
            Err(Refusal::Failed(_, error)) if self.new.is_none() && cx.worker.files.relieve(error) => {
                return Flow::Progress;
            }
            Ok(Some(status)) => status,
            Err(Refusal::Status(status)) => status,
            Err(Refusal::Failed(status, error)) => {
                let path = String::from_utf8_lossy(&self.path).into_owned();
                let level = if status >= 500 { Level::Crit } else { Level::Error };
                cx.log(level, format_args!("{error}: \"{path}\" is not stored"));
                status
            }
        };
        let t = cx.transaction();
        t.reply.outcome = Some(Outcome::stored(status, t.http.path()));
        Flow::Done
    }
}

/// The existing file. Returns a refusal if it must not be replaced or created.
fn check_target(place: &DirEntry, t: &Transaction) -> Result<Option<Stat>, Refusal> {
    let there = place.stat(true)?;
    if there.as_ref().is_some_and(|stat| stat.kind != FileKind::File) {
        return Err(Refusal::Status(409)); // a directory or a device cannot be replaced by a file
    }
    check(t, there.as_ref())?;
    Ok(there)
}

/// Gives the file its name: 201, or 204 if it replaces a file. The preconditions are evaluated for the file that exists
/// now: it may have changed while the body came.
fn commit(new: &mut NewFile, t: &Transaction) -> Result<u16, Refusal> {
    for _ in 0..TRIES_MAX {
        let Some(there) = check_target(new.place(), t)? else {
            match new.commit_new() {
                Err(error) if !error.is_taken() => return Err(error.into()),
                Err(_) if !is_broken_link(new.place())? => continue, // created after the check
                Err(_) => new.commit_over()?,
                Ok(()) => {}
            }
            return Ok(201);
        };
        new.copy_attributes(&there)?;
        new.commit_over()?;
        return Ok(204);
    }
    Err(Refusal::Failed(503, Error::replaced("linkat")))
}

/// Whether the entry is a symbolic link to a missing file. Then the name is taken, but no file exists.
fn is_broken_link(place: &DirEntry) -> Result<bool, Error> {
    let itself = place.stat(false)?;
    Ok(itself.is_some_and(|stat| stat.kind == FileKind::Symlink) && place.stat(true)?.is_none())
}

impl Task<Worker> for FileWrite {
    fn kind(&self) -> &'static str {
        "FileWrite"
    }

    fn doing(&self) -> &'static str {
        "storing the file"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match transaction {
            Some(_) if self.new.is_none() => Want::Kernel,
            Some(x) if !x.body.is_empty() || x.body.is_ended() => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => Ok(self.run(cx)),
            Event::Cancel => Ok(Flow::Done),
            Event::Deadline => Ok(Flow::Progress),
        }
    }
}
