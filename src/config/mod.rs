//! The configuration: nginx's language, read once into typed values with all inheritance resolved.
//!
//! A text is split into words ([`lex`]), and the words are grouped into statements and blocks ([`parse`]). The walk
//! over the statements ([`walk`]) gives each one to its directive ([`directives`]), which changes the settings of its
//! level ([`scope`]). At the end the servers are grouped by their addresses ([`listeners`]).

mod built_in;
mod compile;
mod defaults;
mod directives;
mod gateways;
mod lex;
pub mod lint;
mod listeners;
mod load;
pub mod manual;
mod media_types;
mod names;
mod parse;
mod problem;
mod scope;
mod source;
mod suggest;
mod template;
mod types;
mod upstreams;
mod value;
mod variables;
mod walk;

pub use problem::{Errors, Finding, Problem, Review};
pub use source::ConfigFiles;
pub use types::*;
pub use value::parse_size;

#[cfg(test)]
mod tests;
