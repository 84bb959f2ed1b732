//! TreeDelete: removes a file or a directory tree, for DELETE.

use super::tree::Remover;
use crate::config::DisableSymlinks;
use crate::connection::{Connection, Outcome};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want, Work};
use crate::http::dav::Depth;
use crate::limits::TREE_STEPS_PER_TURN;
use crate::log::Level;
use crate::task::Context;
use crate::task::file::dir_entry::{DirEntry, Refusal, check, gone_name};
use crate::worker::Worker;
use std::ffi::CString;
use webserv_sys::file::{self, FileKind};
use webserv_sys::{Error, Watch};

/// The maximum number of steps to clean up when the server ends.
const LAST_STEPS_MAX: usize = 1_000_000;

/// The parameters of a DELETE.
pub struct Removal {
    /// The path on disk.
    pub path: Vec<u8>,
    /// The Depth field: a directory is only removed as a whole.
    pub depth: Depth,
    /// Which symbolic links in the path are followed.
    pub links: DisableSymlinks,
    /// A number that no other request has.
    pub number: u128,
    /// Why the path must not be removed if it is a directory, or a link that leads to one; for the log.
    pub obstacle: Option<String>,
}

/// Removes a file or directory. A directory that is not empty is first renamed to a hidden name, so that it disappears
/// at once. Then its entries are removed, a bounded number per turn, even after the client has closed. If an entry
/// cannot be removed, the directory gets its name back.
pub struct TreeDelete {
    removal: Removal,
    stage: Stage,
}

enum Stage {
    Asked,
    Emptying(DirEntry, CString, Remover),
    Done,
}

impl TreeDelete {
    /// Removes as this request says.
    pub fn new(removal: Removal) -> Self {
        Self { removal, stage: Stage::Asked }
    }

    /// Removes a file or an empty directory, or begins to remove a tree. Returns the status when it is known.
    fn begin(&mut self, cx: &mut Context<'_>) -> Result<Option<u16>, Refusal> {
        let Removal { path, depth, links, number, obstacle } = &self.removal;
        let not_found = |error: Error| match error.is_not_found() {
            true => Refusal::Failed(404, error),
            false => error.into(),
        };
        let place = DirEntry::open(path, *links, None).map_err(not_found)?;
        let stat = file::fstatat(place.folder(), place.name(), false).map_err(not_found)?;
        let is_directory = stat.kind == FileKind::Directory;
        if place.has_slash && !is_directory {
            return Err(not_found(Error::not_found("unlinkat")));
        }
        if let Some(obstacle) = obstacle
            && (is_directory || place.leads_to_directory())
        {
            cx.log(Level::Error, format_args!("DELETE is refused: {obstacle}"));
            return Err(Refusal::Status(403));
        }
        check(cx.transaction(), Some(&stat))?;
        if !is_directory {
            file::unlinkat(place.folder(), place.name()).map_err(not_found)?;
            return Ok(Some(204));
        }
        if !place.has_slash {
            return Err(Refusal::Status(409)); // as nginx: the URL of a collection ends in a slash
        }
        if *depth != Depth::Infinity {
            return Err(Refusal::Status(400)); // RFC 4918 section 9.6.1
        }
        match file::rmdirat(place.folder(), place.name()) {
            Ok(()) => return Ok(Some(204)),
            Err(error) if error.is_not_empty() => {}
            Err(error) => return Err(not_found(error)),
        }
        let gone = gone_name(*number);
        file::renameat(place.folder(), place.name(), place.folder(), &gone).map_err(not_found)?;
        let remover = Remover::new(gone.clone());
        self.stage = Stage::Emptying(place, gone, remover);
        Ok(None)
    }

    /// Removes more entries.
    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<Option<u16>, Refusal> {
        let Stage::Emptying(place, gone, remover) = &mut self.stage else { return Ok(None) };
        for _ in 0..TREE_STEPS_PER_TURN {
            match remover.step(place.folder()) {
                Ok(true) => {}
                Ok(false) => return Ok(Some(204)),
                Err(error) => {
                    // Restore the name that the client knows, unless it is taken by now.
                    if let Err(error) = place.take(place.folder(), gone) {
                        let gone = gone.to_string_lossy();
                        cx.log(
                            Level::Error,
                            format_args!("{error}: the rest of the directory is now named \"{gone}\""),
                        );
                    }
                    return Err(error.into());
                }
            }
        }
        Ok(None)
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Flow {
        let outcome = match self.stage {
            Stage::Asked => self.begin(cx),
            _ => self.go_on(cx),
        };
        let status = match outcome {
            Ok(None) => return Flow::Yield,
            Ok(Some(status)) => status,
            Err(Refusal::Status(status)) => status,
            Err(Refusal::Failed(status, error)) => {
                let path = String::from_utf8_lossy(&self.removal.path);
                cx.log(Level::Error, format_args!("{error}: \"{path}\" is not removed"));
                status
            }
        };
        self.stage = Stage::Done;
        if let Some(Work { t, .. }) = cx.work() {
            t.reply.outcome = Some(Outcome::status(status));
        }
        Flow::Done
    }
}

impl Task<Worker> for TreeDelete {
    fn kind(&self) -> &'static str {
        "TreeDelete"
    }

    fn doing(&self) -> &'static str {
        match self.stage {
            Stage::Asked | Stage::Done => "removing the file",
            Stage::Emptying(..) => "removing the directory",
        }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        if matches!(self.stage, Stage::Done) { Want::Nothing } else { Want::Kernel }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match (event, &self.stage) {
            (Event::Ready | Event::Hangup, _) => Ok(self.run(cx)),
            (Event::Cancel, Stage::Emptying(..)) => Ok(Flow::Progress), // a half-removed directory is of no use
            (Event::Cancel, _) => Ok(Flow::Done),
            _ => Ok(Flow::Progress),
        }
    }
}

impl Drop for TreeDelete {
    fn drop(&mut self) {
        if let Stage::Emptying(place, _, remover) = &mut self.stage {
            remover.finish(place.folder(), LAST_STEPS_MAX); // the server ends
        }
    }
}
