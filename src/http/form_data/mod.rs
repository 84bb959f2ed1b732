//! A parser for multipart/form-data (RFC 7578) that works while the body arrives: bytes in, [`FormEvent`]s out.
//!
//! The delimiter of parts is CRLF, two hyphens and the boundary (RFC 2046 section 5.1.1). A piece of the body may end
//! in the middle of a delimiter. The parser does not keep those bytes, it counts them: if they turn out to be content,
//! it takes them from its own copy of the delimiter, which has the same bytes. So no content is copied, and the caller
//! need not keep what it has passed. The first byte of the delimiter is its only CR, so after a failed comparison the
//! next delimiter can begin at the failed byte at the earliest.

mod part;

pub use part::FormPart;

use super::octets::{is_blank, trim};
use super::parameters;
use memchr::memmem::Finder;
use std::fmt;
use std::ops::Range;

/// The longest boundary (RFC 2046 section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// How large a form may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FormLimits {
    /// The number of parts: fields and files together.
    pub parts_max: usize,
    /// Bytes of the content of one file; 0: only the whole body has a limit.
    pub file_bytes_max: u64,
    /// Bytes of the names and contents of all fields that are not files.
    pub fields_bytes_max: u64,
    /// Bytes of the head of one part, its empty line included.
    pub head_bytes_max: usize,
}

impl Default for FormLimits {
    /// 100 parts, files of any size, 64 KiB of fields, 8 KiB of head.
    fn default() -> FormLimits {
        FormLimits { parts_max: 100, file_bytes_max: 0, fields_bytes_max: 64 << 10, head_bytes_max: 8 << 10 }
    }
}

/// The next piece of a form.
#[derive(Debug, PartialEq, Eq)]
pub enum FormEvent<'a> {
    /// A part begins: a field or a file.
    Part(FormPart),
    /// The next bytes of the part's content; never empty.
    Data(&'a [u8]),
    /// The part's content is complete.
    PartEnd,
    /// The form is complete. The bytes behind it, the epilogue, are ignored.
    End,
}

/// Why a body is refused: it is not a valid form, or it is over a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FormError {
    /// 400, or 413 if a limit is exceeded.
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

/// True if a Content-Type is multipart/form-data.
pub fn is_form_data(content_type: &[u8]) -> bool {
    parameters::split(content_type).0.eq_ignore_ascii_case(b"multipart/form-data")
}

/// The boundary in a Content-Type.
///
/// # Errors
/// [`FormError`] 400 if the boundary parameter is missing or malformed.
pub fn boundary(content_type: &[u8]) -> Result<Vec<u8>, FormError> {
    for parameter in parameters::split(content_type).1 {
        let parameter = parameter.map_err(FormError::bad)?;
        if parameter.name.eq_ignore_ascii_case(b"boundary") {
            let text = parameter.value;
            let is_right =
                (1..=BOUNDARY_BYTES_MAX).contains(&text.len()) && text.iter().all(|b| (b' '..=b'~').contains(b));
            return match is_right && trim(&text).len() == text.len() {
                true => Ok(text.into_owned()),
                false => Err(FormError::bad("a malformed boundary (RFC 2046 section 5.1.1)")),
            };
        }
    }
    Err(FormError::bad("a multipart Content-Type without a boundary (RFC 2046 section 5.1.1)"))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// In the text before the first boundary, or in the content of a part. The last `matched` bytes are the beginning
    /// of a delimiter.
    Content {
        matched: usize,
    },
    /// Behind a delimiter: the next byte tells whether it is a boundary.
    Delimiter,
    /// Behind a delimiter and a hyphen.
    Hyphen,
    /// Behind a delimiter and a CR.
    Cr,
    /// Behind a boundary and blanks.
    Blank,
    /// Behind a boundary, blanks and a CR.
    BlankCr,
    /// In the head of a part.
    Head,
    /// Behind the last boundary; [`FormEvent::End`] has not been returned yet.
    Last,
    /// Behind the last boundary.
    Epilogue,
    Failed(FormError),
}

/// An event as positions: its bytes have not been looked up.
enum Found {
    Part(FormPart),
    /// Content: a range of the input.
    Input(Range<usize>),
    /// Content: the first bytes of the delimiter.
    Delimiter(Range<usize>),
    PartEnd,
    End,
}

/// The parser of one form.
pub struct FormData {
    state: State,
    /// CRLF, two hyphens, the boundary, and room for the byte that shows that the delimiter is content after all.
    delimiter: Box<[u8]>,
    finder: Finder<'static>,
    /// The delimiter's CRLF was already read: it ended an empty line, or the line before the body.
    after_line: bool,
    /// A part has begun and has not ended: the next bytes are its content.
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
    /// A parser at the start of a body with this boundary.
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

    /// Returns the next event in `input`, and removes the used bytes from `input`. Returns None if all of `input` is
    /// used and the parser needs more.
    ///
    /// # Errors
    /// [`FormError`] at the first byte that breaks a rule. Every later call returns the same error.
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

    /// Call it when the whole body has been passed: it checks that the form is complete.
    ///
    /// # Errors
    /// [`FormError`] 400 if the last boundary is missing.
    pub fn end(&self) -> Result<(), FormError> {
        match self.state {
            State::Last | State::Epilogue => Ok(()),
            State::Failed(error) => Err(error),
            _ => Err(NOT_COMPLETE),
        }
    }

    /// Continues in `input` at `at`, which it moves, up to the end of the input or of the state.
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

    /// The bytes behind the delimiter show that it is a boundary.
    fn boundary(&mut self, next: State, at: &mut usize) -> Option<Found> {
        *at += 1;
        (self.state, self.after_line) = (next, false);
        self.head.clear();
        std::mem::take(&mut self.in_part).then_some(Found::PartEnd)
    }

    /// The next byte shows that the first `matched` bytes of the delimiter are content.
    fn look_alike(&mut self, count: usize) -> Result<Option<Found>, FormError> {
        self.state = State::Content { matched: 0 };
        let from = if std::mem::take(&mut self.after_line) { 2 } else { 0 };
        self.content(Found::Delimiter(from..count), (count - from) as u64)
    }

    /// The byte behind the delimiter shows that both are content. (A CR without an LF behind it does not begin a new
    /// delimiter.)
    fn look_alike_and(&mut self, behind: u8) -> Result<Option<Found>, FormError> {
        let count = self.delimiter.len();
        self.delimiter[count - 1] = behind;
        self.look_alike(count)
    }

    /// Bytes that are not a boundary: content of a part, or text before the first boundary.
    fn content(&mut self, found: Found, bytes: u64) -> Result<Option<Found>, FormError> {
        if !self.in_part || bytes == 0 {
            return Ok(None);
        }
        self.count(bytes)?;
        Ok(Some(found))
    }

    /// Counts `len` more bytes of content.
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

    /// Compares the input with the rest of the delimiter.
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

    /// Collects the head of a part, up to its empty line.
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
        (self.state, self.after_line) = (State::Content { matched: 2 }, true); // the part may have no content
        Ok(Some(Found::Part(part)))
    }
}

#[cfg(test)]
mod tests;
