//! What is in a pipe.

use super::{Buffers, Segment};
use crate::limits::{COPIED_BYTES_MAX, SPARE_SEGMENTS_MAX};
use std::collections::VecDeque;
use std::io::IoSlice;

/// Segments, and how much they are.
pub struct Queue {
    /// Mostly it is the only one. Empty: there is none.
    first: Segment,
    rest: VecDeque<Segment>,
    /// Bytes in the rest.
    rest_bytes: u64,
    /// Of these, bytes in files, and in how many.
    rest_file_bytes: u64,
    rest_files: usize,
}

impl Queue {
    /// One without segments.
    pub const EMPTY: Queue =
        Self { first: Segment::NONE, rest: VecDeque::new(), rest_bytes: 0, rest_file_bytes: 0, rest_files: 0 };

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Bytes in it.
    #[inline]
    pub fn bytes(&self) -> u64 {
        self.first.len() + self.rest_bytes
    }

    /// Of these, bytes in memory.
    #[inline]
    pub fn memory_bytes(&self) -> u64 {
        let first = if self.first.is_file() { 0 } else { self.first.len() };
        first + self.rest_bytes - self.rest_file_bytes
    }

    /// How many segments there are, and one if there is none.
    #[inline]
    pub fn segments(&self) -> usize {
        1 + self.rest.len()
    }

    /// How many of them are ranges of files.
    #[inline]
    pub fn files(&self) -> usize {
        usize::from(self.first.is_file()) + self.rest_files
    }

    /// The one to be read first.
    pub fn first(&self) -> &Segment {
        &self.first
    }

    /// All of them in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Segment> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// Puts one behind the others, or a few bytes behind the last ones.
    #[inline]
    pub fn push(&mut self, segment: Segment) {
        match self.is_empty() {
            true => self.first = segment,
            false => self.push_behind(segment),
        }
    }

    #[inline(never)] // so that the way into an empty pipe is short
    fn push_behind(&mut self, segment: Segment) {
        if !segment.bytes().is_some_and(|bytes| self.copy_few(bytes)) {
            self.push_last(segment);
        }
    }

    /// The same; the memory of a few bytes goes to the buffers.
    #[inline]
    pub fn push_buffer(&mut self, bytes: Vec<u8>, buffers: &mut Buffers) {
        match self.is_empty() {
            true => self.first = Segment::owned(bytes),
            false if self.copy_few(&bytes) => buffers.give(bytes),
            false => self.push_last(Segment::owned(bytes)),
        }
    }

    fn push_last(&mut self, segment: Segment) {
        self.rest_bytes += segment.len();
        self.rest_file_bytes += segment.file_bytes();
        self.rest_files += usize::from(segment.is_file());
        self.rest.push_back(segment);
    }

    /// Takes the first one out if there is one to take its place.
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

    /// Copies bytes behind the last ones, if these are of its own and have room without a new allocation; else it does
    /// nothing and says so.
    pub fn copy(&mut self, bytes: &[u8]) -> bool {
        let Some(last) = self.rest.back_mut() else { return self.first.copy(bytes) };
        let is_copied = last.copy(bytes);
        self.rest_bytes += if is_copied { bytes.len() as u64 } else { 0 };
        is_copied
    }

    /// All bytes before the first file range as one slice; copied together if they lie in several segments.
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
            // Twice as much, so that bytes which come one by one are copied now and then and not with each.
            let bytes: u64 = self.iter().take(1 + run).map(Segment::len).sum();
            let mut all = Vec::with_capacity(2 * bytes as usize);
            self.iter().take(1 + run).for_each(|s| all.extend_from_slice(s.bytes().unwrap_or_default()));
            self.rest_bytes -= bytes - self.first.len();
            self.rest.drain(..run);
            self.first = Segment::owned(all);
        }
    }

    /// Lays out the bytes before the first file range for writev(2). Returns how many slices, how many bytes, and
    /// whether more stands behind them.
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

    /// Drops the first `count` bytes. Memory that is used up goes to the buffers.
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

    /// Takes the only segment.
    fn last(&mut self) -> Segment {
        if self.rest.capacity() > SPARE_SEGMENTS_MAX {
            self.rest = VecDeque::new();
        }
        std::mem::replace(&mut self.first, Segment::NONE)
    }

    /// Drops whole segments, up to `count` bytes and up to the last one. How many bytes they were.
    #[inline(never)] // so that the way of the only segment is short
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

    /// Takes the first segment, or its first `most` bytes.
    pub fn take(&mut self, most: u64) -> Option<Segment> {
        match self.first.len() {
            0 => None,
            len if len > most => Some(self.first.split_front(most)),
            _ => Some(self.pop_first().unwrap_or_else(|| self.last())),
        }
    }
}
