//! TreeCopy: COPY and MOVE of a file or a directory tree.
//!
//! A copy is made under a hidden name beside the destination, a bounded part per turn, and renamed when it is complete.
//! What is at the destination by then first gets a hidden name, too, and is removed last, so that a client never sees a
//! part of either. A move is a rename; between file systems it is a copy whose original is removed. After a failure,
//! both places are as before, unless something new has taken the destination's name meanwhile: that stays, and what was
//! there before is removed.

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
use std::os::fd::AsFd;
use webserv_sys::file::{self, FileKind, OpenFlags, Stat};
use webserv_sys::{Error, Watch};

/// The maximum number of steps to clean up when the server ends.
const LAST_STEPS_MAX: usize = 1_000_000;

/// How often the destination may change between the check and the call that takes its name, before the task gives up.
const TRIES_MAX: usize = 10;

/// The parameters of a COPY or MOVE.
pub struct CopyMove {
    /// The path of the original on disk.
    pub from: Vec<u8>,
    /// The path of the destination on disk.
    pub to: Vec<u8>,
    /// Which symbolic links in the path of the original are followed.
    pub from_links: DisableSymlinks,
    /// Which symbolic links in the path of the destination are followed.
    pub to_links: DisableSymlinks,
    /// MOVE: the original is removed.
    pub moves: bool,
    /// An existing destination may be replaced.
    pub overwrites: bool,
    /// With `Zero`, a directory is copied without its content.
    pub depth: Depth,
    /// A number that no other request has.
    pub number: u128,
    /// Whether the copy must be on the disk before the response: fsync(2).
    pub sync: bool,
    /// Why the original must stay if it is a directory, or a link that leads to one; for the log.
    pub obstacle: Option<String>,
}

/// Copies or moves a file or directory.
pub struct TreeCopy {
    request: CopyMove,
    stage: Stage,
}

enum Stage {
    Asked,
    Copying(Box<Ends>, Box<Copier>),
    /// The copy is complete or has failed. Removes what has a hidden name, then answers with this status.
    Clearing(Box<Ends>, Removers, u16),
    Done,
}

/// The original and the destination.
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

    /// Whether both are on one file system, so that a rename is possible. Checked before anything is changed.
    fn are_on_one_device(&self) -> Result<bool, Error> {
        Ok(file::fstat(self.from.folder())?.device == file::fstat(self.to.folder())?.device)
    }
}

/// What has to be removed, and at which end.
type Removers = Vec<(End, Remover)>;

/// The result of a turn: the next stage, or a refusal.
type Next = Result<Stage, Refusal>;

impl TreeCopy {
    /// Copies or moves as this request says.
    pub fn new(request: CopyMove) -> Self {
        Self { request, stage: Stage::Asked }
    }

    /// Opens both ends and begins.
    fn begin(&self, cx: &mut Context<'_>) -> Next {
        let CopyMove { from, to, from_links, to_links, moves, .. } = &self.request;
        let not_found = |error: Error| match error.is_not_found() {
            true => Refusal::Failed(404, error),
            false => error.into(),
        };
        let from = DirEntry::open(from, *from_links, None).map_err(not_found)?;
        let links = if *moves { DisableSymlinks::On } else { *from_links };
        let stat = match file::fstatat(from.folder(), from.name(), false).map_err(not_found)? {
            link if link.kind == FileKind::Symlink && *moves => link, // a link itself is moved
            _ => look_up(from.folder(), from.name(), links).map_err(not_found)?,
        };
        let from_is_directory = stat.kind == FileKind::Directory;
        if from.has_slash && !from_is_directory {
            return Err(not_found(Error::not_found("openat")));
        }
        if let Some(obstacle) = &self.request.obstacle
            && (from_is_directory || from.leads_to_directory())
        {
            cx.log(Level::Error, format_args!("{} is refused: {obstacle}", if *moves { "MOVE" } else { "COPY" }));
            return Err(Refusal::Status(403));
        }
        check(cx.transaction(), Some(&stat))?;
        if from_is_directory && *moves && self.request.depth != Depth::Infinity {
            return Err(Refusal::Status(400)); // RFC 4918 section 9.9.2
        }
        let to = DirEntry::open(to, *to_links, None)?; // 409 if the parent collection does not exist
        let ends = Ends { from, to, from_is_directory };
        self.may_replace(&stat, &ends)?;
        if *moves && ends.are_on_one_device()? { self.rename(ends, cx) } else { self.copy(ends) }
    }

