//! TreeCopy: COPY and MOVE of a file, or of a directory with all that is in it.
//!
//! A copy grows under a hidden name beside the destination, a bounded piece per turn, and gets its name when it is
//! complete. What is there by then is first given a hidden name too, and removed last, so that nobody sees a part of
//! either. A move is a rename, or between two file systems a copy whose original is removed. When something fails,
//! both places are as they were.

use super::tree::{Copier, CopyStep, Remover};
use crate::config::DisableSymlinks;
use crate::connection::{Connection, Outcome};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want, Work};
use crate::http::dav::Depth;
use crate::limits::{COPY_BYTES_PER_TURN, TREE_STEPS_PER_TURN};
use crate::log::Level;
use crate::task::Context;
use crate::task::file::dir_entry::{DirEntry, Refusal, check, gone_name, gone_name_of, part_name};
use crate::task::file::open::{look_up, open_step};
use crate::worker::Worker;
use std::ffi::CStr;
use std::mem::replace;
use webserv_sys::file::{self, FileKind, OpenFlags, Stat};
use webserv_sys::{Error, Watch};

/// Steps that are still made when the server ends under it.
const LAST_STEPS_MAX: usize = 1_000_000;

/// How often the destination's owner may change between a look at it and the call that takes its name.
const TRIES_MAX: usize = 10;

/// What a COPY or MOVE asks for.
pub struct CopyMove {
    /// The path on disk of the original.
    pub from: Vec<u8>,
    /// And that of the destination.
    pub to: Vec<u8>,
    /// Which symbolic links on the way to the original are followed.
    pub from_links: DisableSymlinks,
    /// And which on the way to the destination.
    pub to_links: DisableSymlinks,
    /// The original goes.
    pub moves: bool,
    /// What is at the destination may be replaced.
    pub overwrites: bool,
    /// `Zero`: of a directory nothing that is in it.
    pub depth: Depth,
    /// A number that no other has.
    pub number: u128,
    /// The bytes are on the disk before the client is told so: fsync(2).
    pub sync: bool,
}

/// Copies or moves what a request names.
pub struct TreeCopy {
    transport: CopyMove,
    stage: Stage,
}

enum Stage {
    Asked,
    Copying(Box<Ends>, Box<Copier>),
    /// All is in its place, or nothing is: what has a hidden name still is removed, then the client gets this status.
    Clearing(Box<Ends>, Removers, u16),
    Done,
}

/// Both places.
struct Ends {
    from: DirEntry,
    to: DirEntry,
    from_is_directory: bool,
}

#[derive(Clone, Copy)]
enum End {
    From,
    To,
}

impl Ends {
    fn place(&self, end: End) -> &DirEntry {
        match end {
            End::From => &self.from,
            End::To => &self.to,
        }
    }

    /// Whether a rename can do. Asked before anything is touched for it.
    fn are_on_one_device(&self) -> Result<bool, Error> {
        Ok(file::fstat(self.from.folder())?.device == file::fstat(self.to.folder())?.device)
    }
}

/// What has a hidden name and is to go, and at which end.
type Removers = Vec<(End, Remover)>;

/// What a turn came to: what is next, or the status.
type Next = Result<Stage, Refusal>;

impl TreeCopy {
    /// Will copy or move this.
    pub fn new(transport: CopyMove) -> Self {
        Self { transport, stage: Stage::Asked }
    }

    /// Finds both ends and begins.
    fn begin(&self, cx: &mut Context<'_>) -> Next {
        let CopyMove { from, to, from_links, to_links, moves, .. } = &self.transport;
        let not_found = |error: Error| match error.is_not_found() {
            true => Refusal::Failed(404, error),
            false => error.into(),
        };
        let from = DirEntry::open(from, *from_links, None).map_err(not_found)?;
        let links = if *moves { DisableSymlinks::On } else { *from_links };
        let stat = match file::fstatat(from.folder(), from.name(), false).map_err(not_found)? {
            link if link.kind == FileKind::Symlink && *moves => link, // it moves as it is
            _ => look_up(from.folder(), from.name(), links).map_err(not_found)?,
        };
        let from_is_directory = stat.kind == FileKind::Directory;
        if from.has_slash && !from_is_directory {
            return Err(not_found(Error::not_found("openat")));
        }
        check(&cx.transaction().http, Some(&stat))?;
        if from_is_directory && *moves && self.transport.depth != Depth::Infinity {
            return Err(Refusal::Status(400)); // RFC 4918 section 9.9.2
        }
        let to = DirEntry::open(to, *to_links, None)?; // 409: the collection that it would be in is not there
        let ends = Ends { from, to, from_is_directory };
        self.may_replace(&stat, &ends)?;
        if *moves && ends.are_on_one_device()? { self.rename(ends, cx) } else { self.copy(ends) }
    }

