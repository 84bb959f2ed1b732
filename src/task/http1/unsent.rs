//! Responses in the output whose last byte has not been sent yet. The request is logged when it has.

use crate::connection::{Stage, Transaction};
use crate::limits::{INPUT_BYTES_MAX, UNSENT_MAX};

/// A queue, linked through its entries: in most cases it has one. It is one empty pointer in an idle connection.
#[derive(Default)]
pub(super) struct Unsent {
    first: Option<Box<Transaction>>,
    count: u32,
    /// Bytes of the requests' heads.
    bytes: u32,
}

impl Unsent {
    /// Whether no next request may begin: the client does not receive its responses, which would all wait in memory.
    pub fn is_full(&self) -> bool {
        self.count as usize >= UNSENT_MAX || self.bytes as usize >= INPUT_BYTES_MAX
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Adds an entry at the end. The list is short.
    pub fn push(&mut self, entry: Box<Transaction>) {
        self.count += 1;
        self.bytes += entry.http.request_head_bytes as u32;
        let mut place = &mut self.first;
        while let Some(earlier) = place {
            place = earlier.next_mut();
        }
        *place = Some(entry);
    }

    /// Whether the first response has been sent completely. `sent_bytes`: the bytes sent on the connection so far.
    #[inline]
    pub fn is_sent(&self, sent_bytes: u64) -> bool {
        let end = self.first.as_ref().and_then(|entry| entry.http.answered?.output_end);
        end.is_some_and(|end| sent_bytes >= end)
    }

    /// Removes the first entry.
    pub fn pop(&mut self) -> Option<Box<Transaction>> {
        let mut entry = self.first.take()?;
        self.first = entry.next_mut().take();
        self.count -= 1;
        self.bytes -= entry.http.request_head_bytes as u32;
        Some(entry)
    }
}

/// Whether the response has a head and no byte of it is in the output. `output_end` is where the output ends.
pub(super) fn is_unsent(t: &Transaction, output_end: u64) -> bool {
    t.http.stage == Stage::Sending && t.http.answered.is_some() && t.http.output_start == output_end
}
