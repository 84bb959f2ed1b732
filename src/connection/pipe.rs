//! A pipe: a bounded queue of bytes between two tasks.

use super::queue::Queue;
use super::{Buffers, Segment};
use crate::limits::{FILES_MAX, SEGMENTS_MAX};
use std::io::IoSlice;
use std::ops::Range;
use std::os::fd::BorrowedFd;

/// A bounded queue of segments: owned bytes, shared bytes, or a range of a file.
///
/// Segments move from pipe to pipe, their bytes are not copied. The bound is soft by one segment: whoever puts
/// something in asks [`Pipe::room`] before it makes the segment.
pub struct Pipe {
    queue: Queue,
    /// Bytes that ever left.
    taken_bytes: u64,
    announced_bytes: u64,
    memory_bytes_max: u32,
    ended: bool,
    abandoned: bool,
    held: bool,
}

/// What stands at a pipe's reading end.
pub enum Front<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// A range of this file.
    File(BorrowedFd<'a>, Range<u64>),
}

impl Pipe {
    /// An empty pipe that is full with this many bytes in memory.
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

    /// Whether it is as good as none: nothing is in it, and nobody has ended or abandoned it.
    pub fn is_idle(&self) -> bool {
        self.is_empty() && !(self.ended | self.abandoned)
    }

    /// Makes an idle one as it was when it was new, with this bound.
    pub fn renew(&mut self, memory_bytes_max: usize) {
        debug_assert!(self.is_idle());
        (self.memory_bytes_max, self.taken_bytes, self.held) = (memory_bytes_max as u32, 0, false);
        self.announced_bytes = 0;
    }

    /// Makes it full with this many bytes. Nothing is in it yet.
    pub fn set_bound(&mut self, memory_bytes_max: usize) {
        self.memory_bytes_max = memory_bytes_max as u32;
    }

    /// Makes it full with no less than so many bytes; what is in it stays.
    pub fn widen(&mut self, memory_bytes_max: usize) {
        self.memory_bytes_max = self.memory_bytes_max.max(memory_bytes_max as u32);
    }

    /// Bytes in it.
    #[inline]
    pub fn len(&self) -> u64 {
        self.queue.bytes()
    }

    /// Whether no byte is in it. More may come unless it [`is_ended`](Self::is_ended).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes that may be put in before it is full.
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

    /// Bytes that have left it since it was made.
    pub fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }

    /// So many bytes are still to come into it.
    pub fn announce(&mut self, bytes: u64) {
        self.announced_bytes = bytes;
    }

    /// Bytes that are announced and not in it yet; 0 if that is not known.
    pub fn announced_bytes(&self) -> u64 {
        self.announced_bytes
    }

    /// The writer is done: nothing more comes.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the writer has said that it is done.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// The reader has yet to find out whether it wants what comes: nobody need hurry to send it.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// The reader wants what comes.
    pub fn release(&mut self) {
        self.held = false;
    }

    /// Whether the reader has yet to say that it wants what comes.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// The reader is gone: what is in it and what is still put in is dropped.
    pub fn abandon(&mut self) {
        self.clear();
        self.abandoned = true;
    }

    /// Nobody takes what comes: it is thrown away.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// Puts a segment in; an empty one is dropped. A few bytes are copied behind the last ones where these have room:
    /// that is cheaper than one more segment, here and in the kernel.
    pub fn push(&mut self, segment: Segment) {
        if !segment.is_empty() && !self.abandoned {
            self.queue.push(segment);
        }
    }

    /// Puts bytes in that nobody else holds.
    pub fn push_bytes(&mut self, bytes: Vec<u8>) {
        self.push(Segment::owned(bytes));
    }

    /// The same; the memory of a few bytes, which are copied, goes to the buffers.
    pub fn push_buffer(&mut self, bytes: Vec<u8>, buffers: &mut Buffers) {
        if bytes.is_empty() || self.abandoned {
            return buffers.give(bytes);
        }
        self.queue.push_buffer(bytes, buffers);
    }

    /// Copies bytes in, behind those of the last segment if there is one of its own with room.
    pub fn push_copy(&mut self, bytes: &[u8]) {
        if !self.queue.copy(bytes) {
            self.push_bytes(bytes.to_vec());
        }
    }

    /// The reading end.
    pub fn front(&self) -> Option<Front<'_>> {
        let first = self.queue.first();
        match first.bytes() {
            Some([]) => None,
            Some(bytes) => Some(Front::Bytes(bytes)),
            None => first.range().map(|(file, range)| Front::File(file, range)),
        }
    }

    /// All bytes before the first file range as one slice; copied together if they lie in several segments.
    #[inline]
    pub fn contiguous(&mut self) -> &[u8] {
        self.queue.contiguous()
    }

    /// Lays out the bytes before the first file range for writev(2). Returns how many slices, how many bytes, and
    /// whether more stands behind them.
    pub fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> (usize, u64, bool) {
        self.queue.gather(slices)
    }

    /// Drops `count` bytes from the reading end.
    pub fn consume(&mut self, count: u64) {
        self.consume_into(count, &mut Buffers::default());
    }

    /// The same; memory that is used up serves again.
    pub fn consume_into(&mut self, count: u64, buffers: &mut Buffers) {
        debug_assert!(count <= self.len(), "more is consumed than there is");
        self.taken_bytes += count;
        self.queue.consume(count, buffers);
    }

    /// Takes the first segment, or its first `most` bytes.
    pub fn take(&mut self, most: u64) -> Option<Segment> {
        let segment = self.queue.take(most)?;
        self.taken_bytes += segment.len();
        Some(segment)
    }

    /// Drops everything in it.
    pub fn clear(&mut self) {
        self.consume(self.len());
    }
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
