//! The reply of a handler: an outcome, then bytes.

use super::{Fresh, OnDemand, Outcome, Pipe, Segment};
use std::collections::VecDeque;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// A document whose bytes are available without a handler.
#[derive(Clone, Debug)]
pub enum DocumentSource {
    /// The bytes are in memory.
    Bytes(Rc<[u8]>),
    /// The bytes are in a file; sendfile(2) sends them.
    File(Rc<OwnedFd>),
}

impl DocumentSource {
    /// The number of bytes in memory.
    pub fn memory_bytes(&self) -> usize {
        match self {
            DocumentSource::Bytes(bytes) => bytes.len(),
            DocumentSource::File(_) => 0,
        }
    }

    /// A range of the document, which must contain it.
    pub fn part(&self, range: Range<u64>) -> Segment {
        match self {
            DocumentSource::Bytes(bytes) => Segment::shared(Rc::clone(bytes), range.start as usize..range.end as usize),
            DocumentSource::File(file) => Segment::file(Rc::clone(file), range),
        }
    }
}

/// What a handler sends back to the protocol.
///
/// The outcome comes first. If it is a document, the protocol decides by the head which bytes the client gets, and
/// writes the ranges to `wanted`. Only then does the handler send bytes. So a 304 needs no read, and a range is two
/// numbers.
pub struct Reply {
    /// The handler's outcome, until the protocol takes it.
    pub outcome: Option<Outcome>,
    /// The name of the index file, if the document is the index of a directory.
    pub index: Option<String>,
    /// The ranges of a seekable document that are sent, in order. Empty until the protocol has decided.
    pub wanted: VecDeque<Range<u64>>,
    /// Where the bytes are available at once, without the handler.
    pub source: Option<DocumentSource>,
    /// The bytes. The handler ends this pipe when the document is complete; a handler that ends without that has
    /// failed.
    pub body: Pipe,
}

impl<const BYTES_MAX: usize> Fresh<BYTES_MAX> for Reply {
    const FRESH: &Reply = &Reply::new(BYTES_MAX);

    fn fresh() -> Self {
        Reply::new(BYTES_MAX)
    }
}

impl<const BYTES_MAX: usize> OnDemand<Reply, BYTES_MAX> {
    /// Makes the reply a new one. Its memory stays, for the next request.
    #[inline]
    pub fn renew(&mut self) {
        if self.is_made() {
            self.renew_made();
        }
    }

    #[inline(never)] // keeps the code for cached files short
    fn renew_made(&mut self) {
        if let Some(Reply { outcome, index, wanted, source, body }) = self.made_mut() {
            (*outcome, *index, *source) = (None, None, None);
            *wanted = VecDeque::new();
            *body = Pipe::new(BYTES_MAX);
        }
    }
}

impl Reply {
    /// An empty reply whose body is full at this number of bytes.
    pub const fn new(memory_bytes_max: usize) -> Self {
        Self { outcome: None, index: None, wanted: VecDeque::new(), source: None, body: Pipe::new(memory_bytes_max) }
    }

    /// Moves wanted ranges from the source into the body, as far as that has room.
    pub fn fill(&mut self) {
        let Some(source) = &self.source else { return };
        while self.body.room() > 0 {
            let Some(range) = self.wanted.pop_front() else { return self.body.end() };
            self.body.push(source.part(range));
        }
    }
}
