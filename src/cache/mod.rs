//! A bounded cache: values by key, the least recently used leaves first, and whatever depends on something that has
//! changed leaves at once. Data only: it watches nothing, reads no file and has no clock.

mod hash;
mod recency;
#[cfg(test)]
mod tests;

use hash::Secret;
use recency::Recency;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use webserv_sys::Moment;

/// Something that can change, by the number that its watcher knows it by.
pub type WatchId = i32;

/// What a value stands or falls with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Dependency {
    /// This does not change ...
    pub on: WatchId,
    /// ... itself, if empty; else nothing happens to this name in it.
    pub name: Box<[u8]>,
}

/// How much is kept. What is too large for it alone is not kept at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CacheLimits {
    /// Values.
    pub entries_max: usize,
    /// Bytes of all values together, as their owners count them.
    pub bytes_max: usize,
}

/// A value as it goes in.
pub struct CacheEntry<V> {
    /// The value.
    pub value: V,
    /// What it counts as.
    pub bytes: usize,
    /// It leaves when it has not been used for so long.
    pub idle_max: Duration,
    /// What it depends on.
    pub depends: Vec<Dependency>,
}

/// Values by key.
pub struct Cache<V> {
    places: HashMap<Box<[u8]>, u32, Secret>,
    /// By place; `None` is free.
    slots: Vec<Option<Slot<V>>>,
    free: Vec<u32>,
    recency: Recency,
    bytes: usize,
    /// Who depends on what, by place.
    dependents: BTreeSet<(Dependency, u32)>,
    /// What nothing depends on any more.
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
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What all values count as.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The value of this key, which is used now.
    pub fn get(&mut self, key: &[u8], now: Moment) -> Option<&mut V> {
        let place = *self.places.get(key)?;
        self.recency.touch(place);
        let slot = self.slots[place as usize].as_mut()?;
        slot.used = now;
        Some(&mut slot.entry.value)
    }

    /// Keeps a value in the place of any other of this key. Others make room for it.
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

    /// Something has changed: `name` in it, or it itself if that is empty. Who depends on that leaves.
    pub fn change(&mut self, on: WatchId, name: &[u8]) {
        let of = Dependency { on, name: name.into() };
        while let Some((_, place)) = self.dependents.range((of.clone(), 0)..=(of.clone(), u32::MAX)).next() {
            self.take_out(*place);
        }
    }

    /// Drops all who depend on this in any way: it cannot be watched any more.
    pub fn lose(&mut self, on: WatchId) {
        while let Some((_, place)) = self.first_on(on) {
            self.take_out(*place);
        }
    }

    /// Drops what has not been used for as long as it may. Of two that may idle for different times, the one that was
    /// used before the other can delay it.
    pub fn drop_idle(&mut self, now: Moment) {
        while let Some(oldest) = self.recency.oldest() {
            match &self.slots[oldest as usize] {
                Some(slot) if now.since(slot.used) < slot.entry.idle_max => return,
                _ => self.take_out(oldest),
            }
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        while let Some(oldest) = self.recency.oldest() {
            self.take_out(oldest);
        }
    }

    /// What nothing depends on any more since this was asked last, and need not be watched.
    pub fn take_unwatched(&mut self) -> Vec<WatchId> {
        let unwatched = std::mem::take(&mut self.unwatched);
        // Someone may have come to depend on it again.
        unwatched.into_iter().filter(|on| self.first_on(*on).is_none()).collect()
    }

    /// These were watched for a value that is not kept after all.
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
