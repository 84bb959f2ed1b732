//! The decoder of a FastCGI answer (sections 3.3, 5.3 and 5.5).

use super::record::{HEADER_BYTES, Kind, Record, parse};
use crate::gateway::body_left::BodyLeft;
use crate::gateway::cgi_head::CgiHead;
use crate::gateway::{Asked, Decoded, GatewayFault};
use std::borrow::Cow;

/// The content of END_REQUEST has this many bytes.
const END_REQUEST_BYTES: u16 = 8;

/// Decodes the answer of a FastCGI server.
pub struct FastcgiAnswer {
    stage: Stage,
    record: Record,
    /// The start of a header or of END_REQUEST's content that came in pieces, and its length in bytes.
    partial: [u8; HEADER_BYTES],
    partial_len: usize,
    head: CgiHead,
    /// `None` while the head is not complete.
    body: Option<BodyLeft>,
    stdout_ended: bool,
    asked: Asked,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    /// Content of `record`.
    Content,
    /// Padding of `record`.
    Padding,
    /// Nothing: the answer is complete.
    Ended {
        /// It was complete before the server was done with it.
        is_cut: bool,
    },
}

impl FastcgiAnswer {
    /// Decodes the answer to this request.
    pub fn new(asked: Asked) -> Self {
        Self {
            stage: Stage::Header,
            record: Record { kind: Kind(0), content: 0, padding: 0 },
            partial: [0; HEADER_BYTES],
            partial_len: 0,
            head: CgiHead::of_server(asked.limits),
            body: None,
            stdout_ended: false,
            asked,
        }
    }

