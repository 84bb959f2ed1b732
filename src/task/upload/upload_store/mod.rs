//! UploadStore: writes the body of a POST to a new file, or the files of a form to new files.
//!
//! Each file is written under a hidden name. When the whole body is complete and valid, the files get their names, with
//! one call each, and never replace a file. If one call fails, the files that were named before lose their names. An
//! upload that ends earlier leaves nothing. After a crash, named files are complete, and files with hidden names
//! (`.*.part`) may be left.
//!
//! A form may have many files, so a turn makes a bounded number of calls. The rest is done later, also after the client
//! has closed.

mod part_file;
mod parts;

use crate::connection::{Answer, Connection, Front, Outcome, Transaction};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::http::form_data::{FormData, FormError};
use crate::http::stored::{AnswerFormat, StoredFile};
use crate::http::{Known, ReplyHead, Text, target};
use crate::limits::STORED_BYTES_PER_TURN;
use crate::log::Level;
use crate::route;
use crate::task::Context;
use crate::worker::Worker;
use parts::{Parts, extension};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use webserv_sys::file::{self, OpenFlags};
use webserv_sys::{Error, Watch};

/// Stores one upload.
pub struct UploadStore {
    /// The directory for the files.
    folder: Arc<PathBuf>,
    /// A number that no other upload has.
    number: u128,
    form: Option<Box<FormData>>,
    /// The parts. `None` before anything has been opened.
    parts: Option<Parts>,
    stage: Stage,
}

enum Stage {
    /// The body comes.
    Receiving,
    /// The body is complete and valid: the files get their names.
    Keeping,
    /// The upload has failed, with this status: what is stored is removed.
    Removing(u16),
}

impl UploadStore {
    /// Stores the request's body in this directory, as one file or as the files of a form. `number` is one that no
    /// other upload has.
    pub fn new(folder: Arc<PathBuf>, form: Option<Box<FormData>>, number: u128) -> Self {
        Self { folder, number, form, parts: None, stage: Stage::Receiving }
    }

    /// Opens the directory, and the file if there is no form.
    fn begin(&mut self, t: &Transaction) -> Result<(), Refusal> {
        let settings = &t.route.settings;
        let mut parts = Parts::new(self.open_folder()?, self.number, Arc::clone(settings));
        if self.form.is_none() {
            let request = t.http.request.as_ref();
            let sent = request.and_then(|request| request.fields.get(Known::ContentType)).unwrap_or_default();
            let media_type = String::from_utf8_lossy(sent).into_owned();
            let name = format!("{:032x}{}", self.number, extension(settings, &media_type));
            parts.begin_file(None, name, media_type)?;
        }
        self.parts = Some(parts);
        Ok(())
    }

    fn open_folder(&self) -> Result<OwnedFd, Error> {
        let path = file::c_path("openat", self.folder.as_os_str().as_bytes())?;
        file::openat(file::CWD, &path, OpenFlags::READ | OpenFlags::DIRECTORY, 0)
    }

    /// Stores the bytes that have come. After the last bytes, the files get their names.
    fn receive(&mut self, cx: &mut Context<'_>) -> Result<(), Refusal> {
        let Some(parts) = &mut self.parts else { return Ok(()) };
        let (t, mut taken) = (cx.transaction(), 0);
        let body = &mut t.body;
        while let Some(Front::Bytes(bytes)) = body.front()
            && taken < STORED_BYTES_PER_TURN
            && !parts.has_worked_enough()
        {
            let mut rest = bytes;
            match &mut self.form {
                None => {
                    parts.write(bytes)?;
                    rest = &[];
                }
                Some(form) => {
                    while !parts.has_worked_enough()
                        && let Some(event) = form.next(&mut rest)?
                    {
                        parts.take(event)?;
                    }
                }
            }
            let count = bytes.len() - rest.len();
            body.consume(count as u64);
            taken += count;
        }
        let max = t.route.settings.upload_limits.file_bytes_max;
        if self.form.is_none() && max > 0 && parts.file_bytes() > max {
            return Err(Refusal::TooLarge);
        }
        if body.is_ended() && body.is_empty() {
            match &self.form {
                None => parts.end_part()?,
                Some(form) => form.end()?,
            }
            self.stage = Stage::Keeping;
        }
        Ok(())
    }

