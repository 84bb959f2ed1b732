//! Expressions that no path matches.

use super::level::{LintLevel, expression};
use super::{Found, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "expression-query",
        about: "A location or a rewrite looks for a `?` in the path.",
        why: "the arguments are no part of the path that is compared; they are in $args and in $arg_NAME",
        wrong: "server { rewrite ^/view\\.php\\?id=(\\d+)$ /view/$1 permanent; }",
        right: "server { location = /view.php { if ($arg_id) { return 301 /view/$arg_id; } } }",
        check: query,
    },
    Rule {
        name: "expression-dollar",
        about: "The `$` at the end of a location's expression has a backslash.",
        why: "\"\\$\" is the character \"$\", and \"$\" alone is the end of the path",
        wrong: "server { location ~ \\.(pl|cgi)\\$ { return 403; } }",
        right: "server { location ~ \\.(pl|cgi)$ { return 403; } }",
        check: dollar,
    },
];

fn query(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let location = expression(level);
    let rewrites = level.all("rewrite", 2).map(|it| (it.args[0].clone(), it.args[0].text.clone()));
    for (word, pattern) in location.into_iter().chain(rewrites) {
        if needs_question_mark(&pattern) {
            found.add(
                word.place,
                "no path has a \"?\": this never matches",
                "the path alone, and a test of $arg_NAME inside",
            );
        }
    }
}

/// Whether an expression matches only texts with a `?`. "No" may be wrong.
fn needs_question_mark(pattern: &str) -> bool {
    // Two backslashes are the character itself.
    let Some((before, after)) = pattern.split_once("\\?").filter(|(before, _)| !before.ends_with('\\')) else {
        return false;
    };
    let is_class = before.rfind('[') > before.rfind(']');
    let is_optional = after.starts_with(['?', '*', '{']) || [")?", ")*", "){0"].iter().any(|part| after.contains(part));
    // In an alternative beside it there may be none.
    let all_have = after.split('|').skip(1).all(|part| part.trim_start_matches('(').starts_with("\\?"));
    !is_class && !is_optional && all_have && !without_groups(before).contains('|')
}

/// The text without the groups that are closed in it.
fn without_groups(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(end) = text.find(')') {
        let start = text[..end].rfind('(').unwrap_or(0);
        text.replace_range(start..=end, "");
    }
    text
}

fn dollar(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let Some((word, pattern)) = expression(level) else { return };
    if let Some(body) = pattern.strip_suffix("\\$").filter(|body| !body.ends_with('\\')) {
        found.add(word.place, "this looks for a path with the character \"$\" at its end", format!("{body}$"));
    }
}
