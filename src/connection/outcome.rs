//! What a handler says to the protocol.

use super::{Failure, FailureKind, Side};
use crate::http::ReplyHead;
use std::os::fd::OwnedFd;

/// What became of the work of a handler.
#[derive(Debug)]
pub enum Outcome {
    /// An answer.
    Answer(Answer),
    /// This handler does not answer for this path: nginx's NGX_DECLINED. Another one is asked.
    Declined,
    /// The path is that of a directory without an index file, open to be read. Its names are to be listed.
    Directory(OwnedFd),
    /// The path is that of a directory, and its URL has no slash at the end: relative links would lead astray.
    AddSlash,
    /// All of the request's body is needed before the handler can begin.
    NeedsBody,
    /// All of the request's body has come.
    Stored(StoredBody),
    /// Another path answers instead.
    Redirect(To),
    /// The handler failed before it had an answer.
    Failed(Failure),
}

/// An answer of a handler.
#[derive(Debug)]
pub enum Answer {
    /// This head, with a body that follows in [`Reply::body`](super::Reply::body).
    Document(ReplyHead),
    /// This head. Its body is the protocol's business: the configured error page or the built-in one.
    Page(ReplyHead),
    /// This head, and this body: the whole answer.
    Whole(ReplyHead, Vec<u8>),
    /// The status and the head of a whole HTTP response that a program has written itself, and that is not looked into
    /// (RFC 3875 section 5). What follows it is in [`Reply::body`](super::Reply::body).
    NonParsed(u16, Vec<u8>),
}

/// Where a request goes on inside the server.
#[derive(Debug)]
pub enum To {
    /// To this path, decoded and normalized, as if the client had asked for it.
    Path(Vec<u8>),
    /// To this path and query as they stand in a request, by a GET without a body (RFC 3875 section 6.2.2).
    Target(Vec<u8>),
}

/// A request's whole body.
#[derive(Debug)]
pub struct StoredBody {
    /// The file that holds it. `None` if it is still in [`Transaction::body`](super::Transaction::body).
    pub file: Option<OwnedFd>,
    /// The name of that file; empty if it has none.
    pub path: Vec<u8>,
    /// Its length.
    pub bytes: u64,
}

impl Outcome {
    /// The answer is a page with this status.
    pub fn status(status: u16) -> Self {
        Outcome::Answer(Answer::Page(ReplyHead::new(status)))
    }

    /// The program or server that was asked has failed in this way; `anything_sent` as in [`Failure`].
    pub fn upstream_failed(kind: FailureKind, anything_sent: bool) -> Self {
        Outcome::Failed(Failure { side: Side::Upstream, kind, anything_sent })
    }
}
