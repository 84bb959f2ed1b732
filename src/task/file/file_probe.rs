//! FileProbe: asks whether a file is there, for `try_files` and `if (-f ...)`.

use crate::config::DisableSymlinks;
use crate::connection::{Connection, Outcome, Probed};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::log::Level;
use crate::task::Context;
use crate::task::file::dir_entry::is_hidden_path;
use crate::task::file::open::open;
use crate::worker::Worker;
use std::os::fd::AsFd;
use webserv_sys::file::{self, Stat};
use webserv_sys::{Result, Watch};

/// `S_IXUSR`: the owner may execute the file.
const EXECUTABLE: u32 = 0o100;

/// Looks at one path.
pub struct FileProbe {
    path: Vec<u8>,
    links: DisableSymlinks,
}

impl FileProbe {
    /// Looks at this path.
    pub fn new(path: Vec<u8>, links: DisableSymlinks) -> Self {
        Self { path, links }
    }

    fn stat(&self) -> Result<Stat> {
        match self.links {
            DisableSymlinks::Off => file::fstatat(file::CWD, &file::c_path("fstatat", &self.path)?, true),
            links => file::fstat(open(&self.path, links)?.as_fd()),
        }
    }

    /// What is at the path. A file that cannot be looked at counts as missing, as in nginx.
    fn probe(&self, cx: &mut Context<'_>) -> Option<Probed> {
        if is_hidden_path(&self.path) {
            return None;
        }
        match self.stat() {
            Ok(stat) => Some(Probed { kind: stat.kind, is_executable: stat.mode & EXECUTABLE != 0 }),
            Err(error) if error.is_not_found() => None,
            Err(error) => {
                cx.log(Level::Crit, format_args!("{error}: \"{}\"", String::from_utf8_lossy(&self.path)));
                None
            }
        }
    }
}

impl Task<Worker> for FileProbe {
    fn kind(&self) -> &'static str {
        "FileProbe"
    }

    fn doing(&self) -> &'static str {
        "looking for a file"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always // stat(2) waits for the disk
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> std::result::Result<Flow, TaskError> {
        if event == Event::Ready {
            let probed = self.probe(cx);
            cx.transaction().reply.outcome = Some(Outcome::Probed(probed));
        }
        Ok(Flow::Done)
    }
}
