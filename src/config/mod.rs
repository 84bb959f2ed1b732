//! The configuration: nginx's language, read once into typed values with all inheritance resolved.
//!
//! A text becomes words ([`lex`]), the words statements and blocks ([`parse`]), and each statement is handed to its
//! directive ([`directives`]), which changes the settings of its level ([`scope`]). The servers that come of it are put
//! behind their addresses at the end ([`listeners`]).

mod defaults;
mod directives;
mod lex;
mod listeners;
mod load;
mod names;
mod parse;
mod problem;
mod scope;
mod source;
mod suggest;
mod template;
mod types;
mod value;

pub use problem::{Errors, Problem};
pub use types::*;

#[cfg(test)]
mod tests;
