//! A pipe: a bounded queue of bytes between two tasks.

use super::limits::{COPIED_BYTES_MAX, FILES_MAX, SEGMENTS_MAX};
use super::{Buffers, Fresh};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// A bounded queue of segments: owned bytes, shared bytes, or a range of a file.
///
/// Segments move from pipe to pipe, their bytes are not copied. The bound is soft by one segment: whoever puts
/// something in asks [`Pipe::room`] before it makes the segment.
pub struct Pipe {
    /// The first segment. Mostly it is the only one, and then it takes no memory of its own.
    first: Option<Segment>,
    rest: VecDeque<Segment>,
    /// Bytes in all segments.
    bytes: u64,
    /// Of these, bytes in memory.
    memory_bytes: u32,
    memory_bytes_max: u32,
    /// File ranges in it.
    files: u8,
    /// Bytes that ever left.
    taken_bytes: u64,
    announced_bytes: u64,
    ended: bool,
    abandoned: bool,
    held: bool,
}

/// A run of bytes.
pub enum Segment {
    /// Bytes of its own, from an offset on.
    Owned(Vec<u8>, usize),
    /// A part of bytes that others hold too.
    Shared(Rc<[u8]>, Range<usize>),
    /// A part of a file, which stays in the kernel.
    File(Rc<OwnedFd>, Range<u64>),
}

/// What stands at a pipe's reading end.
pub enum Front<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// A range of this file.
    File(BorrowedFd<'a>, Range<u64>),
}

impl Segment {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Segment::Owned(bytes, from) => (bytes.len() - from) as u64,
            Segment::Shared(_, range) => range.len() as u64,
            Segment::File(_, range) => range.end - range.start,
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn memory_bytes(&self) -> u32 {
        match self {
            Segment::Owned(..) | Segment::Shared(..) => self.len() as u32, // far below 4 GiB: a pipe is bounded
            Segment::File(..) => 0,
        }
    }

    fn files(&self) -> u8 {
        u8::from(matches!(self, Segment::File(..)))
    }

    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Segment::Owned(bytes, from) => Some(&bytes[*from..]),
            Segment::Shared(bytes, range) => Some(&bytes[range.clone()]),
            Segment::File(..) => None,
        }
    }

    fn advance(&mut self, count: u64) {
        match self {
            Segment::Owned(_, from) => *from += count as usize,
            Segment::Shared(_, range) => range.start += count as usize,
            Segment::File(_, range) => range.start += count,
        }
    }

    /// Its first `count` bytes as a segment of their own. Only owned bytes are copied for it.
    fn split_front(&mut self, count: u64) -> Segment {
        let front = match self {
            Segment::Owned(bytes, from) => Segment::Owned(bytes[*from..*from + count as usize].to_vec(), 0),
            Segment::Shared(bytes, range) => {
                Segment::Shared(Rc::clone(bytes), range.start..range.start + count as usize)
            }
            Segment::File(file, range) => Segment::File(Rc::clone(file), range.start..range.start + count),
        };
        self.advance(count);
        front
    }
}

impl<const BYTES_MAX: usize> Fresh<BYTES_MAX> for Pipe {
    const FRESH: &Pipe = &Pipe::new(BYTES_MAX);

    fn fresh() -> Self {
        Pipe::new(BYTES_MAX)
    }
}

impl Pipe {
    /// An empty pipe that is full with this many bytes in memory.
    pub const fn new(memory_bytes_max: usize) -> Self {
        Self {
            first: None,
            rest: VecDeque::new(),
            bytes: 0,
            memory_bytes: 0,
            memory_bytes_max: memory_bytes_max as u32,
            files: 0,
            taken_bytes: 0,
            announced_bytes: 0,
            ended: false,
            abandoned: false,
            held: false,
        }
    }

    /// Whether it is as good as none: nothing is in it, and nobody has ended or abandoned it.
    pub fn is_idle(&self) -> bool {
        self.bytes == 0 && !(self.ended | self.abandoned)
    }

    /// Makes an idle one as it was when it was new, with this bound.
    pub fn renew(&mut self, memory_bytes_max: usize) {
        debug_assert!(self.is_idle());
        (self.memory_bytes_max, self.taken_bytes, self.held) = (memory_bytes_max as u32, 0, false);
        self.announced_bytes = 0;
    }

    /// Makes it full with no less than so many bytes; what is in it stays.
    pub fn widen(&mut self, memory_bytes_max: usize) {
        self.memory_bytes_max = self.memory_bytes_max.max(memory_bytes_max as u32);
    }

    /// Bytes in it.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    /// Whether no byte is in it. More may come unless it [`is_ended`](Self::is_ended).
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Bytes that may be put in before it is full.
    pub fn room(&self) -> usize {
        let many = self.rest.len() + 1 >= SEGMENTS_MAX || usize::from(self.files) >= FILES_MAX;
        if many { 0 } else { self.memory_bytes_max.saturating_sub(self.memory_bytes) as usize }
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
        if segment.is_empty() || self.abandoned {
            return;
        }
        if segment.bytes().is_some_and(|bytes| self.copy_behind(bytes)) {
            return;
        }
        self.bytes += segment.len();
        self.memory_bytes += segment.memory_bytes();
        self.files += segment.files();
        match self.first {
            None => self.first = Some(segment),
            Some(_) => self.rest.push_back(segment),
        }
    }

