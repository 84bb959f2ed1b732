//! What a handler brings: an outcome, then plain bytes.

use super::{Fresh, Outcome, Pipe, Segment};
use std::collections::VecDeque;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// A document that needs no handler: its bytes can be passed on at once.
#[derive(Clone, Debug)]
pub enum DocumentSource {
    /// They are here.
    Bytes(Rc<[u8]>),
    /// The kernel sends them.
    File(Rc<OwnedFd>),
}

impl DocumentSource {
    /// Bytes of it in memory.
    pub fn memory_bytes(&self) -> usize {
        match self {
            DocumentSource::Bytes(bytes) => bytes.len(),
            DocumentSource::File(_) => 0,
        }
    }

    /// A part of it, which it must have.
    pub fn part(&self, range: Range<u64>) -> Segment {
        match self {
            DocumentSource::Bytes(bytes) => Segment::shared(Rc::clone(bytes), range.start as usize..range.end as usize),
            DocumentSource::File(file) => Segment::file(Rc::clone(file), range),
        }
    }
}

/// What comes back from a handler on its way to the protocol.
///
/// The outcome comes first. If it is a document, the protocol looks at its head, decides which bytes the client gets,
/// and says so in `wanted`; only then does the handler send bytes. So a 304 costs no read, and a range is a matter of
/// two numbers.
pub struct Reply {
    /// What the handler says, until the protocol takes it.
    pub outcome: Option<Outcome>,
    /// The name of the index file that the document is, when a directory was asked for.
    pub index: Option<String>,
    /// Which bytes of a seekable document are to be sent, in order. Empty until the protocol has decided.
    pub wanted: VecDeque<Range<u64>>,
    /// Where they are to be had at once: then no handler is asked for them.
    pub source: Option<DocumentSource>,
    /// The bytes. Ended when the document is complete; a handler that is gone without that has failed.
    pub body: Pipe,
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
        Self { outcome: None, index: None, wanted: VecDeque::new(), source: None, body: Pipe::new(memory_bytes_max) }
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
