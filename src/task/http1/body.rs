//! A request's body: passed on to the handler that takes it, or thrown away, so that the next request can be found.

use super::answer::end_handlers;
use super::current::{Current, Stage};
use super::{Context, Http1, Step};
use crate::connection::limits::UNWANTED_BYTES_MAX;
use crate::connection::{Connection, Phase, Pipe};
use crate::http::chunked::{ChunkError, ChunkStep as Chunk, Decoder};
use crate::http::{Framing, HeadLimits, Method, Request, print};
use crate::log::Level;

/// How much of a request's body is still to come.
pub(super) struct RequestBody {
    left: Left,
    /// Bytes of content so far.
    pub bytes: u64,
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
        Self { left, bytes: 0 }
    }

    /// The body of a head that was not understood.
    pub const fn lost() -> Self {
        Self { left: Left::Lost, bytes: 0 }
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

    /// So little is to come that waiting for it is cheaper than a new connection.
    pub fn is_nearly_finished(&self) -> bool {
        matches!(self.left, Left::Bytes(bytes) if bytes <= UNWANTED_BYTES_MAX)
    }

    /// How many bytes are announced and have not been taken; of chunks only each itself says it.
    fn announced_bytes(&self) -> u64 {
        match self.left {
            Left::Bytes(bytes) => bytes,
            Left::Nothing | Left::Chunks(_) | Left::Lost => 0,
        }
    }

    /// More than `max` bytes have come or are announced; 0: there is no limit.
    fn is_over(&self, max: u64) -> bool {
        let announced_bytes = match &self.left {
            Left::Chunks(decoder) => decoder.announced_bytes(),
            Left::Nothing | Left::Bytes(_) | Left::Lost => 0,
        };
        max > 0 && self.bytes.saturating_add(announced_bytes) > max
    }

    /// Takes what has come: into `sink`, as far as there is room, or away. The error is the rule that the body breaks.
    fn take(&mut self, input: &mut Pipe, mut sink: Option<&mut Pipe>) -> Result<(), ChunkError> {
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

impl Http1 {
    /// Reads the body that nobody wants; when it is whole the request is answered.
    pub(super) fn skip_body(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Step {
        if let Err(status) = advance(&mut current, cx) {
            return self.refuse(current, status, cx);
        }
        // What will be refused anyway is refused now: its client may wait for that before it sends the rest. But for
        // chunks: whether they are right decides about the answer, however they are cut.
        let is_read = current.method().is_some_and(Method::reads);
        if current.body.is_finished() || (!is_read && !current.body.is_chunked()) {
            return self.ask(current, cx);
        }
        self.wait(current)
    }

    /// Gives a handler what has come of the body. When the body breaks a rule, there is no answer but a refusal, or the
    /// end of the connection if an answer is on its way.
    pub(super) fn feed(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Result<Box<Current>, Step> {
        if !current.feeds || current.body.is_finished() {
            return Ok(current);
        }
        let Err(status) = advance(&mut current, cx) else {
            tell_to_continue(&mut current, cx);
            return Ok(current);
        };
        end_handlers(cx);
        if matches!(current.stage, Stage::Waiting) {
            return Err(self.refuse(current, status, cx));
        }
        cx.connection().phase = Phase::Closing;
        Err(self.wait(current))
    }

    /// The answer is in the output; the rest of the request's body must go before the next one can be read.
    pub(super) fn finish(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Step {
        current.feeds = false;
        if advance(&mut current, cx).is_err() || !current.body.is_nearly_finished() {
            current.body.give_up(); // it would take longer than a new connection
        }
        if !current.body.is_finished() {
            return self.wait(current);
        }
        self.end(current, cx)
    }
}

/// 100, if the client waits for it and a handler wants the body. Who did not wait needs none.
fn tell_to_continue(current: &mut Current, cx: &mut Context<'_>) {
    let x = cx.connection();
    if !current.owes_continue || (x.body.is_held() && !current.body.is_whole()) {
        return;
    }
    current.owes_continue = false;
    if !current.body.is_whole() {
        x.output.push_copy(print::CONTINUE);
    }
}

/// Reads on in the request's body, unless there is no more of it: whoever takes a body that there is not is told so
/// when it is asked.
#[inline]
fn advance(current: &mut Current, cx: &mut Context<'_>) -> Result<(), u16> {
    if current.body.is_whole() { Ok(()) } else { read_on(current, cx) }
}

/// Reads on: for the handler that takes the body, or to throw it away.
fn read_on(current: &mut Current, cx: &mut Context<'_>) -> Result<(), u16> {
    let Connection { input, body, .. } = cx.connection();
    let sink = current.feeds.then(|| &mut **body);
    let taken = current.body.take(input, sink);
    if current.feeds {
        body.announce(current.body.announced_bytes());
    }
    if let Err(error) = taken {
        current.body = RequestBody::lost();
        cx.log(Level::Info, format_args!("refused: {}", error.reason));
        return Err(400);
    }
    if current.body.is_over(current.route.settings.client_max_body_size) {
        current.body.give_up();
        cx.log(Level::Error, format_args!("the client's body is over client_max_body_size"));
        return Err(413);
    }
    let x = cx.connection();
    if current.body.is_whole() {
        x.body.end();
    } else if x.input.is_ended() && x.input.is_empty() && !current.body.is_finished() {
        current.body.give_up();
        cx.log(Level::Info, format_args!("the client closed before its request was complete"));
        return Err(400);
    }
    Ok(())
}
