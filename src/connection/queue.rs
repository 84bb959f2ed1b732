//! The segments of a pipe.

use super::{Buffers, Segment};
use crate::limits::{COPIED_BYTES_MAX, SPARE_SEGMENTS_MAX};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// A queue of segments with its byte counts.
pub struct Queue {
    /// The first segment, in most cases the only one. Empty if the queue is empty.
    first: Segment,
    rest: VecDeque<Segment>,
    /// Bytes in `rest`.
    rest_bytes: u64,
    /// Bytes in files, and the number of file segments, in `rest`.
    rest_file_bytes: u64,
    rest_files: usize,
}

impl Queue {
    /// An empty queue.
    pub const EMPTY: Queue =
        Self { first: Segment::NONE, rest: VecDeque::new(), rest_bytes: 0, rest_file_bytes: 0, rest_files: 0 };

    /// Whether there is no segment.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The number of bytes.
    #[inline]
    pub fn bytes(&self) -> u64 {
        self.first.len() + self.rest_bytes
    }

    /// The number of bytes in memory.
    #[inline]
    pub fn memory_bytes(&self) -> u64 {
        let first = if self.first.is_file() { 0 } else { self.first.len() };
        first + self.rest_bytes - self.rest_file_bytes
    }

    /// The number of segments; 1 for an empty queue.
    #[inline]
    pub fn segments(&self) -> usize {
        1 + self.rest.len()
    }

    /// The number of segments that are file ranges.
    #[inline]
    pub fn files(&self) -> usize {
        usize::from(self.first.is_file()) + self.rest_files
    }

    /// The first segment; empty if the queue is empty.
    pub fn first(&self) -> &Segment {
        &self.first
    }

    /// All segments in order.
    pub fn iter(&self) -> impl Iterator<Item = &Segment> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// Adds a segment at the end. A few bytes are copied into the last segment instead if it has room.
    #[inline]
    pub fn push(&mut self, segment: Segment) {
        match self.is_empty() {
            true => self.first = segment,
            false => self.push_behind(segment),
        }
    }

    #[inline(never)] // keeps the code for an empty pipe short
    fn push_behind(&mut self, segment: Segment) {
        if !segment.bytes().is_some_and(|bytes| self.copy_few(bytes)) {
            self.push_last(segment);
        }
    }

    /// Adds bytes at the end. If they were copied into the last segment, `bytes` goes back to the buffers.
    #[inline]
    pub fn push_buffer(&mut self, bytes: Vec<u8>, buffers: &mut Buffers) {
        match self.is_empty() {
            true => self.first = Segment::owned(bytes),
            false if self.copy_few(&bytes) => buffers.give(bytes),
            false => self.push_last(Segment::owned(bytes)),
        }
    }

    /// The same. If its bytes were copied into the last segment, its memory goes back to the buffers.
    #[inline]
    pub fn push_from(&mut self, segment: Segment, buffers: &mut Buffers) {
        match self.is_empty() {
            true => self.first = segment,
            false => self.push_behind_from(segment, buffers),
        }
    }

    #[inline(never)]
    fn push_behind_from(&mut self, segment: Segment, buffers: &mut Buffers) {
        match segment.bytes().is_some_and(|bytes| self.copy_few(bytes)) {
            true => segment.give(buffers),
            false => self.push_last(segment),
        }
    }

    fn push_last(&mut self, segment: Segment) {
        self.rest_bytes += segment.len();
        self.rest_file_bytes += segment.file_bytes();
        self.rest_files += usize::from(segment.is_file());
        self.rest.push_back(segment);
    }

    /// Removes the first segment, unless it is the only one.
    fn pop_first(&mut self) -> Option<Segment> {
        let next = self.rest.pop_front()?;
        self.rest_bytes -= next.len();
        self.rest_file_bytes -= next.file_bytes();
        self.rest_files -= usize::from(next.is_file());
        Some(std::mem::replace(&mut self.first, next))
    }

    fn copy_few(&mut self, bytes: &[u8]) -> bool {
        bytes.len() <= COPIED_BYTES_MAX && self.copy(bytes)
    }

    /// Copies bytes into the last segment. Returns false, without a change, if that is shared, a file, or has no room.
    pub fn copy(&mut self, bytes: &[u8]) -> bool {
        let Some(last) = self.rest.back_mut() else { return self.first.copy(bytes) };
        let is_copied = last.copy(bytes);
        self.rest_bytes += if is_copied { bytes.len() as u64 } else { 0 };
        is_copied
    }