    /// Whether the destination is free or may be replaced.
    fn may_replace(&self, from: &Stat, ends: &Ends) -> Result<(), Refusal> {
        let there = ends.to.stat(false)?;
        if ends.to.has_slash && !ends.from_is_directory && there.is_none_or(|stat| stat.kind != FileKind::Directory) {
            return Err(Refusal::Status(409)); // the name of a file has no slash at its end
        }
        match there {
            Some(to) if (to.device, to.inode) == (from.device, from.inode) => return Err(Refusal::Status(403)),
            Some(_) if !self.request.overwrites => return Err(Refusal::Status(412)),
            // The original lies in the destination, and would be removed with it.
            Some(to) if to.kind == FileKind::Directory && ends.from.lies_in(&to)? => return Err(Refusal::Status(403)),
            _ => {}
        }
        let within = ends.from_is_directory && ends.to.lies_in(from)?;
        if within { Err(Refusal::Status(403)) } else { Ok(()) }
    }

    /// MOVE within a file system. If rename(2) reports another file system (a directory can be mounted twice), copies.
    fn rename(&self, ends: Ends, cx: &mut Context<'_>) -> Next {
        let mut removers = Vec::new();
        let status = match self.put_in_place(&ends, End::From, ends.from.name(), &mut removers) {
            Err(Refusal::Failed(_, error)) if error.is_cross_device() && removers.is_empty() => return self.copy(ends),
            Err(refusal) => self.log(refusal, cx),
            Ok(status) => status,
        };
        Ok(Stage::Clearing(Box::new(ends), removers, status))
    }

