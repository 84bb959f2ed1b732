//! multipart/form-data (RFC 7578) taken apart as it arrives: bytes in, [`FormEvent`]s out.
//!
//! A part ends at CRLF, two hyphens and the boundary (RFC 2046 section 5.1.1). What looks like the beginning of that at
//! the end of a piece is not kept but counted: if it proves to be content, it is told from the delimiter, which is the
//! same bytes. So no content is copied, and nobody needs to keep what has been read. The delimiter's only CR is its
//! first byte: when a comparison fails, another one can begin no earlier than at the byte that failed.

mod part;

pub use part::FormPart;

use super::octets::{is_blank, trim};
use super::parameters;
use memchr::memmem::Finder;
use std::fmt;
use std::ops::Range;

/// The longest boundary (RFC 2046 section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// How much of a form is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FormLimits {
    /// Fields and files.
    pub parts_max: usize,
    /// The content of one file; 0: no limit but that of the whole body.
    pub file_bytes_max: u64,
    /// The names and contents of all fields that are no files.
    pub fields_bytes_max: u64,
    /// The head of one part with its empty line.
    pub head_bytes_max: usize,
}

impl Default for FormLimits {
    /// 100 parts, files of any size, 64 KiB of fields, 8 KiB of head.
    fn default() -> FormLimits {
        FormLimits { parts_max: 100, file_bytes_max: 0, fields_bytes_max: 64 << 10, head_bytes_max: 8 << 10 }
    }
}

/// What comes next in a form.
#[derive(Debug, PartialEq, Eq)]
pub enum FormEvent<'a> {
    /// A field or a file begins.
    Part(FormPart),
    /// The next bytes of its content; never empty.
    Data(&'a [u8]),
    /// Its content is complete.
    PartEnd,
    /// The form is complete. What follows, the epilogue, is passed over.
    End,
}

/// Why a body is no form, or one that is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FormError {
    /// 400, or 413 for what is over a limit.
    pub status: u16,
    /// The rule that was broken, for the error log.
    pub reason: &'static str,
}

impl FormError {
    const fn bad(reason: &'static str) -> FormError {
        FormError { status: 400, reason }
    }

    const fn large(reason: &'static str) -> FormError {
        FormError { status: 413, reason }
    }
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl std::error::Error for FormError {}

const BEHIND_BOUNDARY: FormError =
    FormError::bad("something behind the blanks after a boundary (RFC 2046 section 5.1.1)");
const BARE_LF: FormError =
    FormError::bad("a line in the head of a part that does not end in CRLF (RFC 2046 section 5.1)");
const NOT_COMPLETE: FormError = FormError::bad("the body ended before the form's last boundary");
const PARTS: FormError = FormError::large("more fields and files than are accepted");
const HEAD: FormError = FormError::large("the head of a part is too long");
const FILE: FormError = FormError::large("a file of the form is too large");
const FIELDS: FormError = FormError::large("the fields of the form are too large");

/// Whether a Content-Type is multipart/form-data.
pub fn is_form_data(content_type: &[u8]) -> bool {
    parameters::split(content_type).0.eq_ignore_ascii_case(b"multipart/form-data")
}

/// The boundary that a Content-Type names.
///
/// # Errors
/// [`FormError`], 400: there is none, or it is none.
pub fn boundary(content_type: &[u8]) -> Result<Vec<u8>, FormError> {
    for parameter in parameters::split(content_type).1 {
        let parameter = parameter.map_err(FormError::bad)?;
        if parameter.name.eq_ignore_ascii_case(b"boundary") {
            let text = parameter.value;
            let is_right =
                (1..=BOUNDARY_BYTES_MAX).contains(&text.len()) && text.iter().all(|b| (b' '..=b'~').contains(b));
            return match is_right && trim(&text).len() == text.len() {
                true => Ok(text.into_owned()),
                false => Err(FormError::bad("a boundary that is none (RFC 2046 section 5.1.1)")),
            };
        }
    }
    Err(FormError::bad("a multipart Content-Type without a boundary (RFC 2046 section 5.1.1)"))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// What stands before the first boundary, or the content of a part. `matched` bytes of the delimiter have come.
    Content {
        matched: usize,
    },
    /// Behind the delimiter: is it a boundary?
    Delimiter,
    /// Behind the delimiter and a hyphen.
    Hyphen,
    /// Behind the delimiter and a CR.
    Cr,
    /// Behind a boundary and blanks.
    Blank,
    /// Behind a boundary, blanks and a CR.
    BlankCr,
    /// In the head of a part.
    Head,
    /// Behind the last boundary, which has not been told.
    Last,
    /// Behind the last boundary.
    Epilogue,
    Failed(FormError),
}

/// An event whose bytes have not been looked up.
enum Found {
    Part(FormPart),
    /// Content: these bytes of the input.
    Input(Range<usize>),
    /// Content: these bytes of the delimiter.
    Delimiter(Range<usize>),
    PartEnd,
    End,
}

/// Takes one form apart.
pub struct FormData {
    state: State,
    /// CRLF, two hyphens, the boundary, and one place for the byte that shows that it is none.
    delimiter: Box<[u8]>,
    finder: Finder<'static>,
    /// The delimiter's CRLF is one that has been read before: that of an empty line, or of the line before the body.
    after_line: bool,
    /// A part has begun and not ended: what comes is its content.
    in_part: bool,
    /// That part is a file.
    in_file: bool,
    /// The head of the part that begins.
    head: Vec<u8>,
    parts: usize,
    file_bytes: u64,
    fields_bytes: u64,
    limits: FormLimits,
}

impl FormData {
    /// At the start of a body with this boundary.
    pub fn new(boundary: &[u8], limits: FormLimits) -> FormData {
        let delimiter = [b"\r\n--", boundary].concat();
        FormData {
            state: State::Content { matched: 2 },
            after_line: true,
            finder: Finder::new(&delimiter).into_owned(),
            delimiter: [&delimiter[..], b" "].concat().into(),
            in_part: false,
            in_file: false,
            head: Vec::new(),
            parts: 0,
            file_bytes: 0,
            fields_bytes: 0,
            limits,
        }
    }

