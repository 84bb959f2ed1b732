//! The head of an answer in the form of CGI, which FastCGI, SCGI and uwsgi servers write.

use super::GatewayFault;
use super::repeated::drop_repeated;
use crate::http::ReplyHead;
use crate::http::cgi::{HeadScan, ScriptAnswer, ScriptHead, ScriptHeadLimits};
use std::borrow::Cow;

/// Parses a head as it comes.
pub(super) struct CgiHead {
    scan: HeadScan,
    limits: ScriptHeadLimits,
    /// What has come. Empty if the whole head comes in one piece, which is the usual case.
    seen: Vec<u8>,
}

impl CgiHead {
    pub(super) fn new(limits: ScriptHeadLimits) -> Self {
        Self { scan: HeadScan::of_server(), limits, seen: Vec::new() }
    }

    /// Takes the next piece. Returns the head and how many bytes of the piece belong to it; the others belong to the
    /// body. Returns `None` if the head is not complete.
    ///
    /// # Errors
    /// If the head is malformed or too long.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<Option<(ReplyHead, usize)>, GatewayFault> {
        let before = self.seen.len();
        let step = if before == 0 {
            self.scan.advance(piece, &self.limits)
        } else {
            let most = self.limits.head_bytes_max - before;
            self.seen.extend_from_slice(&piece[..piece.len().min(most)]);
            self.scan.advance(&self.seen, &self.limits)
        };
        let answer = step.map_err(|error| GatewayFault {
            reason: Cow::Owned(format!("line {} of the answer: {}", error.line, error.reason)),
        })?;
        match answer {
            ScriptHead::Done { taken, answer } => {
                self.seen = Vec::new();
                Ok(Some((reply_head(answer), taken - before)))
            }
            ScriptHead::NeedMore => {
                if before == 0 {
                    self.seen.extend_from_slice(piece);
                }
                Ok(None)
            }
        }
    }

    /// The fault of an answer that ends before its head is complete.
    pub(super) fn ended(&self) -> GatewayFault {
        match self.seen.is_empty() {
            true => "the answer ended before its first byte".into(),
            false => "the answer ended within its head".into(),
        }
    }
}

fn reply_head(answer: ScriptAnswer) -> ReplyHead {
    let mut head = match answer {
        ScriptAnswer::Document(head)
        | ScriptAnswer::ClientRedirect(head)
        | ScriptAnswer::ClientRedirectWithDocument(head) => head,
        // A scan of a server's answer gives neither of the other two.
        ScriptAnswer::LocalRedirect(_) => ReplyHead::new(302),
        ScriptAnswer::NonParsed(status) => ReplyHead::new(status),
    };
    drop_repeated(&mut head.fields);
    head
}
