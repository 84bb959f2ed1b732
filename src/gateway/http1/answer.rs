//! The decoder of an answer of HTTP/1.1 (RFC 9112 section 6.3).

use super::response_head::{ResponseHead, ResponseScan};
use crate::gateway::body_left::BodyLeft;
use crate::gateway::{Asked, Decoded, GatewayFault};
use crate::http::chunked::{ChunkStep, Decoder};
use crate::http::{HeadLimits, Name, Text};
use std::borrow::Cow;

/// The most interim responses before an answer.
const INTERIM_MAX: u32 = 16;

/// Decodes the answer of an HTTP server.
pub struct Http1Answer {
    stage: Stage,
    scan: ResponseScan,
    asked: Asked,
    interim: u32,
    /// What the head has said about the connection.
    keeps_connection: bool,
}

/// What comes next.
enum Stage {
    Head,
    /// A body with a Content-Length, none, or one up to the end of the connection.
    Body(BodyLeft),
    Chunked(Box<Decoder>),
    /// Nothing: the answer is complete.
    Ended,
    /// The bytes of another protocol.
    Tunnel,
}

impl Http1Answer {
    /// Decodes the answer to this request.
    pub fn new(asked: Asked) -> Self {
        let scan = ResponseScan::new(asked.limits);
        Self { stage: Stage::Head, scan, asked, interim: 0, keeps_connection: false }
    }

    /// See [`AnswerDecoder::feed`](crate::gateway::AnswerDecoder::feed).
    pub(in crate::gateway) fn feed<'a>(
        &mut self,
        bytes: &mut &'a [u8],
        room: usize,
    ) -> Result<Decoded<'a>, GatewayFault> {
        match &mut self.stage {
            Stage::Head => {
                let Some((head, used)) = self.scan.feed(bytes)? else {
                    *bytes = &[];
                    return Ok(Decoded::More);
                };
                *bytes = &bytes[used..];
                self.head(head)
            }
            Stage::Body(left) if left.is_nothing() => Ok(self.end(bytes)),
            Stage::Body(left) => Ok(data_or_more(left.take(bytes, room))),
            Stage::Chunked(decoder) => match chunk(decoder, bytes, room)? {
                Chunked::Told(told) => Ok(told),
                Chunked::End(trailers) if trailers.is_empty() => Ok(self.end(bytes)),
                Chunked::End(trailers) => {
                    self.stage = Stage::Ended;
                    Ok(Decoded::Trailers(trailers))
                }
            },
            Stage::Ended => Ok(self.end(bytes)),
            Stage::Tunnel => Ok(data_or_more(BodyLeft::default().take(bytes, room))),
        }
    }

    /// See [`AnswerDecoder::eof`](crate::gateway::AnswerDecoder::eof).
    pub(in crate::gateway) fn eof(&mut self) -> Result<Decoded<'static>, GatewayFault> {
        match &self.stage {
            Stage::Head if self.interim > 0 && !self.scan.is_begun() => {
                return Err("the answer ended behind an interim response".into());
            }
            Stage::Head => return Err(self.scan.ended()),
            Stage::Body(left) => left.check_end()?,
            Stage::Chunked(_) => return Err("the answer ended before its last chunk".into()),
            Stage::Ended | Stage::Tunnel => {}
        }
        Ok(Decoded::End { is_reusable: false })
    }

    fn end<'a>(&mut self, rest: &[u8]) -> Decoded<'a> {
        self.stage = Stage::Ended;
        Decoded::End { is_reusable: self.keeps_connection && rest.is_empty() }
    }

    /// Takes a complete head, and chooses what comes next.
    fn head<'a>(&mut self, head: ResponseHead) -> Result<Decoded<'a>, GatewayFault> {
        let ResponseHead { reply, is_chunked, keeps_connection, is_http_1_0 } = head;
        let status = reply.status;
        if (100..200).contains(&status) && is_http_1_0 {
            return Err("an interim response of HTTP/1.0 (RFC 9110 section 15.2)".into());
        }
        if status == 101 {
            if !self.asked.upgrades {
                return Err("a 101 that was not asked for (RFC 9110 section 15.2.2)".into());
            }
            self.stage = Stage::Tunnel;
            return Ok(Decoded::Switch(reply));
        }
        if status < 200 {
            self.interim += 1;
            if self.interim > INTERIM_MAX {
                return Err("more than 16 interim responses".into());
            }
            self.scan = ResponseScan::new(self.asked.limits);
            return Ok(Decoded::Interim(status, reply));
        }
        self.keeps_connection = keeps_connection && self.asked.keeps_connection;
        let left = BodyLeft::behind(&reply, self.asked.is_head);
        self.stage = if is_chunked && !left.is_nothing() {
            let limits = self.asked.limits;
            let (head_bytes_max, fields_max) = (limits.head_bytes_max, limits.fields_max);
            let limits = HeadLimits { line_bytes_max: head_bytes_max, head_bytes_max, fields_max };
            Stage::Chunked(Box::new(Decoder::new(limits)))
        } else {
            Stage::Body(left)
        };
        Ok(Decoded::Head(reply))
    }
}

fn data_or_more(data: &[u8]) -> Decoded<'_> {
    if data.is_empty() { Decoded::More } else { Decoded::Data(data) }
}

/// What is found in a chunked body.
enum Chunked<'a> {
    Told(Decoded<'a>),
    /// The end, with the trailers.
    End(Vec<(Name, Text)>),
}

fn chunk<'a>(decoder: &mut Decoder, bytes: &mut &'a [u8], room: usize) -> Result<Chunked<'a>, GatewayFault> {
    loop {
        let piece = &bytes[..bytes.len().min(room)]; // data is never longer than what it is found in
        let step = decoder.decode(piece).map_err(|error| GatewayFault {
            reason: Cow::Owned(format!("a malformed chunked body: {}", error.reason)),
        })?;
        match step {
            ChunkStep::Data(range) => {
                let data = &piece[range.start..range.end];
                *bytes = &bytes[range.end..];
                return Ok(Chunked::Told(Decoded::Data(data)));
            }
            ChunkStep::More => {
                *bytes = &bytes[piece.len()..];
                if bytes.is_empty() {
                    return Ok(Chunked::Told(Decoded::More));
                }
            }
            ChunkStep::End { taken } => {
                *bytes = &bytes[taken..];
                return Ok(Chunked::End(trailers(decoder)));
            }
        }
    }
}

/// The trailers as values. The decoder has left out those that must not be trailers.
fn trailers(decoder: &Decoder) -> Vec<(Name, Text)> {
    let fields = decoder.trailers().iter();
    fields.filter_map(|field| Some((Name::new(field.name).ok()?, Text::new(field.value).ok()?))).collect()
}
