//! A number for a request that no other request has.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

/// 128 bits from the request's place in this process, mixed with keys that the process drew at its start. For telling
/// requests apart in logs, not for secrets.
pub fn request_id(worker: usize, connection: u64, request: u64) -> u128 {
    static KEYS: OnceLock<[RandomState; 2]> = OnceLock::new();
    let keys = KEYS.get_or_init(|| [RandomState::new(), RandomState::new()]);
    let half = |key: &RandomState| {
        let mut hasher = key.build_hasher();
        hasher.write_usize(worker);
        hasher.write_u64(connection);
        hasher.write_u64(request);
        u128::from(hasher.finish())
    };
    half(&keys[0]) << 64 | half(&keys[1])
}

#[cfg(test)]
mod tests {
    use super::request_id;
    use std::collections::HashSet;

    #[test]
    fn ids_differ_and_repeat_for_the_same_request() {
        let all: HashSet<u128> = (0..1000).map(|i| request_id((i % 2) as usize, i / 20, i)).collect();
        assert_eq!(all.len(), 1000);
        assert_eq!(request_id(1, 2, 3), request_id(1, 2, 3));
    }
}
