//! A bounded cache: values by key. It drops the least recently used value first, and at once every value that depends
//! on something that has changed. Data only: it watches nothing, reads no file and has no clock.

mod hash;
mod recency;
#[cfg(test)]
mod tests;

pub use hash::Secret;
pub use recency::Recency;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use webserv_sys::Moment;

/// The number that a watcher gives to something that can change.
pub type WatchId = i32;

/// A condition for a value to stay.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Dependency {
    /// The watched thing that must not change.
    pub on: WatchId,
    /// Empty: the thing itself must not change; otherwise only this name in it must not.
    pub name: Box<[u8]>,
}

/// How much is kept. A value that is larger than the limits is not kept at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CacheLimits {
    /// The number of values.
    pub entries_max: usize,
    /// Bytes of all values together, as the callers count them.
    pub bytes_max: usize,
}

/// A value to insert.
pub struct CacheEntry<V> {
    /// The value.
    pub value: V,
    /// Its size in bytes, for the limit.
    pub bytes: usize,
    /// It is dropped when it has not been used for this time.
    pub idle_max: Duration,
    /// The conditions for it to stay.
    pub depends: Vec<Dependency>,
}

/// Values by key.
pub struct Cache<V> {
    places: HashMap<Box<[u8]>, u32, Secret>,
    /// By place; None is a free place.
    slots: Vec<Option<Slot<V>>>,
    free: Vec<u32>,
    recency: Recency,
    bytes: usize,
    /// The dependencies, each with the place of a value that has it.
    dependents: BTreeSet<(Dependency, u32)>,
    /// Things on which no value depends any more.
    unwatched: Vec<WatchId>,
}

struct Slot<V> {
    key: Box<[u8]>,
    entry: CacheEntry<V>,
    used: Moment,
}

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self {
            places: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            recency: Recency::default(),
            bytes: 0,
            dependents: BTreeSet::new(),
            unwatched: Vec::new(),
        }
    }
}

impl<V> Cache<V> {
    /// The number of values.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The size of all values in bytes, as the callers counted them.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The value of this key; it becomes the most recently used one.
    pub fn get(&mut self, key: &[u8], now: Moment) -> Option<&mut V> {
        let place = *self.places.get(key)?;
        self.recency.touch(place);
        let slot = self.slots[place as usize].as_mut()?;
        slot.used = now;
        Some(&mut slot.entry.value)
    }

    /// Inserts a value, in place of another of the same key. Other values are dropped to make room.
    pub fn insert(&mut self, key: &[u8], entry: CacheEntry<V>, limits: CacheLimits, now: Moment) {
        self.remove(key);
        if limits.entries_max == 0 || entry.bytes > limits.bytes_max {
            let watched: Vec<WatchId> = entry.depends.iter().map(|dependency| dependency.on).collect();
            return self.release(watched);
        }
        while self.len() >= limits.entries_max || self.bytes + entry.bytes > limits.bytes_max {
            let Some(oldest) = self.recency.oldest() else { break };
            self.take_out(oldest);
        }
        let place = self.free.pop().unwrap_or(self.slots.len() as u32);
        if place as usize == self.slots.len() {
            self.slots.push(None);
        }
        self.bytes += entry.bytes;
        self.dependents.extend(entry.depends.iter().map(|dependency| (dependency.clone(), place)));
        self.places.insert(key.into(), place);
        self.recency.add(place);
        self.slots[place as usize] = Some(Slot { key: key.into(), entry, used: now });
    }

    /// Drops the value of this key.
    pub fn remove(&mut self, key: &[u8]) {
        if let Some(place) = self.places.get(key) {
            self.take_out(*place);
        }
    }

    /// Reports a change: of `name` in a watched thing, or of the thing itself if `name` is empty. Drops all values that
    /// depend on it.
    pub fn change(&mut self, on: WatchId, name: &[u8]) {
        let of = Dependency { on, name: name.into() };
        while let Some((_, place)) = self.dependents.range((of.clone(), 0)..=(of.clone(), u32::MAX)).next() {
            self.take_out(*place);
        }
    }

    /// Drops all values that depend on this thing, because it cannot be watched any more.
    pub fn lose(&mut self, on: WatchId) {
        while let Some((_, place)) = self.first_on(on) {
            self.take_out(*place);
        }
    }

    /// Drops the values that have not been used for their time. Values are looked at in the order of their last use, so
    /// one with a long time can delay a newer one with a short time.
    pub fn drop_idle(&mut self, now: Moment) {
        while let Some(oldest) = self.recency.oldest() {
            match &self.slots[oldest as usize] {
                Some(slot) if now.since(slot.used) < slot.entry.idle_max => return,
                _ => self.take_out(oldest),
            }
        }
    }

    /// Drops the values for which this is true. Returns true if there were any.
    pub fn drop_all_that(&mut self, is_dropped: impl Fn(&V) -> bool) -> bool {
        let dropped: Vec<u32> = (0..self.slots.len())
            .filter(|place| self.slots[*place].as_ref().is_some_and(|slot| is_dropped(&slot.entry.value)))
            .map(|place| place as u32)
            .collect();
        dropped.iter().for_each(|place| self.take_out(*place));
        !dropped.is_empty()
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        while let Some(oldest) = self.recency.oldest() {
            self.take_out(oldest);
        }
    }

    /// Up to `most` of the things that no value depends on any more: they need not be watched.
    pub fn take_unwatched(&mut self, most: usize) -> Vec<WatchId> {
        let rest = self.unwatched.len().saturating_sub(most);
        let unwatched = self.unwatched.split_off(rest);
        // A value may depend on it again.
        unwatched.into_iter().filter(|on| self.first_on(*on).is_none()).collect()
    }

    /// Whether there are things that need not be watched and were not taken.
    pub fn has_unwatched(&self) -> bool {
        !self.unwatched.is_empty()
    }

    /// These things were watched for a value that was not inserted after all.
    pub fn release(&mut self, watched: impl IntoIterator<Item = WatchId>) {
        self.unwatched.extend(watched);
    }

    fn first_on(&self, on: WatchId) -> Option<&(Dependency, u32)> {
        let itself = Dependency { on, name: Box::default() };
        self.dependents.range((itself, 0)..).next().filter(|(dependency, _)| dependency.on == on)
    }

    fn take_out(&mut self, place: u32) {
        self.recency.remove(place);
        let Some(slot) = self.slots[place as usize].take() else { return };
        self.free.push(place);
        self.places.remove(&slot.key);
        self.bytes -= slot.entry.bytes;
        for dependency in slot.entry.depends {
            let on = dependency.on;
            self.dependents.remove(&(dependency, place));
            if self.first_on(on).is_none() {
                self.unwatched.push(on);
            }
        }
    }
}
