//! The head of an answer (RFC 9112 sections 4 and 5), parsed line by line as it comes.

use super::framing::AnswerFraming;
use super::hop_by_hop::is_of_the_connection;
use crate::gateway::GatewayFault;
use crate::gateway::repeated::drop_repeated;
use crate::http::cgi::ScriptHeadLimits;
use crate::http::checked_line::CheckedLine;
use crate::http::fields::line_fault;
use crate::http::number::parse_decimal;
use crate::http::octets::all_field_value;
use crate::http::{Known, Reason, ReplyHead};
use std::borrow::Cow;

/// Memory for this number of fields is enough for most answers.
const FIELDS_USUAL: usize = 8;

/// A complete head.
#[derive(Debug)]
pub(super) struct ResponseHead {
    /// Status and fields, without those that belong to the connection; a 101 keeps Upgrade.
    pub(super) reply: Box<ReplyHead>,
    pub(super) is_chunked: bool,
    pub(super) keeps_connection: bool,
    /// The server speaks HTTP/1.0.
    pub(super) is_http_1_0: bool,
}

/// A head as far as it has come. A scan serves one head.
#[derive(Debug)]
pub(super) struct ResponseScan {
    limits: ScriptHeadLimits,
    /// What has come. Empty if the whole head comes in one piece, which is the usual case.
    seen: Vec<u8>,
    /// The lines before this position are parsed.
    line_start: usize,
    /// The number of these lines.
    lines: usize,
    /// Bytes before this position are not a line's end.
    at: usize,
    /// What its lines say. `None` before the first one.
    reply: Option<Box<ReplyHead>>,
    framing: AnswerFraming,
    is_http_1_0: bool,
}

impl ResponseScan {
    pub(super) fn new(limits: ScriptHeadLimits) -> Self {
        Self {
            limits,
            seen: Vec::new(),
            line_start: 0,
            lines: 0,
            at: 0,
            reply: None,
            framing: AnswerFraming::default(),
            is_http_1_0: false,
        }
    }

