//! Requests whose answers are in the output and have not quite left.

use super::current::Current;
use crate::limits::{INPUT_BYTES_MAX, LEAVING_MAX};

/// A queue, linked through its entries: mostly it holds one, and for an idle connection it is one empty pointer.
#[derive(Default)]
pub(super) struct Leaving {
    first: Option<Box<Current>>,
    count: u32,
    /// Bytes of their heads.
    bytes: u32,
}

impl Leaving {
    /// So many that no next request is begun: the client takes what it asked for, or it would all wait in memory.
    pub fn is_full(&self) -> bool {
        self.count as usize >= LEAVING_MAX || self.bytes as usize >= INPUT_BYTES_MAX
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Adds one behind the others, of which there are few.
    pub fn push(&mut self, entry: Box<Current>) {
        self.count += 1;
        self.bytes += entry.request_head_bytes as u32;
        let mut place = &mut self.first;
        while let Some(earlier) = place {
            place = &mut earlier.next;
        }
        *place = Some(entry);
    }

    /// The first one's answer has left when so many bytes have.
    pub fn has_left(&self, sent_bytes: u64) -> bool {
        self.first.as_ref().is_some_and(|entry| sent_bytes >= entry.output_end)
    }

    /// Takes the first one out.
    pub fn pop(&mut self) -> Option<Box<Current>> {
        let mut entry = self.first.take()?;
        self.first = entry.next.take();
        self.count -= 1;
        self.bytes -= entry.request_head_bytes as u32;
        Some(entry)
    }
}
