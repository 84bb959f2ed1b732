//! Parses the head of a request, as its bytes arrive, into a [`Request`] (RFC 9112 sections 2 to 6).
//!
//! The scan continues where it stopped, so a head that arrives byte by byte costs no more than one that arrives at
//! once. Rules are applied in the order of the bytes, so both give the same result. A broken rule is found at its byte
//! in the request line, at the end of the line in a field, and at the end of the head if fields contradict each other.

use super::fields::{Known, LineParts, line_fault, split_line};
use super::framing;
use super::method::{METHOD_BYTES_MAX, Method};
use super::octets::{is_token, path_len, target_len};
use super::request::Request;
use super::rules::{BrokenRule, HeadLimits};
use super::span::Span;
use super::target;
use super::version::Version;
use std::rc::Rc;

/// Why a head is refused. The connection must close, because the start of the next request is unknown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeadError {
    /// The status of the answer: 400, 414, 417, 501 or 505.
    pub status: u16,
    /// The rule that was broken, with its section or directive, for the error log.
    pub reason: &'static str,
    /// The method, if it is known, so that the answer to HEAD has no body.
    pub method: Method,
    /// The request line as far as it has arrived, without its line end, for the logs.
    pub line: Box<[u8]>,
}

/// The number of empty lines before a request line that are skipped (RFC 9112 section 2.2 asks for at least one).
const EMPTY_LINES_MAX: u32 = 4;

/// The largest memory of a request that is reused, see [`Scan::recycle`].
const RECYCLED_BYTES_MAX: usize = 2048;

/// The state of the search for the end of a head. All positions count from the first byte of the buffer, which must
/// stay in place until the head is complete.
#[derive(Debug, Default)]
pub struct Scan {
    /// Bytes before this position need no second look.
    at: usize,
    /// Where the current line begins.
    line_start: usize,
    stage: Stage,
    empty_lines: u32,
    /// Where the request line begins, behind empty lines. The spans of the request count from here.
    start: usize,
    /// The request that is being read, or the memory of an earlier one.
    request: Option<Rc<Request>>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug, Default)]
enum Stage {
    #[default]
    EmptyLines,
    Method,
    Path,
    Query,
    Version,
    Fields,
}

/// Parses one head at the start of `buf`. Returns the request and the length of its head in bytes, or None if the head
/// is incomplete. Bytes behind the head are not looked at. After a result or an error `scan` is ready for the next
/// head.
///
/// The request is built where it stays, behind an [`Rc`] that its users share, so it is never copied.
///
/// # Errors
/// [`HeadError`], as early as the bytes allow: a line or a head that is over a limit fails before its end has come.
pub fn request(buf: &[u8], scan: &mut Scan, limits: &HeadLimits) -> Result<Option<(Rc<Request>, usize)>, HeadError> {
    let mut shared = scan.request.take().unwrap_or_else(|| Rc::new(Request::blank()));
    let request = Rc::make_mut(&mut shared); // nothing else has a reference yet
    let result = scan.advance(buf, request, limits).and_then(|end| match end {
        Some(end) => interpret(request, &buf[scan.start..end]).map(|()| Some(end)),
        None => Ok(None),
    });
    match result {
        Ok(None) => {
            scan.request = Some(shared);
            Ok(None)
        }
        Ok(Some(end)) => {
            scan.reset();
            Ok(Some((shared, end)))
        }
        Err(fault) => {
            let error = describe(fault, request, &buf[scan.start.min(buf.len())..], limits);
            scan.reset();
            scan.recycle(shared);
            Err(error)
        }
    }
}

impl Scan {
    /// True if a request line has begun: then the client is in the middle of a request, and the connection is not idle.
    pub fn is_started(&self) -> bool {
        self.stage > Stage::EmptyLines
    }

    /// Takes a finished request, to use its memory for the next one. A request that is still in use, or one with a
    /// large head, is dropped.
    pub fn recycle(&mut self, mut shared: Rc<Request>) {
        if self.request.is_none()
            && let Some(request) = Rc::get_mut(&mut shared)
            && request.fields.capacity_bytes() <= RECYCLED_BYTES_MAX
        {
            request.clear();
            self.request = Some(shared);
        }
    }

    /// Continues the scan. Returns the end of the head, or None if the head is incomplete.
    fn advance(&mut self, buf: &[u8], request: &mut Request, limits: &HeadLimits) -> Result<Option<usize>, BrokenRule> {
        if self.stage == Stage::EmptyLines && !self.skip_empty_lines(buf)? {
            return Ok(None);
        }
        let head_limit = self.start + limits.head_bytes_max;
        if self.stage < Stage::Fields {
            let limit = head_limit.min(self.start + limits.line_bytes_max);
            let seen = &buf[..buf.len().min(limit)];
            if !self.request_line(seen, request)? {
                let full = BrokenRule { status: 414, reason: "the request line is over large_client_header_buffers" };
                return if seen.len() == limit { Err(full) } else { Ok(None) };
            }
        }
        self.field_lines(buf, request, head_limit, limits)
    }

