//! Line ends that reach a field of a response or of a request to another server.

use super::expression::{groups, has_end, may_match_line_feed};
use super::level::{LintLevel, redirect_target, test_of, variables};
use super::{Found, Rule};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::scope::LocationMatch;

pub(super) const RULES: &[Rule] = &[Rule {
    name: "header-splitting",
    about: "`$uri` (or a part of it) in a redirect, in a field, or in the URL of a proxied request.",
    why: "$uri is decoded: a client that writes %0d%0a gets line ends into the head, and with them fields of its own \
          (nginx sends them as they are, this server does not)",
    wrong: "server { return 301 https://example.com$uri; }",
    right: "server { return 301 https://example.com$request_uri; }",
    check: splitting,
}];

fn splitting(level: &LintLevel<'_>, found: &mut Found<'_>) {
    for it in level.statements {
        let Some(word) = target(it) else { continue };
        let text = level.expanded(&word.text);
        let is_path = |name: &&str| matches!(*name, "uri" | "document_uri");
        if let Some(name) = variables(&text).find(is_path).filter(|_| !has_safe_path(level)) {
            let says = format!("${name} is the decoded path, which can have line ends");
            found.add(word.place, says, instead(it, word));
        } else if it.name.text != "rewrite"
            && let Some((name, group)) = captured(level, it, &text)
        {
            found.add(
                word.place,
                format!("${name} is the part ({group}) of the decoded path, and can have line ends"),
                "a group that has none, such as ([^\\s]*) or (\\w+)",
            );
        }
    }
}

/// Whether the location around admits no path with line ends.
fn has_safe_path(level: &LintLevel<'_>) -> bool {
    level.location().is_some_and(|head| match head.kind {
        LocationMatch::Exact => true,
        LocationMatch::Regex { .. } => {
            head.path.starts_with('^') && has_end(&head.path) && !may_match_line_feed(&head.path)
        }
        _ => false,
    })
}

/// How to write the text without `$uri`.
fn instead(it: &Statement, word: &Word) -> String {
    let names = ["${document_uri}", "$document_uri", "${uri}", "$uri"];
    if it.name.text == "proxy_pass" {
        let end = names.iter().filter_map(|name| word.text.find(name)).min().unwrap_or(word.text.len());
        return format!("proxy_pass {};  (without a path, it passes the request's own on)", &word.text[..end]);
    }
    let text = names.iter().fold(word.text.clone(), |text, name| text.replace(name, "$request_uri"));
    let text = text.replace("$request_uri$is_args$args", "$request_uri").replace("$request_uri?$args", "$request_uri");
    let redirects = redirect_target(it).is_some();
    format!("{text}{}", if redirects { "  (it has the arguments, too)" } else { "" })
}

/// The text of a statement that becomes a part of a head.
fn target(it: &Statement) -> Option<&Word> {
    match (&it.name.text[..], &it.args[..]) {
        ("add_header" | "proxy_set_header" | "add_trailer", [_, value, ..]) => Some(value),
        ("proxy_pass", [url]) => Some(url),
        _ => redirect_target(it),
    }
}

/// The first variable of the text that is a group of the location's expression and can have a line feed; and the
/// group's text.
fn captured(level: &LintLevel<'_>, it: &Statement, text: &str) -> Option<(String, String)> {
    // The level of the location itself: an `if` or a rewrite before may have changed $1.
    let head = level.head.and_then(super::level::location_head)?;
    let matches_again =
        |it: &Statement| it.name.text == "rewrite" || test_of(it).iter().any(|it| it.text.contains('~'));
    let before = level.statements.iter().take_while(|other| !std::ptr::eq(*other, it));
    let keeps_numbers = !before.into_iter().any(matches_again);
    if !matches!(head.kind, LocationMatch::Regex { .. }) {
        return None;
    }
    // Line ends in a host make a name that is not found.
    let path = text.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    let text = if it.name.text == "proxy_pass" { path.map_or("", |(_, path)| path) } else { text };
    let groups = groups(&head.path);
    variables(text).find_map(|name| {
        let group =
            groups.iter().find(|group| group.name == Some(name) || (keeps_numbers && name.parse() == Ok(group.number)));
        let group = group.filter(|group| may_match_line_feed(group.inside))?;
        Some((name.to_owned(), group.inside.to_owned()))
    })
}
