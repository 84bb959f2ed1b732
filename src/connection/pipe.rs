//! A pipe: a bounded queue of bytes between two tasks.

use super::queue::Queue;
use super::{Buffers, Segment};
use crate::limits::{FILES_MAX, SEGMENTS_MAX};
use std::io::IoSlice;
use std::ops::Range;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;

/// A bounded queue of segments: owned bytes, shared bytes, or a range of a file.
///
/// Segments move from pipe to pipe without copying their bytes. The bound is soft by one segment: a writer checks
/// [`Pipe::room`] before it makes a segment.
pub struct Pipe {
    queue: Queue,
    /// Bytes that were removed since the pipe was made.
    taken_bytes: u64,
    announced_bytes: u64,
    memory_bytes_max: u32,
    ended: bool,
    abandoned: bool,
    held: bool,
}

/// The bytes at the front of a pipe.
pub enum Front<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// A range of this file.
    File(BorrowedFd<'a>, Range<u64>),
}

impl Pipe {
    /// An empty pipe that is full when it has this many bytes in memory.
    pub const fn new(memory_bytes_max: usize) -> Self {
        Self {
            queue: Queue::EMPTY,
            taken_bytes: 0,
            announced_bytes: 0,
            memory_bytes_max: memory_bytes_max as u32,
            ended: false,
            abandoned: false,
            held: false,
        }
    }

    /// Whether the pipe can be given back: it is empty, and neither ended nor abandoned.
    pub fn is_idle(&self) -> bool {
        self.is_empty() && !(self.ended | self.abandoned)
    }

    /// Resets an idle pipe to a new one with this bound.
    pub fn renew(&mut self, memory_bytes_max: usize) {
        debug_assert!(self.is_idle());
        (self.memory_bytes_max, self.taken_bytes, self.held) = (memory_bytes_max as u32, 0, false);
        self.announced_bytes = 0;
    }

    /// Sets the bound. The content stays.
    pub fn set_bound(&mut self, memory_bytes_max: usize) {
        self.memory_bytes_max = memory_bytes_max as u32;
    }

    /// Raises the bound to at least this number of bytes. The content stays.
    pub fn widen(&mut self, memory_bytes_max: usize) {
        self.memory_bytes_max = self.memory_bytes_max.max(memory_bytes_max as u32);
    }

    /// The number of bytes in the pipe.
    #[inline]
    pub fn len(&self) -> u64 {
        self.queue.bytes()
    }

    /// Whether the pipe has no bytes. More may come unless it [`is_ended`](Self::is_ended).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many bytes may be added before the pipe is full.
    #[inline]
    pub fn room(&self) -> usize {
        let many = self.queue.segments() >= SEGMENTS_MAX || self.queue.files() >= FILES_MAX;
        if many { 0 } else { (self.memory_bytes_max as usize).saturating_sub(self.queue.memory_bytes() as usize) }
    }

    /// Whether there is no room.
    #[inline]
    pub fn is_full(&self) -> bool {
        if self.is_empty() { self.memory_bytes_max == 0 } else { self.room() == 0 }
    }

    /// Whether there is at most one segment.
    pub fn is_one_segment(&self) -> bool {
        self.queue.segments() == 1
    }

    /// The number of file ranges.
    pub fn files(&self) -> usize {
        self.queue.files()
    }

