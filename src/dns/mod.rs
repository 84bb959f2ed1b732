//! Questions to name servers and their answers (RFC 1035): bytes to values and back, without sockets.
//!
//! [`DnsQuestion`] is what is asked: the addresses of one kind of one [`DnsName`]. It prints itself as a message, and
//! reads the message that comes back into a [`DnsAnswer`]. [`DnsLookup`] puts the questions for one host and their
//! answers together.

mod answer;
mod hosts;
mod lookup;
mod name;
mod question;

pub use answer::{BadAnswer, DnsAnswer};
pub use hosts::{HostAddresses, ResolveError, literal};
pub use lookup::{DnsLookup, LookupStep};
pub use name::DnsName;
pub use question::{DnsQuestion, RecordKind};

/// Names that a name may lead to, one after another, before its addresses come (CNAME).
pub const ALIASES_MAX: usize = 8;

#[cfg(test)]
mod lookup_tests;
#[cfg(test)]
mod tests;
