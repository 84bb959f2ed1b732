//! FileWrite: from a PUT's body to a file, which is there as a whole or not at all.

use super::Context;
use super::file_read::check_folder;
use crate::config::DisableSymlinks;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::limits::IOVECS_MAX;
use crate::exchange::{Answer, Exchange};
use crate::http::conditional::{self, Validators, Verdict};
use crate::http::{ReplyHead, Request, etag};
use crate::log::Level;
use crate::worker::Worker;
use std::ffi::CString;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use webserv_sys::file::{self, FileKind, OpenFlags, Stat};
use webserv_sys::{Error, Watch, clock};

/// Who may read a new file: as the umask of the server has it.
const MODE: u32 = 0o666;

/// What a PUT asks for.
pub struct Upload {
    /// The path on disk.
    pub path: Vec<u8>,
    /// The request, whose preconditions are evaluated.
    pub request: Rc<Request>,
    /// A number that no other upload has: a part of the temporary file's name.
    pub number: u128,
    /// Which symbolic links on the way to it are followed.
    pub links: DisableSymlinks,
    /// The bytes are on the disk before the client is told so: fsync(2).
    pub sync: bool,
}

/// Writes into a temporary file beside the target, and gives it the target's name when the body is complete. Whatever
/// ends it before takes the temporary file away.
pub struct FileWrite {
    upload: Upload,
    /// The file being written, and its name.
    temporary: Option<(OwnedFd, CString)>,
    replaces: bool,
}

impl FileWrite {
    /// Will store this.
    pub fn new(upload: Upload) -> Self {
        Self { upload, temporary: None, replaces: false }
    }

    /// Looks at what is there, and opens the temporary file.
    fn begin(&mut self) -> Result<(), Refusal> {
        check_folder(&self.upload.path, self.upload.links)?;
        let path = file::c_path("openat", &self.upload.path)?;
        let there = match file::fstatat(file::CWD, &path, true) {
            Ok(stat) => Some(stat),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        if self.upload.path.ends_with(b"/") || there.as_ref().is_some_and(|stat| stat.kind != FileKind::File) {
            return Err(Refusal::Status(409)); // a directory or a device cannot be replaced by a file
        }
        self.check(there.as_ref())?;
        self.replaces = there.is_some();
        let name = file::c_path("openat", &self.temporary_path())?;
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
        match file::openat(file::CWD, &name, flags, MODE) {
            Ok(fd) => {
                self.temporary = Some((fd, name));
                Ok(())
            }
            // RFC 4918 section 9.7.1: the collection that it would be in is not there.
            Err(error) if error.is_not_found() => Err(Refusal::Failed(409, error)),
            Err(error) => Err(error.into()),
        }
    }

    /// A name in the target's directory that nobody asks for and no listing shows. It is not made of the target's name,
    /// which may be as long as a name can be.
    fn temporary_path(&self) -> Vec<u8> {
        [self.folder(), format!(".{:032x}.part", self.upload.number).as_bytes()].concat()
    }

    /// The directory of the target, with its slash.
    fn folder(&self) -> &[u8] {
        let path = &self.upload.path;
        &path[..path.iter().rposition(|b| *b == b'/').map_or(0, |slash| slash + 1)]
    }

    /// If-Match and its kin, against the file that would be replaced (RFC 9110 section 13).
    fn check(&self, there: Option<&Stat>) -> Result<(), Refusal> {
        let tag = there.map(|stat| etag::of_file(stat.modified_secs, stat.size_bytes));
        let validators = Validators {
            etag: tag.as_ref().map(|tag| tag.as_bytes()),
            last_modified_secs: there.map(|stat| stat.modified_secs),
        };
        let (request, now_secs) = (&self.upload.request, clock::wall().secs);
        match conditional::evaluate(request.method, &request.fields, &validators, there.is_some(), now_secs) {
            Verdict::Proceed => Ok(()),
            Verdict::NotModified | Verdict::PreconditionFailed => Err(Refusal::Status(412)),
        }
    }

    /// Writes what has come; with the last bytes, the file gets its name.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<Option<u16>, Refusal> {
        let Some((fd, _)) = &self.temporary else { return Ok(None) };
        let body = &mut cx.exchange().body;
        if !body.is_empty() {
            let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
            let (count, _, _) = body.gather(&mut slices);
            let written = file::writev(fd.as_fd(), &slices[..count])?;
            body.consume(written as u64);
        }
        if !body.is_ended() || !body.is_empty() {
            return Ok(None);
        }
        self.finish()?;
        Ok(Some(if self.replaces { 204 } else { 201 }))
    }

    fn finish(&mut self) -> Result<(), Refusal> {
        let Some((fd, name)) = &self.temporary else { return Ok(()) };
        if self.upload.sync {
            file::fsync(fd.as_fd())?;
        }
        let target = file::c_path("renameat", &self.upload.path)?;
        file::renameat(file::CWD, name, file::CWD, &target)?;
        self.temporary = None; // it has another name now, and stays
        if self.upload.sync {
            // The name, too: it is a part of the directory (fsync(2)).
            let folder = file::c_path("openat", self.folder())?;
            let folder = file::openat(file::CWD, &folder, OpenFlags::READ | OpenFlags::DIRECTORY, 0)?;
            file::fsync(folder.as_fd())?;
        }
        Ok(())
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Flow {
        let outcome = match self.temporary {
            None => self.begin().map(|()| {
                cx.exchange().body.release();
                None
            }),
            Some(_) => self.write(cx),
        };
        let status = match outcome {
            Ok(None) => return Flow::Progress,
            Ok(Some(status)) => status,
            Err(Refusal::Status(status)) => status,
            Err(Refusal::Failed(status, error)) => {
                let path = String::from_utf8_lossy(&self.upload.path).into_owned();
                let level = if status >= 500 { Level::Crit } else { Level::Error };
                cx.log(level, format_args!("{error}: \"{path}\" is not stored"));
                status
            }
        };
        cx.exchange().reply.answer = Some(Answer::Page(ReplyHead::new(status)));
        Flow::Done
    }
}

/// Why nothing is stored.
enum Refusal {
    /// By a rule of HTTP.
    Status(u16),
    /// Since a call failed.
    Failed(u16, Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error {
            e if e.is_disk_full() => 507,
            e if e.is_forbidden() => 403,
            e if e.is_exhaustion() => 503,
            e if e.is_not_found() => 409,
            _ => 500,
        };
        Refusal::Failed(status, error)
    }
}

impl Task<Worker> for FileWrite {
    fn kind(&self) -> &'static str {
        "FileWrite"
    }

    fn doing(&self) -> &'static str {
        "storing the file"
    }

    fn watch(&self) -> Watch<'_> {
        Watch::Always
    }

    fn wants(&self, exchange: Option<&Exchange>) -> Want {
        match exchange {
            Some(_) if self.temporary.is_none() => Want::Kernel,
            Some(x) if !x.body.is_empty() || x.body.is_ended() => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => Ok(self.run(cx)),
            Event::Cancel => Ok(Flow::Done),
            Event::Deadline | Event::Reload | Event::Drain | Event::Crowded => Ok(Flow::Progress),
        }
    }
}

impl Drop for FileWrite {
    fn drop(&mut self) {
        if let Some((_, name)) = &self.temporary {
            let _ = file::unlinkat(file::CWD, name); // never complete, so never to be seen
        }
    }
}
