//! The answer's body on its way from the worker to the output.

use super::current::{Current, Stage};
use super::{Context, Http1, Step};
use crate::exchange::Phase;
use crate::exchange::limits::REPLY_BYTES_MAX;
use crate::log::Level;

impl Http1 {
    /// Moves what has come. Head and first bytes enter the output together, so that they leave in one call.
    pub(super) fn transfer(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let x = cx.exchange();
        let Stage::Sending(transfer) = &mut current.stage else { return Step::Wait };
        let complete = loop {
            if transfer.left > 0 {
                let Some(segment) = x.reply.body.take(transfer.left) else { break false };
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
                break true;
            }
            if x.output.room() == 0 {
                break false;
            }
        };
        if complete {
            x.reply.reset(REPLY_BYTES_MAX);
            current.output_end = x.output.taken_bytes() + x.output.len();
            current.stage = Stage::Sent;
            self.current = Some(current);
            cx.cancel_workers();
            return Step::Again;
        }
        let cut_short = x.reply.body.is_ended() && x.reply.body.is_empty();
        if cut_short && x.output.room() > 0 {
            x.phase = Phase::Closed; // without a clean end: the client must not take it for the whole
            cx.log(Level::Error, format_args!("the answer ended before the length that it had promised"));
        }
        self.current = Some(current);
        Step::Wait
    }
}
