//! Rules of access that keep nobody out.

use super::level::LintLevel;
use super::{Found, Rule};

pub(super) const RULES: &[Rule] = &[Rule {
    name: "allow-alone",
    about: "`allow` without a `deny`: nobody is kept out.",
    why: "an address that no rule names is admitted",
    wrong: "server { location /admin/ { allow 10.0.0.0/8; } }",
    right: "server { location /admin/ { allow 10.0.0.0/8; deny all; } }",
    check: allow_alone,
}];

fn allow_alone(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let Some(first) = level.all("allow", 1).next() else { return };
    let allows_all = level.all("allow", 1).any(|it| it.args[0].text == "all");
    // With `satisfy any`, an address that is not named has to log in.
    let satisfy = level.outward().find_map(|level| level.all("satisfy", 1).next());
    let any = satisfy.is_some_and(|it| it.args[0].text == "any");
    if !allows_all && !any && !level.has("deny") {
        let says = "these rules only allow: all other addresses are admitted as well";
        found.add(first.name.place, says, "deny all;  (after the last allow of this level)");
    }
}
