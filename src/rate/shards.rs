//! A table that all workers use: in several parts, each behind a lock of its own, so that workers seldom wait for each
//! other.

use super::table::Table;
use crate::cache::Secret;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most parts. Each has at least [`SHARD_BYTES_MIN`].
const SHARDS_MAX: usize = 16;

/// A part has room for the longest key.
const SHARD_BYTES_MIN: usize = 128 << 10;

/// The parts of a table.
pub(super) struct Shards<V> {
    shards: Box<[Mutex<Table<V>>]>,
    secret: Secret,
}

/// A key's part, locked, and the key's hash in it.
pub(super) struct Shard<'a, V> {
    pub table: MutexGuard<'a, Table<V>>,
    pub number: u32,
    pub hash: u32,
}

impl<V: Copy> Shards<V> {
    /// An empty table for this number of bytes.
    pub fn new(bytes_max: usize) -> Self {
        let count = (bytes_max / SHARD_BYTES_MIN).clamp(1, SHARDS_MAX);
        let shards = (0..count).map(|_| Mutex::default()).collect();
        Self { shards, secret: Secret::default() }
    }

    /// The number of parts.
    pub fn len(&self) -> usize {
        self.shards.len()
    }

    /// The part of this key.
    pub fn of(&self, key: &[u8]) -> Shard<'_, V> {
        let hash = self.secret.hash_one(key);
        let number = ((hash >> 32) % self.shards.len() as u64) as u32;
        Shard { table: self.at(number), number, hash: hash as u32 }
    }

    /// The part with this number. A worker that panicked while it held the lock has left whole entries: every change is
    /// a few stores.
    pub fn at(&self, number: u32) -> MutexGuard<'_, Table<V>> {
        self.shards[number as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