    /// The number of bytes that were removed since the pipe was made.
    pub fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }

    /// Sets the number of bytes that will still be added.
    pub fn announce(&mut self, bytes: u64) {
        self.announced_bytes = bytes;
    }

    /// The number of bytes that will still be added; 0 if it is not known.
    pub fn announced_bytes(&self) -> u64 {
        self.announced_bytes
    }

    /// The writer is done: no more bytes come.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the writer is done.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// The reader does not know yet whether it wants the bytes: the client is not asked to send them.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// The reader wants the bytes.
    pub fn release(&mut self) {
        self.held = false;
    }

    /// Whether the reader does not know yet whether it wants the bytes.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// The reader is gone: drops the content, and all bytes that are added later.
    pub fn abandon(&mut self) {
        self.clear();
        self.abandoned = true;
    }

    /// Whether the reader is gone.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// Adds a segment. An empty one is dropped. A few bytes are copied into the last segment if it has room, which is
    /// cheaper than another segment, here and in the kernel.
    pub fn push(&mut self, segment: Segment) {
        if !segment.is_empty() && !self.abandoned {
            self.queue.push(segment);
        }
    }

    /// The same. If the bytes were copied into the last segment, their memory goes back to the buffers.
    #[inline]
    pub fn push_from(&mut self, segment: Segment, buffers: &mut Buffers) {
        if !segment.is_owned() {
            self.push(segment);
        } else if !segment.is_empty() && !self.abandoned {
            self.queue.push_from(segment, buffers);
        }
    }

    /// Adds bytes that are not shared.
    pub fn push_bytes(&mut self, bytes: Vec<u8>) {
        self.push(Segment::owned(bytes));
    }

    /// Adds bytes. If they were copied into the last segment, `bytes` goes back to the buffers.
    pub fn push_buffer(&mut self, bytes: Vec<u8>, buffers: &mut Buffers) {
        if bytes.is_empty() || self.abandoned {
            return buffers.give(bytes);
        }
        self.queue.push_buffer(bytes, buffers);
    }

    /// Adds a copy of bytes, in the last segment if it has room.
    pub fn push_copy(&mut self, bytes: &[u8]) {
        if !self.queue.copy(bytes) {
            self.push_bytes(bytes.to_vec());
        }
    }

    /// The same. The memory that a new segment needs comes from the buffers.
    pub fn push_copy_in(&mut self, bytes: &[u8], buffers: &mut Buffers) {
        if !self.queue.copy(bytes) {
            let mut buffer = buffers.take(bytes.len());
            buffer.extend_from_slice(bytes);
            self.push_bytes(buffer);
        }
    }

    /// The first bytes or file range. Returns `None` if the pipe is empty.
    pub fn front(&self) -> Option<Front<'_>> {
        let first = self.queue.first();
        match first.bytes() {
            Some([]) => None,
            Some(bytes) => Some(Front::Bytes(bytes)),
            None => first.range().map(|(file, range)| Front::File(file, range)),
        }
    }

    /// The bytes before the first file range as one slice. Copies them together if they are in several segments.
    #[inline]
    pub fn contiguous(&mut self) -> &[u8] {
        self.queue.contiguous()
    }

    /// Fills `slices` with the bytes before the first file range, for writev(2). Returns the number of slices, their
    /// bytes, and whether more follows.
    pub fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> (usize, u64, bool) {
        self.queue.gather(slices)
    }

    /// Fills `slices` with the bytes behind the last file range. Returns the number of slices, and their bytes.
    pub fn gather_tail<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> (usize, usize) {
        self.queue.gather_tail(slices)
    }

    /// The first bytes behind the last file range have been written to a file: this range of it takes their place.
    pub fn replace_tail(&mut self, file: &Rc<OwnedFd>, range: Range<u64>) {
        self.queue.replace_tail(file, range);
    }

    /// Drops the first `count` bytes.
    pub fn consume(&mut self, count: u64) {
        self.consume_into(count, &mut Buffers::default());
    }

    /// Drops the first `count` bytes. Owned memory goes back to the buffers.
    pub fn consume_into(&mut self, count: u64, buffers: &mut Buffers) {
        debug_assert!(count <= self.len(), "more is consumed than there is");
        self.taken_bytes += count;
        self.queue.consume(count, buffers);
    }

    /// Removes the first segment, or its first `most` bytes. Returns `None` if the pipe is empty.
    pub fn take(&mut self, most: u64) -> Option<Segment> {
        let segment = self.queue.take(most)?;
        self.taken_bytes += segment.len();
        Some(segment)
    }

    /// Drops all bytes.
    pub fn clear(&mut self) {
        self.consume(self.len());
    }
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
