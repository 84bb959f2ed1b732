//! The order of the places by their last use: a doubly linked list, the newest first.

/// Means that there is no place.
const NONE: u32 = u32::MAX;

/// The order. Every operation has the same cost, however many places there are.
pub struct Recency {
    /// By place.
    links: Vec<Link>,
    newest: u32,
    oldest: u32,
}

#[derive(Clone, Copy)]
struct Link {
    newer: u32,
    older: u32,
}

impl Default for Recency {
    fn default() -> Self {
        Self { links: Vec::new(), newest: NONE, oldest: NONE }
    }
}

impl Recency {
    /// The place that was not used for the longest time.
    pub fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Adds a place as the newest.
    pub fn add(&mut self, place: u32) {
        if place as usize >= self.links.len() {
            self.links.resize(place as usize + 1, Link { newer: NONE, older: NONE });
        }
        self.links[place as usize] = Link { newer: NONE, older: self.newest };
        match self.newest {
            NONE => self.oldest = place,
            newest => self.links[newest as usize].newer = place,
        }
        self.newest = place;
    }

    /// Makes a place the newest.
    pub fn touch(&mut self, place: u32) {
        if self.newest != place {
            self.remove(place);
            self.add(place);
        }
    }

    /// Removes a place from the order.
    pub fn remove(&mut self, place: u32) {
        let Link { newer, older } = self.links[place as usize];
        match newer {
            NONE => self.newest = older,
            newer => self.links[newer as usize].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.links[older as usize].newer = newer,
        }
    }
}
