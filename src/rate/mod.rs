//! How fast and how many: the arithmetic of `limit_req`, `limit_conn` and `limit_rate`, and the tables of the zones,
//! which all workers share. No clock and no system call: the callers pass the time.

mod bucket;
mod pace;
mod places;
mod requests;
mod shards;
mod table;
#[cfg(test)]
mod tests;

pub use bucket::{Rate, delay_ms};
pub use pace::Pace;
pub use places::{NoPlace, Place, Places};
pub use requests::{Judgment, Requests};

/// The table of a zone.
pub trait ZoneTable {
    /// An empty table that may take this number of bytes.
    fn with_bytes(bytes_max: usize) -> Self;
}