    /// Gives more files their names. Returns the outcome after the last one.
    fn keep(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>, Refusal> {
        let Some(parts) = &mut self.parts else { return Ok(None) };
        let Some(files) = parts.keep_some()? else { return Ok(None) };
        Ok(cx.work().map(|w| self.answer(files, w.t)).or(Some(Outcome::status(499))))
    }

    /// The response: 201 with the stored files, or 200 if the form had no file.
    fn answer(&mut self, mut files: Vec<StoredFile>, t: &Transaction) -> Outcome {
        let folder = self.folder.as_os_str().as_bytes();
        for file in &mut files {
            let path = [folder, b"/", file.name.as_bytes()].concat();
            file.url_path = route::url_path(&t.route, &path);
        }
        let fields = t.http.request.as_ref().map(|request| &request.fields);
        let format = fields.map_or(AnswerFormat::Html, AnswerFormat::preferred);
        let fields = self.parts.as_mut().map(|parts| std::mem::take(&mut parts.fields)).unwrap_or_default();
        let mut head = ReplyHead::new(if files.is_empty() { 200 } else { 201 });
        head.content_type = Some(Text::from_static(format.content_type()));
        if let [StoredFile { url_path: Some(path), .. }] = &files[..] {
            head.location = Text::new(&target::escape_path(path)).ok();
        }
        Outcome::Answer(Answer::Whole(head, format.write(&files, &fields)))
    }

    /// Does a part of the work. Returns the outcome when it is known and nothing is left to do.
    fn work(&mut self, cx: &mut Context<'_>) -> Result<Option<Outcome>, Refusal> {
        match (&mut self.parts, &self.stage) {
            (None, _) => {
                self.begin(cx.transaction())?;
                cx.transaction().body.release();
                Ok(None)
            }
            (Some(_), Stage::Receiving) => {
                self.receive(cx)?;
                let is_due = matches!(self.stage, Stage::Keeping) && !self.has_worked_enough();
                if is_due { self.keep(cx) } else { Ok(None) }
            }
            (Some(_), Stage::Keeping) => self.keep(cx),
            (Some(parts), Stage::Removing(status)) => Ok(parts.remove_some().then(|| Outcome::status(*status))),
        }
    }

    fn run(&mut self, cx: &mut Context<'_>) -> Flow {
        if let Some(parts) = &mut self.parts {
            parts.begin_turn();
        }
        let mut outcome = self.work(cx);
        if let Err(Refusal::Failed(error)) = &outcome
            && self.parts.is_none()
            && cx.worker.files.relieve(*error)
        {
            return Flow::Progress; // nothing is open yet: try again
        }
        if let Err(refusal) = &outcome {
            self.log(refusal, cx);
            self.stage = Stage::Removing(refusal.status());
            if self.parts.is_some() {
                return Flow::Yield;
            }
            outcome = Ok(Some(Outcome::status(refusal.status())));
        }
        match outcome {
            Ok(Some(outcome)) => {
                if let Some(w) = cx.work() {
                    w.t.reply.outcome = Some(outcome);
                }
                Flow::Done
            }
            _ if self.has_worked_enough() => Flow::Yield,
            _ => Flow::Progress,
        }
    }

    fn has_worked_enough(&self) -> bool {
        self.parts.as_ref().is_some_and(Parts::has_worked_enough)
    }

    /// The client has closed. A complete upload is kept; of any other one, nothing is.
    fn abandon(&mut self) -> Flow {
        match (&self.parts, &self.stage) {
            (None, _) => return Flow::Done,
            (Some(_), Stage::Keeping) => {}
            (Some(parts), _) if parts.are_few() => return Flow::Done, // drop() removes them
            (Some(_), _) => self.stage = Stage::Removing(499),
        }
        Flow::Progress
    }

    fn log(&self, refusal: &Refusal, cx: &mut Context<'_>) {
        match refusal {
            Refusal::TooLarge => cx.log(Level::Error, format_args!("the client's file is over upload_max_file_size")),
            Refusal::Form(error) => {
                let level = if error.status == 413 { Level::Error } else { Level::Info };
                cx.log(level, format_args!("the client's form is refused: {error}"));
            }
            Refusal::Failed(error) => {
                let folder = self.folder.display();
                cx.log(
                    Level::Crit,
                    format_args!("{error}: the upload is not stored in \"{folder}\", see upload_store"),
                );
            }
        }
    }
}

/// Why the upload is not stored.
enum Refusal {
    /// The file is over `upload_max_file_size`.
    TooLarge,
    /// The form is malformed or exceeds a limit.
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
            Refusal::Failed(_) => 500, // the directory is the administrator's responsibility
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

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match transaction {
            _ if !matches!(self.stage, Stage::Receiving) => Want::Kernel,
            Some(_) if self.parts.is_none() => Want::Kernel,
            Some(x) if !x.body.is_empty() || x.body.is_ended() => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => Ok(self.run(cx)),
            Event::Cancel => Ok(self.abandon()),
            Event::Deadline => Ok(Flow::Progress),
        }
    }
}
