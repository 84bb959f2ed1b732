//! A response's head as bytes (RFC 9112 sections 4 and 5), the fields in nginx's order.

use super::fields::Known;
use super::number::Digits;
use super::range::ContentRange;
use super::reply::{Name, ReplyHead};
use super::status::is_bodyless;
use std::ops::Range;

/// What the protocol task adds to a [`ReplyHead`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// The value of Server; must be a valid field value. Empty: no Server field but that of the head, if it has one.
    pub server: &'a str,
    /// The value of Date, for a head that has none.
    pub date: &'a [u8; 29],
    /// The value of Last-Modified, for a head that has one: from [`super::date::format`], or a copy of an earlier
    /// result.
    pub last_modified: Option<[u8; 29]>,
    /// How the client finds the end of the body. Ignored for a status without a body.
    pub body: BodyEnd,
    /// The value of Connection.
    pub connection: Persistence,
    /// The value of Content-Range, for a 206 with one range and for 416.
    pub content_range: Option<ContentRange>,
}

/// How the end of a response's body is marked (RFC 9112 section 6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyEnd {
    /// Content-Length, in bytes. For HEAD the length that GET would have.
    Length(u64),
    /// Transfer-Encoding: chunked. Not for HTTP/1.0 clients.
    Chunked,
    /// The end of the connection. Needs [`Persistence::Close`].
    Close,
}

/// The Connection field (RFC 9112 section 9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Persistence {
    /// `close`: the response is the last one.
    Close,
    /// `keep-alive`, which nginx also sends in HTTP/1.1.
    KeepAlive {
        /// The second parameter of `keepalive_timeout`; adds `Keep-Alive: timeout=N`.
        timeout_secs: Option<u64>,
    },
    /// No field, for interim responses.
    Unsaid,
}

/// The whole interim response to `Expect: 100-continue`.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The start of the Date line, with the end of the line before it, and the length of its value in bytes.
const DATE: &[u8] = b"\r\nDate: ";
const DATE_BYTES: usize = 29;

/// The most bytes that the lines of fixed parts need: status line, Date, numbers, names.
const FIXED_BYTES_MAX: usize = 512;

/// A printed head that is sent again; only its date changes.
#[derive(Debug)]
pub struct Printed {
    bytes: Box<[u8]>,
    /// Where the value of Date is.
    date: Range<usize>,
}

impl Printed {
    /// Makes one of a head that [`response_head`] printed. Returns None if the head has no Date.
    pub fn new(head: &[u8]) -> Option<Self> {
        let start = memchr::memmem::find(head, DATE)? + DATE.len();
        let date = start..start + DATE_BYTES;
        head.get(date.clone())?;
        Some(Self { bytes: head.into(), date })
    }

    /// Appends the head with this date.
    pub fn push(&self, out: &mut Vec<u8>, date: &[u8; DATE_BYTES]) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        out[start..][self.date.clone()].copy_from_slice(date);
    }
}

/// Appends the head, its empty line included, with one reservation and no other allocation.
///
/// 1xx and 204 have neither Content-Length nor Transfer-Encoding (RFC 9110 section 8.6, RFC 9112 section 6.1); 304 has
/// no Content-Type either. `fields` that would contradict the fields of this function are left out.
pub fn response_head(out: &mut Vec<u8>, head: &ReplyHead, frame: &Frame<'_>) {
    out.reserve(FIXED_BYTES_MAX + frame.server.len() + texts_len(head));
    status_line(out, head.status, head.phrase());
    if !frame.server.is_empty() {
        field(out, b"\r\nServer: ", frame.server.as_bytes());
    }
    if !head.fields.iter().any(|(name, _)| name.known() == Some(Known::Date)) {
        field(out, DATE, frame.date);
    }
    if let Some(content_type) = &head.content_type
        && !is_bodyless(head.status)
    {
        field(out, b"\r\nContent-Type: ", content_type.as_bytes());
    }
    if let BodyEnd::Length(length) = frame.body
        && !is_bodyless(head.status)
    {
        field(out, b"\r\nContent-Length: ", Digits::decimal(length).as_bytes());
    }
    if let Some(last_modified) = &frame.last_modified {
        field(out, b"\r\nLast-Modified: ", last_modified);
    }
    if let Some(location) = &head.location {
        field(out, b"\r\nLocation: ", location.as_bytes());
    }
    if frame.body == BodyEnd::Chunked && !is_bodyless(head.status) {
        out.extend_from_slice(b"\r\nTransfer-Encoding: chunked");
    }
    connection(out, frame.connection);
    if let Some(etag) = &head.etag {
        field(out, b"\r\nETag: ", etag.as_bytes());
    }
    if head.seekable && head.status == 200 {
        out.extend_from_slice(b"\r\nAccept-Ranges: bytes");
    }
    if let Some(range) = frame.content_range {
        out.extend_from_slice(b"\r\nContent-Range: ");
        range.push(out);
    }
    for (name, value) in head.fields.iter().filter(|(name, _)| !name.known().is_some_and(is_ours)) {
        field(out, b"\r\n", name.as_bytes());
        field(out, b": ", value.as_bytes());
    }
    out.extend_from_slice(b"\r\n\r\n");
}

