//! The parts of a form: files on disk, and fields in memory.

use super::part_file::PartFile;
use crate::config::Settings;
use crate::http::file_name::stored_name;
use crate::http::form_data::{FormEvent, FormPart};
use crate::http::stored::StoredFile;
use std::ffi::CString;
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
    files: Vec<(PartFile, StoredFile)>,
    /// The values of fields that are not files, in order.
    pub fields: Vec<(String, Vec<u8>)>,
    /// Whether the current part is a file.
    in_file: bool,
    /// The number of files begun.
    begun: usize,
}

impl Parts {
    /// No parts yet. `number` is one that no other upload has.
    pub fn new(folder: OwnedFd, number: u128, settings: Arc<Settings>) -> Self {
        let (files, fields) = (Vec::new(), Vec::new());
        Self { folder: Rc::new(folder), number, settings, files, fields, in_file: false, begun: 0 }
    }

    /// Begins a file. `name` is the name that it will get.
    ///
    /// # Errors
    /// The errors of open(2).
    pub fn begin_file(&mut self, field: Option<String>, name: String, media_type: String) -> Result<(), Error> {
        let file = PartFile::create(&self.folder, self.number, self.begun)?;
        self.begun += 1;
        self.in_file = true;
        self.files.push((file, StoredFile { field, name, url_path: None, size_bytes: 0, media_type }));
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
        match (self.in_file, self.files.last_mut(), self.fields.last_mut()) {
            (true, Some((file, _)), _) => file.write(bytes)?,
            (false, _, Some((_, value))) => value.extend_from_slice(bytes),
            _ => {}
        }
        Ok(())
    }

    /// The number of bytes of the current file.
    pub fn file_bytes(&self) -> u64 {
        self.files.last().map_or(0, |(file, _)| file.size_bytes)
    }

    /// Ends the current part.
    ///
    /// # Errors
    /// The errors of write(2) and fsync(2).
    pub fn end_part(&mut self) -> Result<(), Error> {
        if !self.in_file {
            return Ok(());
        }
        let Some((mut file, mut stored)) = self.files.pop() else { return Ok(()) };
        if stored.name.is_empty() {
            if file.size_bytes == 0 {
                return Ok(()); // no file was chosen
            }
            stored.name = self.name(b"", &stored.media_type);
        }
        file.close(self.settings.dav.sync)?;
        stored.size_bytes = file.size_bytes;
        self.files.push((file, stored));
        Ok(())
    }

    /// Gives all files their names, or none.
    ///
    /// # Errors
    /// The errors of rename(2), link(2) and fsync(2).
    pub fn keep(&mut self) -> Result<Vec<StoredFile>, Error> {
        let mut kept: Vec<StoredFile> = Vec::with_capacity(self.files.len());
        let mut outcome = Ok(());
        for (file, stored) in &mut self.files {
            match file.name(&stored.name) {
                Ok(name) => kept.push(StoredFile { name, ..stored.clone() }),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        if outcome.is_ok() && self.settings.dav.sync {
            outcome = file::fsync(self.folder.as_fd()); // the names are part of the directory
        }
        if let Err(error) = outcome {
            let names = kept.iter().filter_map(|stored| CString::new(stored.name.as_bytes()).ok());
            names.for_each(|name| {
                let _ = file::unlinkat(self.folder.as_fd(), &name);
            });
            return Err(error);
        }
        self.files.clear();
        Ok(kept)
    }
}

/// The file name extension for this media type, with its dot; empty if none is known.
pub(super) fn extension(settings: &Settings, media_type: &str) -> String {
    let kind = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    settings.extensions.get(&kind[..]).map(|extension| format!(".{extension}")).unwrap_or_default()
}
