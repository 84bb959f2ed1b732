//! FileDelete: takes one file, or one empty directory, away.

use super::Context;
use super::file_read::check_folder;
use crate::config::DisableSymlinks;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::{Answer, Exchange};
use crate::http::conditional::{self, Validators, Verdict};
use crate::http::{ReplyHead, Request, etag};
use crate::log::Level;
use crate::worker::Worker;
use std::rc::Rc;
use webserv_sys::file::{self, FileKind};
use webserv_sys::{Error, Watch, clock};

/// Removes what a DELETE names.
pub struct FileDelete {
    path: Vec<u8>,
    request: Rc<Request>,
    links: DisableSymlinks,
    done: bool,
}

impl FileDelete {
    /// Will remove the file at this path, if the request's preconditions hold.
    pub fn new(path: Vec<u8>, request: Rc<Request>, links: DisableSymlinks) -> Self {
        Self { path, request, links, done: false }
    }

    /// The status that the client gets: 204, or why not.
    fn remove(&self) -> Result<u16, Error> {
        check_folder(&self.path, self.links)?;
        let path = file::c_path("unlinkat", &self.path)?;
        let stat = file::fstatat(file::CWD, &path, false)?;
        let tag = etag::of_file(stat.modified_secs, stat.size_bytes);
        let validators = Validators { etag: Some(tag.as_bytes()), last_modified_secs: Some(stat.modified_secs) };
        let now_secs = clock::wall().secs;
        let verdict = conditional::evaluate(self.request.method, &self.request.fields, &validators, true, now_secs);
        match (verdict, stat.kind) {
            (Verdict::NotModified | Verdict::PreconditionFailed, _) => return Ok(412),
            (_, FileKind::Directory) if !self.path.ends_with(b"/") => return Ok(409), // nginx: a collection has a slash
            (_, FileKind::Directory) => file::rmdirat(file::CWD, &path)?,
            (_, _) => file::unlinkat(file::CWD, &path)?,
        }
        Ok(204)
    }
}

impl Task<Worker> for FileDelete {
    fn kind(&self) -> &'static str {
        "FileDelete"
    }

    fn doing(&self) -> &'static str {
        "removing the file"
    }

    fn watch(&self) -> Watch<'_> {
        Watch::Always
    }

    fn wants(&self, _: Option<&Exchange>) -> Want {
        if self.done { Want::Nothing } else { Want::Kernel }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Progress });
        }
        self.done = true;
        let status = self.remove().unwrap_or_else(|error| {
            let path = String::from_utf8_lossy(&self.path);
            cx.log(Level::Error, format_args!("{error}: \"{path}\" stays"));
            match error {
                e if e.is_not_found() => 404,
                e if e.is_forbidden() => 403,
                e if e.is_not_empty() => 409,
                _ => 500,
            }
        });
        cx.exchange().reply.answer = Some(Answer::Page(ReplyHead::new(status)));
        Ok(Flow::Done)
    }
}
