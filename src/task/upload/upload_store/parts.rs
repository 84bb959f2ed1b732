//! The parts of a form: files on disk, and fields in memory.

use super::part_file::PartFile;
use crate::config::Settings;
use crate::http::file_name::stored_name;
use crate::http::form_data::{FormEvent, FormPart};
use crate::http::stored::StoredFile;
use crate::limits::CALLS_PER_TURN;
use std::collections::VecDeque;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::Error;
use webserv_sys::file;

/// The parts of one upload.
pub(super) struct Parts {
    folder: Rc<OwnedFd>,
    number: u128,
    settings: Arc<Settings>,
    /// The files that have no names yet.
    files: VecDeque<(PartFile, StoredFile)>,
    /// The files that have their names.
    kept: Vec<StoredFile>,
    /// The values of fields that are not files, in order.
    pub fields: Vec<(String, Vec<u8>)>,
    /// Whether the current part is a file.
    in_file: bool,
    /// The number of files begun.
    begun: usize,
    /// System calls in this turn. A call that waits for the disk counts as a whole turn.
    calls: usize,
}

impl Parts {
    /// No parts yet. `number` is one that no other upload has.
    pub fn new(folder: OwnedFd, number: u128, settings: Arc<Settings>) -> Self {
        let (folder, files) = (Rc::new(folder), VecDeque::new());
        let (kept, fields) = (Vec::new(), Vec::new());
        Self { folder, number, settings, files, kept, fields, in_file: false, begun: 0, calls: 0 }
    }

    /// A new turn.
    pub fn begin_turn(&mut self) {
        self.calls = 0;
    }

    /// Whether all files can be removed in one turn.
    pub fn are_few(&self) -> bool {
        self.files.len() + self.kept.len() < CALLS_PER_TURN / 2
    }

    /// Whether this turn has made enough system calls. The rest has to wait for the next one.
    pub fn has_worked_enough(&self) -> bool {
        self.calls >= CALLS_PER_TURN / 2
    }

    /// Begins a file. `name` is the name that it will get.
    ///
    /// # Errors
    /// The errors of open(2).
    pub fn begin_file(&mut self, field: Option<String>, name: String, media_type: String) -> Result<(), Error> {
        let file = PartFile::create(&self.folder, self.number, self.begun)?;
        self.begun += 1;
        self.calls += 1;
        self.in_file = true;
        self.files.push_back((file, StoredFile { field, name, url_path: None, size_bytes: 0, media_type }));
        Ok(())
    }

    /// Handles the next event of the form parser.
    ///
    /// # Errors
    /// The errors of the calls on a file.
    pub fn take(&mut self, event: FormEvent<'_>) -> Result<(), Error> {
        match event {
            FormEvent::Part(part) => self.begin(part),
            FormEvent::Data(bytes) => self.write(bytes),
            FormEvent::PartEnd => self.end_part(),
            FormEvent::End => Ok(()),
        }
    }

    fn begin(&mut self, part: FormPart) -> Result<(), Error> {
        let Some(sent) = part.file_name else {
            self.in_file = false;
            self.fields.push((part.name, Vec::new()));
            return Ok(());
        };
        let media_type = part.content_type.unwrap_or_default();
        // A file control without a chosen file has an empty name and no content. That is known at its end.
        let name = if sent.is_empty() { String::new() } else { self.name(&sent, &media_type) };
        self.begin_file(Some(part.name), name, media_type)
    }

    /// The name for a stored file.
    fn name(&self, sent: &[u8], media_type: &str) -> String {
        stored_name(sent).unwrap_or_else(|| ["file", &extension(&self.settings, media_type)].concat())
    }

    /// Writes more of the current part.
    ///
    /// # Errors
    /// The errors of write(2).
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match (self.in_file, self.files.back_mut(), self.fields.last_mut()) {
            (true, Some((file, _)), _) => self.calls += file.write(bytes)?,
            (false, _, Some((_, value))) => value.extend_from_slice(bytes),
            _ => {}
        }
        Ok(())
    }

    /// The number of bytes of the current file.
    pub fn file_bytes(&self) -> u64 {
        self.files.back().map_or(0, |(file, _)| file.size_bytes)
    }

    /// Ends the current part.
    ///
    /// # Errors
    /// The errors of write(2) and fsync(2).
    pub fn end_part(&mut self) -> Result<(), Error> {
        if !self.in_file {
            return Ok(());
        }
        let Some((mut file, mut stored)) = self.files.pop_back() else { return Ok(()) };
        self.calls += 1; // drop() removes a file that is not pushed back
        if stored.name.is_empty() {
            if file.size_bytes == 0 {
                return Ok(()); // no file was chosen
            }
            stored.name = self.name(b"", &stored.media_type);
        }
        self.calls += file.close(self.settings.dav.sync)?;
        if self.settings.dav.sync {
            self.calls += CALLS_PER_TURN;
        }
        stored.size_bytes = file.size_bytes;
        self.files.push_back((file, stored));
        Ok(())
    }

    /// Gives more files their names. Returns the files when all have them. After an error, call
    /// [`remove_some`](Self::remove_some).
    ///
    /// # Errors
    /// The errors of rename(2), link(2) and fsync(2).
    pub fn keep_some(&mut self) -> Result<Option<Vec<StoredFile>>, Error> {
        while let Some((mut file, stored)) = self.files.pop_front() {
            let (name, calls) = file.name(&stored.name)?;
            self.calls += calls;
            self.kept.push(StoredFile { name, ..stored });
            if self.has_worked_enough() && !self.files.is_empty() {
                return Ok(None);
            }
        }
        if self.settings.dav.sync {
            file::fsync(self.folder.as_fd())?; // the names are part of the directory
        }
        Ok(Some(mem::take(&mut self.kept)))
    }

    /// Removes more of what is stored, with or without names. Returns true when nothing is left.
    pub fn remove_some(&mut self) -> bool {
        while !self.has_worked_enough() {
            match self.kept.pop() {
                Some(stored) => remove(&self.folder, &stored),
                None if self.files.pop_back().is_none() => return true, // drop() has removed it
                None => {}
            }
            self.calls += 1;
        }
        false
    }
}

impl Drop for Parts {
    /// The server ends while the files get their names: all or none.
    fn drop(&mut self) {
        self.kept.iter().for_each(|stored| remove(&self.folder, stored));
    }
}

fn remove(folder: &OwnedFd, stored: &StoredFile) {
    let _ = file::c_path("unlinkat", stored.name.as_bytes()).and_then(|name| file::unlinkat(folder.as_fd(), &name));
}

/// The file name extension for this media type, with its dot; empty if none is known.
pub(super) fn extension(settings: &Settings, media_type: &str) -> String {
    let kind = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    settings.extensions.get(&kind[..]).map(|extension| format!(".{extension}")).unwrap_or_default()
}
