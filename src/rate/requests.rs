//! The table of a `limit_req_zone`: a bucket for each key.

use super::ZoneTable;
use super::bucket::{Bucket, Rate};
use super::shards::{Shard, Shards};
use super::table::Table;
use std::fmt;

/// Buckets by key. When the memory is used up, the bucket goes that was not used for the longest time.
pub struct Requests {
    shards: Shards<Bucket>,
    /// The limit of each part.
    shard_bytes_max: usize,
}

/// What a bucket says of one more request. Excesses are in thousandths of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judgment {
    /// The request may pass with this excess.
    Passes(u64),
    /// The excess would be over the burst.
    TooMany(u64),
    /// The zone has no room for this key.
    NoRoom,
}

impl ZoneTable for Requests {
    fn with_bytes(bytes_max: usize) -> Self {
        let shards = Shards::new(bytes_max);
        let shard_bytes_max = bytes_max / shards.len();
        Self { shards, shard_bytes_max }
    }
}

impl Requests {
    /// Judges a request of this key, and counts nothing: another limit may refuse the request.
    pub fn judge(&self, key: &[u8], rate: Rate, burst: u64, now_ms: u64) -> Judgment {
        if Table::<Bucket>::entry_bytes(key) > self.shard_bytes_max {
            return Judgment::NoRoom;
        }
        let Shard { mut table, hash, .. } = self.shards.of(key);
        let Some(place) = table.find(key, hash) else { return Judgment::Passes(0) };
        table.touch(place);
        match table.at(place).with_one_more(rate, now_ms) {
            excess if excess > burst => Judgment::TooMany(excess),
            excess => Judgment::Passes(excess),
        }
    }

    /// Counts a request of this key. Returns its excess.
    pub fn count(&self, key: &[u8], rate: Rate, now_ms: u64) -> u64 {
        let Shard { mut table, hash, .. } = self.shards.of(key);
        if let Some(place) = table.find(key, hash) {
            return count(&mut table, place, rate, now_ms);
        }
        self.add(&mut table, key, hash, now_ms);
        0
    }

    /// Judges a request, and counts it if it may pass.
    pub fn judge_and_count(&self, key: &[u8], rate: Rate, burst: u64, now_ms: u64) -> Judgment {
        if Table::<Bucket>::entry_bytes(key) > self.shard_bytes_max {
            return Judgment::NoRoom;
        }
        let Shard { mut table, hash, .. } = self.shards.of(key);
        let Some(place) = table.find(key, hash) else {
            self.add(&mut table, key, hash, now_ms);
            return Judgment::Passes(0);
        };
        table.touch(place);
        match table.at(place).with_one_more(rate, now_ms) {
            excess if excess > burst => Judgment::TooMany(excess),
            _ => Judgment::Passes(count(&mut table, place, rate, now_ms)),
        }
    }

    /// Adds a bucket. Others go to make room for it.
    fn add(&self, table: &mut Table<Bucket>, key: &[u8], hash: u32, now_ms: u64) {
        let bytes = Table::<Bucket>::entry_bytes(key);
        while table.bytes() + bytes > self.shard_bytes_max && table.remove_oldest() {}
        table.add(key, hash, Bucket::new(now_ms));
    }
}

fn count(table: &mut Table<Bucket>, place: u32, rate: Rate, now_ms: u64) -> u64 {
    let bucket = table.at(place);
    let excess = bucket.with_one_more(rate, now_ms);
    bucket.count(excess, now_ms);
    excess
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Requests")
    }
}
