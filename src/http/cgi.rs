//! The head of a CGI program's output (RFC 3875 section 6): from bytes as they arrive to a [`ScriptAnswer`].
//!
//! The scan goes on where it stopped; rules are applied in the order of the lines, so that any split of the output
//! gives the same result. Where programs are known to say less or more than the RFC lets them, what they mean is taken:
//! a Status is enough for a head, and a client may be redirected with any 3xx that redirects. What contradicts itself,
//! or is no head, is an error: the client gets a 502.
//!
//! A non-parsed header script (section 5) writes an HTTP response. Of that only the status line is looked at, and where
//! the head ends.

use super::fields::{Known, line_fault, split_line};
use super::number::parse_decimal;
use super::octets::{all_field_value, is_blank};
use super::reply::{Name, ReplyHead, Text};
use std::fmt;

/// How much of a head is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScriptHeadLimits {
    /// The whole head with its empty line.
    pub head_bytes_max: usize,
    /// The number of lines with fields.
    pub fields_max: usize,
}

impl Default for ScriptHeadLimits {
    /// 32 KiB as for requests, 200 fields.
    fn default() -> ScriptHeadLimits {
        ScriptHeadLimits { head_bytes_max: 32 << 10, fields_max: 200 }
    }
}

/// What has come of a program's output so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScriptHead {
    /// The head is not complete.
    NeedMore,
    /// It is.
    Done {
        /// Its length in bytes; what follows is the body.
        taken: usize,
        /// What it says.
        answer: ScriptAnswer,
    },
}

/// The four kinds of answers (RFC 3875 section 6.2), and that of a script whose head is not parsed. Heads have the
/// length that the program names, if it does; their `fields` have nothing that belongs to the connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScriptAnswer {
    /// The body is the answer (section 6.2.1).
    Document(ReplyHead),
    /// Not an answer: `path?query` of this server, as in a request target, is to be answered instead (section 6.2.2).
    LocalRedirect(Vec<u8>),
    /// The client shall go elsewhere; no body is meant to follow (section 6.2.3).
    ClientRedirect(ReplyHead),
    /// The same with a body (section 6.2.4).
    ClientRedirectWithDocument(ReplyHead),
    /// The head is that of an HTTP response with this status, and goes to the client as it is (section 5).
    NonParsed(u16),
}

/// Why a program's output cannot be an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScriptError {
    /// The rule that was broken, for the error log.
    pub reason: &'static str,
    /// The line that breaks it, from 1.
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
const NO_HEAD: &str = "neither Content-Type, Location nor Status before the first empty line (RFC 3875 section 6.2)";
const STATUS_LINE: &str = "a status line of HTTP, which is no field; write \"Status: 200 OK\" (RFC 3875 section 6.3.3)";
const BAD_STATUS: &str = "a Status that does not begin with a number from 200 to 599 (RFC 3875 section 6.3.3)";
const BAD_LENGTH: &str = "a Content-Length that is no number (RFC 9110 section 8.6)";
const BAD_LOCATION: &str = "an empty Location (RFC 3875 section 6.3.2)";
const TWICE: &str = "a second Content-Type, Content-Length, Location or Status (RFC 3875 section 6.3)";

/// How far the head has come. To be used for one program's output.
#[derive(Debug, Default)]
pub struct HeadScan {
    /// Bytes before this one need not be looked at again.
    at: usize,
    /// Where the line that is being read begins.
    line_start: usize,
    /// Lines that are complete.
    lines: usize,
    /// The whole head is the script's own.
    non_parsed: bool,
    status: Option<u16>,
    /// What the other fields say.
    head: ReplyHead,
}

impl HeadScan {
    /// The scan of a non-parsed header script's output.
    pub fn non_parsed() -> HeadScan {
        HeadScan { non_parsed: true, ..HeadScan::default() }
    }

    /// Goes on with the head. `output` is everything that has come, from the program's first byte on.
    ///
    /// # Errors
    /// As early as lines are complete or limits are reached. The scan is over then.
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
                _ if self.non_parsed => self.status_line(line),
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

    /// The output has ended, and [`HeadScan::advance`] needed more: why this is no answer.
    pub fn ended(&self) -> ScriptError {
        let reason = match self.at {
            0 => "it has ended without any output",
            _ => "it has ended within its head, before an empty line (RFC 3875 section 6.2)",
        };
        ScriptError { reason, line: self.lines + 1 }
    }