    /// See [`AnswerDecoder::feed`](crate::gateway::AnswerDecoder::feed).
    pub(in crate::gateway) fn feed<'a>(
        &mut self,
        bytes: &mut &'a [u8],
        room: usize,
    ) -> Result<Decoded<'a>, GatewayFault> {
        loop {
            match self.stage {
                Stage::Ended { is_cut } => {
                    return Ok(Decoded::End {
                        is_reusable: self.asked.keeps_connection && !is_cut && bytes.is_empty(),
                    });
                }
                _ if bytes.is_empty() => return Ok(Decoded::More),
                Stage::Header => self.header(bytes)?,
                Stage::Padding => self.padding(bytes),
                Stage::Content => {
                    if let Some(told) = self.content(bytes, room)? {
                        return Ok(told);
                    }
                }
            }
        }
    }

    /// See [`AnswerDecoder::eof`](crate::gateway::AnswerDecoder::eof). An answer may end without END_REQUEST if
    /// nothing can be missing: its Content-Length has come, or STDOUT has ended.
    pub(in crate::gateway) fn eof(&mut self) -> Result<Decoded<'static>, GatewayFault> {
        let body = self.body.ok_or_else(|| self.head.ended())?;
        body.check_end()?;
        if matches!(self.stage, Stage::Ended { .. }) || self.stdout_ended || body.is_nothing() {
            return Ok(Decoded::End { is_reusable: false });
        }
        Err("the connection was closed before the end of STDOUT".into())
    }

    fn header(&mut self, bytes: &mut &[u8]) -> Result<(), GatewayFault> {
        let Some(header) = self.eight(bytes) else { return Ok(()) };
        let record = parse(&header)?;
        match (record.kind, record.content) {
            (Kind::STDOUT, 0) if self.body.is_none() => return Err("STDOUT ended before a complete head".into()),
            (Kind::STDOUT, 0) => self.stdout_ended = true,
            (Kind::STDOUT, _) if self.stdout_ended => return Err("a STDOUT record behind the end of STDOUT".into()),
            (Kind::END_REQUEST, END_REQUEST_BYTES) => {}
            (Kind::END_REQUEST, _) => return Err("an END_REQUEST record whose length is not 8".into()),
            _ => {}
        }
        self.record = record;
        self.stage = if record.content > 0 { Stage::Content } else { Stage::Padding };
        self.skip_no_padding();
        Ok(())
    }

    /// The next eight bytes. Returns `None`, and keeps the bytes, if fewer have come.
    fn eight(&mut self, bytes: &mut &[u8]) -> Option<[u8; HEADER_BYTES]> {
        if self.partial_len == 0
            && let Some((eight, rest)) = bytes.split_first_chunk()
        {
            *bytes = rest;
            return Some(*eight);
        }
        let (front, rest) = bytes.split_at(bytes.len().min(HEADER_BYTES - self.partial_len));
        self.partial[self.partial_len..][..front.len()].copy_from_slice(front);
        self.partial_len += front.len();
        *bytes = rest;
        if self.partial_len < HEADER_BYTES {
            return None;
        }
        self.partial_len = 0;
        Some(self.partial)
    }

    /// Takes content, of which there is at least a byte.
    fn content<'a>(&mut self, bytes: &mut &'a [u8], room: usize) -> Result<Option<Decoded<'a>>, GatewayFault> {
        let piece = &bytes[..bytes.len().min(usize::from(self.record.content))];
        match (self.record.kind, &mut self.body) {
            (Kind::STDOUT, None) => {
                let (head, used) = match self.head.feed_of_server(piece)? {
                    Some((head, used)) => (Some(head), used),
                    None => (None, piece.len()),
                };
                self.use_content(bytes, used);
                let Some(head) = head else { return Ok(None) };
                self.body = Some(BodyLeft::behind(&head, self.asked.is_head));
                Ok(Some(Decoded::Head(head)))
            }
            (Kind::STDOUT, Some(body)) if body.is_nothing() => {
                // More than Content-Length, or a body that must not be: the answer is complete without it.
                self.stage = Stage::Ended { is_cut: true };
                Ok(None)
            }
            (Kind::STDOUT, Some(body)) => {
                let data = body.take(&mut { piece }, room);
                self.use_content(bytes, data.len());
                Ok(Some(Decoded::Data(data)))
            }
            (Kind::STDERR, _) => {
                self.use_content(bytes, piece.len());
                Ok(Some(Decoded::Stderr(piece)))
            }
            (Kind::END_REQUEST, _) => {
                if let Some(content) = self.eight(bytes) {
                    self.end_request(content)?;
                }
                Ok(None)
            }
            _ => {
                self.use_content(bytes, piece.len()); // of a management record
                Ok(None)
            }
        }
    }

    /// Advances behind `count` bytes of the content.
    fn use_content(&mut self, bytes: &mut &[u8], count: usize) {
        *bytes = &bytes[count..];
        self.record.content -= count as u16;
        if self.record.content == 0 {
            self.stage = Stage::Padding;
            self.skip_no_padding();
        }
    }

    /// Goes on to the next record if there is no padding.
    fn skip_no_padding(&mut self) {
        if self.stage == Stage::Padding && self.record.padding == 0 {
            self.stage = Stage::Header;
        }
    }

    fn padding(&mut self, bytes: &mut &[u8]) {
        let count = bytes.len().min(usize::from(self.record.padding));
        *bytes = &bytes[count..];
        self.record.padding -= count as u8;
        match (self.record.padding, self.record.kind) {
            (0, Kind::END_REQUEST) => self.stage = Stage::Ended { is_cut: false },
            (0, _) => self.stage = Stage::Header,
            _ => {}
        }
    }

    /// The content of END_REQUEST. Its first four bytes are the program's exit status, which says nothing about the
    /// answer.
    fn end_request(&mut self, content: [u8; HEADER_BYTES]) -> Result<(), GatewayFault> {
        match content[4] {
            0 => {}
            1 => return Err("the FastCGI server does not multiplex connections (CANT_MPX_CONN)".into()),
            2 => return Err("the FastCGI server is overloaded (OVERLOADED)".into()),
            3 => return Err("the FastCGI server does not know the role Responder (UNKNOWN_ROLE)".into()),
            status => {
                let reason = Cow::Owned(format!("an END_REQUEST record with the unknown protocol status {status}"));
                return Err(GatewayFault { reason });
            }
        }
        let Some(body) = self.body else { return Err("END_REQUEST came before a complete head".into()) };
        body.check_end()?;
        // Only a connection that is used again needs the padding.
        let waits = self.asked.keeps_connection && self.record.padding > 0;
        self.stage = if waits { Stage::Padding } else { Stage::Ended { is_cut: false } };
        Ok(())
    }
}
