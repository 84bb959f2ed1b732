//! Names of a configuration, hosts and paths, as they are looked up.

use super::types::{Hosts, Server};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Something for each of a configuration's names: hosts, or paths.
pub type Names<T> = HashMap<Vec<u8>, T, BuildHasherDefault<NameHasher>>;

/// A hash that costs a few instructions per eight bytes. Clients ask for names and cannot add any, so that they cannot
/// make names collide, which is what the costlier hashes of the standard library are for.
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
        // The odd constant has bits of both kinds everywhere, so that each bit of a word reaches many above it.
        self.0 = (self.0.rotate_left(23) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32 // a table looks at the lowest bits, which have mixed least
    }
}

impl Hosts {
    /// Enters a `server_name`, lower case: exact, `*.x`, `x.*`, or `.x`, which stands for `x` and `*.x`.
    /// [`Hosts::sort`] must follow the last one.
    pub(crate) fn add(&mut self, name: &str, index: usize) {
        if let Some(end) = name.strip_prefix('*') {
            self.suffixes.push((end.to_owned(), index));
        } else if let Some(start) = name.strip_suffix('*') {
            self.prefixes.push((start.to_owned(), index));
        } else if let Some(bare) = name.strip_prefix('.') {
            self.exact.insert(bare.into(), index);
            self.suffixes.push((name.to_owned(), index));
        } else {
            self.exact.insert(name.into(), index);
        }
    }

    /// Puts the longest wildcards first, as [`Hosts::find`] wants them.
    pub(crate) fn sort(&mut self) {
        for list in [&mut self.suffixes, &mut self.prefixes] {
            list.sort_by_key(|(fixed, _)| std::cmp::Reverse(fixed.len()));
        }
    }
}

impl Server {
    /// The name in logs and redirects: the first `server_name`, or "".
    pub fn name(&self) -> &str {
        &self.settings.server_name
    }
}
