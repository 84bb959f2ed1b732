//! Reproducible randomness for property tests: splitmix64.

/// A generator; the same seed gives the same numbers.
pub struct Seeded(pub u64);

impl Seeded {
    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `end - 1`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// `count` bytes of an alphabet.
    pub fn text(&mut self, alphabet: &[u8], count: usize) -> Vec<u8> {
        (0..count).map(|_| *self.pick(alphabet)).collect()
    }

    /// The text with one to four bytes changed, put in, taken out or doubled: near enough to get far into a parser.
    pub fn mutate(&mut self, text: &[u8]) -> Vec<u8> {
        const TELLING: &[u8] = b"\r\n\t \0:;,=\"\\/%#?*[]@0a\x7f\x80\xff";
        let mut out = text.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(out.len());
            let byte = if self.below(2) == 0 { *self.pick(TELLING) } else { self.next() as u8 };
            match self.below(5) {
                0 if !out.is_empty() => out[at] = byte,
                1 if !out.is_empty() => drop(out.remove(at)),
                2 => out.truncate(at),
                3 => out.extend_from_within(at..),
                _ => out.insert(at, byte),
            }
        }
        out
    }

    /// Places at which to cut `len` bytes, in order; up to seven.
    pub fn cuts(&mut self, len: usize) -> Vec<usize> {
        let mut cuts: Vec<usize> = (0..self.below(8)).map(|_| self.below(len + 1)).collect();
        cuts.sort_unstable();
        cuts
    }
}
