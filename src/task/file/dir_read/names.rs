//! The names of a directory on their way into order. They come in batches; each is put in order as it comes, and the
//! batches are merged as the names are taken: so no turn has more work than one batch makes, however many there are.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ffi::CString;

/// A name and what is said of it. In order: directories first, then by the names' bytes.
#[derive(PartialEq, Eq, Debug)]
pub struct Found {
    /// A file; otherwise a directory.
    pub is_file: bool,
    /// Its bytes.
    pub name: CString,
    /// A file's length.
    pub size_bytes: u64,
    /// When it changed last, in seconds since 1970.
    pub modified_secs: i64,
}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.is_file, self.name.as_bytes()).cmp(&(other.is_file, other.name.as_bytes()))
    }
}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// All names that were found and not taken yet.
#[derive(Default)]
pub struct Names {
    /// Each batch but its least name, the least last.
    batches: Vec<Vec<Found>>,
    /// The least name of each batch that is not empty, and which batch that is.
    least: BinaryHeap<Reverse<(Found, usize)>>,
}

impl Names {
    /// Takes in a batch.
    pub fn add(&mut self, mut batch: Vec<Found>) {
        batch.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(least) = batch.pop() {
            self.least.push(Reverse((least, self.batches.len())));
            self.batches.push(batch);
        }
    }

    /// The least name of all.
    pub fn take(&mut self) -> Option<Found> {
        let mut top = self.least.peek_mut()?;
        let Reverse((least, batch)) = &mut *top;
        match self.batches[*batch].pop() {
            Some(next) => Some(std::mem::replace(least, next)),
            None => Some(std::collections::binary_heap::PeekMut::pop(top).0.0),
        }
    }

    /// All were taken.
    pub fn is_empty(&self) -> bool {
        self.least.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(is_file: bool, name: &str) -> Found {
        Found { is_file, name: CString::new(name).unwrap(), size_bytes: 0, modified_secs: 0 }
    }

    /// Any batches, of any lengths, come out as one sort would put them.
    #[test]
    fn batches_come_out_in_one_order() {
        let mut seed = 7u64;
        let mut random = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..200 {
            let mut names = Names::default();
            let mut all = Vec::new();
            for _ in 0..random(9) {
                let batch: Vec<_> = (0..random(20)).map(|_| (random(2) == 0, random(50).to_string())).collect();
                names.add(batch.iter().map(|(is_file, name)| found(*is_file, name)).collect());
                all.extend(batch);
            }
            all.sort();
            let taken: Vec<_> = std::iter::from_fn(|| names.take()).collect();
            let taken: Vec<_> = taken.iter().map(|f| (f.is_file, f.name.to_str().unwrap().to_owned())).collect();
            assert_eq!(taken, all);
            assert!(names.is_empty());
        }
    }
}
