//! What the client gets, before the protocol puts it into its wire format.

use super::{CachedFile, Segment};
use crate::http::ReplyHead;
use crate::http::range::ContentRange;
use std::borrow::Cow;
use std::rc::Rc;

/// An answer to a request that is ready to be framed.
pub enum Response {
    /// This one.
    Made(Box<Made>),
    /// This file, whole, with nothing in its head that depends on the request.
    Cached(Rc<CachedFile>),
    /// The head of a whole HTTP response that a program has written itself, and its status. The body follows until the
    /// program ends it.
    NonParsed(u16, Vec<u8>),
    /// No answer: the connection ends (`return 444`).
    Close,
}

/// A head and what comes behind it.
pub struct Made {
    /// The head, with all fields but those of the connection and the framing.
    pub head: ReplyHead,
    /// The value of Server; empty: no such field.
    pub server: Cow<'static, str>,
    /// The value of Content-Range.
    pub content_range: Option<ContentRange>,
    /// The body.
    pub content: Content,
}

/// The body of an answer.
pub enum Content {
    /// All of it is here.
    Here(Segment),
    /// These parts of a document of known length, in order. The handler, or the document's source, brings their bytes.
    Parts(Vec<RangePart>),
    /// It ends when the handler ends it.
    Stream,
}

/// A part of a body: some bytes of our own, then some of the document.
pub struct RangePart {
    /// What stands before the part (in multipart/byteranges).
    pub heading: Vec<u8>,
    /// How many bytes of the document follow.
    pub bytes: u64,
}

impl Content {
    /// How long it is, if that is known.
    pub fn length(&self) -> Option<u64> {
        match self {
            Content::Here(segment) => Some(segment.len()),
            Content::Parts(parts) => Some(parts.iter().map(|part| part.heading.len() as u64 + part.bytes).sum()),
            Content::Stream => None,
        }
    }
}