/// Appends the head of a 101 (RFC 9110 section 15.2.2): Connection says that Upgrade is for this connection. `server`
/// and `date` are as in [`Frame`].
pub fn switching_head(out: &mut Vec<u8>, head: &ReplyHead, server: &str, date: &[u8; DATE_BYTES]) {
    status_line(out, 101, head.phrase());
    if !server.is_empty() {
        field(out, b"\r\nServer: ", server.as_bytes());
    }
    if !head.fields.iter().any(|(name, _)| name.known() == Some(Known::Date)) {
        field(out, DATE, date);
    }
    field(out, b"\r\nConnection: ", b"upgrade");
    let is_kept = |name: &Name| name.known() == Some(Known::Upgrade) || !name.known().is_some_and(is_ours);
    for (name, value) in head.fields.iter().filter(|(name, _)| is_kept(name)) {
        field(out, b"\r\n", name.as_bytes());
        field(out, b": ", value.as_bytes());
    }
    out.extend_from_slice(b"\r\n\r\n");
}

/// Appends the head of an interim response (RFC 9110 section 15.2). It has no fields of this server.
pub fn interim_head(out: &mut Vec<u8>, head: &ReplyHead) {
    status_line(out, head.status, head.phrase());
    if let Some(location) = &head.location {
        field(out, b"\r\nLocation: ", location.as_bytes());
    }
    for (name, value) in head.fields.iter().filter(|(name, _)| !name.known().is_some_and(is_ours)) {
        field(out, b"\r\n", name.as_bytes());
        field(out, b": ", value.as_bytes());
    }
    out.extend_from_slice(b"\r\n\r\n");
}

/// Fields that frame the message or belong to the connection: a handler cannot say them.
const fn is_ours(known: Known) -> bool {
    matches!(
        known,
        Known::Connection | Known::ContentLength | Known::KeepAlive | Known::ProxyConnection | Known::TransferEncoding
    )
}

/// `HTTP/1.1 404 Not Found`: always 1.1, which is the server's own version (RFC 9110 section 2.5).
fn status_line(out: &mut Vec<u8>, status: u16, phrase: &[u8]) {
    let digit = |place: u16| b'0' + (status / place % 10) as u8;
    let mut start = *b"HTTP/1.1 000 ";
    start[9..12].copy_from_slice(&[digit(100), digit(10), digit(1)]);
    field(out, &start, phrase);
}

fn connection(out: &mut Vec<u8>, connection: Persistence) {
    match connection {
        Persistence::Close => out.extend_from_slice(b"\r\nConnection: close"),
        Persistence::KeepAlive { timeout_secs } => {
            out.extend_from_slice(b"\r\nConnection: keep-alive");
            if let Some(secs) = timeout_secs {
                field(out, b"\r\nKeep-Alive: timeout=", Digits::decimal(secs).as_bytes());
            }
        }
        Persistence::Unsaid => {}
    }
}

/// A field's name with the line end before it, and its value: two pieces to copy, not three.
#[inline]
fn field(out: &mut Vec<u8>, start: &[u8], value: &[u8]) {
    out.extend_from_slice(start);
    out.extend_from_slice(value);
}

fn texts_len(head: &ReplyHead) -> usize {
    let own = [&head.content_type, &head.etag, &head.location];
    let own_len: usize = own.iter().map(|text| text.as_ref().map_or(0, |t| t.as_bytes().len())).sum();
    own_len
        + head.phrase().len()
        + head.fields.iter().map(|(name, value)| name.as_bytes().len() + value.as_bytes().len() + 4).sum::<usize>()
}

#[cfg(test)]
mod tests;
