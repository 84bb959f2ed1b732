//! Requests whose answers are in the output and have not quite left. They are logged when the last byte has been sent.

use crate::connection::Transaction;
use crate::limits::{INPUT_BYTES_MAX, LEAVING_MAX};

/// A queue, linked through its entries: mostly it holds one, and for an idle connection it is one empty pointer.
#[derive(Default)]
pub(super) struct Unsent {
    first: Option<Box<Transaction>>,
    count: u32,
    /// Bytes of their heads.
    bytes: u32,
}

impl Unsent {
    /// No next request is begun: the client does not take what it asked for, and would have it all wait in memory.
    pub fn is_full(&self) -> bool {
        self.count as usize >= LEAVING_MAX || self.bytes as usize >= INPUT_BYTES_MAX
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Adds one behind the others, of which there are few.
    pub fn push(&mut self, entry: Box<Transaction>) {
        self.count += 1;
        self.bytes += entry.http.request_head_bytes as u32;
        let mut place = &mut self.first;
        while let Some(earlier) = place {
            place = earlier.next_mut();
        }
        *place = Some(entry);
    }

    /// Whether the first one's answer has left when so many bytes have.
    #[inline]
    pub fn has_left(&self, sent_bytes: u64) -> bool {
        let end = self.first.as_ref().and_then(|entry| entry.http.answered?.output_end);
        end.is_some_and(|end| sent_bytes >= end)
    }

    /// Takes the first one out.
    pub fn pop(&mut self) -> Option<Box<Transaction>> {
        let mut entry = self.first.take()?;
        self.first = entry.next_mut().take();
        self.count -= 1;
        self.bytes -= entry.http.request_head_bytes as u32;
        Some(entry)
    }
}
