//! Moves a response's body into the output, with what frames it (RFC 9112 section 6).

use crate::connection::{Buffers, Pipe, RangePart, Segment};
use crate::http::chunked;

/// Moves bytes from the handler's pipe into the output.
pub(super) struct BodyMove<'a> {
    /// Bytes that go out before the next bytes of the body.
    pub before: &'a mut Vec<u8>,
    pub body: &'a mut Pipe,
    pub output: &'a mut Pipe,
    pub buffers: &'a mut Buffers,
    /// Bytes that `limit_rate` allows now.
    pub allowed: u64,
}

impl BodyMove<'_> {
    /// Moves a body of known length. Returns true when it is complete.
    pub fn move_parts(&mut self, left: &mut u64, rest: &mut std::vec::IntoIter<RangePart>) -> bool {
        while self.output.room() > 0 {
            if *left > 0 {
                let Some(segment) = self.take(*left) else { return false };
                *left -= segment.len();
                self.push(segment);
            } else if let Some(part) = rest.next() {
                self.before.extend_from_slice(&part.heading);
                *left = part.bytes;
            } else {
                self.push_before();
                return true;
            }
        }
        false
    }

    /// Moves a body of unknown length, in chunks if the last one is given. Returns true when it is complete.
    pub fn move_all(&mut self, last_chunk: Option<&[u8]>) -> bool {
        let chunked = last_chunk.is_some();
        let mut ends_chunk = false;
        while self.output.room() > 0 {
            let Some(segment) = self.take(u64::MAX) else { break };
            if chunked {
                chunked::push_chunk_start(self.before, segment.len());
            }
            self.push(segment);
            if chunked {
                self.before.extend_from_slice(chunked::CHUNK_END);
                ends_chunk = true;
            }
        }
        if ends_chunk && !self.body.is_ended() {
            self.push_before(); // a client may take a chunk only when it has its end
        }
        if !self.body.is_ended() || !self.body.is_empty() || self.output.room() == 0 {
            return false;
        }
        self.before.extend_from_slice(last_chunk.unwrap_or_default());
        self.push_before();
        true
    }

    /// Takes the first segment of the body, or a part of it. Returns `None` if no byte has come or is allowed. The
    /// bytes before it go with it, also if they are more than is allowed: the pause is longer then.
    fn take(&mut self, most: u64) -> Option<Segment> {
        if self.allowed == 0 {
            return None;
        }
        let segment = self.body.take(most.min(self.allowed))?;
        self.allowed = self.allowed.saturating_sub(segment.len() + self.before.len() as u64);
        Some(segment)
    }

    fn push(&mut self, segment: Segment) {
        self.push_before();
        self.output.push_from(segment, self.buffers);
    }

    fn push_before(&mut self) {
        self.output.push_buffer(std::mem::take(self.before), self.buffers);
    }
}
