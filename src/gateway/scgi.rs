//! SCGI (<https://python.ca/scgi/protocol.txt>): the request, and the answer, which uwsgi servers write in the same
//! form: a head as CGI's, and a body up to its Content-Length or to the end of the connection. The connection carries
//! one request.

use super::body_left::BodyLeft;
use super::cgi_head::CgiHead;
use super::{Asked, Decoded, GatewayFault};
use crate::http::number::push_decimal;

/// Appends the head of a request: a netstring of names and values, each with a NUL behind it. The body follows as it
/// is. `CONTENT_LENGTH` and `SCGI` are written from what this function knows; parameters with these names are left
/// out.
///
/// # Errors
/// If a name or a value has a NUL, which would begin another parameter. Then nothing is appended.
pub fn head(
    params: impl IntoIterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>,
    body_bytes: u64,
    out: &mut Vec<u8>,
) -> Result<(), GatewayFault> {
    let start = out.len();
    out.extend_from_slice(b"CONTENT_LENGTH\0");
    push_decimal(out, body_bytes);
    out.extend_from_slice(b"\0SCGI\x001\0");
    let mut nuls = 4;
    for (name, value) in params {
        let (name, value) = (name.as_ref(), value.as_ref());
        if matches!(name, b"CONTENT_LENGTH" | b"SCGI") {
            continue;
        }
        for text in [name, value] {
            out.extend_from_slice(text);
            out.push(0);
        }
        nuls += 2;
    }
    if memchr::memchr_iter(0, &out[start..]).count() != nuls {
        out.truncate(start);
        return Err("an SCGI parameter has a NUL".into());
    }
    let mut length = Vec::with_capacity(8);
    push_decimal(&mut length, (out.len() - start) as u64);
    length.push(b':');
    out.splice(start..start, length);
    out.push(b',');
    Ok(())
}

/// Decodes the answer of an SCGI or uwsgi server.
pub struct CgiAnswer {
    head: CgiHead,
    /// `None` while the head is not complete.
    left: Option<BodyLeft>,
    is_head: bool,
}

impl CgiAnswer {
    /// Decodes the answer to this request.
    pub fn new(asked: Asked) -> Self {
        Self { head: CgiHead::new(asked.limits), left: None, is_head: asked.is_head }
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
        let Some((head, used)) = self.head.feed(bytes)? else {
            *bytes = &[];
            return Ok(Decoded::More);
        };
        *bytes = &bytes[used..];
        self.left = Some(BodyLeft::behind(&head, self.is_head));
        Ok(Decoded::Head(head))
    }

    /// See [`AnswerDecoder::eof`](super::AnswerDecoder::eof).
    pub(super) fn eof(&mut self) -> Result<Decoded<'static>, GatewayFault> {
        let left = self.left.ok_or_else(|| self.head.ended())?;
        left.check_end()?;
        Ok(Decoded::End { is_reusable: false })
    }
}

#[cfg(test)]
mod tests;
