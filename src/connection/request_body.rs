//! The request's body: how many bytes are still to come, and where they go.

use super::Pipe;
use crate::http::chunked::{ChunkError, ChunkStep as Chunk, Decoder};
use crate::http::{Framing, HeadLimits, Request};
use crate::limits::UNWANTED_BYTES_MAX;

/// The state of reading a request's body.
pub struct RequestBody {
    left: Left,
    /// Bytes of content that have been read.
    pub bytes: u64,
    /// Where the bytes go.
    pub sink: BodySink,
    /// The client waits for 100 (Continue) before it sends the body (RFC 9110 section 10.1.1), and 100 has not been
    /// sent.
    pub owes_continue: bool,
}

/// Where the bytes of a request's body go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodySink {
    /// Into [`Transaction::body`](super::Transaction::body), for the handler that takes them.
    Handler,
    /// Discarded: they are read only to find the next request.
    Discard,
}

enum Left {
    Nothing,
    Bytes(u64),
    Chunks(Box<Decoder>),
    /// All that the client sends: it is another protocol's, after a 101.
    Tunnel,
    /// The end cannot be found, or is not waited for: the connection cannot be used for another request.
    Lost,
}

impl RequestBody {
    /// The body of this request.
    pub fn of(request: &Request, limits: &HeadLimits) -> Self {
        let left = match request.framing {
            Framing::None | Framing::Length(0) => Left::Nothing,
            Framing::Length(bytes) => Left::Bytes(bytes),
            Framing::Chunked => Left::Chunks(Box::new(Decoder::new(*limits))),
        };
        Self { left, ..Self::lost() }
    }

    /// The body of a malformed request.
    pub const fn lost() -> Self {
        Self { left: Left::Lost, bytes: 0, sink: BodySink::Discard, owes_continue: false }
    }

    /// All that the client sends from here on, until it closes its side.
    pub const fn tunnel() -> Self {
        Self { left: Left::Tunnel, bytes: 0, sink: BodySink::Handler, owes_continue: false }
    }

    /// Whether the bytes belong to another protocol.
    pub fn is_tunnel(&self) -> bool {
        matches!(self.left, Left::Tunnel)
    }

    /// The client has closed its side of a tunnel.
    pub fn end_tunnel(&mut self) {
        if self.is_tunnel() {
            self.left = Left::Nothing;
        }
    }

    /// Does not wait for the rest of the body.
    pub fn give_up(&mut self) {
        if !matches!(self.left, Left::Nothing) {
            self.left = Left::Lost;
        }
    }

    /// Whether no more of the body is waited for.
    pub fn is_finished(&self) -> bool {
        matches!(self.left, Left::Nothing | Left::Lost)
    }

    /// Whether the body has been read to its end, so that the next request follows.
    pub fn is_whole(&self) -> bool {
        matches!(self.left, Left::Nothing)
    }

    /// Whether Content-Length is more than `max` bytes. 0 means no limit.
    pub fn is_longer_than(&self, max: u64) -> bool {
        max > 0 && matches!(self.left, Left::Bytes(bytes) if bytes > max)
    }

    /// Whether the body is chunked and not complete.
    pub fn is_chunked(&self) -> bool {
        matches!(self.left, Left::Chunks(_))
    }

    /// Whether a handler takes the rest of the body.
    pub fn feeds(&self) -> bool {
        self.sink == BodySink::Handler && !self.is_finished()
    }

    /// Whether the rest is so short that reading it is cheaper than a new connection. A chunked body counts as short
    /// until many bytes of it have come.
    pub fn is_nearly_finished(&self) -> bool {
        match self.left {
            Left::Bytes(bytes) => bytes <= UNWANTED_BYTES_MAX,
            Left::Chunks(_) => !self.is_over(UNWANTED_BYTES_MAX),
            Left::Nothing | Left::Tunnel | Left::Lost => false,
        }
    }

    /// The number of bytes that are still to come by Content-Length. Returns 0 for a chunked body.
    pub fn announced_bytes(&self) -> u64 {
        match self.left {
            Left::Bytes(bytes) => bytes,
            Left::Nothing | Left::Chunks(_) | Left::Tunnel | Left::Lost => 0,
        }
    }

    /// Whether more than `max` bytes have come or are announced by the current chunk. 0 means no limit.
    pub fn is_over(&self, max: u64) -> bool {
        let announced_bytes = match &self.left {
            Left::Chunks(decoder) => decoder.announced_bytes(),
            Left::Tunnel => return false,
            Left::Nothing | Left::Bytes(_) | Left::Lost => 0,
        };
        max > 0 && self.bytes.saturating_add(announced_bytes) > max
    }

    /// Moves bytes from `input` to `sink`, as far as that has room; without a sink, discards them. Returns an error if
    /// the chunks are malformed.
    pub fn take(&mut self, input: &mut Pipe, mut sink: Option<&mut Pipe>) -> Result<(), ChunkError> {
        loop {
            let room = sink.as_deref().map_or(usize::MAX, Pipe::room);
            if input.is_empty() || room == 0 {
                return Ok(());
            }
            let moved_bytes = match &mut self.left {
                Left::Nothing | Left::Lost => return Ok(()),
                Left::Tunnel => pass_on(input, room as u64, sink.as_deref_mut()),
                Left::Bytes(left) => {
                    let bytes = pass_on(input, (*left).min(room as u64), sink.as_deref_mut());
                    *left -= bytes;
                    if *left == 0 {
                        self.left = Left::Nothing;
                    }
                    bytes
                }
                Left::Chunks(decoder) => {
                    let bytes = input.contiguous();
                    match decoder.decode(&bytes[..bytes.len().min(room)])? {
                        Chunk::More => {
                            let used = bytes.len().min(room) as u64;
                            input.consume(used);
                            0
                        }
                        Chunk::Data(data) => {
                            input.consume(data.start as u64);
                            pass_all(input, data.len() as u64, sink.as_deref_mut())
                        }
                        Chunk::End { taken } => {
                            self.left = Left::Nothing;
                            input.consume(taken as u64);
                            0
                        }
                    }
                }
            };
            self.bytes += moved_bytes;
        }
    }
}

/// Moves one segment of up to `most` bytes. Returns its length.
fn pass_on(input: &mut Pipe, most: u64, sink: Option<&mut Pipe>) -> u64 {
    let Some(segment) = input.take(most) else { return 0 };
    let bytes = segment.len();
    if let Some(sink) = sink {
        sink.push(segment);
    }
    bytes
}

/// Moves this number of bytes, which `input` must have.
fn pass_all(input: &mut Pipe, bytes: u64, mut sink: Option<&mut Pipe>) -> u64 {
    let mut left = bytes;
    while left > 0 {
        left -= pass_on(input, left, sink.as_deref_mut());
    }
    bytes
}

impl Default for RequestBody {
    fn default() -> Self {
        Self::lost()
    }
}
