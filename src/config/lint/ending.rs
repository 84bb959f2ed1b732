//! A location for endings such as `.css` that takes the files of another location's `alias`.

use super::level::{LintLevel, location_head, written};
use super::root::serves_files;
use super::suffix::everywhere;
use super::{Found, Rule};
use crate::config::parse::Statement;
use crate::config::scope::LocationMatch;

pub(super) const RULES: &[Rule] = &[Rule {
    name: "ending-takes-alias",
    about: "A location for endings such as `.css` takes the files of a location with an `alias`.",
    why: "a regular expression wins against a prefix without ^~, and then the files are looked for below the root",
    wrong: "server { root /srv; location /static/ { alias /app/files/; } location ~ \\.(css|js)$ { expires 1y; } }",
    right: "server { root /srv; location ^~ /static/ { alias /app/files/; } location ~ \\.(css|js)$ { expires 1y; } }",
    check: takes_alias,
}];

fn takes_alias(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let takers: Vec<(&Statement, String)> = level.statements.iter().filter_map(taker).collect();
    if takers.is_empty() {
        return;
    }
    let root = level.outward().find_map(|level| level.all("root", 1).next());
    let root = root.map_or("html", |it| &it.args[0].text).trim_end_matches('/');
    for it in level.statements {
        let Some(head) = location_head(it).filter(|head| head.kind == LocationMatch::Prefix) else { continue };
        let Some(alias) = it.statements().iter().find(|it| it.name.text == "alias" && it.args.len() == 1) else {
            continue;
        };
        let folder = alias.args[0].text.trim_end_matches('/');
        // The same files by another way.
        let is_same = folder == format!("{root}{}", head.path.trim_end_matches('/'));
        let has_inner = it.statements().iter().any(|it| it.name.text == "location");
        if is_same || has_inner || root.contains('$') || folder.contains('$') || !holds_parts(&head.path) {
            continue;
        }
        let (by, sample) = &takers[0];
        let path = &head.path;
        found.add(
            it.args.last().unwrap_or(&it.name).place,
            format!(
                "{path}a.{sample} is not looked for in {folder}/: \"location {}\" in line {} takes it, and looks for \
                 {root}{path}a.{sample}",
                written(by),
                by.name.place.line
            ),
            format!("location ^~ {path} {{ ... }}"),
        );
    }
}

/// Whether a path can be one of folders with parts of pages: not a single file, and not `/.well-known/`.
fn holds_parts(path: &str) -> bool {
    path.ends_with('/') && !path.contains("/.")
}

/// A location for an ending of parts of pages, wherever it is, that looks for files below the root; and the ending.
fn taker(it: &Statement) -> Option<(&Statement, String)> {
    let head = location_head(it)?;
    let LocationMatch::Regex { .. } = head.kind else { return None };
    let names = everywhere(&head.path)?;
    let part = names.into_iter().find(|name| ["css", "js", "png", "jpg", "svg"].contains(&&name[..]))?;
    serves_files(it).then_some((it, part))
}
