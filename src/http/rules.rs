//! What every reader of a head shares: how large a head may be, and how a broken rule is reported.

/// How much of a head is accepted. A line counts with its line end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeadLimits {
    /// The longest request line (then 414) and field line (then 400): one buffer of `large_client_header_buffers`.
    pub line_bytes_max: usize,
    /// The whole head: all buffers of `large_client_header_buffers` together.
    pub head_bytes_max: usize,
    /// The number of field lines: `max_headers`.
    pub fields_max: usize,
}

impl Default for HeadLimits {
    /// nginx's: 4 buffers of 8 KiB, 1,000 fields.
    fn default() -> HeadLimits {
        HeadLimits { line_bytes_max: 8 << 10, head_bytes_max: 32 << 10, fields_max: 1000 }
    }
}

/// A rule that a head breaks. [`super::head`] makes a [`HeadError`](super::HeadError) of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct BrokenRule {
    /// The status of the answer.
    pub status: u16,
    /// The rule with its RFC section or directive, for the error log.
    pub reason: &'static str,
}

impl BrokenRule {
    /// A rule whose answer is 400 (Bad Request).
    pub(super) const fn bad(reason: &'static str) -> BrokenRule {
        BrokenRule { status: 400, reason }
    }
}
