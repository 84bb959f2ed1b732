//! FileRead: finds the file for a request, answers with its head, and sends the bytes that the protocol wants.

mod dependencies;
mod kept;

#[cfg(test)]
mod tests;

use crate::cache::Dependency;
use crate::config::{GzipStatic, Settings};
use crate::connection::{Connection, Outcome, Segment, To};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::http::{Name, ReplyHead, Text};
use crate::limits::{RANGES_PER_TURN, READ_FILE_BYTES, READ_WHOLE_BYTES_MAX};
use crate::log::Level;
use crate::route;
use crate::task::Context;
use crate::task::file::dir_entry::is_hidden_path;
use crate::task::file::open::Folder;
use crate::task::file::validators::{etag_of, last_modified_secs};
use crate::worker::Worker;
use dependencies::Dependencies;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::clock::{self, Wall};
use webserv_sys::file::{self, FileKind, Stat};
use webserv_sys::{Error, Watch};

/// What FileRead should find.
pub struct FileRequest {
    /// The path on disk. It ends in "/" if the URL does.
    pub path: Vec<u8>,
    /// The URL's path, decoded.
    pub url_path: Vec<u8>,
    /// Index files to try in a directory. If the flag is set, another location answers for it: the request is
    /// redirected there.
    pub indexes: Vec<(String, bool)>,
    /// Whether FILE.gz may be sent instead of FILE.
    pub gzip: bool,
    /// Whether the answer may come from the cache and be stored there.
    pub keeps: bool,
    /// Whether a file of a directory is chosen by chance.
    pub random_index: bool,
    /// The settings of the location.
    pub settings: Arc<Settings>,
}

/// Reads one file for one response.
pub struct FileRead {
    wanted: FileRequest,
    /// The time before the file was looked at, see [`etag_of`].
    asked: Wall,
    /// sendfile(2) sends the file.
    is_sendable: bool,
    file: Option<Rc<OwnedFd>>,
}

impl FileRead {
    /// Looks for this file.
    pub fn new(wanted: FileRequest) -> Self {
        Self { is_sendable: wanted.settings.sendfile, wanted, asked: clock::file_time(), file: None }
    }

    /// Opens the file and answers with its head or an error, or answers from the cache.
    fn find(&mut self, cx: &mut Context<'_>) -> Flow {
        if let Some(kept) = self.ask_cache(cx) {
            return self.answer_from_cache(&kept, cx);
        }
        let mut dependencies = self.begin_dependencies(cx);
        let found = match self.wanted.path.last() {
            _ if is_hidden_path(&self.wanted.path) => Err(Error::not_found("openat")),
            Some(b'/') => self.find_index(&mut dependencies),
            _ => self.find_document(&self.wanted.path, &mut dependencies),
        };
        let depends = dependencies.map(Dependencies::finish);
        let depends = self.end_dependencies(depends, cx);
        let outcome = match found {
            Ok(Found::Document(file, head, index)) => return self.answer_document(file, head, index, depends, cx),
            Err(error) if cx.worker.files.relieve(error) => {
                cx.worker.files.release(depends.unwrap_or_default());
                return Flow::Progress; // dropped cache entries have freed descriptors: try again
            }
            Err(error) => return self.answer_error(error, depends, cx),
            Ok(Found::Elsewhere(url_path)) => Outcome::Redirect(To::Path(url_path)),
            Ok(Found::Directory) => Outcome::AddSlash,
            Ok(Found::Unindexed(directory)) => Outcome::Directory(directory),
            Ok(Found::NoIndex) => {
                let path = String::from_utf8_lossy(&self.wanted.path);
                cx.log(Level::Error, format_args!("\"{path}\" has no index file, and listing is off"));
                Outcome::status(403)
            }
        };
        cx.worker.files.release(depends.unwrap_or_default());
        cx.transaction().reply.outcome = Some(outcome);
        Flow::Done
    }

