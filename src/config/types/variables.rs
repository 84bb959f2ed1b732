//! The variables that a configuration defines itself, and regular expressions, which define some.

use super::SplitClients;
use crate::pattern::Pattern;
use std::sync::Arc;

/// A variable that the configuration defines. Its position in [`Config::variables`](super::Config::variables) is its
/// slot.
#[derive(Clone, Debug)]
pub struct UserVariable {
    /// The name without "$".
    pub name: String,
    /// Where its value comes from.
    pub source: Source,
}

/// Where the value of a variable comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// What was stored last: by `set`, or by a named group of a regular expression. Empty before.
    Stored,
    /// `split_clients`: computed when it is first read.
    Split(Arc<SplitClients>),
}

/// A regular expression, whose named groups are variables.
#[derive(Clone, PartialEq, Debug)]
pub struct Regex {
    /// The expression.
    pub pattern: Pattern,
    /// The named groups: the number of the group, and the slot of the variable.
    pub names: Vec<(usize, u16)>,
}
