//! `set`, `if`, `rewrite`, `return`, `break` as programs, and `try_files`.

use super::{Regex, Return, Template};
use std::sync::Arc;

/// The directives of one level that change the request, in the order of the file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RewriteProgram {
    /// The steps.
    pub steps: Vec<RewriteStep>,
}

impl RewriteProgram {
    /// Whether it may answer a request, or give it to another place.
    pub fn may_answer(&self) -> bool {
        let answers = |step: &RewriteStep| {
            matches!(step, RewriteStep::Return(_) | RewriteStep::Rewrite(_) | RewriteStep::Enter(_))
        };
        self.steps.iter().any(answers)
    }
}

/// One step of a [`RewriteProgram`].
#[derive(Clone, PartialEq, Debug)]
pub enum RewriteStep {
    /// `set $variable value;`
    Set(SetTarget, Template),
    /// `if (test) { ... }`: if the test fails, this many steps are skipped.
    If(Test, usize),
    /// The settings of an `if` in a location hold from here on. The number is that of its route.
    Enter(u32),
    /// `rewrite expression target [flag];`
    Rewrite(Box<Rewrite>),
    /// `return`.
    Return(Arc<Return>),
    /// `break`: no more steps.
    Break,
}

/// What `set` changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetTarget {
    /// A variable of the configuration, by its slot.
    Slot(u16),
    /// `$args`: the query.
    Args,
    /// `$limit_rate`: the pace of the response.
    LimitRate,
}

/// The test of an `if`.
#[derive(Clone, PartialEq, Debug)]
pub enum Test {
    /// The text is neither empty nor "0".
    Truth(Template),
    /// `=`, or `!=` if it is negated.
    Equal {
        /// The variable.
        left: Template,
        /// What it is compared with.
        right: Template,
        /// The test is true if they differ.
        negated: bool,
    },
    /// `~`, `~*`, or with `!` before it.
    Match {
        /// The variable.
        subject: Template,
        /// The expression.
        regex: Regex,
        /// The test is true if the expression does not match.
        negated: bool,
    },
    /// `-f`, `-d`, `-e`, `-x`, or with `!` before it.
    File {
        /// The path.
        path: Template,
        /// What is asked.
        asks: FileTest,
        /// The test is true if the answer is no.
        negated: bool,
    },
}

/// What an `if` asks about a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileTest {
    /// `-f`: it is a file.
    File,
    /// `-d`: it is a directory.
    Directory,
    /// `-e`: something is there.
    Exists,
    /// `-x`: it may be executed.
    Executable,
}

/// `rewrite EXPRESSION TARGET [FLAG];`
#[derive(Clone, PartialEq, Debug)]
pub struct Rewrite {
    /// The path must match it.
    pub regex: Regex,
    /// The new path, with or without a query; or a URL.
    pub target: Template,
    /// The request's query is put behind that of the target: it does not end in "?".
    pub keeps_args: bool,
    /// What follows.
    pub then: RewriteThen,
}

/// What follows a rewrite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RewriteThen {
    /// The next step, with the new path.
    Continue,
    /// `last`: the location for the new path.
    Last,
    /// `break`: the request goes on in this location.
    Break,
    /// `redirect` (302) or `permanent` (301): the client is redirected.
    Redirect(u16),
}

/// `try_files FILE ... TARGET;`
#[derive(Clone, PartialEq, Debug)]
pub struct TryFiles {
    /// The paths that are tried, in order.
    pub files: Vec<TriedFile>,
    /// What happens if none of them is there.
    pub otherwise: Otherwise,
}

/// A path of `try_files`.
#[derive(Clone, PartialEq, Debug)]
pub struct TriedFile {
    /// The path, below the root.
    pub path: Template,
    /// The path ended in "/": it must be a directory. Otherwise it must be a file.
    pub is_directory: bool,
}

/// The last value of `try_files`.
#[derive(Clone, PartialEq, Debug)]
pub enum Otherwise {
    /// `=404`
    Status(u16),
    /// `@name`
    Named(String),
    /// A path, with or without a query.
    Path(Template),
}