    /// Returns false if it needs more input. A bare LF is a line end here, as everywhere in a head (RFC 9112 section
    /// 2.2).
    fn skip_empty_lines(&mut self, buf: &[u8]) -> Result<bool, BrokenRule> {
        while let [b'\r' | b'\n', ..] | [] = buf[self.at..] {
            match &buf[self.at..] {
                [] | [b'\r'] => return Ok(false),
                rest => match empty_line_len(rest) {
                    Some(len) => self.at += len,
                    None => break,
                },
            }
            self.empty_lines += 1;
            if self.empty_lines > EMPTY_LINES_MAX {
                return Err(BrokenRule::bad("too many empty lines before a request line (RFC 9112 section 2.2)"));
            }
        }
        (self.start, self.line_start, self.stage) = (self.at, self.at, Stage::Method);
        Ok(true)
    }

    /// `method SP request-target SP HTTP-version CRLF` (RFC 9112 section 3). Returns false if it needs more input.
    fn request_line(&mut self, seen: &[u8], request: &mut Request) -> Result<bool, BrokenRule> {
        if self.stage == Stage::Method && !self.method(seen, request)? {
            return Ok(false);
        }
        if self.stage < Stage::Version && !self.target(seen, request)? {
            return Ok(false);
        }
        let Some((version, line_end_len)) = version(&seen[self.at..])? else { return Ok(false) };
        request.version = version;
        request.line_len = (self.at + VERSION_LEN - self.start) as u32;
        self.at += VERSION_LEN + line_end_len;
        (self.line_start, self.stage) = (self.at, Stage::Fields);
        Ok(true)
    }

    /// Reads a token and the space behind it. Returns false if it needs more input.
    fn method(&mut self, seen: &[u8], request: &mut Request) -> Result<bool, BrokenRule> {
        let rest = &seen[self.start..];
        let (method, len) = if rest.starts_with(b"GET ") {
            (Method::Get, 3)
        } else {
            let window = &rest[..rest.len().min(METHOD_BYTES_MAX + 1)];
            match window.iter().position(|&b| !is_token(b)) {
                Some(len @ 1..) if window[len] == b' ' => (Method::parse(&window[..len]), len),
                None if window.len() <= METHOD_BYTES_MAX => return Ok(false),
                None => return Err(BrokenRule::bad("a method of more than 32 bytes")),
                Some(_) => {
                    return Err(BrokenRule::bad(
                        "a request line that does not begin with a method (RFC 9112 section 3.1)",
                    ));
                }
            }
        };
        request.method = method;
        request.target = Span::new(len + 1, len + 1);
        (self.at, self.stage) = (self.start + len + 1, Stage::Path);
        Ok(true)
    }

    /// Reads visible ASCII and the space behind it. Also notes where the path of the target ends.
    fn target(&mut self, seen: &[u8], request: &mut Request) -> Result<bool, BrokenRule> {
        if self.stage == Stage::Path {
            self.at += path_len(&seen[self.at..]);
            if self.at == seen.len() {
                return Ok(false);
            }
            request.path.end = (self.at - self.start) as u32;
            self.stage = Stage::Query;
        }
        if seen.get(self.at) != Some(&b' ') {
            self.at += target_len(&seen[self.at..]);
        }
        let end = (self.at - self.start) as u32;
        match seen.get(self.at) {
            Some(b' ') if end > request.target.start => {}
            None => return Ok(false),
            Some(b' ') => return Err(BrokenRule::bad("two spaces in the request line (RFC 9112 section 3)")),
            Some(b'\r' | b'\n') => {
                return Err(BrokenRule::bad("a request line without a version (RFC 9112 section 3)"));
            }
            _ => return Err(BrokenRule::bad("a byte in the target that is not visible ASCII (RFC 9112 section 3.2)")),
        }
        request.target.end = end;
        (self.at, self.stage) = (self.at + 1, Stage::Version);
        Ok(true)
    }

    /// Reads the field lines. Returns the end of the head, behind the empty line, or None if it needs more input.
    fn field_lines(
        &mut self,
        buf: &[u8],
        request: &mut Request,
        head_limit: usize,
        limits: &HeadLimits,
    ) -> Result<Option<usize>, BrokenRule> {
        let index = &mut request.fields.index;
        let seen = &buf[..buf.len().min(head_limit)];
        loop {
            // An incomplete line is split again only when its end has arrived; otherwise each byte would cost a whole
            // line.
            if self.at == self.line_start {
                self.line_start = index.push_lines(seen, self.line_start, self.start, limits);
                self.at = self.line_start;
            }
            if let Some(len) = empty_line_len(&seen[self.line_start..])
                && len <= limits.line_bytes_max
            {
                return Ok(Some(self.line_start + len));
            }
            let Some(parts) = self.other_line(seen, limits)? else {
                let line_limit = self.line_start + limits.line_bytes_max;
                return if seen.len() >= line_limit && line_limit < head_limit {
                    Err(BrokenRule::bad("a field line is over large_client_header_buffers"))
                } else if seen.len() == head_limit {
                    Err(BrokenRule::bad("the head is over large_client_header_buffers"))
                } else {
                    Ok(None)
                };
            };
            if index.len() == limits.fields_max {
                return Err(BrokenRule::bad("more field lines than max_headers"));
            }
            index.push(self.line_start - self.start, parts);
            self.line_start += parts.line_len;
            self.at = self.line_start;
        }
    }

