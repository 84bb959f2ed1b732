//! `if` in a location.

use super::level::{LintLevel, always_answers, location_head, test_of};
use super::{Found, Rule};
use crate::config::parse::Statement;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "if-last-holds",
        about: "Two `if`s in a location, and the first has more than return, rewrite, set and break in it.",
        why: "an \"if\" in a location is a location of its own, and the last one whose test is true takes the \
              request over",
        wrong: "server { location / { if ($arg_a) { add_header A 1; } if ($arg_b) { add_header B 1; } } }",
        right: "map $arg_a $a { \"\" \"\"; default 1; } server { location / { add_header A $a; } }",
        check: several_levels,
    },
    Rule {
        name: "if-loses-try-files",
        about: "A location has `try_files` and an `if` that does not answer.",
        why: "when the test is true, the request goes on in the \"if\", and that has no try_files",
        wrong: "server { location / { if ($arg_a) { set $a 1; } try_files $uri =404; } }",
        right: "server { if ($arg_a) { set $a 1; } location / { try_files $uri =404; } }",
        check: loses_try_files,
    },
];

/// Directives of the rewrite phase: they are done in order, and before the request is in the `if`.
const REWRITES: [&str; 5] = ["return", "rewrite", "set", "break", "rewrite_log"];

/// The `if`s of a location.
fn ifs<'a>(level: &LintLevel<'a>) -> Vec<&'a Statement> {
    match level.head.and_then(location_head) {
        Some(_) => level.all("if", 1).filter(|it| it.block.is_some()).collect(),
        None => Vec::new(),
    }
}

/// Whether a block always ends with an answer, or with another location.
fn leaves(it: &Statement) -> bool {
    let goes = |it: &Statement| {
        it.name.text == "rewrite"
            && it.args.get(2).is_some_and(|flag| ["last", "redirect", "permanent"].contains(&&flag.text[..]))
    };
    it.statements().iter().any(|it| always_answers(it) || goes(it))
}

fn other(it: &Statement) -> Option<&Statement> {
    it.statements().iter().find(|it| !REWRITES.contains(&&it.name.text[..]))
}

fn several_levels(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let levels: Vec<_> = ifs(level).into_iter().filter(|it| !leaves(it)).collect();
    for (at, it) in levels.iter().enumerate() {
        let Some(inner) = other(it) else { continue };
        if let Some(later) = levels[at + 1..].iter().find(|later| !exclude(it, later)) {
            let (name, line) = (&inner.name.text, later.name.place.line);
            found.add(
                inner.name.place,
                format!("this {name} does not hold if the test in line {line} is true as well"),
                format!("a map for the value, and {name} with the map's variable in the location itself"),
            );
        }
    }
}

/// Whether two tests cannot both be true: the same variable is compared with different texts.
fn exclude(a: &Statement, b: &Statement) -> bool {
    let equal = |it: &Statement| match &test_of(it)[..] {
        [left, operator, right] if operator.text == "=" => Some((left.text.clone(), right.text.clone())),
        _ => None,
    };
    let (Some((left, right)), Some((other_left, other_right))) = (equal(a), equal(b)) else { return false };
    left == other_left && right != other_right && !right.contains('$') && !other_right.contains('$')
}

fn loses_try_files(level: &LintLevel<'_>, found: &mut Found<'_>) {
    if !level.has("try_files") {
        return;
    }
    for it in ifs(level).into_iter().filter(|it| !leaves(it)) {
        found.add(
            it.name.place,
            "if this is true, the try_files of the location is not done",
            "the \"if\" in the server and outside of the location, or a map instead of it",
        );
    }
}
