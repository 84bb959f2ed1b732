//! The chunked transfer coding (RFC 9112 section 7.1): a decoder that copies no data, and the encoder's few bytes.
//!
//! The decoder is strict. Line ends are CRLF, blanks are allowed only where the grammar has them, and the first wrong
//! byte is an error: two recipients that disagree about where a body ends allow request smuggling.

use super::fields::{Fields, Known, line_fault, split_line};
use super::number::{hex_digit, push_hex};
use super::octets::{is_quoted, is_token};
use super::rules::HeadLimits;
use std::ops::Range;

/// What [`Decoder::decode`] found in its input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ChunkStep {
    /// All input is used up and had no data; the decoder needs more input.
    More,
    /// A range of the input that is data, never empty. The bytes before it are used up; continue with the bytes after
    /// it.
    Data(Range<usize>),
    /// The body is complete. The first `taken` bytes of the input belong to it, the rest to the next request.
    End {
        /// Bytes of the input that belong to the body.
        taken: usize,
    },
}

/// The body is malformed. Answer 400 if that is still possible, and close: the start of the next request is unknown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkError {
    /// The rule that was broken, for the error log.
    pub reason: &'static str,
}

/// Limit for the bytes of chunk extensions and of leading zeros in one body. RFC 9112 section 7.1.1 asks for a limit.
const EXTRA_BYTES_MAX: u32 = 16 << 10;

/// What the decoder expects next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The first digit of a size.
    Size,
    /// A further digit, an extension, or the line's end.
    SizeMore,
    /// After a blank: the semicolon of an extension.
    Semicolon,
    /// After the semicolon: blanks or the name.
    NameStart,
    Name,
    /// After the name and a blank: "=", or the next extension.
    NameEnd,
    /// After "=": blanks or the value.
    ValueStart,
    Value,
    Quoted,
    /// After a backslash.
    Escaped,
    QuotedEnd,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailers,
    End,
    Failed(ChunkError),
}

/// Decodes a chunked body as it arrives.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// The chunk's size while it is being read; after that the number of data bytes still to come.
    left: u64,
    extra_bytes: u32,
    /// Where the current trailer line begins.
    trailer_start: usize,
    trailers: Fields,
    limits: HeadLimits,
}

impl Decoder {
    /// A decoder at the start of a body. The limits for heads also hold for the trailer section.
    pub fn new(limits: HeadLimits) -> Decoder {
        let (state, trailers) = (State::Size, Fields::default());
        Decoder { state, left: 0, extra_bytes: 0, trailer_start: 0, trailers, limits }
    }

    /// Decodes the next piece of the body. After a [`ChunkStep::Data`] call it again with the bytes behind the data;
    /// after [`ChunkStep::More`] call it with new input.
    ///
    /// # Errors
    /// [`ChunkError`] at the first byte that breaks a rule. Every later call returns the same error.
    pub fn decode(&mut self, input: &[u8]) -> Result<ChunkStep, ChunkError> {
        let mut at = 0;
        while at < input.len() || self.state == State::End {
            match self.state {
                State::Data => return Ok(ChunkStep::Data(self.data(at, input.len()))),
                State::Trailers => at += self.trailer_bytes(&input[at..]).inspect_err(|&e| self.fail(e))?,
                State::End => return Ok(ChunkStep::End { taken: at }),
                State::Failed(error) => return Err(error),
                _ => {
                    self.state = self.framing_byte(input[at]).inspect_err(|&e| self.fail(e))?;
                    at += 1;
                }
            }
        }
        Ok(ChunkStep::More)
    }

    /// The number of data bytes of the current chunk that have not arrived yet. While a size is being read: the value
    /// of its digits so far.
    pub fn announced_bytes(&self) -> u64 {
        self.left
    }

    /// The trailer fields, complete after [`ChunkStep::End`]. Fields that a trailer must not contain are left out.
    pub fn trailers(&self) -> &Fields {
        &self.trailers
    }

    fn fail(&mut self, error: ChunkError) {
        self.state = State::Failed(error);
    }

    /// The data in `at..input_len`, up to the end of the chunk.
    fn data(&mut self, at: usize, input_len: usize) -> Range<usize> {
        let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(input_len - at);
        self.left -= len as u64;
        if self.left == 0 {
            self.state = State::DataCr;
        }
        at..at + len
    }

    /// `chunk-size [ chunk-ext ] CRLF`, and the CRLF behind the data.
    fn framing_byte(&mut self, byte: u8) -> Result<State, ChunkError> {
        let next = match (self.state, byte) {
            (State::Size | State::SizeMore, _) if hex_digit(byte).is_some() => return self.size_digit(byte),
            (State::SizeMore | State::Name | State::Value | State::QuotedEnd, b'\r') => return Ok(State::SizeLf),
            (State::SizeLf, b'\n') if self.left == 0 => return Ok(State::Trailers),
            (State::SizeLf, b'\n') => return Ok(State::Data),
            (State::DataCr, b'\r') => return Ok(State::DataLf),
            (State::DataLf, b'\n') => return Ok(State::Size),
            // *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
            (State::SizeMore | State::Semicolon | State::Value | State::QuotedEnd, b' ' | b'\t') => State::Semicolon,
            (State::SizeMore | State::Semicolon | State::Value | State::QuotedEnd, b';') => State::NameStart,
            (State::NameStart, b' ' | b'\t') => State::NameStart,
            (State::NameStart | State::Name, _) if is_token(byte) => State::Name,
            (State::Name | State::NameEnd, b' ' | b'\t') => State::NameEnd,
            (State::Name | State::NameEnd, b';') => State::NameStart,
            (State::Name | State::NameEnd, b'=') => State::ValueStart,
            (State::ValueStart, b' ' | b'\t') => State::ValueStart,
            (State::ValueStart, b'"') => State::Quoted,
            (State::ValueStart | State::Value, _) if is_token(byte) => State::Value,
            (State::Quoted, b'"') => State::QuotedEnd,
            (State::Quoted, b'\\') => State::Escaped,
            (State::Quoted, _) if is_quoted(byte) => State::Quoted,
            (State::Escaped, _) if is_quoted(byte) || matches!(byte, b'"' | b'\\') => State::Quoted,
            (state, _) => return Err(ChunkError { reason: expected(state) }),
        };
        self.count_extra()?;
        Ok(next)
    }

