//! The answer on its way into the output.

use super::answer::end_handlers;
use super::current::{Current, Piece, ReplyFraming, Stage, Transfer};
use super::{Context, Http1, Step};
use crate::connection::{Buffers, Connection, Phase, Segment};
use crate::http::print::BodyEnd;
use crate::http::status::is_bodyless;
use crate::http::{ReplyHead, chunked};
use crate::log::Level;

impl Http1 {
    /// An answer whose whole body is at hand.
    pub(super) fn send_whole(
        &mut self,
        mut current: Box<Current>,
        head: ReplyHead,
        body: Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Step {
        if !current.body.is_finished() && !current.body.is_nearly_finished() {
            current.keep_alive = false;
            current.body.give_up();
        }
        let bytes = self.head(&mut current, head, BodyEnd::Length(body.len() as u64), None, cx);
        self.send_at_hand(current, bytes, Segment::owned(body), cx)
    }

    /// A head, and its body if the client gets one.
    #[inline]
    pub(super) fn send_at_hand(
        &mut self,
        current: Box<Current>,
        head: Vec<u8>,
        body: Segment,
        cx: &mut Context<'_>,
    ) -> Step {
        let Context { connection: Some(x), worker, .. } = cx else { return self.wait(current) };
        x.output.push_buffer(head, &mut worker.buffers);
        if !current.head_only && !is_bodyless(current.status) {
            x.output.push(body);
        }
        self.sent(current, cx)
    }

    /// An answer whose body comes from a handler, if the client gets one at all.
    pub(super) fn send(&mut self, mut current: Box<Current>, transfer: Transfer, cx: &mut Context<'_>) -> Step {
        let is_empty = matches!(&transfer.framing, ReplyFraming::Pieces { left: 0, rest } if rest.is_empty());
        if current.head_only || is_empty || is_bodyless(current.status) {
            end_handlers(cx);
            let Context { connection: Some(x), worker, .. } = cx else { return self.wait(current) };
            x.output.push_buffer(transfer.before, &mut worker.buffers);
            return self.sent(current, cx);
        }
        cx.connection().reply.draw();
        current.stage = Stage::Sending(transfer);
        self.wait(current)
    }

    /// Moves what has come. Head and first bytes enter the output together, so that they leave in one call.
    pub(super) fn transfer(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let Context { connection: Some(x), worker, .. } = cx else { return self.wait(current) };
        let Stage::Sending(transfer) = &mut current.stage else { return self.wait(current) };
        let buffers = &mut worker.buffers;
        let complete = match &mut transfer.framing {
            ReplyFraming::Pieces { left, rest } => move_pieces(&mut transfer.before, left, rest, x, buffers),
            ReplyFraming::Chunked => move_all(&mut transfer.before, true, x, buffers),
            ReplyFraming::UntilClose => move_all(&mut transfer.before, false, x, buffers),
        };
        if complete {
            end_handlers(cx);
            return self.sent(current, cx);
        }
        x.reply.draw();
        if x.reply.body.is_ended() && x.reply.body.is_empty() && x.output.room() > 0 {
            x.phase = Phase::Closing; // without a clean end: the client must not take it for the whole
            cx.log(Level::Error, format_args!("the answer ended before the length that it had promised"));
        }
        self.wait(current)
    }

    /// The whole answer is in the output.
    #[inline]
    fn sent(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Step {
        current.output_end = cx.connection().output_end();
        current.stage = Stage::Sent;
        self.finish(current, cx)
    }
}

/// Moves a body of known length; true when it is complete.
fn move_pieces(
    before: &mut Vec<u8>,
    left: &mut u64,
    rest: &mut Vec<Piece>,
    x: &mut Connection,
    buffers: &mut Buffers,
) -> bool {
    while x.output.room() > 0 {
        if *left > 0 {
            let Some(segment) = x.reply.body.take(*left) else { return false };
            *left -= segment.len();
            x.output.push_buffer(std::mem::take(before), buffers);
            x.output.push(segment);
        } else if let Some(piece) = rest.pop() {
            before.extend_from_slice(&piece.heading);
            *left = piece.bytes;
        } else {
            x.output.push_buffer(std::mem::take(before), buffers);
            return true;
        }
    }
    false
}

/// Moves a body whose end is known when it comes; true when it has come.
fn move_all(before: &mut Vec<u8>, chunked: bool, x: &mut Connection, buffers: &mut Buffers) -> bool {
    while x.output.room() > 0 {
        let Some(segment) = x.reply.body.take(u64::MAX) else { break };
        if chunked {
            chunked::push_chunk_start(before, segment.len());
        }
        x.output.push_buffer(std::mem::take(before), buffers);
        x.output.push(segment);
        if chunked {
            before.extend_from_slice(chunked::CHUNK_END);
        }
    }
    if !x.reply.body.is_ended() || !x.reply.body.is_empty() || x.output.room() == 0 {
        return false;
    }
    if chunked {
        before.extend_from_slice(chunked::LAST_CHUNK);
    }
    x.output.push_buffer(std::mem::take(before), buffers);
    true
}
