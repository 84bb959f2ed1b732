//! The head of a CGI program's output (RFC 3875 section 6): parses bytes as they arrive into a [`ScriptAnswer`].
//!
//! The scan continues where it stopped. Rules are applied in the order of the lines, so the result does not depend on
//! how the output is split into pieces. Some programs are known to write less or more than the RFC allows; where their
//! meaning is clear, it is accepted: a head needs one field, but no Content-Type; its first line may be a status line
//! of HTTP; a field may be repeated with the same value; and a redirect may have any 3xx status that redirects. A head
//! that contradicts itself, or that is malformed, is an error; the client gets a 502.
//!
//! A non-parsed header script (section 5) writes a whole HTTP response. Only its status line and the end of its head
//! are looked at.

use super::checked_line::CheckedLine;
use super::fields::{Known, line_fault};
use super::number::parse_decimal;
use super::octets::{all_field_value, is_blank};
use super::reply::{Reason, ReplyHead};
use std::fmt;

/// How large a head may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScriptHeadLimits {
    /// Bytes of the whole head, its empty line included.
    pub head_bytes_max: usize,
    /// The number of field lines.
    pub fields_max: usize,
}

impl Default for ScriptHeadLimits {
    /// 32 KiB, as for requests, and 200 field lines.
    fn default() -> ScriptHeadLimits {
        ScriptHeadLimits { head_bytes_max: 32 << 10, fields_max: 200 }
    }
}

/// The state of the head after a call of [`HeadScan::advance`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScriptHead {
    /// The head is not complete.
    NeedMore,
    /// The head is complete.
    Done {
        /// Its length in bytes; the bytes after it are the body.
        taken: usize,
        /// What the head means.
        answer: ScriptAnswer,
    },
}

/// The four kinds of response (RFC 3875 section 6.2), and that of a script whose head is not parsed. A [`ReplyHead`]
/// has a length if the program wrote Content-Length. Its `fields` hold no field that belongs to the connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScriptAnswer {
    /// The body is the content of the response (section 6.2.1).
    Document(Box<ReplyHead>),
    /// Answer the request for this `path?query` of the same server instead (section 6.2.2).
    LocalRedirect(Vec<u8>),
    /// The client is redirected; the program has no body for it (section 6.2.3).
    ClientRedirect(Box<ReplyHead>),
    /// The client is redirected, and a body follows (section 6.2.4).
    ClientRedirectWithDocument(Box<ReplyHead>),
    /// The output is an HTTP response with this status and goes to the client unchanged (section 5).
    NonParsed(u16),
}

/// Why a program's output is not a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScriptError {
    /// The rule that was broken, for the error log.
    pub reason: &'static str,
    /// The line that breaks it, counted from 1.
    pub line: usize,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the program's output: {}", self.line, self.reason)
    }
}

impl std::error::Error for ScriptError {}

const NO_STATUS_LINE: &str =
    "no HTTP/1.0 or 1.1 and a status from 200 to 599, as a script named nph- must begin (RFC 3875 section 5)";
const TOO_LONG: &str = "its head is over the limit; does it end with an empty line?";
const TOO_MANY: &str = "too many fields in its head";
const NO_HEAD: &str = "no field before the first empty line (RFC 3875 section 6.2)";
const STATUS_LINE: &str = "a status line of HTTP that is not the first line, or has no status from 200 to 599; \
                           write \"Status: 200 OK\" (RFC 3875 section 6.3.3)";
const BAD_STATUS: &str = "a Status that does not begin with a number from 200 to 599 (RFC 3875 section 6.3.3)";
const BAD_LENGTH: &str = "a Content-Length that is no number (RFC 9110 section 8.6)";
const BAD_LOCATION: &str = "an empty Location (RFC 3875 section 6.3.2)";
const TWICE: &str =
    "a second Content-Type, Content-Length, Location or Status with another value (RFC 3875 section 6.3)";

