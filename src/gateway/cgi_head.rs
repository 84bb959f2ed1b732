//! The head of an answer in the form of CGI, which programs and FastCGI, SCGI and uwsgi servers write.

use super::GatewayFault;
use super::repeated::drop_repeated;
use crate::http::ReplyHead;
use crate::http::cgi::{HeadScan, ScriptAnswer, ScriptHead, ScriptHeadLimits};
use std::borrow::Cow;

/// Parses a head as it comes.
pub(super) struct CgiHead {
    scan: HeadScan,
    limits: ScriptHeadLimits,
    /// A program writes the head, and not a server behind: nginx's rules for servers do not hold.
    of_program: bool,
    /// What has come. Empty if the whole head comes in one piece, which is the usual case.
    seen: Vec<u8>,
}

impl CgiHead {
    /// The head that a server behind writes.
    pub(super) fn of_server(limits: ScriptHeadLimits) -> Self {
        Self { scan: HeadScan::of_server(), limits, of_program: false, seen: Vec::new() }
    }

    /// The head that a program writes. `non_parsed`: it is an nph- script (RFC 3875 section 5).
    pub(super) fn of_program(non_parsed: bool) -> Self {
        let scan = if non_parsed { HeadScan::non_parsed() } else { HeadScan::default() };
        Self { scan, limits: ScriptHeadLimits::default(), of_program: true, seen: Vec::new() }
    }

    /// Whether a program writes the head.
    pub(super) fn is_of_program(&self) -> bool {
        self.of_program
    }

    /// Takes the next piece. Returns what the head means and how many bytes of the piece belong to it; the others
    /// belong to the body. Returns `None` if the head is not complete.
    ///
    /// # Errors
    /// If the head is malformed or too long.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<Option<(ScriptAnswer, usize)>, GatewayFault> {
        let before = self.seen.len();
        let step = if before == 0 {
            self.scan.advance(piece, &self.limits)
        } else {
            let most = self.limits.head_bytes_max - before;
            self.seen.extend_from_slice(&piece[..piece.len().min(most)]);
            self.scan.advance(&self.seen, &self.limits)
        };
        let answer = step.map_err(|error| GatewayFault {
            reason: Cow::Owned(match self.of_program {
                true => error.to_string(),
                false => format!("line {} of the answer: {}", error.line, error.reason),
            }),
        })?;
        match answer {
            ScriptHead::Done { taken, answer } => {
                match answer {
                    ScriptAnswer::NonParsed(_) if before == 0 => self.seen = piece[..taken].to_vec(),
                    ScriptAnswer::NonParsed(_) => self.seen.truncate(taken),
                    _ => self.seen = Vec::new(),
                }
                Ok(Some((answer, taken - before)))
            }
            ScriptHead::NeedMore => {
                if before == 0 {
                    self.seen.extend_from_slice(piece);
                }
                Ok(None)
            }
        }
    }

    /// As [`CgiHead::feed`], for a server: whatever the head means, it is passed on.
    ///
    /// # Errors
    /// The same.
    pub(super) fn feed_of_server(&mut self, piece: &[u8]) -> Result<Option<(Box<ReplyHead>, usize)>, GatewayFault> {
        Ok(self.feed(piece)?.map(|(answer, used)| (reply_head(answer), used)))
    }

    /// The bytes of a head that is not parsed.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.seen)
    }

    /// The fault of an answer that ends before its head is complete.
    pub(super) fn ended(&self) -> GatewayFault {
        match self.seen.len() {
            bytes if self.of_program => {
                GatewayFault { reason: Cow::Owned(format!("{} ({bytes} bytes)", self.scan.ended())) }
            }
            0 => "the answer ended before its first byte".into(),
            _ => "the answer ended within its head".into(),
        }
    }
}

/// What a server behind says, as the head of an answer.
pub(super) fn reply_head(answer: ScriptAnswer) -> Box<ReplyHead> {
    let mut head = match answer {
        ScriptAnswer::Document(head)
        | ScriptAnswer::ClientRedirect(head)
        | ScriptAnswer::ClientRedirectWithDocument(head) => head,
        // A scan of a server's answer gives neither of the other two.
        ScriptAnswer::LocalRedirect(_) => Box::new(ReplyHead::new(302)),
        ScriptAnswer::NonParsed(status) => Box::new(ReplyHead::new(status)),
    };
    drop_repeated(&mut head.fields);
    head
}
