//! The configuration: nginx's language, read once into typed values with all inheritance resolved.

mod defaults;
mod lex;
mod lookup;
mod parse;
mod problem;
mod source;
mod types;

pub use problem::{Errors, Problem};
pub use types::*;
