//! The answer on its way into the output.

use super::answer::end_workers;
use super::current::{Current, Stage, Transfer};
use super::{Context, Http1, Step};
use crate::exchange::Phase;
use crate::http::ReplyHead;
use crate::http::print::BodyEnd;
use crate::http::status::is_bodyless;
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
        let mut bytes = self.head(&mut current, head, BodyEnd::Length(body.len() as u64), None, cx);
        if !current.head_only && !is_bodyless(current.status) {
            bytes.extend_from_slice(&body);
        }
        cx.exchange().output.push_bytes(bytes);
        self.sent(current, cx)
    }

    /// An answer whose body comes from a worker, if the client gets one at all.
    pub(super) fn send(&mut self, mut current: Box<Current>, transfer: Transfer, cx: &mut Context<'_>) -> Step {
        if current.head_only || (transfer.left == 0 && transfer.rest.is_empty()) {
            end_workers(cx);
            cx.exchange().output.push_bytes(transfer.head);
            return self.sent(current, cx);
        }
        current.stage = Stage::Sending(transfer);
        self.wait(current)
    }

    /// Moves what has come. Head and first bytes enter the output together, so that they leave in one call.
    pub(super) fn transfer(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let x = cx.exchange();
        let Stage::Sending(transfer) = &mut current.stage else { return self.wait(current) };
        while x.output.room() > 0 {
            if transfer.left > 0 {
                let Some(segment) = x.reply.body.take(transfer.left) else { break };
                transfer.left -= segment.len();
                if !transfer.head.is_empty() {
                    x.output.push_bytes(std::mem::take(&mut transfer.head));
                }
                x.output.push(segment);
            } else if let Some(piece) = transfer.rest.pop() {
                transfer.head.extend_from_slice(&piece.heading);
                transfer.left = piece.bytes;
            } else {
                x.output.push_bytes(std::mem::take(&mut transfer.head));
                end_workers(cx);
                return self.sent(current, cx);
            }
        }
        if x.reply.body.is_ended() && x.reply.body.is_empty() && x.output.room() > 0 {
            x.phase = Phase::Closing; // without a clean end: the client must not take it for the whole
            cx.log(Level::Error, format_args!("the answer ended before the length that it had promised"));
        }
        self.wait(current)
    }

    /// The whole answer is in the output.
    fn sent(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let output = &cx.exchange().output;
        current.output_end = output.taken_bytes() + output.len();
        current.stage = Stage::Sent;
        self.current = Some(current);
        Step::Again
    }
}