    /// Puts bytes in whose buffer serves again when they are so few that they are copied.
    pub fn push_buffer(&mut self, bytes: Vec<u8>, buffers: &mut Buffers) {
        if self.copy_behind(&bytes) {
            buffers.give(bytes);
        } else {
            self.push_bytes(bytes);
        }
    }

    fn copy_behind(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() > COPIED_BYTES_MAX || self.abandoned {
            return false;
        }
        let Some(last) = self.last_with_room(bytes.len()) else { return false };
        last.extend_from_slice(bytes);
        self.bytes += bytes.len() as u64;
        self.memory_bytes += bytes.len() as u32;
        true
    }

    /// The last segment, if it is one of its own bytes that so many more can be put behind without a new allocation.
    fn last_with_room(&mut self, bytes: usize) -> Option<&mut Vec<u8>> {
        match self.rest.back_mut().or(self.first.as_mut()) {
            Some(Segment::Owned(last, _)) if last.capacity() - last.len() >= bytes => Some(last),
            _ => None,
        }
    }

    fn pop_first(&mut self) -> Option<Segment> {
        let first = std::mem::replace(&mut self.first, self.rest.pop_front());
        if self.rest.is_empty() && self.rest.capacity() > 0 {
            self.rest = VecDeque::new(); // an idle connection holds no buffer
        }
        first
    }

    fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.first.iter().chain(&self.rest)
    }

    /// Puts bytes in that nobody else holds.
    pub fn push_bytes(&mut self, bytes: Vec<u8>) {
        self.push(Segment::Owned(bytes, 0));
    }

    /// Copies bytes in, behind those of the last segment if there is one of its own with room.
    pub fn push_copy(&mut self, bytes: &[u8]) {
        match self.last_with_room(bytes.len()) {
            Some(last) => {
                last.extend_from_slice(bytes);
                self.bytes += bytes.len() as u64;
                self.memory_bytes += bytes.len() as u32;
            }
            None => self.push_bytes(bytes.to_vec()),
        }
    }

    /// The reading end.
    pub fn front(&self) -> Option<Front<'_>> {
        self.first.as_ref().map(|segment| match segment {
            Segment::File(file, range) => Front::File(file.as_fd(), range.clone()),
            bytes => Front::Bytes(bytes.bytes().unwrap_or_default()),
        })
    }

    /// All bytes before the first file range as one slice; copied together if they lie in several segments.
    pub fn contiguous(&mut self) -> &[u8] {
        let run = self.rest.iter().take_while(|s| s.bytes().is_some()).count();
        if run > 0
            && let Some(first) = self.first.as_mut().filter(|s| s.bytes().is_some())
        {
            // Twice as much, so that bytes which come one by one are copied now and then and not with each.
            let bytes = first.len() + self.rest.iter().take(run).map(Segment::len).sum::<u64>();
            let mut all = Vec::with_capacity(2 * bytes as usize);
            all.extend_from_slice(first.bytes().unwrap_or_default());
            for segment in self.rest.drain(..run) {
                all.extend_from_slice(segment.bytes().unwrap_or_default());
            }
            *first = Segment::Owned(all, 0);
        }
        self.first.as_ref().and_then(Segment::bytes).unwrap_or_default()
    }

    /// Lays out the bytes before the first file range for writev(2). Returns how many slices, how many bytes, and
    /// whether more stands behind them.
    pub fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> (usize, u64, bool) {
        let (mut count, mut bytes) = (0, 0);
        for (slice, segment) in slices.iter_mut().zip(self.segments()) {
            let Some(run) = segment.bytes() else { break };
            *slice = IoSlice::new(run);
            count += 1;
            bytes += run.len() as u64;
        }
        (count, bytes, bytes < self.bytes)
    }

    /// Drops `count` bytes from the reading end.
    pub fn consume(&mut self, count: u64) {
        self.consume_into(count, &mut Buffers::default());
    }

    /// The same; the memory of segments of their own that are used up serves again.
    pub fn consume_into(&mut self, mut count: u64, buffers: &mut Buffers) {
        debug_assert!(count <= self.bytes, "more is consumed than there is");
        self.bytes -= count;
        self.taken_bytes += count;
        while let Some(front) = &mut self.first {
            let here = count.min(front.len());
            if matches!(front, Segment::Owned(..) | Segment::Shared(..)) {
                self.memory_bytes -= here as u32;
            }
            front.advance(here);
            count -= here;
            if !front.is_empty() {
                break;
            }
            self.files -= front.files();
            if let Some(Segment::Owned(bytes, _)) = self.pop_first() {
                buffers.give(bytes);
            }
        }
    }

    /// Takes the first segment, or its first `most` bytes.
    pub fn take(&mut self, most: u64) -> Option<Segment> {
        let front = self.first.as_mut()?;
        let segment = match front.len() <= most {
            true => self.pop_first()?,
            false => {
                self.files += front.files(); // the part and the rest
                front.split_front(most)
            }
        };
        self.files -= segment.files();
        self.bytes -= segment.len();
        self.taken_bytes += segment.len();
        self.memory_bytes -= segment.memory_bytes();
        Some(segment)
    }

    /// Drops everything in it.
    pub fn clear(&mut self) {
        self.consume(self.bytes);
    }
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
