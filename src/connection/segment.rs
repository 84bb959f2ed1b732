//! Segments: the bytes of a pipe, in memory or in a file.

use super::Buffers;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// A range of bytes in memory or in a file.
pub struct Segment {
    from: u64,
    to: u64,
    store: Store,
}

enum Store {
    Owned(Vec<u8>),
    Shared(Rc<[u8]>),
    File(Rc<OwnedFd>),
}

impl Segment {
    /// An empty segment.
    pub(super) const NONE: Segment = Segment { from: 0, to: 0, store: Store::Owned(Vec::new()) };

    /// Bytes that are not shared.
    pub fn owned(bytes: Vec<u8>) -> Self {
        Self { from: 0, to: bytes.len() as u64, store: Store::Owned(bytes) }
    }

    /// A range of shared bytes.
    pub fn shared(bytes: Rc<[u8]>, part: Range<usize>) -> Self {
        Self { from: part.start as u64, to: part.end as u64, store: Store::Shared(bytes) }
    }

    /// A range of a file; sendfile(2) sends it without a copy.
    pub fn file(file: Rc<OwnedFd>, part: Range<u64>) -> Self {
        Self { from: part.start, to: part.end, store: Store::File(file) }
    }

    /// The length in bytes.
    #[inline]
    pub fn len(&self) -> u64 {
        self.to - self.from
    }

    /// Whether the length is 0.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// The length if this is a file range, else 0.
    pub(super) fn file_bytes(&self) -> u64 {
        if self.is_file() { self.len() } else { 0 }
    }

    #[inline]
    pub(super) fn is_owned(&self) -> bool {
        matches!(self.store, Store::Owned(_))
    }

    #[inline]
    pub(super) fn is_file(&self) -> bool {
        matches!(self.store, Store::File(_))
    }

    /// The bytes. Returns `None` for a file range.
    #[inline]
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        let all = match &self.store {
            Store::Owned(bytes) => &bytes[..],
            Store::Shared(bytes) => bytes,
            Store::File(_) => return None,
        };
        Some(&all[self.from as usize..self.to as usize])
    }

    /// The file and the range. Returns `None` for bytes in memory.
    pub(super) fn range(&self) -> Option<(BorrowedFd<'_>, Range<u64>)> {
        match &self.store {
            Store::File(file) => Some((file.as_fd(), self.from..self.to)),
            Store::Owned(_) | Store::Shared(_) => None,
        }
    }

    /// Adds the range of a file that follows this one. Returns false, without a change, if it does not follow.
    pub(super) fn extend(&mut self, file: &Rc<OwnedFd>, range: &Range<u64>) -> bool {
        let follows = matches!(&self.store, Store::File(own) if Rc::ptr_eq(own, file)) && self.to == range.start;
        if follows {
            self.to = range.end;
        }
        follows
    }

    /// Drops the first `count` bytes.
    #[inline]
    pub(super) fn advance(&mut self, count: u64) {
        self.from += count;
    }

    /// Appends bytes. Returns false, without a change, if the memory is shared, a file, or has no room.
    #[inline]
    pub(super) fn copy(&mut self, bytes: &[u8]) -> bool {
        match &mut self.store {
            Store::Owned(own) if own.capacity() - own.len() >= bytes.len() => {
                own.extend_from_slice(bytes);
                self.to += bytes.len() as u64;
                true
            }
            _ => false,
        }
    }

    /// Splits off the first `count` bytes. Only owned bytes are copied.
    pub fn split_front(&mut self, count: u64) -> Segment {
        let (from, to) = (self.from, self.from + count);
        self.from = to;
        match &self.store {
            Store::Owned(bytes) => Segment::owned(bytes[from as usize..to as usize].to_vec()),
            Store::Shared(bytes) => Segment { from, to, store: Store::Shared(Rc::clone(bytes)) },
            Store::File(file) => Segment { from, to, store: Store::File(Rc::clone(file)) },
        }
    }

    /// Drops the segment. Owned memory goes back to the buffers.
    #[inline(always)] // a few instructions, once per response
    pub(super) fn give(self, buffers: &mut Buffers) {
        if let Store::Owned(bytes) = self.store {
            buffers.give(bytes);
        }
    }

    /// The capacity of owned memory in bytes.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        match &self.store {
            Store::Owned(bytes) => bytes.capacity(),
            Store::Shared(_) | Store::File(_) => 0,
        }
    }
}