    /// The bytes before the first file range as one slice. Copies them together if they are in several segments.
    #[inline]
    pub fn contiguous(&mut self) -> &[u8] {
        if !self.rest.is_empty() {
            self.join();
        }
        self.first.bytes().unwrap_or_default()
    }

    #[inline(never)]
    fn join(&mut self) {
        let run = self.rest.iter().take_while(|s| s.bytes().is_some()).count();
        if run > 0 && !self.first.is_file() {
            // The capacity is doubled, so that bytes that come one by one are not all copied again each time.
            let bytes: u64 = self.iter().take(1 + run).map(Segment::len).sum();
            let mut all = Vec::with_capacity(2 * bytes as usize);
            self.iter().take(1 + run).for_each(|s| all.extend_from_slice(s.bytes().unwrap_or_default()));
            self.rest_bytes -= bytes - self.first.len();
            self.rest.drain(..run);
            self.first = Segment::owned(all);
        }
    }

    /// Fills `slices` with the bytes before the first file range, for writev(2). Returns the number of slices, their
    /// bytes, and whether more follows.
    pub fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> (usize, u64, bool) {
        let (mut count, mut bytes) = (0, 0);
        let mut segment = &self.first;
        let mut rest = self.rest.iter();
        for slice in slices {
            let Some(run) = segment.bytes() else { break };
            *slice = IoSlice::new(run);
            count += 1;
            bytes += run.len() as u64;
            match rest.next() {
                Some(next) => segment = next,
                None => break,
            }
        }
        (count, bytes, bytes < self.bytes())
    }

    /// Fills `slices` with the bytes behind the last file range. Returns the number of slices, and their bytes.
    pub fn gather_tail<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> (usize, usize) {
        let last_file = self.iter().enumerate().filter(|(_, segment)| segment.is_file()).last();
        let tail = self.iter().skip(last_file.map_or(0, |(at, _)| at + 1)).filter_map(Segment::bytes);
        let (mut count, mut bytes) = (0, 0);
        for (slice, run) in slices.iter_mut().zip(tail) {
            *slice = IoSlice::new(run);
            (count, bytes) = (count + 1, bytes + run.len());
        }
        (count, bytes)
    }

    /// Puts a range of a file into the place of as many bytes, the first ones behind the last file range.
    pub fn replace_tail(&mut self, file: &Rc<OwnedFd>, range: Range<u64>) {
        let mut all: Vec<Segment> = std::iter::from_fn(|| self.take(u64::MAX)).collect();
        let tail_start = all.iter().rposition(Segment::is_file).map_or(0, |at| at + 1);
        let mut left = range.end - range.start;
        for segment in &mut all[tail_start..] {
            let bytes = segment.len().min(left);
            segment.advance(bytes);
            left -= bytes;
        }
        let tail = all.split_off(tail_start);
        if !all.last_mut().is_some_and(|last| last.extend(file, &range)) {
            all.push(Segment::file(Rc::clone(file), range));
        }
        all.into_iter().chain(tail).filter(|segment| !segment.is_empty()).for_each(|segment| self.push(segment));
    }

    /// Drops the first `count` bytes. Owned memory goes back to the buffers.
    #[inline]
    pub fn consume(&mut self, mut count: u64, buffers: &mut Buffers) {
        if !self.rest.is_empty() {
            count -= self.consume_whole(count, buffers);
        }
        match count < self.first.len() {
            true => self.first.advance(count),
            false => self.last().give(buffers),
        }
    }

    /// Removes the only segment.
    fn last(&mut self) -> Segment {
        if self.rest.capacity() > SPARE_SEGMENTS_MAX {
            self.rest = VecDeque::new();
        }
        std::mem::replace(&mut self.first, Segment::NONE)
    }

    /// Drops whole segments except the last, up to `count` bytes. Returns the number of bytes dropped.
    #[inline(never)] // keeps the code for a single segment short
    fn consume_whole(&mut self, count: u64, buffers: &mut Buffers) -> u64 {
        let mut dropped = 0;
        while dropped + self.first.len() <= count
            && let Some(used) = self.pop_first()
        {
            dropped += used.len();
            used.give(buffers);
        }
        dropped
    }

    /// Removes the first segment, or its first `most` bytes. Returns `None` if the queue is empty.
    pub fn take(&mut self, most: u64) -> Option<Segment> {
        match self.first.len() {
            0 => None,
            len if len > most => Some(self.first.split_front(most)),
            _ => Some(self.pop_first().unwrap_or_else(|| self.last())),
        }
    }
}
