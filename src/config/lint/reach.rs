//! Locations that no request reaches.

use super::expression::matches_all;
use super::level::{LintLevel, always_answers, is_prefix, location_head, refuses, written};
use super::{Found, Rule};
use crate::config::parse::Statement;
use crate::config::scope::{LocationHead, LocationMatch};
use crate::pattern::Pattern;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "server-answers-first",
        about: "A `return` of the server answers all requests, and its locations none.",
        why: "the directives of the server's own level are done before a location is chosen",
        wrong: "server { return 301 https://$host$request_uri; location /.well-known/ { root /srv; } }",
        right: "server { location / { return 301 https://$host$request_uri; } location /.well-known/ { root /srv; } }",
        check: server_answers,
    },
    Rule {
        name: "location-unreachable",
        about: "A location that no request reaches, since an earlier one or a regular expression takes all of them.",
        why: "of the regular expressions, the first that matches takes the request, and it also takes it from a longer \
              prefix without ^~",
        wrong: "server { location ~ /\\. { deny all; } location /.well-known/ { root /srv; } }",
        right: "server { location ~ /\\. { deny all; } location ^~ /.well-known/ { root /srv; } }",
        check: unreachable,
    },
    Rule {
        name: "location-no-path",
        about: "A location that is compared with something else than a path from \"/\" on.",
        why: "the path of a request begins with \"/\" and ends before the \"?\"",
        wrong: "server { location images/ { root /srv; } }",
        right: "server { location /images/ { root /srv; } }",
        check: no_path,
    },
];

/// The most expressions of one server that prefixes are compared with.
const TAKERS_MAX: usize = 200;

/// The locations directly on a level.
fn locations<'a>(level: &LintLevel<'a>) -> Vec<(&'a Statement, LocationHead)> {
    level.statements.iter().filter_map(|it| Some((it, location_head(it)?))).collect()
}

fn server_answers(level: &LintLevel<'_>, found: &mut Found<'_>) {
    if level.name() != "server" {
        return;
    }
    let Some(answer) = level.statements.iter().find(|it| always_answers(it)) else { return };
    // A named location is entered without the server's level.
    let dead: Vec<_> = locations(level).into_iter().filter(|(_, head)| head.kind != LocationMatch::Named).collect();
    let Some((first, _)) = dead.first() else { return };
    let others = match dead.len() - 1 {
        0 => String::new(),
        1 => " and one more location".to_owned(),
        more => format!(" and {more} more locations"),
    };
    let what = &answer.name.text;
    found.add(
        first.name.place,
        format!(
            "no request reaches \"location {}\"{others}: the {what} in line {} always answers",
            written(first),
            answer.name.place.line
        ),
        format!("location / {{ {what} {}; }}", written(answer)),
    );
}

fn unreachable(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let all = locations(level);
    let regexes: Vec<Taker<'_>> = all.iter().filter_map(|(it, head)| Taker::new(it, head)).take(TAKERS_MAX).collect();
    for (at, (it, head)) in all.iter().enumerate() {
        let word = it.args.last().unwrap_or(&it.name);
        match head.kind {
            LocationMatch::Regex { ignores_case } => {
                let earlier = all[..at].iter().find(|(_, earlier)| {
                    let LocationMatch::Regex { ignores_case: earlier_ignores } = earlier.kind else { return false };
                    let same = earlier.path == head.path && earlier_ignores && !ignores_case;
                    same || matches_all(&earlier.path)
                });
                if let Some((earlier, _)) = earlier {
                    let says = taken(it, earlier);
                    found.add(word.place, says, "the narrower expression first");
                }
            }
            LocationMatch::Prefix => {
                let has_inner_regex = it.statements().iter().filter_map(location_head).any(|inner| !is_prefix(&inner));
                if let Some(taker) =
                    regexes.iter().find(|taker| !has_inner_regex && taker.takes(&head.path) && !same(it, taker.it))
                {
                    found.add(word.place, taken(it, taker.it), format!("location ^~ {} {{ ... }}", head.path));
                }
            }
            _ => {}
        }
    }
}

/// Whether both refuse their requests, so that it does not matter which one does.
fn same(it: &Statement, other: &Statement) -> bool {
    refuses(it.statements()) && refuses(other.statements())
}

fn taken(it: &Statement, by: &Statement) -> String {
    let line = by.name.place.line;
    format!(
        "no request reaches this: all that begin with \"{}\" go to \"location {}\" in line {line}",
        head_text(it),
        written(by)
    )
}

fn head_text(it: &Statement) -> &str {
    it.args.last().map_or("", |word| &word.text)
}

/// A location with an expression whose match does not depend on what follows.
struct Taker<'a> {
    it: &'a Statement,
    pattern: Pattern,
}

impl<'a> Taker<'a> {
    fn new(it: &'a Statement, head: &LocationHead) -> Option<Self> {
        let LocationMatch::Regex { ignores_case } = head.kind else { return None };
        let looks_ahead = ["$", "\\b", "\\B", "\\z", "\\Z", "(?"].iter().any(|part| head.path.contains(part));
        if looks_ahead {
            return None;
        }
        Some(Taker { it, pattern: Pattern::new(&head.path, ignores_case).ok()? })
    }

    /// Whether the expression matches every path with this beginning.
    fn takes(&self, prefix: &str) -> bool {
        self.pattern.is_match(prefix.as_bytes())
    }
}

fn no_path(level: &LintLevel<'_>, found: &mut Found<'_>) {
    for (it, head) in locations(level) {
        let (word, path) = (it.args.last().unwrap_or(&it.name), &head.path);
        match head.kind {
            LocationMatch::Exact | LocationMatch::Prefix | LocationMatch::PrefixOnly if !path.starts_with('/') => {
                let write = if path.starts_with('^') { format!("~ {path}") } else { format!("/{path}") };
                found.add(word.place, "no path begins so", format!("location {write} {{ ... }}"));
            }
            LocationMatch::Regex { .. } => {
                let rest = path.strip_prefix('^').unwrap_or("/");
                if rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && !path.contains('|') && !optional(rest) {
                    found.add(
                        word.place,
                        "no path begins so: ^ stands for the place before the first \"/\"",
                        format!("^/{rest}"),
                    );
                }
            }
            _ => {}
        }
    }
}

/// Whether the first character of an expression may be absent.
fn optional(rest: &str) -> bool {
    rest.chars().nth(1).is_some_and(|c| matches!(c, '?' | '*' | '{'))
}