    /// The next event in `input`, which is shortened by what has been used. `None`: all of it has been, and more is
    /// needed.
    ///
    /// # Errors
    /// [`FormError`] at the first byte that cannot be right; then always the same.
    pub fn next<'a, 'b: 'a>(&'a mut self, input: &mut &'b [u8]) -> Result<Option<FormEvent<'a>>, FormError> {
        let bytes: &'b [u8] = input;
        let mut at = 0;
        let found = loop {
            match self.step(bytes, &mut at) {
                Ok(None) if at == bytes.len() && self.state != State::Last => break None,
                Ok(None) => {}
                Ok(found) => break found,
                Err(error) => {
                    self.state = State::Failed(error);
                    return Err(error);
                }
            }
        };
        *input = &bytes[at..];
        Ok(found.map(|found| match found {
            Found::Part(part) => FormEvent::Part(part),
            Found::Input(range) => FormEvent::Data(&bytes[range]),
            Found::Delimiter(range) => FormEvent::Data(&self.delimiter[range]),
            Found::PartEnd => FormEvent::PartEnd,
            Found::End => FormEvent::End,
        }))
    }

    /// All of the body has been given: was it a whole form?
    ///
    /// # Errors
    /// [`FormError`], 400: its end is missing.
    pub fn end(&self) -> Result<(), FormError> {
        match self.state {
            State::Epilogue => Ok(()),
            State::Failed(error) => Err(error),
            _ => Err(NOT_COMPLETE),
        }
    }