    /// Takes the next piece. Returns the head and how many bytes of the piece belong to it. Returns `None` if the head
    /// is not complete; then all bytes belong to it.
    ///
    /// # Errors
    /// If a line is malformed or contradicts another, or the head is over a limit.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<Option<(ResponseHead, usize)>, GatewayFault> {
        let before = self.seen.len();
        if before == 0 {
            let end = self.advance(piece)?;
            if end.is_none() {
                self.seen.extend_from_slice(piece);
            }
            return Ok(end.map(|end| (self.take(), end)));
        }
        let mut seen = std::mem::take(&mut self.seen);
        seen.extend_from_slice(&piece[..piece.len().min(self.limits.head_bytes_max - before)]);
        let end = self.advance(&seen)?;
        if end.is_none() {
            self.seen = seen;
        }
        Ok(end.map(|end| (self.take(), end - before)))
    }

    /// The fault of an answer that ends here.
    pub(super) fn ended(&self) -> GatewayFault {
        match self.seen.is_empty() {
            true => "the answer ended before its first byte".into(),
            false => "the answer ended within its head".into(),
        }
    }

    /// Whether a byte has come.
    pub(super) fn is_begun(&self) -> bool {
        !self.seen.is_empty()
    }

    /// Parses the lines that are complete. Returns the end of the head.
    fn advance(&mut self, seen: &[u8]) -> Result<Option<usize>, GatewayFault> {
        let seen = &seen[..seen.len().min(self.limits.head_bytes_max)];
        if self.lines == 0 && !is_start_of(seen, b"HTTP/") {
            return Err("the answer does not begin with a status line of HTTP/1.1 (RFC 9112 section 4)".into());
        }
        loop {
            // Most lines are complete and valid, and are looked at once. One that came in pieces is split again only
            // when its end has come; otherwise each byte would cost a whole line.
            if self.lines > 0
                && self.at == self.line_start
                && let Some(line) = CheckedLine::at_start(&seen[self.at..])
            {
                self.next_line(seen, self.at + line.len());
                self.field(line).map_err(|reason| self.fault(reason))?;
                continue;
            }
            let Some(len) = memchr::memchr(b'\n', &seen[self.at..]) else { break };
            let end = self.at + len + 1;
            let line = self.next_line(seen, end);
            let parsed = match line {
                _ if self.lines == 1 => self.status_line(line),
                b"\r\n" | b"\n" => return Ok(Some(end)),
                _ => match CheckedLine::at_start(line) {
                    Some(checked) if checked.len() == line.len() => self.field(checked),
                    _ => Err(line_fault(line)),
                },
            };
            parsed.map_err(|reason| self.fault(reason))?;
        }
        self.at = seen.len();
        if seen.len() < self.limits.head_bytes_max {
            return Ok(None);
        }
        self.lines += 1;
        Err(self.fault("its head is over the limit"))
    }

    /// The line that ends here.
    fn next_line<'a>(&mut self, seen: &'a [u8], end: usize) -> &'a [u8] {
        let line = &seen[self.line_start..end];
        (self.at, self.line_start, self.lines) = (end, end, self.lines + 1);
        line
    }

    fn fault(&self, reason: &str) -> GatewayFault {
        GatewayFault { reason: Cow::Owned(format!("line {} of the answer: {reason}", self.lines)) }
    }

    /// `HTTP-version SP status-code SP [ reason-phrase ]`. Servers also leave out the second space.
    fn status_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let text = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line);
        let Some(([b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9', b' '], rest)) =
            text.split_first_chunk()
        else {
            return Err("a status line without a version of HTTP/1 (RFC 9112 section 4)");
        };
        self.is_http_1_0 = *minor == b'0';
        let (digits, reason) = rest.split_at(rest.len().min(3));
        let status = parse_decimal(digits).filter(|status| (100..=599).contains(status));
        let (Some(status), None | Some(b' ')) = (status, reason.first()) else {
            return Err("a status line without a status from 100 to 599 (RFC 9112 section 4)");
        };
        if !all_field_value(reason) {
            return Err("a control byte in the status line (RFC 9112 section 4)");
        }
        let reply = self.reply();
        reply.status = status as u16;
        reply.reason = Reason::of(status as u16, reason);
        Ok(())
    }

    fn field(&mut self, line: CheckedLine<'_>) -> Result<(), &'static str> {
        if self.lines - 1 > self.limits.fields_max {
            return Err("too many fields in its head");
        }
        let (name, value) = (line.name_text(), line.value_text());
        let reply = self.reply.get_or_insert_default();
        let is_interim = matches!(reply.status, 100..=199);
        match line.known() {
            // An interim response has no body, and says nothing about the connection.
            Some(Known::ContentLength | Known::TransferEncoding | Known::Connection) if is_interim => {}
            Some(Known::ContentLength) => self.framing.content_length(value)?,
            Some(Known::TransferEncoding) => self.framing.transfer_encoding(value, self.is_http_1_0)?,
            Some(Known::Connection) => self.framing.connection(value),
            Some(Known::Upgrade) if reply.status == 101 => push(reply, line),
            Some(known) if is_of_the_connection(known) => {}
            // nginx takes the first of several.
            Some(Known::ContentType) if reply.content_type.is_some() || value.is_empty() => {}
            Some(Known::ContentType) => reply.content_type = Some(line.value()),
            None if name.eq_ignore_ascii_case(b"Location") => {
                reply.location.get_or_insert_with(|| line.value());
            }
            _ => push(reply, line),
        }
        Ok(())
    }

    fn reply(&mut self) -> &mut ReplyHead {
        self.reply.get_or_insert_default()
    }

    /// The complete head.
    fn take(&mut self) -> ResponseHead {
        let framing = std::mem::take(&mut self.framing);
        let mut reply = self.reply.take().unwrap_or_default();
        drop_repeated(&mut reply.fields);
        if framing.names_any() {
            reply.fields.retain(|(name, _)| !framing.names(name.as_bytes()));
        }
        reply.length = framing.length;
        ResponseHead {
            reply,
            is_chunked: framing.is_chunked,
            keeps_connection: framing.keeps_connection(self.is_http_1_0),
            is_http_1_0: self.is_http_1_0,
        }
    }
}

fn push(reply: &mut ReplyHead, line: CheckedLine<'_>) {
    if reply.fields.is_empty() {
        reply.fields.reserve(FIELDS_USUAL);
    }
    reply.fields.push((line.name(), line.value()));
}

/// Whether the text begins with this, or is the start of it.
fn is_start_of(text: &[u8], start: &[u8]) -> bool {
    text.iter().zip(start).all(|(a, b)| a == b)
}
