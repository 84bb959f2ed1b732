//! The hash of a key: a few instructions per eight bytes; the standard library's hash takes some hundred for a path.
//! Clients choose the keys but never see a hash, and a secret makes it impossible to find keys that collide.

use std::hash::{BuildHasher, Hasher, RandomState};

/// An odd number whose bits are well distributed: 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes hashers with the same secret.
#[derive(Clone, Copy)]
pub struct Secret(u64, u64);

/// The hash so far.
pub struct Folding {
    state: u64,
    secret: u64,
}

impl Default for Secret {
    fn default() -> Self {
        let random = RandomState::new();
        Self(random.hash_one(1), random.hash_one(2) | 1)
    }
}

impl BuildHasher for Secret {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding { state: self.0, secret: self.1 }
    }
}

impl Folding {
    /// The two halves of a product of 128 bits, combined: every bit of both factors has an effect.
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.secret);
        self.state = (product as u64 ^ (product >> 64) as u64).wrapping_add(SPREAD);
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.fold(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.fold(u64::from_le_bytes(last));
    }

    fn write_usize(&mut self, length: usize) {
        self.fold(length as u64);
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Typical keys: an address in memory, then paths that differ in a byte or in length.
    fn keys() -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = (0..4000u32).map(|n| format!("12345678/dir/file-{n}.html").into_bytes()).collect();
        keys.extend((0..64).map(|zeros| vec![0; zeros]));
        keys.extend((0..64).map(|at| (0..64).map(|i| u8::from(i == at)).collect()));
        keys
    }

    #[test]
    fn keys_that_are_alike_are_spread() {
        for _ in 0..10 {
            let secret = Secret::default();
            let hashes: Vec<u64> = keys().iter().map(|key| secret.hash_one(&key[..])).collect();
            assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), hashes.len(), "of so few, none are the same");
            // The map uses the lowest and the highest bits. An even distribution of the keys leaves one place in
            // fifty-six empty, of 1,024 places.
            for shift in [0, 54] {
                let used: HashSet<u64> = hashes.iter().map(|hash| hash >> shift & 1023).collect();
                assert!(used.len() > 950, "{} of 1,024 places from bit {shift} on", used.len());
            }
        }
    }

    #[test]
    fn another_secret_gives_other_hashes() {
        let (one, two) = (Secret::default(), Secret::default());
        assert!(keys().iter().all(|key| one.hash_one(&key[..]) != two.hash_one(&key[..])));
        assert!(keys().iter().all(|key| one.hash_one(&key[..]) == one.hash_one(&key[..])));
    }
}
