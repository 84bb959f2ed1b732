//! What `-t` warns of: configurations that are legal, and do something else than their author wants.
//!
//! A rule is a row of [`RULES`]. It looks at one level after the other, as the statements stand in the files, and tells
//! what it finds. So it works also in a configuration that is refused. A rule warns only where it is sure: a warning
//! that a reader learns to skip is worse than none.
//!
//! To add a rule, write its function and its row in the file of its topic, name the table in [`TABLES`], add lines to
//! `tests.rs`, and make docs/lint.md anew.

mod access;
mod alias;
mod client_words;
mod ending;
mod error_page;
mod expression;
mod fields;
mod folders;
mod if_block;
mod level;
mod page;
mod proxy;
mod query;
mod reach;
mod root;
mod splitting;
mod suffix;
mod targets;
#[cfg(test)]
mod tests;

use super::parse::Statement;
use super::problem::{Fault, Files, Finding, Position, Review};
use level::LintLevel;
pub use page::markdown;
use std::collections::HashSet;
use std::path::Path;

/// One thing that is warned of.
struct Rule {
    /// Its name in messages.
    name: &'static str,
    /// What it warns of, in one sentence.
    about: &'static str,
    /// Why that is wrong: shown with each finding.
    why: &'static str,
    /// Directives of `http` that are warned of.
    wrong: &'static str,
    /// How to write the same, without a warning of this rule.
    right: &'static str,
    /// Looks at one level.
    check: fn(&LintLevel<'_>, &mut Found<'_>),
}

/// The tables of rules, in the order of docs/lint.md.
const TABLES: &[&[Rule]] = &[
    alias::RULES,
    fields::RULES,
    client_words::RULES,
    splitting::RULES,
    proxy::RULES,
    access::RULES,
    if_block::RULES,
    reach::RULES,
    targets::RULES,
    suffix::RULES,
    query::RULES,
    ending::RULES,
    root::RULES,
    error_page::RULES,
];

/// All rules.
fn rules() -> impl Iterator<Item = &'static Rule> {
    TABLES.iter().copied().flatten()
}

/// What the rules have found so far.
struct Found<'a> {
    rule: &'static Rule,
    list: &'a mut Vec<(&'static Rule, Fault, String)>,
}

impl Found<'_> {
    /// Adds a finding: what stands at the place and what it does, and how to write it.
    fn add(&mut self, place: Position, says: impl Into<String>, write: impl Into<String>) {
        self.list.push((self.rule, Fault::new(place, says), write.into()));
    }
}

/// What the rules find, and where folders are named; relative paths start at `prefix`.
pub(super) fn review(statements: &[Statement], files: &Files, prefix: &Path) -> Review {
    let mut folders = Vec::new();
    folders::folders(&LintLevel::top(statements), files, prefix, &mut folders);
    Review { findings: findings(statements, files), folders }
}

/// Looks at all levels with all rules. The findings are in the order of the files; each is told once, even if its file
/// is included several times.
fn findings(statements: &[Statement], files: &Files) -> Vec<Finding> {
    let mut list = Vec::new();
    look(&LintLevel::top(statements), &mut list);
    list.sort_by_key(|(_, fault, _)| fault.place);
    let made = list.into_iter().map(|(rule, fault, write)| Finding {
        rule: rule.name,
        problem: files.problem(&fault),
        why: rule.why,
        write,
    });
    let mut told = HashSet::new();
    made.filter(|it| told.insert((it.rule, it.problem.headline()))).collect()
}

/// Looks at a level and those inside it.
fn look(level: &LintLevel<'_>, list: &mut Vec<(&'static Rule, Fault, String)>) {
    for rule in rules() {
        (rule.check)(level, &mut Found { rule, list });
    }
    for inner in level.levels() {
        look(&inner, list);
    }
}
