//! The request id: a number that no other request has.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// 128 bits, made of the request's position in this process, and keys that the process drew at its start. For log lines
/// and names of temporary files, not for secrets.
pub fn request_id(worker: usize, connection: u64, request: u64) -> u128 {
    static KEYS: OnceLock<[u64; 2]> = OnceLock::new();
    let keys = KEYS.get_or_init(|| [RandomState::new().hash_one(0), RandomState::new().hash_one(1)]);
    mixed(keys, (worker as u64).rotate_right(16) ^ connection, request)
}

/// Mixes reversibly, so that two requests never have the same number.
fn mixed(keys: &[u64; 2], connection: u64, request: u64) -> u128 {
    let low = mix(request ^ keys[0]);
    let high = mix(connection ^ low ^ keys[1]);
    u128::from(high) << 64 | u128::from(mix(low ^ high))
}

/// Spreads each bit over all bits, reversibly: shifts and odd factors (the constants of SplitMix64).
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::{mixed, request_id};
    use std::collections::HashSet;

    #[test]
    fn ids_differ_and_repeat_for_the_same_request() {
        let all: HashSet<u128> = (0..1000).map(|i| request_id((i % 2) as usize, i / 20, i)).collect();
        assert_eq!(all.len(), 1000);
        assert_eq!(request_id(1, 2, 3), request_id(1, 2, 3));
    }

    #[test]
    fn ids_of_neighbours_differ_in_many_bits() {
        let id = |connection, request| mixed(&[0x5eed, 0x1dea], connection, request);
        for neighbour in [id(7, 2), id(8, 1), id(7 | 1 << 48, 1)] {
            let differing = (id(7, 1) ^ neighbour).count_ones();
            assert!((32..=96).contains(&differing), "{differing} of 128 bits");
        }
    }
}
