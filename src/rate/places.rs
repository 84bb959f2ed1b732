//! The table of a `limit_conn_zone`: how many requests of each key are being answered.

use super::ZoneTable;
use super::shards::{Shard, Shards};
use super::table::Table;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests by key. An entry goes with the last request of its key.
pub struct Places {
    shards: Shards<u32>,
    bytes: AtomicUsize,
    bytes_max: usize,
}

/// One request's place under a `limit_conn`, which it gives back when it is dropped.
pub struct Place {
    places: Arc<Places>,
    shard: u32,
    entry: u32,
}

/// Why there is no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoPlace {
    /// The key has as many requests as it may have.
    TooMany,
    /// The zone has no memory for another key.
    NoRoom,
}

impl ZoneTable for Places {
    fn with_bytes(bytes_max: usize) -> Self {
        Self { shards: Shards::new(bytes_max), bytes: AtomicUsize::new(0), bytes_max }
    }
}

impl Place {
    /// A place for a request of this key, if the key has fewer than `most`.
    ///
    /// # Errors
    /// Why the request gets no place.
    pub fn take(places: &Arc<Places>, key: &[u8], most: u32) -> Result<Place, NoPlace> {
        let Shard { mut table, number, hash } = places.shards.of(key);
        let entry = match table.find(key, hash) {
            Some(entry) => {
                let count = table.at(entry);
                if *count >= most {
                    return Err(NoPlace::TooMany);
                }
                *count += 1;
                entry
            }
            None => {
                let bytes = Table::<u32>::entry_bytes(key);
                if places.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > places.bytes_max {
                    places.bytes.fetch_sub(bytes, Ordering::Relaxed);
                    return Err(NoPlace::NoRoom);
                }
                table.add(key, hash, 1)
            }
        };
        drop(table);
        Ok(Place { places: Arc::clone(places), shard: number, entry })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.places.shards.at(self.shard);
        let count = table.at(self.entry);
        *count -= 1;
        if *count == 0 {
            let before = table.bytes();
            table.remove(self.entry);
            self.places.bytes.fetch_sub(before - table.bytes(), Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Places")
    }
}
