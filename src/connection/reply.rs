//! What a handler answers: a head as a value, then plain bytes.

use super::Fresh;
use super::{Pipe, Segment};
use crate::http::reply::ReplyHead;
use std::collections::VecDeque;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use webserv_sys::process::Status;

/// How a handler answers.
#[derive(Debug)]
pub enum Answer {
    /// This head, with a body that follows in [`Reply::body`].
    Document(ReplyHead),
    /// This head; its body is the protocol's business: the configured error page or the built-in one.
    Page(ReplyHead),
    /// This head, and this body: the whole answer.
    Whole(ReplyHead, Vec<u8>),
    /// The status and the head of a whole HTTP response that a program has written itself, and that is not looked into
    /// (RFC 3875 section 5). What follows it is in [`Reply::body`].
    NonParsed(u16, Vec<u8>),
    /// The path is that of a directory, whose URLs end in a slash: relative links in it would lead astray otherwise.
    Directory,
    /// The path is that of a directory without an index file, open to be read, and its names are to be listed.
    Listing(OwnedFd),
    /// Not an answer: there is a program; all of the request's body is to come before it starts.
    NeedsLength,
    /// Not an answer: the request's whole body has come, so many bytes. It is in this file, whose name is "" if it has
    /// none, or still in [`Connection::body`](super::Connection::body).
    Spooled(Option<(OwnedFd, Vec<u8>)>, u64),
    /// No program answers for this path: it is a file's, or nothing's.
    Declined,
    /// Not an answer: ask again for this path (decoded), as if the client had.
    Internal(Vec<u8>),
    /// Not an answer: GET this path and query, as they stand in a request (RFC 3875 section 6.2.2).
    LocalRedirect(Vec<u8>),
}

/// A document that needs no handler: its bytes can be passed on at once.
#[derive(Clone, Debug)]
pub enum Source {
    /// They are here.
    Bytes(Rc<[u8]>),
    /// The kernel sends them.
    File(Rc<OwnedFd>),
}

impl Source {
    /// Bytes of it in memory.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Source::Bytes(bytes) => bytes.len(),
            Source::File(_) => 0,
        }
    }

    /// A part of it, which it must have.
    pub fn part(&self, range: Range<u64>) -> Segment {
        match self {
            Source::Bytes(bytes) => Segment::shared(Rc::clone(bytes), range.start as usize..range.end as usize),
            Source::File(file) => Segment::file(Rc::clone(file), range),
        }
    }
}

/// What comes back from a handler on its way to the protocol.
///
/// The head comes first. The protocol looks at it, decides which bytes the client gets, and says so in `wanted`; only
/// then does the handler send bytes. So a 304 costs no read, and a range is a matter of two numbers.
pub struct Reply {
    /// The answer, until the protocol takes it.
    pub answer: Option<Answer>,
    /// The name of the index file that the document is, when a directory was asked for.
    pub index: Option<String>,
    /// Which bytes of a seekable document are to be sent, in order. Empty until the protocol has decided.
    pub wanted: VecDeque<Range<u64>>,
    /// Where they are to be had at once: then no handler is asked for them.
    pub source: Option<Source>,
    /// The bytes. Ended when the document is complete; a handler that is gone without that has failed.
    pub body: Pipe,
    /// The program that makes it has closed its output: it is over, or will be soon.
    pub is_all_said: bool,
    /// How the program that makes it ended, if it is one and has.
    pub exit: Option<Status>,
}

impl<const BYTES_MAX: usize> Fresh<BYTES_MAX> for Reply {
    const FRESH: &Reply = &Reply::new(BYTES_MAX);

    fn fresh() -> Self {
        Reply::new(BYTES_MAX)
    }
}

impl Reply {
    /// Nothing yet; the body is full at this many bytes.
    pub const fn new(memory_bytes_max: usize) -> Self {
        Self {
            answer: None,
            index: None,
            wanted: VecDeque::new(),
            source: None,
            body: Pipe::new(memory_bytes_max),
            is_all_said: false,
            exit: None,
        }
    }

    /// Makes it ready for the next handler.
    pub fn reset(&mut self, memory_bytes_max: usize) {
        *self = Self::new(memory_bytes_max);
    }

    /// Puts what is wanted of the source into the body, as far as that has room.
    pub fn draw(&mut self) {
        let Some(source) = &self.source else { return };
        while self.body.room() > 0 {
            let Some(range) = self.wanted.pop_front() else { return self.body.end() };
            self.body.push(source.part(range));
        }
    }
}
