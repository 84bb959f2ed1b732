//! The decoder of an answer in the form of CGI, as programs, SCGI and uwsgi servers write it: a head, and a body up to
//! its Content-Length or to the end of the pipe or connection. That carries one request.

use super::body_left::BodyLeft;
use super::cgi_head::{CgiHead, reply_head};
use super::{Asked, Decoded, GatewayFault};
use crate::http::cgi::ScriptAnswer;

/// Decodes the answer of a program, or of an SCGI or uwsgi server.
pub struct CgiAnswer {
    head: CgiHead,
    /// `None` while the head is not complete.
    left: Option<BodyLeft>,
    is_head: bool,
}

impl CgiAnswer {
    /// Decodes the answer of a server to this request.
    pub fn of_server(asked: Asked) -> Self {
        Self { head: CgiHead::of_server(asked.limits), left: None, is_head: asked.is_head }
    }

    /// Decodes the output of a program. `non_parsed`: it is an nph- script (RFC 3875 section 5). A body that the client
    /// does not get is decoded all the same.
    pub fn of_program(non_parsed: bool) -> Self {
        Self { head: CgiHead::of_program(non_parsed), left: None, is_head: false }
    }

    /// See [`AnswerDecoder::feed`](super::AnswerDecoder::feed).
    pub(super) fn feed<'a>(&mut self, bytes: &mut &'a [u8], room: usize) -> Result<Decoded<'a>, GatewayFault> {
        let Some(left) = &mut self.left else { return self.feed_head(bytes) };
        if left.is_nothing() {
            return Ok(Decoded::End { is_reusable: false });
        }
        match left.take(bytes, room) {
            [] => Ok(Decoded::More),
            data => Ok(Decoded::Data(data)),
        }
    }

    fn feed_head<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Decoded<'a>, GatewayFault> {
        let Some((answer, used)) = self.head.feed(bytes)? else {
            *bytes = &[];
            return Ok(Decoded::More);
        };
        *bytes = &bytes[used..];
        if !self.head.is_of_program() {
            let head = reply_head(answer);
            self.left = Some(BodyLeft::behind(&head, self.is_head));
            return Ok(Decoded::Head(head));
        }
        Ok(match answer {
            ScriptAnswer::Document(head) | ScriptAnswer::ClientRedirectWithDocument(head) => {
                self.left = Some(BodyLeft::said(&head));
                Decoded::Head(head)
            }
            ScriptAnswer::NonParsed(status) => {
                self.left = Some(BodyLeft::default());
                Decoded::NonParsed(status, self.head.take_bytes())
            }
            ScriptAnswer::ClientRedirect(head) => Decoded::Redirect(head),
            ScriptAnswer::LocalRedirect(target) => Decoded::LocalRedirect(target),
        })
    }

    /// See [`AnswerDecoder::eof`](super::AnswerDecoder::eof).
    pub(super) fn eof(&mut self) -> Result<Decoded<'static>, GatewayFault> {
        let left = self.left.ok_or_else(|| self.head.ended())?;
        left.check_end()?;
        Ok(Decoded::End { is_reusable: false })
    }
}

#[cfg(test)]
#[path = "cgi_answer_tests.rs"]
mod tests;
