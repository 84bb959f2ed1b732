//! UploadStore: from a POST's body to new files: the body itself, or the files of a form.
//!
//! Each is written under a hidden name. When the whole body has come and was right, all of them get their names, one
//! call each and none over a file that is there; when one of these fails, those before it lose theirs. What ends the
//! upload earlier leaves nothing. After a crash, files with a name are whole, and hidden ones (`.*.part`) may be left.

mod part_file;
mod parts;

use crate::connection::limits::STORED_BYTES_PER_TURN;
use crate::connection::{Answer, Connection, Front};
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::http::form_data::{FormData, FormError};
use crate::http::stored::{AnswerFormat, StoredFile};
use crate::http::{Known, ReplyHead, Request, Text, target};
use crate::log::Level;
use crate::route::{self, Route};
use crate::task::Context;
use crate::worker::Worker;
use parts::{Parts, extension};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::file::{self, OpenFlags};
use webserv_sys::{Error, Watch};

/// What a POST asks for.
pub struct NewUpload {
    /// Where the files go.
    pub folder: Arc<PathBuf>,
    /// The request.
    pub request: Rc<Request>,
    /// Where it has led.
    pub route: Route,
    /// The form's boundary; `None`: the body is one file.
    pub boundary: Option<Vec<u8>>,
    /// A number that no other upload has.
    pub number: u128,
}

/// Stores one upload.
pub struct UploadStore {
    upload: NewUpload,
    form: Option<Box<FormData>>,
    /// `None`: nothing has been opened.
    parts: Option<Parts>,
}

impl UploadStore {
    /// Will store this.
    pub fn new(upload: NewUpload) -> Self {
        let limits = upload.route.settings.upload_limits;
        let form = upload.boundary.as_ref().map(|boundary| Box::new(FormData::new(boundary, limits)));
        Self { upload, form, parts: None }
    }

    /// Opens the folder, and the file if there is just one.
    fn begin(&mut self) -> Result<(), Refusal> {
        let settings = &self.upload.route.settings;
        let mut parts = Parts::new(self.open_folder()?, self.upload.number, Arc::clone(settings));
        if self.form.is_none() {
            let sent = self.upload.request.fields.get(Known::ContentType).unwrap_or_default();
            let media_type = String::from_utf8_lossy(sent).into_owned();
            let name = format!("{:032x}{}", self.upload.number, extension(settings, &media_type));
            parts.begin_file(None, name, media_type)?;
        }
        self.parts = Some(parts);
        Ok(())
    }

    fn open_folder(&self) -> Result<OwnedFd, Error> {
        let path = file::c_path("openat", self.upload.folder.as_os_str().as_bytes())?;
        file::openat(file::CWD, &path, OpenFlags::READ | OpenFlags::DIRECTORY, 0)
    }

    /// Takes what has come; with the last bytes, the files get their names.
    fn receive(&mut self, cx: &mut Context<'_>) -> Result<Option<Vec<StoredFile>>, Refusal> {
        let Some(parts) = &mut self.parts else { return Ok(None) };
        let (body, mut taken) = (&mut cx.connection().body, 0);
        while let Some(Front::Bytes(bytes)) = body.front()
            && taken < STORED_BYTES_PER_TURN
        {
            let mut rest = bytes;
            match &mut self.form {
                None => parts.write(bytes)?,
                Some(form) => {
                    while let Some(event) = form.next(&mut rest)? {
                        parts.take(event)?;
                    }
                }
            }
            let count = bytes.len();
            body.consume(count as u64);
            taken += count;
        }
        let max = self.upload.route.settings.upload_limits.file_bytes_max;
        if self.form.is_none() && max > 0 && parts.file_bytes() > max {
            return Err(Refusal::TooLarge);
        }
        if !body.is_ended() || !body.is_empty() {
            return Ok(None);
        }
        match &self.form {
            None => parts.end_part()?,
            Some(form) => form.end()?,
        }
        Ok(Some(parts.keep()?))
    }

    /// 201 with what has been stored, or 200 if the form had no file.
    fn answer(&mut self, mut files: Vec<StoredFile>) -> Answer {
        let folder = self.upload.folder.as_os_str().as_bytes();
        for file in &mut files {
            let path = [folder, b"/", file.name.as_bytes()].concat();
            file.url_path = route::url_path(&self.upload.route, &path);
        }
        let format = AnswerFormat::preferred(&self.upload.request.fields);
        let fields = self.parts.as_mut().map(|parts| std::mem::take(&mut parts.fields)).unwrap_or_default();
        let mut head = ReplyHead::new(if files.is_empty() { 200 } else { 201 });
        head.content_type = Some(Text::from_static(format.content_type()));
        if let [StoredFile { url_path: Some(path), .. }] = &files[..] {
            head.location = Text::new(&target::escape_path(path)).ok();
        }
        Answer::Whole(head, format.write(&files, &fields))
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Flow {
        let outcome = match self.parts {
            None => self.begin().map(|()| {
                cx.connection().body.release();
                None
            }),
            Some(_) => self.receive(cx),
        };
        let answer = match outcome {
            Ok(None) => return Flow::Progress,
            Ok(Some(files)) => self.answer(files),
            Err(refusal) => {
                self.log(&refusal, cx);
                Answer::Page(ReplyHead::new(refusal.status()))
            }
        };
        cx.connection().reply.answer = Some(answer);
        Flow::Done
    }

    fn log(&self, refusal: &Refusal, cx: &mut Context<'_>) {
        match refusal {
            Refusal::TooLarge => cx.log(Level::Error, format_args!("the client's file is over upload_max_file_size")),
            Refusal::Form(error) => {
                let level = if error.status == 413 { Level::Error } else { Level::Info };
                cx.log(level, format_args!("the client's form is refused: {error}"));
            }
            Refusal::Failed(error) => {
                let folder = self.upload.folder.display();
                cx.log(
                    Level::Crit,
                    format_args!("{error}: the upload is not stored in \"{folder}\", see upload_store"),
                );
            }
        }
    }
}

/// Why nothing is stored.
enum Refusal {
    /// The file is over `upload_max_file_size`.
    TooLarge,
    /// The body is not a form that is accepted.
    Form(FormError),
    /// A call failed.
    Failed(Error),
}

impl Refusal {
    fn status(&self) -> u16 {
        match self {
            Refusal::TooLarge => 413,
            Refusal::Form(error) => error.status,
            Refusal::Failed(error) if error.is_disk_full() => 507,
            Refusal::Failed(error) if error.is_exhaustion() => 503,
            Refusal::Failed(_) => 500, // the folder is the configuration's business, not the client's
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Failed(error)
    }
}

impl From<FormError> for Refusal {
    fn from(error: FormError) -> Self {
        Refusal::Form(error)
    }
}

impl Task<Worker> for UploadStore {
    fn kind(&self) -> &'static str {
        "UploadStore"
    }

    fn doing(&self) -> &'static str {
        "storing the upload"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, connection: Option<&Connection>) -> Want {
        match connection {
            Some(_) if self.parts.is_none() => Want::Kernel,
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