    fn answer_error(&self, error: Error, depends: Option<Vec<Dependency>>, cx: &mut Context<'_>) -> Flow {
        let (status, path) = (status(error), String::from_utf8_lossy(&self.wanted.path));
        let level = if status >= 500 { Level::Crit } else { Level::Error };
        if self.wanted.settings.log_rules.not_found || !error.is_not_found() {
            cx.log(level, format_args!("{} \"{path}\" failed ({})", error.call(), Reason(error)));
        }
        self.keep_error(error, depends, cx);
        cx.transaction().reply.outcome = Some(Outcome::status(status));
        Flow::Done
    }

    fn find_index(&self, dependencies: &mut Option<Dependencies<'_>>) -> Result<Found, Error> {
        let mut folder = Folder::of(&self.wanted.path, self.wanted.settings.disable_symlinks);
        if self.wanted.random_index {
            return self.open_folder(&mut folder);
        }
        for (name, elsewhere) in &self.wanted.indexes {
            if name.starts_with('/') {
                return Ok(Found::Elsewhere(name.as_bytes().to_vec())); // the last one, as in nginx
            }
            let path = [&self.wanted.path, name.as_bytes()].concat();
            match self.find_file(&path, &mut folder, dependencies) {
                Ok(Some(_)) if *elsewhere => {
                    return Ok(Found::Elsewhere([&self.wanted.url_path, name.as_bytes()].concat()));
                }
                Ok(Some((file, stat))) => {
                    let (file, head) = self.compressed(file, &stat, &path, (&mut folder, dependencies));
                    return Ok(Found::Document(file, head, Some(name.clone())));
                }
                Ok(None) => {}
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        if self.wanted.settings.autoindex.on {
            return self.open_folder(&mut folder);
        }
        let path = file::c_path("stat", &self.wanted.path)?;
        match file::fstatat(file::CWD, &path, true)?.kind {
            FileKind::Directory => Ok(Found::NoIndex),
            _ => Err(Error::not_found("stat")),
        }
    }

    /// The directory itself, opened to read its names.
    fn open_folder(&self, folder: &mut Folder<'_>) -> Result<Found, Error> {
        let directory = folder.open(&self.wanted.path)?;
        match file::fstat(directory.as_fd())?.kind {
            FileKind::Directory => Ok(Found::Unindexed(directory)),
            _ => Err(Error::not_found("openat")),
        }
    }

    /// A file. With `gzip_static always`, also a compressed copy without the file.
    fn find_document(&self, path: &[u8], dependencies: &mut Option<Dependencies<'_>>) -> Result<Found, Error> {
        let folder = &mut Folder::of(path, self.wanted.settings.disable_symlinks);
        let found =
            self.find_file(path, folder, dependencies).or_else(|error| match self.wanted.settings.gzip_static {
                GzipStatic::Always if error.is_not_found() => {
                    match self.find_file(&[path, b".gz"].concat(), folder, dependencies)? {
                        None => Err(error),
                        file => Ok(file),
                    }
                }
                _ => Err(error),
            })?;
        let Some((file, stat)) = found else { return Ok(Found::Directory) };
        let (file, head) = self.compressed(file, &stat, path, (folder, dependencies));
        Ok(Found::Document(file, head, None))
    }

    /// Opens the file at this path, which lies in `folder`. Returns `None` for a directory. Watches the path if the
    /// answer may be cached.
    fn find_file(
        &self,
        path: &[u8],
        folder: &mut Folder<'_>,
        dependencies: &mut Option<Dependencies<'_>>,
    ) -> Result<Option<(OwnedFd, Stat)>, Error> {
        if let Some(dependencies) = dependencies {
            dependencies.follow(path);
        }
        let file = folder.open(path)?;
        let stat = file::fstat(file.as_fd())?;
        match stat.kind {
            FileKind::File => Ok(Some((file, stat))),
            FileKind::Directory => Ok(None),
            _ => Err(Error::not_found("openat")), // devices and FIFOs are not served
        }
    }

    /// The compressed copy instead of the file, if it is wanted and exists; with the response's head.
    fn compressed(
        &self,
        file: OwnedFd,
        stat: &Stat,
        path: &[u8],
        (folder, dependencies): (&mut Folder<'_>, &mut Option<Dependencies<'_>>),
    ) -> (OwnedFd, ReplyHead) {
        if self.wanted.gzip
            && let Ok(Some((file, stat))) = self.find_file(&[path, b".gz"].concat(), folder, dependencies)
        {
            let mut head = self.head(&stat, path);
            head.fields.push((const { Name::from_static("Content-Encoding") }, const { Text::from_static("gzip") }));
            return (file, head);
        }
        (file, self.head(stat, path))
    }

    fn head(&self, stat: &Stat, path: &[u8]) -> ReplyHead {
        let settings = &self.wanted.settings;
        let mut head = ReplyHead::new(200);
        head.length = Some(stat.size_bytes);
        head.content_type = Text::shared(Arc::clone(route::media_type(settings, path))).ok();
        head.last_modified_secs = last_modified_secs(stat);
        head.etag = etag_of(stat, settings.etag, self.asked);
        head.seekable = true;
        if settings.gzip_static == GzipStatic::On {
            let vary = (const { Name::from_static("Vary") }, const { Text::from_static("Accept-Encoding") });
            head.fields.push(vary); // RFC 9110 section 12.5.5
        }
        head
    }

    /// Sends the next bytes that are wanted: a range, or several short ones.
    fn send(&self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let reply = &mut cx.transaction().reply;
        let Some(file) = &self.file else { return Ok(Flow::Progress) };
        let (mut ranges, mut sent) = (0, 0);
        while let Some(range) = reply.wanted.pop_front() {
            let bytes = range.end - range.start;
            (ranges, sent) = (ranges + 1, sent + bytes);
            if self.is_sendable && bytes > READ_WHOLE_BYTES_MAX {
                reply.body.push(Segment::file(Rc::clone(file), range));
            } else {
                let end = range.end.min(range.start + READ_FILE_BYTES);
                reply.body.push_bytes(read_exactly(file, range.start..end).map_err(TaskError::internal)?);
                if end < range.end {
                    reply.wanted.push_front(end..range.end);
                }
            }
            if reply.wanted.is_empty() {
                reply.body.end();
                return Ok(Flow::Done);
            }
            if ranges == RANGES_PER_TURN || sent > READ_FILE_BYTES {
                return Ok(Flow::Yield);
            }
            if reply.body.room() == 0 {
                break;
            }
        }
        Ok(Flow::Progress)
    }
}

/// The result of looking up a path.
enum Found {
    /// A file and its head. For a directory, its index file, with the name.
    Document(OwnedFd, ReplyHead, Option<String>),
    /// A directory; the path has no slash at its end.
    Directory,
    /// A directory without an index file.
    NoIndex,
    /// A directory without an index file, opened to be listed.
    Unindexed(OwnedFd),
    /// An index file for which another location answers; the path of its URL.
    Elsewhere(Vec<u8>),
}

/// Reads this range with one pread(2). If fewer bytes come, the file has become shorter.
fn read_exactly(file: &OwnedFd, range: Range<u64>) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; (range.end - range.start) as usize];
    let count = file::pread(file.as_fd(), &mut bytes, range.start)?;
    if count < bytes.len() { Err(Error::shrunk("pread")) } else { Ok(bytes) }
}

/// The status for an error.
fn status(error: Error) -> u16 {
    match error {
        e if e.is_not_found() => 404,
        e if e.is_forbidden() => 403,
        e if e.is_exhaustion() => 503,
        _ => 500,
    }
}

/// The error without the call's name: "2: No such file or directory".
struct Reason(Error);

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = std::io::Error::from(self.0).to_string();
        write!(f, "{}: {}", self.0.errno(), text.split(" (os error").next().unwrap_or_default())
    }
}

impl Task<Worker> for FileRead {
    fn kind(&self) -> &'static str {
        "FileRead"
    }

    fn doing(&self) -> &'static str {
        if self.file.is_some() { "reading the file" } else { "opening the file" }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always // regular files are never watched: read(2) of them waits for the disk
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match (transaction, &self.file) {
            (Some(x), None) if x.reply.outcome.is_none() => Want::Kernel,
            (Some(x), Some(_)) if !x.reply.wanted.is_empty() && x.reply.body.room() > 0 => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup if self.file.is_none() => Ok(self.find(cx)),
            Event::Ready | Event::Hangup => self.send(cx),
            Event::Cancel => Ok(Flow::Done),
            Event::Deadline => Ok(Flow::Progress),
        }
    }
}