/// How far the head has been scanned. A scan serves the output of one program.
#[derive(Debug, Default)]
pub struct HeadScan {
    /// Bytes before this position need no second look.
    at: usize,
    /// Where the current line begins.
    line_start: usize,
    /// The number of complete lines.
    lines: usize,
    /// A non-parsed header script: the head goes to the client unchanged.
    non_parsed: bool,
    /// See [`HeadScan::of_server`].
    of_server: bool,
    status: Option<u16>,
    /// The fields that go to the client. `None` before the first one.
    head: Option<Box<ReplyHead>>,
}

impl HeadScan {
    /// The scan of a non-parsed header script's output.
    pub fn non_parsed() -> HeadScan {
        HeadScan { non_parsed: true, ..HeadScan::default() }
    }

    /// The scan of what a server behind a gateway writes, with nginx's rules where they differ: a Location without a
    /// Status is always a redirect of the client, and of several values of Content-Type, Location or Status the first
    /// counts.
    pub fn of_server() -> HeadScan {
        HeadScan { of_server: true, ..HeadScan::default() }
    }

    /// Continues the scan. `output` is everything that the program has written so far, from its first byte on.
    ///
    /// # Errors
    /// As soon as a broken line is complete or a limit is reached. Do not call it again after an error.
    pub fn advance(&mut self, output: &[u8], limits: &ScriptHeadLimits) -> Result<ScriptHead, ScriptError> {
        let seen = &output[..output.len().min(limits.head_bytes_max)];
        while let Some(len) = memchr::memchr(b'\n', &seen[self.at..]) {
            let end = self.at + len + 1;
            let line = &seen[self.line_start..end];
            (self.at, self.line_start, self.lines) = (end, end, self.lines + 1);
            let outcome = match line {
                b"\n" | b"\r\n" => {
                    return match self.answer() {
                        Ok(answer) => Ok(ScriptHead::Done { taken: end, answer }),
                        Err(reason) => Err(self.error(reason)),
                    };
                }
                _ if self.non_parsed && self.lines > 1 => Ok(()),
                _ if self.non_parsed => self.status_line(line).map_err(|()| NO_STATUS_LINE),
                _ if self.lines == 1 && line.starts_with(b"HTTP/") => self.status_line(line).map_err(|()| STATUS_LINE),
                _ if self.lines > limits.fields_max => Err(TOO_MANY),
                _ => self.field(line),
            };
            outcome.map_err(|reason| self.error(reason))?;
        }
        self.at = seen.len();
        if seen.len() < limits.head_bytes_max {
            return Ok(ScriptHead::NeedMore);
        }
        self.lines += 1;
        Err(self.error(TOO_LONG))
    }

    /// The error for an output that ended while [`HeadScan::advance`] needed more.
    pub fn ended(&self) -> ScriptError {
        let reason = match self.at {
            0 => "it has ended without any output",
            _ => "it has ended within its head, before an empty line (RFC 3875 section 6.2)",
        };
        ScriptError { reason, line: self.lines + 1 }
    }

    fn head(&mut self) -> &mut ReplyHead {
        self.head.get_or_insert_default()
    }

    fn error(&self, reason: &'static str) -> ScriptError {
        ScriptError { reason, line: self.lines }
    }