    /// Whether what is at the destination, if anything is, makes room.
    fn may_replace(&self, from: &Stat, ends: &Ends) -> Result<(), Refusal> {
        let there = ends.to.stat(false)?;
        if ends.to.has_slash && !ends.from_is_directory && there.is_none_or(|stat| stat.kind != FileKind::Directory) {
            return Err(Refusal::Status(409)); // a file's name has no slash
        }
        match there {
            Some(to) if (to.device, to.inode) == (from.device, from.inode) => return Err(Refusal::Status(403)),
            Some(_) if !self.transport.overwrites => return Err(Refusal::Status(412)),
            // What is in the destination would go with it.
            Some(to) if to.kind == FileKind::Directory && ends.from.lies_in(&to)? => return Err(Refusal::Status(403)),
            _ => {}
        }
        let within = ends.from_is_directory && ends.to.lies_in(from)?;
        if within { Err(Refusal::Status(403)) } else { Ok(()) }
    }

    /// MOVE within a file system. If it turns out that it is not one (a directory can be mounted twice), it is copied.
    fn rename(&self, ends: Ends, cx: &mut Context<'_>) -> Next {
        let mut removers = Vec::new();
        let status = match self.put_in_place(&ends, End::From, ends.from.name(), &mut removers) {
            Err(Refusal::Failed(_, error)) if error.is_cross_device() && removers.is_empty() => return self.copy(ends),
            Err(refusal) => self.log(refusal, cx),
            Ok(status) => status,
        };
        Ok(Stage::Clearing(Box::new(ends), removers, status))
    }

