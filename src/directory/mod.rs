//! The directory protocol as pure functions: parsing of lines, the table of states, paths. No I/O, no clock.
//!
//! docs/directory.md describes the protocol; the table in it is made from [`states`].

pub mod line;
pub mod path;
pub mod states;

pub use line::{DirectoryRequest, Lines, Mistake};
pub use states::{Action, DirectoryAnswer, Input, Rule, State};

/// The usual port of the protocol.
pub const PORT: u16 = 1202;
