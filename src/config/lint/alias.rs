//! `alias` and the slash.

use super::level::{LintLevel, is_prefix, location_head};
use super::{Found, Rule};
use crate::config::scope::LocationMatch;

pub(super) const RULES: &[Rule] = &[Rule {
    name: "alias-slash",
    about: "An `alias` ends with a slash and its location does not, or the other way round.",
    why: "the location's path is replaced as text: nothing is added or taken away at the seam",
    wrong: "server { location /i { alias /srv/images/; } }",
    right: "server { location /i/ { alias /srv/images/; } }",
    check: slashes,
}];

fn slashes(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let Some(head) = level.head.and_then(location_head).filter(is_prefix) else { return };
    let path = &head.path[..];
    let modifier = if head.kind == LocationMatch::PrefixOnly { "^~ " } else { "" };
    for word in level.all("alias", 1).map(|it| &it.args[0]) {
        let alias = &word.text[..];
        let last_part = alias.rsplit('/').next().unwrap_or_default();
        match (path.ends_with('/'), alias.ends_with('/')) {
            (false, true) => found.add(
                word.place,
                format!(
                    "the location \"{path}\" has no slash at its end and the alias has one: {path}../x is \
                     {alias}../x, which is outside of {alias} (nginx opens it, this server does not)"
                ),
                format!("location {modifier}{path}/ {{ alias {alias}; }}"),
            ),
            // What a variable ends with is not known.
            (true, false) if !last_part.contains('$') && !alias.is_empty() => found.add(
                word.place,
                format!(
                    "the location \"{path}\" has a slash at its end and the alias has none: {path}x is {alias}x, and \
                     not {alias}/x"
                ),
                format!("alias {alias}/;"),
            ),
            _ => {}
        }
    }
}
