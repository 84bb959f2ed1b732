//! The response before the protocol formats it.

use super::{CachedFile, Segment};
use crate::http::ReplyHead;
use crate::http::range::ContentRange;
use std::borrow::Cow;
use std::rc::Rc;

/// A response, ready to be framed.
pub enum Response {
    /// A head and a body.
    Made(Box<Made>),
    /// A whole cached file; its head does not depend on the request.
    Cached(Rc<CachedFile>),
    /// The status and head of a complete HTTP response from an nph- program. The body follows until the program ends
    /// it.
    NonParsed(u16, Vec<u8>),
    /// 101: from here on, the bytes of the connection belong to another protocol, both ways.
    Switched(Box<Made>),
    /// No response; the connection is closed (`return 444`).
    Close,
}

/// A head and its body.
pub struct Made {
    /// The head, without the fields for the connection and the framing.
    pub head: ReplyHead,
    /// The value of `Server`. If empty, the field is not sent, unless the head has one.
    pub server: Cow<'static, str>,
    /// The value of `Content-Range`.
    pub content_range: Option<ContentRange>,
    /// The body.
    pub content: Content,
}

/// The body of a response.
pub enum Content {
    /// A complete body.
    Here(Segment),
    /// Parts of a document of known length, in order. The bytes come from the handler or the document's source.
    Parts(Vec<RangePart>),
    /// A body of unknown length, which the handler ends.
    Stream,
}

/// A part of a body: a heading, then bytes of the document.
pub struct RangePart {
    /// The bytes before the part (in multipart/byteranges).
    pub heading: Vec<u8>,
    /// The number of bytes of the document that follow.
    pub bytes: u64,
}

impl Content {
    /// The length in bytes. Returns `None` for a stream.
    pub fn length(&self) -> Option<u64> {
        match self {
            Content::Here(segment) => Some(segment.len()),
            Content::Parts(parts) => Some(parts.iter().map(|part| part.heading.len() as u64 + part.bytes).sum()),
            Content::Stream => None,
        }
    }
}