    /// Goes on in `input` at `at`, which it advances, to the end of the input or of the state.
    fn step(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Found>, FormError> {
        match self.state {
            State::Last => {
                self.state = State::Epilogue;
                return Ok(Some(Found::End));
            }
            State::Failed(error) => return Err(error),
            State::Epilogue => *at = input.len(),
            _ => {}
        }
        let Some(&byte) = input.get(*at) else { return Ok(None) };
        match (self.state, byte) {
            (State::Content { matched: 0 }, _) => return self.search(input, at),
            (State::Content { matched }, _) => return self.compare(matched, input, at),
            (State::Head, _) => return self.head(input, at),
            (State::Delimiter, b'-') => self.state = State::Hyphen,
            (State::Delimiter, b'\r') => self.state = State::Cr,
            (State::Delimiter | State::Blank, _) if is_blank(byte) => self.state = State::Blank,
            (State::Delimiter, _) => return self.look_alike(self.delimiter.len() - 1),
            (State::Hyphen, b'-') => return Ok(self.boundary(State::Last, at)),
            (State::Hyphen, _) => return self.look_alike_and(b'-'),
            (State::Cr | State::BlankCr, b'\n') => {
                self.parts += 1;
                if self.parts > self.limits.parts_max {
                    return Err(PARTS);
                }
                return Ok(self.boundary(State::Head, at));
            }
            (State::Cr, _) => return self.look_alike_and(b'\r'),
            (State::Blank, b'\r') => self.state = State::BlankCr,
            _ => return Err(BEHIND_BOUNDARY),
        }
        *at += 1;
        Ok(None)
    }

    /// What followed the delimiter shows that it is a boundary.
    fn boundary(&mut self, next: State, at: &mut usize) -> Option<Found> {
        *at += 1;
        (self.state, self.after_line) = (next, false);
        self.head.clear();
        std::mem::take(&mut self.in_part).then_some(Found::PartEnd)
    }

    /// What followed shows that so many bytes of the delimiter are content.
    fn look_alike(&mut self, count: usize) -> Result<Option<Found>, FormError> {
        self.state = State::Content { matched: 0 };
        let from = if std::mem::take(&mut self.after_line) { 2 } else { 0 };
        self.content(Found::Delimiter(from..count), (count - from) as u64)
    }

    /// What followed shows that the delimiter and the byte behind it are content. (A CR that no LF follows begins no
    /// other delimiter.)
    fn look_alike_and(&mut self, behind: u8) -> Result<Option<Found>, FormError> {
        let count = self.delimiter.len();
        self.delimiter[count - 1] = behind;
        self.look_alike(count)
    }

    /// Bytes that are no boundary: of a part, or before the first one.
    fn content(&mut self, found: Found, bytes: u64) -> Result<Option<Found>, FormError> {
        if !self.in_part || bytes == 0 {
            return Ok(None);
        }
        self.count(bytes)?;
        Ok(Some(found))
    }

    /// So much more content.
    fn count(&mut self, bytes: u64) -> Result<(), FormError> {
        if !self.in_file {
            self.fields_bytes += bytes;
            return if self.fields_bytes > self.limits.fields_bytes_max { Err(FIELDS) } else { Ok(()) };
        }
        self.file_bytes += bytes;
        let max = self.limits.file_bytes_max;
        if max > 0 && self.file_bytes > max { Err(FILE) } else { Ok(()) }
    }

    /// Looks for the delimiter, or for its beginning at the end of the input.
    fn search(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Found>, FormError> {
        let (start, rest) = (*at, &input[*at..]);
        let delimiter = &self.delimiter[..self.delimiter.len() - 1];
        if let Some(found) = self.finder.find(rest) {
            *at += found + delimiter.len();
            self.state = State::Delimiter;
            return self.content(Found::Input(start..start + found), found as u64);
        }
        let tail = rest.len().saturating_sub(delimiter.len() - 1);
        let cr = memchr::memrchr(b'\r', &rest[tail..]).map(|cr| tail + cr);
        let matched = cr.map_or(0, |cr| if delimiter.starts_with(&rest[cr..]) { rest.len() - cr } else { 0 });
        self.state = State::Content { matched };
        *at = input.len();
        let end = input.len() - matched;
        self.content(Found::Input(start..end), (end - start) as u64)
    }

    /// Compares what has come with what is left of the delimiter.
    fn compare(&mut self, matched: usize, input: &[u8], at: &mut usize) -> Result<Option<Found>, FormError> {
        let left = &self.delimiter[matched..self.delimiter.len() - 1];
        let same = left.iter().zip(&input[*at..]).take_while(|(a, b)| a == b).count();
        *at += same;
        if same == left.len() {
            self.state = State::Delimiter;
        } else if *at == input.len() {
            self.state = State::Content { matched: matched + same };
        } else {
            return self.look_alike(matched + same);
        }
        Ok(None)
    }

    /// Gathers the head of a part, up to its empty line.
    fn head(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Found>, FormError> {
        let rest = &input[*at..];
        let line = memchr::memchr(b'\n', rest).map_or(rest, |lf| &rest[..=lf]);
        if self.head.len() + line.len() > self.limits.head_bytes_max {
            return Err(HEAD);
        }
        *at += line.len();
        self.head.extend_from_slice(line);
        if self.head.ends_with(b"\n") && !self.head.ends_with(b"\r\n") {
            return Err(BARE_LF);
        }
        if self.head != b"\r\n" && !self.head.ends_with(b"\r\n\r\n") {
            return Ok(None);
        }
        let part = FormPart::parse(&self.head).map_err(FormError::bad)?;
        (self.in_part, self.in_file, self.file_bytes) = (true, part.file_name.is_some(), 0);
        if !self.in_file {
            self.count(part.name.len() as u64)?;
        }
        (self.state, self.after_line) = (State::Content { matched: 2 }, true); // it may be a part without content
        Ok(Some(Found::Part(part)))
    }
}

#[cfg(test)]
mod tests;
