//! A range of a head's bytes: where a name, a value, a path or a host is.

/// A range of a head's bytes. Heads are far shorter than 4 GiB, and 32 bits keep the index of field lines small.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub(super) const fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    pub(super) const fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    #[inline]
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}
