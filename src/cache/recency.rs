//! Which place was used when: a doubly linked list through the places, the newest first.

/// No place.
const NONE: u32 = u32::MAX;

/// An order of places. Every step costs the same, however many there are.
pub(super) struct Recency {
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
    /// The one that was not used for the longest time.
    pub fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// A place that was not in the order is now the newest.
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

    /// A place in the order is used.
    pub fn touch(&mut self, place: u32) {
        if self.newest != place {
            self.remove(place);
            self.add(place);
        }
    }

    /// A place in the order leaves it.
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