    /// Takes the first line of an HTTP response, its line end included (RFC 9112 section 4).
    fn status_line(&mut self, line: &[u8]) -> Result<(), ()> {
        let text = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line);
        let rest = text.strip_prefix(b"HTTP/1.0 ").or_else(|| text.strip_prefix(b"HTTP/1.1 "));
        let rest = rest.filter(|rest| all_field_value(rest)).ok_or(())?;
        self.status = Some(status(rest).map_err(|_| ())?);
        self.head().reason = self.status.and_then(|status| reason(status, rest));
        Ok(())
    }

    /// Takes a line, its line end included. There are no continuation lines (RFC 3875 section 6.3).
    fn field(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let Some(parts) = CheckedLine::at_start(line).filter(|parts| parts.len() == line.len()) else {
            return Err(if line.starts_with(b"HTTP/") { STATUS_LINE } else { line_fault(line) });
        };
        let (name, value) = (parts.name_text(), parts.value_text());
        let head = self.head.get_or_insert_default();
        match parts.known() {
            Some(known) if is_of_the_connection(known) => Ok(()),
            Some(Known::ContentType) if value.is_empty() => Ok(()),
            Some(Known::ContentType) => once(&mut head.content_type, parts.value(), self.of_server),
            Some(Known::ContentLength) => once(&mut head.length, parse_decimal(value).ok_or(BAD_LENGTH)?, false),
            None if name.eq_ignore_ascii_case(b"Status") => self.status_field(value),
            None if name.eq_ignore_ascii_case(b"Location") && value.is_empty() => Err(BAD_LOCATION),
            None if name.eq_ignore_ascii_case(b"Location") => once(&mut head.location, parts.value(), self.of_server),
            _ => {
                head.fields.push((parts.name(), parts.value()));
                Ok(())
            }
        }
    }

    fn status_field(&mut self, value: &[u8]) -> Result<(), &'static str> {
        let status = status(value)?;
        if self.status.is_none() {
            self.head().reason = reason(status, value);
        }
        once(&mut self.status, status, self.of_server)
    }

    /// The meaning of the fields of a complete head.
    fn answer(&mut self) -> Result<ScriptAnswer, &'static str> {
        if self.non_parsed {
            return self.status.map(ScriptAnswer::NonParsed).ok_or(NO_STATUS_LINE);
        }
        let mut head = self.head.take().unwrap_or_default();
        // With anything beside Location, the server could not say that too: then the client is redirected.
        let says_more = self.status.is_some() || head.content_type.is_some() || head.length.is_some();
        let only_location = head.location.as_ref().filter(|_| !says_more && head.fields.is_empty());
        if let Some(location) = only_location.filter(|_| !self.of_server)
            && let [b'/', ..] = location.as_bytes()
        {
            let mut parts = location.as_bytes().split(|b| *b == b'#'); // a fragment is for the client only
            return Ok(ScriptAnswer::LocalRedirect(parts.next().unwrap_or_default().to_vec()));
        }
        if self.lines == 1 {
            return Err(NO_HEAD);
        }
        let default = if head.location.is_some() { 302 } else { 200 };
        let status = self.status.unwrap_or(default);
        let redirects = head.location.is_some() && matches!(status, 300..=303 | 307 | 308);
        let has_body = head.content_type.is_some() || head.length.is_some();
        head.status = status;
        Ok(match (redirects, has_body) {
            (false, _) => ScriptAnswer::Document(head),
            (true, false) => ScriptAnswer::ClientRedirect(head),
            (true, true) => ScriptAnswer::ClientRedirectWithDocument(head),
        })
    }
}

/// Stores the value of a field that may appear only once. The same value again is harmless; another value is an error
/// unless the first counts.
fn once<T: PartialEq>(slot: &mut Option<T>, value: T, first_counts: bool) -> Result<(), &'static str> {
    match slot {
        Some(first) if first_counts || *first == value => Ok(()),
        Some(_) => Err(TWICE),
        None => {
            *slot = Some(value);
            Ok(())
        }
    }
}

/// The reason phrase of `404 My Words`, if it is not the usual one.
fn reason(status: u16, value: &[u8]) -> Option<Box<Reason>> {
    Reason::of(status, value.get(3..).unwrap_or_default())
}

/// Parses `404 Not Found` or `404`. A 1xx is an error: only the server sends those.
fn status(value: &[u8]) -> Result<u16, &'static str> {
    let (digits, rest) = value.split_at(value.len().min(3));
    match parse_decimal(digits) {
        Some(status @ 200..=599) if rest.first().is_none_or(|b| is_blank(*b)) => Ok(status as u16),
        _ => Err(BAD_STATUS),
    }
}

/// Fields about the message's framing or the connection: the server decides these, not the program.
const fn is_of_the_connection(known: Known) -> bool {
    matches!(
        known,
        Known::Connection
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::Te
            | Known::Trailer
            | Known::TransferEncoding
            | Known::Upgrade
    )
}

#[cfg(test)]
mod tests;
