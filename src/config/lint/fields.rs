//! Lists that a deeper level replaces, and fields that are added where another directive sets them.

use super::level::{LintLevel, location_head, test_of, variables};
use super::{Found, Rule};
use crate::config::parse::Statement;
use crate::config::scope::LocationMatch;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "list-replaced",
        about: "A level has an `add_header` (or another list) of its own, and so loses those of the level around it.",
        why: "a level takes such a list from the outer level only if it has none of that directive itself",
        wrong: "add_header X-Content-Type-Options nosniff; \
                server { location /img/ { add_header Cache-Control public; } }",
        right: "add_header X-Content-Type-Options nosniff; server { location /img/ { \
                add_header X-Content-Type-Options nosniff; add_header Cache-Control public; } }",
        check: replaced,
    },
    Rule {
        name: "content-type-added",
        about: "`add_header Content-Type` adds a second media type to the response in nginx.",
        why: "add_header adds a field and changes none: with nginx the response has two Content-Type fields (here, the \
              added one replaces the other)",
        wrong: "server { location = /health { add_header Content-Type text/plain; return 200 ok; } }",
        right: "server { location = /health { default_type text/plain; return 200 ok; } }",
        check: content_type,
    },
    Rule {
        name: "field-lines",
        about: "The value of an `add_header` stands in several lines.",
        why: "a field has one line (RFC 9112 section 5.2): nginx sends the line breaks, which clients refuse or take \
              for the end of the field; here each is sent as a space",
        wrong: "server { add_header Content-Security-Policy \"default-src 'self';\n script-src 'self'\"; }",
        right: "server { add_header Content-Security-Policy \"default-src 'self'; script-src 'self'\"; }",
        check: lines,
    },
];

/// Directives that make a list, and the one that answers on the level if the list is only for that.
const LISTS: [(&str, &str); 7] = [
    ("add_header", ""),
    ("add_trailer", ""),
    ("proxy_set_header", "proxy_pass"),
    ("grpc_set_header", "grpc_pass"),
    ("fastcgi_param", "fastcgi_pass"),
    ("uwsgi_param", "uwsgi_pass"),
    ("scgi_param", "scgi_pass"),
];

fn replaced(level: &LintLevel<'_>, found: &mut Found<'_>) {
    for (list, pass) in LISTS {
        let Some(first) = level.all(list, 2).next() else { continue };
        let Some(around) = level.outward().skip(1).find(|outer| outer.all(list, 2).next().is_some()) else { continue };
        if !pass.is_empty() && !level.has(pass) {
            continue;
        }
        // A list with a Host of its own is for another server, and whole.
        if list == "proxy_set_header" && level.all(list, 2).any(|it| it.args[0].text.eq_ignore_ascii_case("host")) {
            continue;
        }
        let inherit = format!("{list}_inherit");
        let inherit = level.outward().find_map(|outer| outer.all(&inherit, 1).next());
        if inherit.is_some_and(|it| it.args[0].text != "on") {
            continue;
        }
        let mut lost: Vec<&str> = Vec::new();
        for it in around.all(list, 2) {
            let name = &it.args[0].text[..];
            if !lost.contains(&name) && !is_kept(level, list, it) && matters(level, list, name) {
                lost.push(name);
            }
        }
        if lost.iter().all(|name| FOR_PAGES.contains(&&name.to_ascii_lowercase()[..])) && is_for_assets(level) {
            continue;
        }
        if !lost.is_empty() {
            let (names, outer) = (lost.join(", "), shown(around));
            let these = if lost.len() == 1 { "is" } else { "are" };
            found.add(
                first.name.place,
                format!("{names} of the outer level ({outer}) {these} lost here: this {list} replaces the whole list"),
                format!("repeat on this level: {}", repeated(around, list, &lost)),
            );
        }
    }
}

/// Fields that a browser obeys for pages only.
const FOR_PAGES: [&str; 7] = [
    "x-frame-options",
    "x-xss-protection",
    "x-ua-compatible",
    "content-security-policy",
    "permissions-policy",
    "feature-policy",
    "cross-origin-opener-policy",
];