    /// Takes the line at `line_start`, which is broken, over a limit, or arrived in more than one piece. Returns None
    /// if its end is missing. A broken line is an error only when it is complete, so the error does not depend on how
    /// the input is split.
    #[cold]
    fn other_line(&mut self, seen: &[u8], limits: &HeadLimits) -> Result<Option<LineParts>, BrokenRule> {
        let within = &seen[..seen.len().min(self.line_start + limits.line_bytes_max)];
        let Some(len) = memchr::memchr(b'\n', &within[self.at..]) else {
            self.at = within.len();
            return Ok(None);
        };
        let line = &within[self.line_start..=self.at + len];
        split_line(line).map(Some).ok_or_else(|| BrokenRule::bad(line_fault(line)))
    }

    /// Prepares the scan for the next head.
    fn reset(&mut self) {
        (self.at, self.line_start, self.start) = (0, 0, 0);
        (self.stage, self.empty_lines) = (Stage::EmptyLines, 0);
    }
}

/// Applies the rules between the parts of a complete head, and stores the results in the request.
fn interpret(request: &mut Request, head: &[u8]) -> Result<(), BrokenRule> {
    request.fields.bytes.extend_from_slice(head);
    request.head_len = head.len() as u32;
    let base = request.target.start;
    let path_end = (request.path.end - base) as usize;
    let target = target::split(request.method, request.target.of(head), path_end).map_err(BrokenRule::bad)?;
    let shift = |span: Span| Span { start: span.start + base, end: span.end + base };
    (request.form, request.https) = (target.form, target.https);
    (request.path, request.query) = (shift(target.path), target.query.map(shift));
    request.framing = framing::body(&request.fields, request.version)?;
    let connection = framing::connection(&request.fields, request.version);
    (request.keep_alive, request.upgrade) = (connection.keep_alive, connection.upgrade);
    request.expect_continue = framing::expect_continue(&request.fields, request.version, request.framing)?;
    request.find_host(target.authority.map(shift)).map_err(BrokenRule::bad)?;
    if request.fields.has_several(Known::Authorization) {
        return Err(BrokenRule::bad("two Authorization fields (RFC 9110 section 11.6.2)"));
    }
    Ok(())
}

/// The error for a refused head; `text` begins with its request line.
#[cold]
fn describe(fault: BrokenRule, request: &Request, text: &[u8], limits: &HeadLimits) -> HeadError {
    let text = &text[..text.len().min(limits.line_bytes_max)];
    let len = match request.line_len as usize {
        0 => text.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(text.len()),
        len => len,
    };
    HeadError { status: fault.status, reason: fault.reason, method: request.method, line: text[..len].into() }
}

/// The length of the empty line at the start of `text`.
fn empty_line_len(text: &[u8]) -> Option<usize> {
    match text {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

const VERSION_LEN: usize = "HTTP/1.1".len();

/// Parses `"HTTP/" DIGIT "." DIGIT` and the line end (RFC 9112 section 2.3). Returns the version and the length of the
/// line end, or None if it needs more input.
fn version(rest: &[u8]) -> Result<Option<(Version, usize)>, BrokenRule> {
    if rest.starts_with(b"HTTP/1.1\r\n") {
        return Ok(Some((Version::HTTP_1_1, 2)));
    }
    let wrong = rest.iter().take(VERSION_LEN).enumerate().any(|(i, &byte)| match i {
        5 => !matches!(byte, b'1'..=b'9'),
        7 => !byte.is_ascii_digit(),
        _ => byte != b"HTTP/1.1"[i],
    });
    if wrong {
        return Err(BrokenRule::bad("a malformed version in the request line (RFC 9112 section 2.3)"));
    }
    let line_end_len = match rest.get(VERSION_LEN..) {
        None | Some([] | [b'\r']) => return Ok(None),
        Some([b'\n', ..]) => 1,
        Some([b'\r', b'\n', ..]) => 2,
        Some(_) => return Err(BrokenRule::bad("bytes after the version in the request line (RFC 9112 section 3)")),
    };
    let version = Version { major: rest[5] - b'0', minor: rest[7] - b'0' };
    match version.major {
        1 => Ok(Some((version, line_end_len))),
        _ => Err(BrokenRule { status: 505, reason: "a major version other than 1 (RFC 9110 section 15.6.6)" }),
    }
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
