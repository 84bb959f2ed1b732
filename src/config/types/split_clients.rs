//! `split_clients`: a variable with one of several values, by a hash of a text.

use super::Template;

/// `split_clients TEXT $VARIABLE { PERCENT VALUE; }`
#[derive(Clone, PartialEq, Debug)]
pub struct SplitClients {
    /// The text that is hashed.
    pub text: Template,
    /// The end of each part among the hash values, and the value of the variable there.
    pub parts: Vec<(u32, String)>,
    /// `*`: the value behind the last part.
    pub rest: String,
}

impl SplitClients {
    /// The value for a text.
    pub fn value(&self, text: &[u8]) -> &str {
        let hash = murmur_hash2(text);
        self.parts.iter().find(|(end, _)| hash < *end).map_or(&self.rest, |(_, value)| value)
    }
}

/// MurmurHash2 with the seed 0: not for secrets, it only distributes.
fn murmur_hash2(bytes: &[u8]) -> u32 {
    const MIX: u32 = 0x5bd1_e995;
    let mut hash = bytes.len() as u32;
    let mut fours = bytes.chunks_exact(4);
    for four in &mut fours {
        let mut k = u32::from_le_bytes([four[0], four[1], four[2], four[3]]).wrapping_mul(MIX);
        k ^= k >> 24;
        hash = hash.wrapping_mul(MIX) ^ k.wrapping_mul(MIX);
    }
    let rest = fours.remainder();
    for (place, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * place);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_reference() {
        // Computed with another transcription of Austin Appleby's MurmurHash2.cpp, with the seed 0.
        let table: [(&[u8], u32); 6] = [
            (b"", 0),
            (b"a", 0x9268_5f5e),
            (b"ab", 0x1aa1_4063),
            (b"abc", 0x1357_7c9b),
            (b"abcd", 0x2687_3021),
            (b"hello, world", 0x4b4c_9d80),
        ];
        for (text, hash) in table {
            assert_eq!(murmur_hash2(text), hash, "{}", text.escape_ascii());
        }
    }
}
