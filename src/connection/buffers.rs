//! Byte buffers that are used again.

use crate::limits::{BUFFER_BYTES, SPARE_BUFFERS_MAX};

/// Unused buffers. Each worker has one store for all its connections, so that requests in steady state allocate no
/// buffers and idle connections hold none.
#[derive(Default)]
pub struct Buffers {
    spare: Vec<Vec<u8>>,
}

impl Buffers {
    /// An empty buffer with room for at least this number of bytes.
    pub fn take(&mut self, bytes: usize) -> Vec<u8> {
        match self.spare.pop() {
            Some(buffer) if bytes <= BUFFER_BYTES => buffer,
            Some(buffer) => {
                self.spare.push(buffer);
                Vec::with_capacity(bytes)
            }
            None => Vec::with_capacity(bytes.max(BUFFER_BYTES)),
        }
    }

    /// Takes back a buffer of the usual size. Buffers of another size are freed.
    pub fn give(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() == BUFFER_BYTES && self.spare.len() < SPARE_BUFFERS_MAX {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_was_given_back_is_taken_again_and_empty() {
        let mut buffers = Buffers::default();
        let mut buffer = buffers.take(10);
        buffer.extend_from_slice(b"bytes");
        let place = buffer.as_ptr();
        buffers.give(buffer);
        let larger = buffers.take(BUFFER_BYTES + 1);
        assert!(larger.capacity() > BUFFER_BYTES);
        buffers.give(larger);
        let again = buffers.take(BUFFER_BYTES);
        assert_eq!((again.as_ptr(), again.len(), buffers.spare.len()), (place, 0, 0));
    }

    #[test]
    fn the_number_of_spare_buffers_is_bounded() {
        let mut buffers = Buffers::default();
        (0..2 * SPARE_BUFFERS_MAX).for_each(|_| buffers.give(Vec::with_capacity(BUFFER_BYTES)));
        assert_eq!(buffers.spare.len(), SPARE_BUFFERS_MAX);
    }
}
