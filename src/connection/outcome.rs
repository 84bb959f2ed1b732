//! The results of handlers.

use crate::dns::{HostAddresses, ResolveError};
use crate::http::{ReplyHead, Text, target};
use std::os::fd::OwnedFd;
use webserv_sys::file::FileKind;

/// The result of a handler.
#[derive(Debug)]
pub enum Outcome {
    /// A response.
    Answer(Answer),
    /// This handler does not answer for this path: nginx's NGX_DECLINED. Another one is asked.
    Declined,
    /// The path is a directory without an index file; it is opened for reading. Its names are to be listed.
    Directory(OwnedFd),
    /// The path is a directory, and the URL has no slash at its end: relative links would be wrong.
    AddSlash,
    /// The handler needs all of the request's body before it can begin.
    NeedsBody,
    /// BodySpool has stored all of the request's body.
    Stored(StoredBody),
    /// A check of who the client is has come to this.
    Checked(AccessVerdict),
    /// The request continues with another path.
    Redirect(To),
    /// FileProbe has looked at a path; `None`: nothing is there.
    Probed(Option<Probed>),
    /// The addresses of the host that the request is passed to have been looked for.
    Resolved(Result<HostAddresses, ResolveError>),
    /// A server behind or a program has begun its answer: its head. The body follows in
    /// [`Reply::body`](super::Reply::body).
    Passed(Box<ReplyHead>),
    /// A server behind goes on with another protocol: the head of its 101.
    Switched(Box<ReplyHead>),
}

/// What is at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probed {
    /// The kind of the file, links followed.
    pub kind: FileKind,
    /// Its owner may execute it.
    pub is_executable: bool,
}

/// The response of a handler.
#[derive(Debug)]
pub enum Answer {
    /// A head; the body follows in [`Reply::body`](super::Reply::body).
    Document(ReplyHead),
    /// A head; the body is the configured error page or the built-in one.
    Page(ReplyHead),
    /// A redirect that a program has said. It is sent as it is; the body is the built-in page.
    Redirect(ReplyHead),
    /// A head and a complete body.
    Whole(ReplyHead, Vec<u8>),
    /// The status and head of a complete HTTP response from an nph- program, which is not parsed (RFC 3875 section 5).
    /// The body follows in [`Reply::body`](super::Reply::body).
    NonParsed(u16, Vec<u8>),
}

/// What a check says of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessVerdict {
    /// The client may have the answer.
    Allow,
    /// The client gets this status.
    Deny(u16),
    /// The check has nothing to say here.
    Unknown,
}

/// The target of an internal redirect.
#[derive(Debug)]
pub enum To {
    /// A path, decoded and normalized. The method stays.
    Path(Vec<u8>),
    /// A path and query as in a request line; the request becomes a GET without a body (RFC 3875 section 6.2.2).
    Target(Vec<u8>),
}

/// A complete request body.
#[derive(Debug)]
pub struct StoredBody {
    /// The file with the body. `None` if the body is in [`Transaction::body`](super::Transaction::body).
    pub file: Option<OwnedFd>,
    /// The path of the file; empty if it has no name.
    pub path: Vec<u8>,
    /// The length of the body.
    pub bytes: u64,
}

impl Outcome {
    /// A page with this status.
    pub fn status(status: u16) -> Self {
        Outcome::Answer(Answer::Page(ReplyHead::new(status)))
    }

    /// The status of a request to store something at this path, which is decoded. If that has made a resource, the
    /// answer says where it is (RFC 9110 section 15.3.2).
    pub fn stored(status: u16, path: &[u8]) -> Self {
        let location = (status == 201).then(|| Text::from_vec(target::escape_path(path).into_owned()).ok());
        Outcome::Answer(Answer::Page(ReplyHead { location: location.flatten(), ..ReplyHead::new(status) }))
    }
}
