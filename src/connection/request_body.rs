//! A request's body on its way in: how much of it is still to come, and where it goes.

use super::Pipe;
use crate::http::chunked::{ChunkError, ChunkStep as Chunk, Decoder};
use crate::http::{Framing, HeadLimits, Request};
use crate::limits::UNWANTED_BYTES_MAX;

/// How much of a request's body is still to come.
pub struct RequestBody {
    left: Left,
    /// Bytes of content that have come.
    pub bytes: u64,
    /// Where they go.
    pub sink: BodySink,
    /// The client waits for a 100 before it sends the body (RFC 9110 section 10.1.1), and has not got it.
    pub owes_continue: bool,
}

/// Where the bytes of a request's body go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodySink {
    /// Into [`Transaction::body`](super::Transaction::body), for the handler that takes them.
    Handler,
    /// Nowhere: they are read so that the next request can be found.
    Discard,
}

enum Left {
    Nothing,
    Bytes(u64),
    Chunks(Box<Decoder>),
    /// Its end cannot be found, or is not waited for: no request can follow on this connection.
    Lost,
}

impl RequestBody {
    /// The body that this head announces.
    pub fn of(request: &Request, limits: &HeadLimits) -> Self {
        let left = match request.framing {
            Framing::None | Framing::Length(0) => Left::Nothing,
            Framing::Length(bytes) => Left::Bytes(bytes),
            Framing::Chunked => Left::Chunks(Box::new(Decoder::new(*limits))),
        };
        Self { left, ..Self::lost() }
    }

    /// The body of a head that was not understood.
    pub const fn lost() -> Self {
        Self { left: Left::Lost, bytes: 0, sink: BodySink::Discard, owes_continue: false }
    }

    /// What is still to come is not waited for.
    pub fn give_up(&mut self) {
        if !matches!(self.left, Left::Nothing) {
            self.left = Left::Lost;
        }
    }

    /// Nothing of it is waited for any more.
    pub fn is_finished(&self) -> bool {
        matches!(self.left, Left::Nothing | Left::Lost)
    }

    /// It has been read to its end, so that what follows is the next request.
    pub fn is_whole(&self) -> bool {
        matches!(self.left, Left::Nothing)
    }

    /// The client has announced more than `max` bytes; 0: there is no limit.
    pub fn is_longer_than(&self, max: u64) -> bool {
        max > 0 && matches!(self.left, Left::Bytes(bytes) if bytes > max)
    }

    /// Its end is found by what is in it.
    pub fn is_chunked(&self) -> bool {
        matches!(self.left, Left::Chunks(_))
    }

    /// A handler takes what is still to come.
    pub fn feeds(&self) -> bool {
        self.sink == BodySink::Handler && !self.is_finished()
    }

    /// So little is to come that waiting for it is cheaper than a new connection.
    pub fn is_nearly_finished(&self) -> bool {
        matches!(self.left, Left::Bytes(bytes) if bytes <= UNWANTED_BYTES_MAX)
    }

    /// How many bytes are announced and have not been taken. Returns 0 for a body in chunks: only each chunk says it.
    pub fn announced_bytes(&self) -> u64 {
        match self.left {
            Left::Bytes(bytes) => bytes,
            Left::Nothing | Left::Chunks(_) | Left::Lost => 0,
        }
    }

    /// More than `max` bytes have come or are announced; 0: there is no limit.
    pub fn is_over(&self, max: u64) -> bool {
        let announced_bytes = match &self.left {
            Left::Chunks(decoder) => decoder.announced_bytes(),
            Left::Nothing | Left::Bytes(_) | Left::Lost => 0,
        };
        max > 0 && self.bytes.saturating_add(announced_bytes) > max
    }

    /// Takes what has come: into `sink`, as far as there is room, or away. The error is the rule that the body breaks.
    pub fn take(&mut self, input: &mut Pipe, mut sink: Option<&mut Pipe>) -> Result<(), ChunkError> {
        loop {
            let room = sink.as_deref().map_or(usize::MAX, Pipe::room);
            if input.is_empty() || room == 0 {
                return Ok(());
            }
            let moved_bytes = match &mut self.left {
                Left::Nothing | Left::Lost => return Ok(()),
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

/// Moves up to `most` bytes, a segment at a time; how many it were.
fn pass_on(input: &mut Pipe, most: u64, sink: Option<&mut Pipe>) -> u64 {
    let Some(segment) = input.take(most) else { return 0 };
    let bytes = segment.len();
    if let Some(sink) = sink {
        sink.push(segment);
    }
    bytes
}

/// Moves all of so many bytes.
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
