//! Paths that try_files and rewrite lead to.

use super::expression::groups;
use super::level::{LintLevel, redirect_target, variables, written};
use super::{Found, Rule};
use crate::config::parse::Statement;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "try-files-last",
        about: "The last value of `try_files` is a path without a slash at its beginning.",
        why: "the last value is no file that is tried: the request goes on with it as its path, and paths begin \
              with \"/\"",
        wrong: "server { location / { try_files $uri index.html; } }",
        right: "server { location / { try_files $uri /index.html; } }",
        check: try_files_last,
    },
    Rule {
        name: "rewrite-target",
        about: "A `rewrite` makes a path without a slash at its beginning.",
        why: "paths begin with \"/\", so no location is found for this one, or the server behind refuses it",
        wrong: "server { location /api/ { rewrite ^/api/(.*)$ $1 break; proxy_pass http://backend; } }",
        right: "server { location /api/ { rewrite ^/api/(.*)$ /$1 break; proxy_pass http://backend; } }",
        check: rewrite_target,
    },
    Rule {
        name: "rewrite-no-group",
        about: "The target of a `rewrite` has a `$1` that its expression has no group for.",
        why: "in a rewrite, $1 is the first group of the rewrite's own expression, and empty without one",
        wrong: "server { rewrite ^/old/.*$ /new/$1 permanent; }",
        right: "server { rewrite ^/old/(.*)$ /new/$1 permanent; }",
        check: no_group,
    },
];

fn try_files_last(level: &LintLevel<'_>, found: &mut Found<'_>) {
    for last in level.all("try_files", 2).filter_map(|it| it.args.last()) {
        let text = &last.text[..];
        if text.starts_with("http://") || text.starts_with("https://") {
            let write = format!("@elsewhere, and location @elsewhere {{ return 302 {text}; }}");
            found.add(last.place, "this is taken as a path and not as a URL", write);
        } else if text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit()) {
            found.add(last.place, format!("the request goes on with the path \"{text}\""), format!("={text}"));
        } else if !text.starts_with(['/', '@', '=', '$']) && !text.is_empty() {
            found.add(last.place, format!("the request goes on with the path \"{text}\""), format!("/{text}"));
        }
    }
}

fn rewrite_target(level: &LintLevel<'_>, found: &mut Found<'_>) {
    for it in level.all("rewrite", 2).filter(|it| redirect_target(it).is_none()) {
        let (pattern, target) = (&it.args[0].text, &it.args[1]);
        let text = &target.text[..];
        let is_bare = !text.starts_with(['/', '$', '?']) && !text.contains("://") && !text.is_empty();
        if is_bare || (text.starts_with("$1") && first_is_after_slash(pattern)) {
            let says = if is_bare { "this path has no slash at its beginning" } else { "$1 begins after the slash" };
            found.add(target.place, says, format!("rewrite {pattern} /{};", rest(it)));
        }
    }
}

/// The values after the expression, as they are written.
fn rest(it: &Statement) -> String {
    written(it).split_once(' ').map_or(String::new(), |(_, rest)| rest.to_owned())
}

/// Whether the first group of an expression begins right after a slash: `^/api/(.*)`.
fn first_is_after_slash(pattern: &str) -> bool {
    let groups = groups(pattern);
    let Some(first) = groups.first() else { return false };
    let literal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
    let starts_plain = ["(", ".", "[", "\\w", "\\d"].iter().any(|start| first.inside.starts_with(start))
        || first.inside.starts_with(|c: char| c.is_ascii_alphanumeric());
    let plain = first.before.strip_prefix('^').is_some_and(|before| before.chars().all(literal));
    // Not `/?(.*)`, and not `(/.*)`.
    plain && first.before.ends_with('/') && starts_plain
}

fn no_group(level: &LintLevel<'_>, found: &mut Found<'_>) {
    for it in level.all("rewrite", 2) {
        let (pattern, target) = (&it.args[0].text, &it.args[1]);
        let count = groups(pattern).len();
        let number = |name: &str| name.parse::<usize>().ok().filter(|number| *number > count);
        if let Some(number) = variables(&target.text).find_map(number) {
            let has = match count {
                0 => "no group".to_owned(),
                1 => "only one group".to_owned(),
                count => format!("only {count} groups"),
            };
            found.add(
                target.place,
                format!("${number} is empty: the expression \"{pattern}\" has {has}"),
                "a group around the part, as in (.*); for a group of an \"if\", first: set $part $1;",
            );
        }
    }
}
