//! Sorts the names of a directory. Names come in batches. Each batch is sorted when it comes, and the batches are
//! merged when names are taken. So a turn does at most the work for one batch.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ffi::CString;

/// A name with its status. The order: directories first, then by the bytes of the name.
#[derive(PartialEq, Eq, Debug)]
pub struct Found {
    /// True for a file, false for a directory.
    pub is_file: bool,
    /// The bytes of the name.
    pub name: CString,
    /// The length of a file.
    pub size_bytes: u64,
    /// The time of the last change, in seconds since 1970.
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

/// All names that have not been taken.
#[derive(Default)]
pub struct Names {
    /// Each batch without its least name, in descending order.
    batches: Vec<Vec<Found>>,
    /// The least name of each batch that is not empty, with the batch's number.
    least: BinaryHeap<Reverse<(Found, usize)>>,
}

impl Names {
    /// Adds a batch.
    pub fn add(&mut self, mut batch: Vec<Found>) {
        batch.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(least) = batch.pop() {
            self.least.push(Reverse((least, self.batches.len())));
            self.batches.push(batch);
        }
    }

    /// Removes the least name of all. Returns `None` when all have been taken.
    pub fn take(&mut self) -> Option<Found> {
        let mut top = self.least.peek_mut()?;
        let Reverse((least, batch)) = &mut *top;
        match self.batches[*batch].pop() {
            Some(next) => Some(std::mem::replace(least, next)),
            None => Some(std::collections::binary_heap::PeekMut::pop(top).0.0),
        }
    }

    /// Whether all names have been taken.
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

    /// Random batches come out in the same order as one sort of all names.
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
