//! The directory protocol as pure functions: lines to requests, the table of its states, paths. No I/O, no clock.
//!
//! docs/directory.md describes the protocol; its table is made from [`states`].

pub mod line;
pub mod path;
pub mod states;

pub use line::{DirectoryRequest, Lines, Mistake};
pub use states::{Action, DirectoryAnswer, Input, Rule, State};

/// The port that the protocol has by custom.
pub const PORT: u16 = 1202;