    fn error(&self, reason: &'static str) -> ScriptError {
        ScriptError { reason, line: self.lines }
    }

    /// Notes a response's first line with its end (RFC 9112 section 4).
    fn status_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let text = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line);
        let rest = text.strip_prefix(b"HTTP/1.0 ").or_else(|| text.strip_prefix(b"HTTP/1.1 "));
        let rest = rest.filter(|rest| all_field_value(rest)).ok_or(NO_STATUS_LINE)?;
        self.status = Some(status(rest).map_err(|_| NO_STATUS_LINE)?);
        Ok(())
    }

    /// Notes a line with its end. There are no continuation lines (RFC 3875 section 6.3).
    fn field(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let Some(parts) = split_line(line).filter(|parts| parts.line_len == line.len()) else {
            return Err(if line.starts_with(b"HTTP/") { STATUS_LINE } else { line_fault(line) });
        };
        let (name, value) = (&line[..parts.name_len], &line[parts.value_start..parts.value_end]);
        let text = || Text::new(value).map_err(|_| line_fault(line));
        match parts.known {
            Some(known) if is_of_the_connection(known) => Ok(()),
            Some(Known::ContentType) if value.is_empty() => Ok(()),
            Some(Known::ContentType) => once(&mut self.head.content_type, text()?),
            Some(Known::ContentLength) => {
                let length = parse_decimal(value).ok_or(BAD_LENGTH)?;
                // Said twice is harmless, contradicted is not (RFC 9110 section 8.6).
                if self.head.length == Some(length) { Ok(()) } else { once(&mut self.head.length, length) }
            }
            None if name.eq_ignore_ascii_case(b"Status") => once(&mut self.status, status(value)?),
            None if name.eq_ignore_ascii_case(b"Location") && value.is_empty() => Err(BAD_LOCATION),
            None if name.eq_ignore_ascii_case(b"Location") => once(&mut self.head.location, text()?),
            _ => {
                let name = Name::new(name).map_err(|_| line_fault(line))?;
                self.head.fields.push((name, text()?));
                Ok(())
            }
        }
    }

    /// What the fields come to.
    fn answer(&mut self) -> Result<ScriptAnswer, &'static str> {
        if self.non_parsed {
            return self.status.map(ScriptAnswer::NonParsed).ok_or(NO_STATUS_LINE);
        }
        let head = std::mem::take(&mut self.head);
        if let (None, Some(location)) = (self.status, &head.location)
            && let [b'/', ..] = location.as_bytes()
        {
            let mut parts = location.as_bytes().split(|b| *b == b'#'); // a fragment is the client's business
            return Ok(ScriptAnswer::LocalRedirect(parts.next().unwrap_or_default().to_vec()));
        }
        let says_enough = self.status.is_some() || head.content_type.is_some() || head.location.is_some();
        let default = if head.location.is_some() { 302 } else { 200 };
        let status = self.status.unwrap_or(default);
        let redirects = head.location.is_some() && matches!(status, 300..=303 | 307 | 308);
        match (says_enough, redirects, head.content_type.is_some()) {
            (false, ..) => Err(NO_HEAD),
            (_, false, _) => Ok(ScriptAnswer::Document(ReplyHead { status, ..head })),
            (_, _, false) => Ok(ScriptAnswer::ClientRedirect(ReplyHead { status, length: None, ..head })),
            (_, _, true) => Ok(ScriptAnswer::ClientRedirectWithDocument(ReplyHead { status, ..head })),
        }
    }
}

/// Takes the value of a field that may stand once.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), &'static str> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(TWICE),
    }
}

/// `404 Not Found` or `404`: the phrase is not sent on. Interim answers are the server's own.
fn status(value: &[u8]) -> Result<u16, &'static str> {
    let (digits, rest) = value.split_at(value.len().min(3));
    match parse_decimal(digits) {
        Some(status @ 200..=599) if rest.first().is_none_or(|b| is_blank(*b)) => Ok(status as u16),
        _ => Err(BAD_STATUS),
    }
}

/// How the message is framed and what becomes of the connection is between server and client.
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