/// Whether the location is for files that are parts of pages.
fn is_for_assets(level: &LintLevel<'_>) -> bool {
    let Some(head) = level.head.and_then(location_head) else { return false };
    let names = |part: &str| head.path.contains(part);
    matches!(head.kind, LocationMatch::Regex { .. })
        && ["css", "js", "png", "woff", "jp"].iter().any(|part| names(part))
        && !["htm", "php", "svg", "xml", "pdf"].iter().any(|part| names(part))
}

/// Whether the level has this element of the list itself, or the element says nothing.
fn is_kept(level: &LintLevel<'_>, list: &str, it: &Statement) -> bool {
    let is_nothing = it.args[1].text.is_empty() && list.starts_with("add_");
    is_nothing || level.all(list, 1).any(|own| own.args[0].text.eq_ignore_ascii_case(&it.args[0].text))
}

/// Whether the loss of this field can be seen on the level.
fn matters(level: &LintLevel<'_>, list: &str, name: &str) -> bool {
    if list != "add_header" {
        return true;
    }
    let name = name.to_ascii_lowercase();
    let about_keeping = ["cache-control", "pragma", "expires"].contains(&&name[..]);
    if about_keeping {
        // The level has a rule of its own for it.
        let own = level.all("add_header", 1).any(|it| it.args[0].text.eq_ignore_ascii_case("cache-control"));
        return !own && !level.has("expires");
    }
    // An answer that is made of the configuration's text is no page: only its readers of other origins need a field.
    !level.has("return") || name == "access-control-allow-origin"
}

fn shown(level: &LintLevel<'_>) -> String {
    let Some(head) = level.head else { return "the top".to_owned() };
    let words: Vec<&str> = std::iter::once(&head.name).chain(&head.args).map(|word| &word.text[..]).collect();
    words.join(" ")
}

/// The first lost elements as they are to be written.
fn repeated(around: &LintLevel<'_>, list: &str, lost: &[&str]) -> String {
    let values = |it: &Statement| -> String {
        let words = it.args.iter().map(|word| match word.quoted || word.text.contains([' ', ';']) {
            true => format!("\"{}\"", word.text.replace('"', "\\\"")),
            false => word.text.clone(),
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let first = around.all(list, 2).find(|it| it.args[0].text == lost[0]);
    let text = first.map_or(String::new(), |it| format!("{list} {};", values(it)));
    let more = if lost.len() > 1 { " and so on" } else { "" };
    let merge = if list == "add_header" { ", or write add_header_inherit merge;" } else { "" };
    format!("{text}{more}{merge}")
}

fn content_type(level: &LintLevel<'_>, found: &mut Found<'_>) {
    let returns = |code: &str| level.all("return", 1).any(|it| it.args[0].text == code);
    // A 204 has no media type of its own.
    if returns("204") || test_of_level(level).iter().any(|word| variables(&word.text).any(|it| it == "request_method"))
    {
        return;
    }
    let hides = |it: &Statement| {
        it.name.text.ends_with("_hide_header")
            && it.args.iter().any(|word| word.text.eq_ignore_ascii_case("content-type"))
    };
    if level.outward().any(|level| level.statements.iter().any(hides)) {
        return;
    }
    let pass = level.statements.iter().find_map(|it| it.name.text.strip_suffix("_pass"));
    for it in level.all("add_header", 2).filter(|it| it.args[0].text.eq_ignore_ascii_case("content-type")) {
        let value = &it.args[1].text;
        let write = match pass {
            Some(pass) => format!("{pass}_hide_header Content-Type;  (beside it)"),
            None if level.has("return") => format!("default_type \"{value}\";"),
            None => format!("types {{ }} default_type \"{value}\";"),
        };
        found.add(it.name.place, "this adds a Content-Type to the one that the response has already", write);
    }
}

fn test_of_level(level: &LintLevel<'_>) -> Vec<crate::config::lex::Word> {
    level.head.map(test_of).unwrap_or_default()
}

fn lines(level: &LintLevel<'_>, found: &mut Found<'_>) {
    for value in level.all("add_header", 2).map(|it| &it.args[1]).filter(|value| value.text.contains('\n')) {
        let one: Vec<&str> = value.text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect();
        found.add(value.place, "this value has line breaks", format!("\"{}\"", one.join(" ")));
    }
}
