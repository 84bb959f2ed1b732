//! The request id: a number that no other request has.

use crate::password::sha256;
use std::sync::OnceLock;
use webserv_sys::random;

/// What the numbers of this process are made with.
type Key = [u8; 32];

/// 128 bits, as `$request_id` shows them. They are a keyed hash of the request's position in this process: some numbers
/// do not help to compute another one. Names on disk are not made of them, since log files and programs see them.
///
/// Returns `None` if the kernel gives no random bytes for the key. Then no number is better than one that can be
/// computed.
pub fn request_id(worker: usize, connection: u64, request: u64) -> Option<u128> {
    static KEY: OnceLock<Key> = OnceLock::new();
    let key = match KEY.get() {
        Some(key) => key,
        None => {
            let mut key = Key::default();
            random::fill(&mut key).ok()?;
            KEY.get_or_init(|| key)
        }
    };
    Some(hashed(key, worker, connection, request))
}

/// A half of SHA-256 of the key and the position. The key comes first, and all inputs have one length, so nobody can
/// extend one. Together they fit into one block.
fn hashed(key: &Key, worker: usize, connection: u64, request: u64) -> u128 {
    let worker = (worker as u32).to_le_bytes();
    let digest = sha256(&[key, &worker, &connection.to_le_bytes(), &request.to_le_bytes()]);
    digest[..16].iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::{hashed, request_id};
    use std::collections::HashSet;

    #[test]
    fn ids_differ_and_repeat_for_the_same_request() {
        let all: HashSet<_> = (0..1000).map(|i| request_id((i % 2) as usize, i / 20, i).unwrap()).collect();
        assert_eq!(all.len(), 1000);
        assert_eq!(request_id(1, 2, 3), request_id(1, 2, 3));
    }

    #[test]
    fn ids_of_neighbours_differ_in_many_bits() {
        let id = |worker, connection, request| hashed(&[7; 32], worker, connection, request);
        for neighbour in [id(0, 7, 2), id(0, 8, 1), id(1, 7, 1), hashed(&[8; 32], 0, 7, 1)] {
            let differing = (id(0, 7, 1) ^ neighbour).count_ones();
            assert!((32..=96).contains(&differing), "{differing} of 128 bits");
        }
    }

    /// The numbers once were a mix that could be undone: each gave the keys away, and so all the others.
    #[test]
    fn an_id_is_half_of_a_sha_256_which_python_computes_as_well() {
        // hashlib.sha256(bytes(range(32)) + struct.pack("<IQQ", 1, 2, 3)).hexdigest()[:32]
        let key = std::array::from_fn(|i| i as u8);
        assert_eq!(format!("{:032x}", hashed(&key, 1, 2, 3)), "b5eed0b4cfb7f64791e6916310cfd69d");
    }
}
