//! A request's body that nobody wants: it is read to its end, so that the next request can be found.

use super::current::Current;
use super::{Context, Http1, Step};
use crate::exchange::Pipe;
use crate::exchange::limits::UNWANTED_BYTES_MAX;
use crate::http::chunked::{ChunkError, Decoder, Step as Chunk};
use crate::http::{Framing, Limits, Method, Request};
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
    pub fn of(request: &Request, limits: &Limits) -> Self {
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

    /// More than `max` bytes have come or are announced; 0: there is no limit.
    fn is_over(&self, max: u64) -> bool {
        let announced_bytes = match &self.left {
            Left::Chunks(decoder) => decoder.announced_bytes(),
            Left::Nothing | Left::Bytes(_) | Left::Lost => 0,
        };
        max > 0 && self.bytes.saturating_add(announced_bytes) > max
    }

    /// Takes what has come. The error is the rule that the body breaks.
    fn skip(&mut self, input: &mut Pipe) -> Result<(), ChunkError> {
        while !input.is_empty() {
            match &mut self.left {
                Left::Nothing | Left::Lost => break,
                Left::Bytes(left) => {
                    let count = input.len().min(*left);
                    input.consume(count);
                    self.bytes += count;
                    *left -= count;
                    if *left == 0 {
                        self.left = Left::Nothing;
                    }
                }
                Left::Chunks(decoder) => {
                    let bytes = input.contiguous();
                    let (used, data) = match decoder.decode(bytes)? {
                        Chunk::More => (bytes.len(), 0),
                        Chunk::Data(data) => (data.end, data.len()),
                        Chunk::End { taken } => {
                            self.left = Left::Nothing;
                            (taken, 0)
                        }
                    };
                    input.consume(used as u64);
                    self.bytes += data as u64;
                }
            }
        }
        Ok(())
    }
}

impl Http1 {
    /// Reads the body that nobody wants; when it is whole the request is answered.
    pub(super) fn skip_body(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Step {
        if let Err(status) = skip(&mut current, cx) {
            return self.refuse(current, status, cx);
        }
        // What will be refused anyway is refused now: its client may wait for that before it sends the rest. But for
        // chunks: whether they are right decides about the answer, however they are cut.
        let is_read = matches!(current.method(), Some(Method::Get | Method::Head));
        if current.body.is_finished() || (!is_read && !current.body.is_chunked()) {
            return self.ask(current, cx);
        }
        if cx.exchange().input.is_ended() {
            cx.log(Level::Info, format_args!("the client closed before its request was complete"));
            return self.refuse(current, 400, cx);
        }
        self.wait(current)
    }

    /// The answer is in the output; the rest of the request's body must go before the next one can be read.
    pub(super) fn finish(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let ended = skip(&mut current, cx).is_err() || (cx.exchange().input.is_ended() && !current.body.is_finished());
        if ended {
            current.body.give_up();
        }
        if !current.body.is_finished() {
            return self.wait(current);
        }
        self.end(current, cx)
    }
}

fn skip(current: &mut Current, cx: &mut Context<'_>) -> Result<(), u16> {
    let max = current.route.settings.client_max_body_size;
    if let Err(error) = current.body.skip(&mut cx.exchange().input) {
        current.body = RequestBody::lost();
        cx.log(Level::Info, format_args!("refused: {}", error.reason));
        return Err(400);
    }
    if current.body.is_over(max) {
        current.body.give_up();
        cx.log(Level::Error, format_args!("the client's body is over client_max_body_size"));
        return Err(413);
    }
    Ok(())
}