    /// Renames `name` at one end to the destination. Returns the status for the client. An existing destination gets a
    /// hidden name and is added to `removers`.
    fn put_in_place(&self, ends: &Ends, end: End, name: &CStr, removers: &mut Removers) -> Result<u16, Refusal> {
        let (to, folder) = (&ends.to, ends.place(end).folder());
        for _ in 0..TRIES_MAX {
            let there = to.stat(false)?;
            if there.is_some() && !self.request.overwrites {
                return Err(Refusal::Status(412));
            }
            let is_directory = |stat: &Stat| stat.kind == FileKind::Directory;
            if there.as_ref().is_some_and(|stat| !is_directory(stat)) && !ends.from_is_directory {
                file::renameat(folder, name, to.folder(), to.name())?;
                return Ok(204);
            }
            let gone = gone_name_of(self.request.number, removers.len());
            if there.is_some() {
                match file::renameat(to.folder(), to.name(), to.folder(), &gone) {
                    Err(error) if error.is_not_found() => continue, // removed after the check
                    outcome => outcome?,
                }
            }
            let outcome = to.take(folder, name);
            // After a failure, the old destination gets its name back, unless that is taken by now; then it is removed.
            if there.is_some() && (outcome.is_ok() || to.take(to.folder(), &gone).is_err()) {
                removers.push((End::To, Remover::new(gone)));
            }
            match outcome {
                Ok(()) => return Ok(if there.is_some() { 204 } else { 201 }),
                Err(error) if error.is_taken() => {} // created after the check
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Failed(503, Error::replaced("renameat")))
    }

    /// Begins a copy.
    fn copy(&self, ends: Ends) -> Next {
        let CopyMove { from_links, moves, depth, number, sync, .. } = &self.request;
        let links = if *moves { DisableSymlinks::On } else { *from_links };
        let flags = OpenFlags::READ | OpenFlags::NON_BLOCKING;
        let from = open_step(ends.from.folder(), ends.from.name(), flags, links)?;
        // What was allowed for a file is not done to a directory that has come in its place.
        if (file::fstat(from.as_fd())?.kind == FileKind::Directory) != ends.from_is_directory {
            return Err(Error::replaced("openat").into());
        }
        let name = part_name(*number);
        let copier = Copier::start(from, ends.to.folder(), &name, *depth != Depth::Zero, *sync)?;
        Ok(Stage::Copying(Box::new(ends), Box::new(copier)))
    }

    /// Copies more. After the last part, renames the copy to the destination.
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
        let CopyMove { moves, number, sync, .. } = &self.request;
        if copier.skipped() > 0 {
            let (count, from) = (copier.skipped(), String::from_utf8_lossy(&self.request.from));
            cx.log(Level::Warn, format_args!("{count} links or special files in \"{from}\" are not copied"));
            if *moves {
                return Err(Refusal::Status(403)); // they would be lost
            }
        }
        let (from, gone) = (&ends.from, gone_name(*number));
        if *moves {
            // The original is renamed first: if that is not allowed, nothing has been changed yet.
            file::renameat(from.folder(), from.name(), from.folder(), &gone)?;
        }
        let placed = self.put_in_place(ends, End::To, &part_name(*number), removers);
        if *moves
            && placed.is_err()
            && let Err(error) = from.take(from.folder(), &gone)
        {
            let (gone, from) = (gone.to_string_lossy(), String::from_utf8_lossy(&self.request.from));
            cx.log(Level::Crit, format_args!("{error}: \"{from}\" is now named \"{gone}\""));
        }
        let status = placed?;
        if *moves {
            removers.push((End::From, Remover::new(gone)));
        }
        match if *sync { ends.to.sync() } else { Ok(()) } {
            Err(error) => Ok(self.log(error.into(), cx)), // it may not be on the disk, but it has its name
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
            removers.push((End::To, Remover::new(part_name(self.request.number))));
            self.log(refusal, cx)
        });
        Stage::Clearing(ends, removers, status)
    }

    /// Removes more of what has a hidden name. What cannot be removed keeps the hidden name.
    fn clear(&self, ends: Box<Ends>, mut removers: Vec<(End, Remover)>, status: u16, cx: &mut Context<'_>) -> Stage {
        for _ in 0..TREE_STEPS_PER_TURN {
            let Some((end, remover)) = removers.last_mut() else { return Stage::Clearing(ends, removers, status) };
            match remover.step(ends.place(*end).folder()) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    let path = match end {
                        End::From => &self.request.from,
                        End::To => &self.request.to,
                    };
                    let (name, path) = (remover.name().to_string_lossy(), String::from_utf8_lossy(path));
                    cx.log(Level::Error, format_args!("{error}: \"{name}\" beside \"{path}\" is not removed"));
                }
            }
            removers.pop();
        }
        Stage::Clearing(ends, removers, status)
    }

    /// The status of a refusal. Logs a failed call.
    fn log(&self, refusal: Refusal, cx: &mut Context<'_>) -> u16 {
        match refusal {
            Refusal::Status(status) => status,
            Refusal::Failed(status, error) => {
                let CopyMove { from, to, moves, .. } = &self.request;
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

    /// The client has closed: removes an incomplete copy, and what is being removed.
    fn abandon(&mut self) -> Flow {
        self.stage = match replace(&mut self.stage, Stage::Done) {
            Stage::Copying(ends, _) => {
                Stage::Clearing(ends, vec![(End::To, Remover::new(part_name(self.request.number)))], 499)
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
            _ if self.request.moves => "moving",
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
    /// The server ends: removes what has a hidden name.
    fn drop(&mut self) {
        self.abandon();
        if let Stage::Clearing(ends, removers, _) = &mut self.stage {
            for (end, remover) in removers {
                remover.finish(ends.place(*end).folder(), LAST_STEPS_MAX);
            }
        }
    }
}
