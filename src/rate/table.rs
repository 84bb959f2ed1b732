//! A hash table of small values by key. It knows how much memory it takes, and which entry was not used for the longest
//! time.

use crate::cache::Recency;

/// Means that there is no entry.
const NONE: u32 = u32::MAX;

/// Values by key. The caller makes the hashes.
pub(super) struct Table<V> {
    /// The first entry of each chain. The number of chains is a power of two, or zero.
    chains: Vec<u32>,
    entries: Vec<Entry<V>>,
    free: Vec<u32>,
    recency: Recency,
    bytes: usize,
}

struct Entry<V> {
    key: Box<[u8]>,
    hash: u32,
    /// The next entry of the chain.
    next: u32,
    value: V,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        let (chains, entries, free) = (Vec::new(), Vec::new(), Vec::new());
        Self { chains, entries, free, recency: Recency::default(), bytes: 0 }
    }
}

impl<V: Copy> Table<V> {
    /// The memory that an entry takes, about: itself, its links, its place in the chains, and malloc(3)'s block for the
    /// key.
    pub fn entry_bytes(key: &[u8]) -> usize {
        size_of::<Entry<V>>() + 16 + (key.len() + 8).next_multiple_of(16).max(32)
    }

    /// The memory that all entries take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The place of a key's entry.
    pub fn find(&self, key: &[u8], hash: u32) -> Option<u32> {
        let mut at = *self.chains.get(self.chain(hash))?;
        while at != NONE {
            let entry = &self.entries[at as usize];
            if entry.hash == hash && *entry.key == *key {
                return Some(at);
            }
            at = entry.next;
        }
        None
    }

    /// The value at a place that [`find`](Self::find) or [`add`](Self::add) has returned.
    pub fn at(&mut self, place: u32) -> &mut V {
        &mut self.entries[place as usize].value
    }

    /// Notes that an entry is used.
    pub fn touch(&mut self, place: u32) {
        self.recency.touch(place);
    }

    /// Adds an entry for a key that has none.
    pub fn add(&mut self, key: &[u8], hash: u32, value: V) -> u32 {
        if self.entries.len() - self.free.len() >= self.chains.len() {
            self.grow();
        }
        self.bytes += Self::entry_bytes(key);
        let entry = Entry { key: key.into(), hash, next: NONE, value };
        let place = match self.free.pop() {
            Some(place) => {
                self.entries[place as usize] = entry;
                place
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
        };
        self.link(place);
        self.recency.add(place);
        place
    }

    /// Removes the entry at a place.
    pub fn remove(&mut self, place: u32) {
        let entry = &mut self.entries[place as usize];
        let (hash, next) = (entry.hash, entry.next);
        let key = std::mem::take(&mut entry.key);
        self.bytes -= Self::entry_bytes(&key);
        self.recency.remove(place);
        self.free.push(place);
        let chain = self.chain(hash);
        if self.chains[chain] == place {
            self.chains[chain] = next;
            return;
        }
        let mut at = self.chains[chain];
        while at != NONE {
            let entry = &mut self.entries[at as usize];
            if entry.next == place {
                entry.next = next;
                return;
            }
            at = entry.next;
        }
    }

    /// Removes the entry that was not used for the longest time. Returns false if the table is empty.
    pub fn remove_oldest(&mut self) -> bool {
        let oldest = self.recency.oldest();
        oldest.into_iter().for_each(|oldest| self.remove(oldest));
        oldest.is_some()
    }

    fn chain(&self, hash: u32) -> usize {
        hash as usize & self.chains.len().wrapping_sub(1)
    }

    fn link(&mut self, place: u32) {
        let chain = self.chain(self.entries[place as usize].hash);
        self.entries[place as usize].next = std::mem::replace(&mut self.chains[chain], place);
    }

    /// Doubles the number of chains. All entries are in use then.
    fn grow(&mut self) {
        let chains = (2 * self.chains.len()).max(8);
        self.chains = vec![NONE; chains];
        (0..self.entries.len() as u32).for_each(|place| self.link(place));
    }
}