    fn size_digit(&mut self, byte: u8) -> Result<State, ChunkError> {
        let digit = hex_digit(byte).map_or(0, u64::from);
        if self.state == State::Size {
            self.left = 0;
        } else if self.left == 0 {
            self.count_extra()?; // the size has a leading zero
        }
        let shifted = self.left.checked_mul(16).ok_or(ChunkError { reason: "a chunk size over 64 bits" })?;
        self.left = shifted + digit;
        Ok(State::SizeMore)
    }

    fn count_extra(&mut self) -> Result<(), ChunkError> {
        self.extra_bytes += 1;
        if self.extra_bytes > EXTRA_BYTES_MAX {
            return Err(ChunkError { reason: "too many bytes of chunk extensions (RFC 9112 section 7.1.1)" });
        }
        Ok(())
    }

    /// Takes a trailer line or a part of one; returns the number of bytes taken.
    fn trailer_bytes(&mut self, input: &[u8]) -> Result<usize, ChunkError> {
        let line_end = memchr::memchr(b'\n', input);
        let taken = line_end.map_or(input.len(), |lf| lf + 1);
        let bytes = &mut self.trailers.bytes;
        let (line_len, all_len) = (bytes.len() - self.trailer_start + taken, bytes.len() + taken);
        if line_len > self.limits.line_bytes_max || all_len > self.limits.head_bytes_max {
            return Err(ChunkError { reason: "the trailers are over large_client_header_buffers" });
        }
        bytes.extend_from_slice(&input[..taken]);
        if line_end.is_some() {
            self.trailer_line()?;
        }
        Ok(taken)
    }

    /// Handles a complete trailer line, the last one in `trailers.bytes`.
    fn trailer_line(&mut self) -> Result<(), ChunkError> {
        let Fields { bytes, index } = &mut self.trailers;
        let line = &bytes[self.trailer_start..];
        if line == b"\r\n" {
            self.state = State::End;
            return Ok(());
        }
        if !line.ends_with(b"\r\n") {
            return Err(ChunkError { reason: "a trailer line that does not end in CRLF (RFC 9112 section 7.1.2)" });
        }
        if index.len() == self.limits.fields_max {
            return Err(ChunkError { reason: "more trailer lines than max_headers" });
        }
        let parts = split_line(line).ok_or_else(|| ChunkError { reason: line_fault(line) })?;
        if parts.known.is_none_or(may_be_trailer) {
            index.push(self.trailer_start, parts);
        }
        self.trailer_start = bytes.len();
        Ok(())
    }
}

const fn expected(state: State) -> &'static str {
    match state {
        State::Size => "a chunk that does not begin with a hexadecimal size (RFC 9112 section 7.1)",
        State::SizeMore => "a byte in a chunk size that is not a hexadecimal digit (RFC 9112 section 7.1)",
        State::SizeLf => "a CR without LF after a chunk size (RFC 9112 section 7.1)",
        State::DataCr | State::DataLf => "no CRLF after the data of a chunk (RFC 9112 section 7.1)",
        _ => "a malformed chunk extension (RFC 9112 section 7.1.1)",
    }
}

/// RFC 9110 section 6.5.1: a trailer must not frame the message, route it, change what the request asks for,
/// authenticate, or describe the content.
const fn may_be_trailer(known: Known) -> bool {
    !matches!(
        known,
        Known::Authorization
            | Known::CacheControl
            | Known::Connection
            | Known::ContentEncoding
            | Known::ContentLanguage
            | Known::ContentLength
            | Known::ContentLocation
            | Known::ContentRange
            | Known::ContentType
            | Known::Cookie
            | Known::Expect
            | Known::Host
            | Known::If
            | Known::IfMatch
            | Known::IfModifiedSince
            | Known::IfNoneMatch
            | Known::IfRange
            | Known::IfUnmodifiedSince
            | Known::KeepAlive
            | Known::MaxForwards
            | Known::Pragma
            | Known::Proxy
            | Known::ProxyAuthorization
            | Known::ProxyConnection
            | Known::Range
            | Known::SetCookie
            | Known::Te
            | Known::Trailer
            | Known::TransferEncoding
            | Known::Upgrade
    )
}

/// Appends the size line of a chunk of `len` bytes. `len` must not be 0: size 0 marks the last chunk.
pub fn push_chunk_start(out: &mut Vec<u8>, len: u64) {
    debug_assert!(len > 0, "an empty chunk ends the body");
    push_hex(out, len);
    out.extend_from_slice(b"\r\n");
}

/// The bytes behind a chunk's data.
pub const CHUNK_END: &[u8] = b"\r\n";

/// The start of the last chunk. Trailer fields and an empty line follow (RFC 9112 section 7.1.2).
pub const LAST_CHUNK_START: &[u8] = b"0\r\n";

/// The end of a body that has no trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests;
