//! Regular expressions, which define variables.

use crate::pattern::Pattern;

/// A regular expression, whose named groups are variables.
#[derive(Clone, PartialEq, Debug)]
pub struct Regex {
    /// The expression.
    pub pattern: Pattern,
    /// The named groups: the number of the group, and the slot of the variable.
    pub names: Vec<(usize, u16)>,
}