    /// Gives the destination's name to what has this name at one end; the status for the client. What was there gets a
    /// hidden name and is to be removed.
    fn put_in_place(&self, ends: &Ends, end: End, name: &CStr, removers: &mut Removers) -> Result<u16, Refusal> {
        let (to, folder) = (&ends.to, ends.place(end).folder());
        for _ in 0..TRIES_MAX {
            let there = to.stat(false)?;
            if there.is_some() && !self.transport.overwrites {
                return Err(Refusal::Status(412));
            }
            let is_directory = |stat: &Stat| stat.kind == FileKind::Directory;
            if there.as_ref().is_some_and(|stat| !is_directory(stat)) && !ends.from_is_directory {
                file::renameat(folder, name, to.folder(), to.name())?;
                return Ok(204);
            }
            let gone = gone_name_of(self.transport.number, removers.len());
            if there.is_some() {
                match file::renameat(to.folder(), to.name(), to.folder(), &gone) {
                    Err(error) if error.is_not_found() => continue, // since we looked
                    outcome => outcome?,
                }
            }
            let outcome = to.take(folder, name);
            // If it cannot be, what was there comes back; unless another has the name by now, so that it is replaced.
            if there.is_some() && (outcome.is_ok() || to.take(to.folder(), &gone).is_err()) {
                removers.push((End::To, Remover::new(gone)));
            }
            match outcome {
                Ok(()) => return Ok(if there.is_some() { 204 } else { 201 }),
                Err(error) if error.is_taken() => {} // since we looked
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Failed(503, Error::replaced("renameat")))
    }

    /// Begins a copy.
    fn copy(&self, ends: Ends) -> Next {
        let CopyMove { from_links, moves, depth, number, sync, .. } = &self.transport;
        let links = if *moves { DisableSymlinks::On } else { *from_links };
        let flags = OpenFlags::READ | OpenFlags::NON_BLOCKING;
        let from = open_step(ends.from.folder(), ends.from.name(), flags, links)?;
        let name = part_name(*number);
        let copier = Copier::start(from, ends.to.folder(), &name, *depth != Depth::Zero, *sync)?;
        Ok(Stage::Copying(Box::new(ends), Box::new(copier)))
    }

    /// Copies the next piece; when that was the last, puts the copy in its place.
    fn go_on(&self, ends: Box<Ends>, mut copier: Box<Copier>, cx: &mut Context<'_>) -> Stage {
        let mut bytes = 0;
        for _ in 0..TREE_STEPS_PER_TURN {
            match copier.step(&mut cx.worker.read_buffer) {
                Ok(CopyStep::More(count)) => bytes += count,
                Ok(CopyStep::Done) => {
                    let mut removers = Vec::new();
                    let outcome = self.complete(&ends, &copier, &mut removers, cx);
                    return self.after_copy(ends, outcome, removers, cx);
                }
                Err(error) => return self.after_copy(ends, Err(error.into()), Vec::new(), cx),
            }
            if bytes >= COPY_BYTES_PER_TURN {
                break;
            }
        }
        Stage::Copying(ends, copier)
    }

    fn complete(
        &self,
        ends: &Ends,
        copier: &Copier,
        removers: &mut Removers,
        cx: &mut Context<'_>,
    ) -> Result<u16, Refusal> {
        let CopyMove { moves, number, sync, .. } = &self.transport;
        if copier.left_out() > 0 {
            let (count, from) = (copier.left_out(), String::from_utf8_lossy(&self.transport.from));
            cx.log(Level::Warn, format_args!("{count} links or special files in \"{from}\" are not copied"));
            if *moves {
                return Err(Refusal::Status(403)); // they would be lost
            }
        }
        let (from, gone) = (&ends.from, gone_name(*number));
        if *moves {
            // First, since it may not be ours to remove: then nothing else has happened.
            file::renameat(from.folder(), from.name(), from.folder(), &gone)?;
        }
        let placed = self.put_in_place(ends, End::To, &part_name(*number), removers);
        if *moves
            && placed.is_err()
            && let Err(error) = from.take(from.folder(), &gone)
        {
            let (gone, from) = (gone.to_string_lossy(), String::from_utf8_lossy(&self.transport.from));
            cx.log(Level::Crit, format_args!("{error}: \"{from}\" is kept beside it as \"{gone}\""));
        }
        let status = placed?;
        if *moves {
            removers.push((End::From, Remover::new(gone)));
        }
        match if *sync { ends.to.sync() } else { Ok(()) } {
            Err(error) => Ok(self.log(error.into(), cx)), // it may not be on the disk, but it is in its place
            Ok(()) => Ok(status),
        }
    }

    fn after_copy(
        &self,
        ends: Box<Ends>,
        outcome: Result<u16, Refusal>,
        mut removers: Removers,
        cx: &mut Context<'_>,
    ) -> Stage {
        let status = outcome.unwrap_or_else(|refusal| {
            removers.push((End::To, Remover::new(part_name(self.transport.number))));
            self.log(refusal, cx)
        });
        Stage::Clearing(ends, removers, status)
    }

    /// Removes the next entries of what is in nobody's way any more. What cannot be removed keeps its hidden name.
    fn clear(&self, ends: Box<Ends>, mut removers: Vec<(End, Remover)>, status: u16, cx: &mut Context<'_>) -> Stage {
        for _ in 0..TREE_STEPS_PER_TURN {
            let Some((end, remover)) = removers.last_mut() else { return Stage::Clearing(ends, removers, status) };
            match remover.step(ends.place(*end).folder()) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    let path = match end {
                        End::From => &self.transport.from,
                        End::To => &self.transport.to,
                    };
                    let (name, path) = (remover.name().to_string_lossy(), String::from_utf8_lossy(path));
                    cx.log(Level::Error, format_args!("{error}: \"{name}\" stays beside \"{path}\""));
                }
            }
            removers.pop();
        }
        Stage::Clearing(ends, removers, status)
    }

    /// The status of a refusal, told to the log if a call has failed.
    fn log(&self, refusal: Refusal, cx: &mut Context<'_>) -> u16 {
        match refusal {
            Refusal::Status(status) => status,
            Refusal::Failed(status, error) => {
                let CopyMove { from, to, moves, .. } = &self.transport;
                let (from, to) = (String::from_utf8_lossy(from), String::from_utf8_lossy(to));
                let verb = if *moves { "moved" } else { "copied" };
                let level = if status >= 500 { Level::Crit } else { Level::Error };
                cx.log(level, format_args!("{error}: \"{from}\" is not {verb} to \"{to}\""));
                status
            }
        }
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Flow {
        let stage = match replace(&mut self.stage, Stage::Done) {
            Stage::Asked => self.begin(cx),
            Stage::Copying(ends, copier) => Ok(self.go_on(ends, copier, cx)),
            Stage::Clearing(ends, removers, status) => Ok(self.clear(ends, removers, status, cx)),
            Stage::Done => return Flow::Done,
        };
        let status = match stage {
            Ok(Stage::Clearing(_, removers, status)) if removers.is_empty() => status,
            Ok(stage) => {
                self.stage = stage;
                return Flow::Yield;
            }
            Err(refusal) => self.log(refusal, cx),
        };
        if let Some(Work { t, .. }) = cx.work() {
            t.reply.outcome = Some(Outcome::status(status));
        }
        Flow::Done
    }

    /// The client has left: what is not complete goes, what is to be removed is.
    fn abandon(&mut self) -> Flow {
        self.stage = match replace(&mut self.stage, Stage::Done) {
            Stage::Copying(ends, _) => {
                Stage::Clearing(ends, vec![(End::To, Remover::new(part_name(self.transport.number)))], 499)
            }
            Stage::Asked | Stage::Done => return Flow::Done,
            clearing => clearing,
        };
        Flow::Progress
    }
}

impl Task<Worker> for TreeCopy {
    fn kind(&self) -> &'static str {
        "TreeCopy"
    }

    fn doing(&self) -> &'static str {
        match self.stage {
            Stage::Clearing(..) => "removing what is replaced",
            _ if self.transport.moves => "moving",
            _ => "copying",
        }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        if matches!(self.stage, Stage::Done) { Want::Nothing } else { Want::Kernel }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => Ok(self.run(cx)),
            Event::Cancel => Ok(self.abandon()),
            Event::Deadline => Ok(Flow::Progress),
        }
    }
}

impl Drop for TreeCopy {
    /// The server ends under it: nobody else would remove what has a hidden name.
    fn drop(&mut self) {
        self.abandon();
        if let Stage::Clearing(ends, removers, _) = &mut self.stage {
            for (end, remover) in removers {
                remover.finish(ends.place(*end).folder(), LAST_STEPS_MAX);
            }
        }
    }
}
