//! The map from names of the configuration to what they mean.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map whose keys are names of the configuration: hosts or paths.
pub type NameMap<T> = HashMap<Vec<u8>, T, BuildHasherDefault<NameHasher>>;

/// A hash that costs a few instructions per eight bytes. The standard library's hash is slower, because it protects a
/// table against keys that a client chose to collide. Here a client can only look up names, not add them.
#[derive(Clone, Copy, Default, Debug)]
pub struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let last = rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
        self.write_u64(last);
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    fn write_u64(&mut self, n: u64) {
        // The constant is odd and has ones and zeros everywhere, so each bit of a word changes many higher bits.
        self.0 = (self.0.rotate_left(23) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32 // a hash table uses the lowest bits, which are mixed least
    }
}
