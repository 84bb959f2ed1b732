//! What one request has tried already.

/// The peers that a request was passed to, and how far its method has come. A request keeps it until it has its answer.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// The peers 0 to 63, a bit each.
    first: u64,
    /// The peers after those.
    more: Vec<u64>,
    /// The primary peers are used up.
    pub(super) on_backups: bool,
    /// The hashing methods: steps that have led to a peer which cannot be used.
    pub(super) steps: u8,
    /// The hashing methods: the last hash. None: there was none.
    pub(super) hash: Option<u32>,
    /// The version of the peers, see [`Tried::begin`].
    version: u32,
    /// `hash`: how many times the key has been hashed.
    pub(super) rehashes: u32,
}

impl Tried {
    /// What was tried holds for peers of this version. If the addresses have changed meanwhile, everything begins anew.
    pub fn begin(&mut self, version: u32) {
        if self.version != version {
            *self = Self { version, ..Self::default() };
        }
    }

    /// Whether this peer was tried.
    pub(super) fn has(&self, index: usize) -> bool {
        let word = match index / 64 {
            0 => self.first,
            n => self.more.get(n - 1).copied().unwrap_or(0),
        };
        word >> (index % 64) & 1 == 1
    }

    /// This peer is tried.
    pub(super) fn add(&mut self, index: usize) {
        let bit = 1 << (index % 64);
        match index / 64 {
            0 => self.first |= bit,
            n => {
                if self.more.len() < n {
                    self.more.resize(n, 0);
                }
                self.more[n - 1] |= bit;
            }
        }
    }
}
