//! One level of the statements, with the levels around it.

use crate::config::directives::location::head;
use crate::config::directives::rewrite::inside_parentheses;
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::scope::{LocationHead, LocationMatch};

/// Blocks that are tables, or have nothing to do with requests: they are no levels.
const NO_LEVELS: [&str; 13] = [
    "events",
    "types",
    "map",
    "geo",
    "split_clients",
    "charset_map",
    "upstream",
    "match",
    "stream",
    "mail",
    "rtmp",
    "directory",
    "echo",
];

/// How many `set`s after one another a text is followed through.
const SETS_MAX: usize = 4;

/// The statements of the top, or of one block.
pub(super) struct LintLevel<'a> {
    /// The level around this one.
    pub outer: Option<&'a LintLevel<'a>>,
    /// The statement whose block this is.
    pub head: Option<&'a Statement>,
    pub statements: &'a [Statement],
}

impl<'a> LintLevel<'a> {
    /// The level outside of all blocks.
    pub fn top(statements: &'a [Statement]) -> Self {
        LintLevel { outer: None, head: None, statements }
    }

    /// The levels directly inside.
    pub fn levels(&'a self) -> impl Iterator<Item = LintLevel<'a>> {
        let blocks = self.statements.iter().filter(|it| {
            let name = &it.name.text[..];
            it.block.is_some() && !NO_LEVELS.contains(&name) && !name.ends_with("_lua_block")
        });
        blocks.map(|it| LintLevel { outer: Some(self), head: Some(it), statements: it.statements() })
    }

    /// This level and those around it, from the inside to the outside.
    pub fn outward(&'a self) -> impl Iterator<Item = &'a LintLevel<'a>> {
        std::iter::successors(Some(self), |level| level.outer)
    }

    /// The name of the block; empty for the top.
    pub fn name(&self) -> &'a str {
        self.head.map_or("", |head| &head.name.text)
    }

    /// The statements with this name that have at least this number of values.
    pub fn all(&self, name: &str, values: usize) -> impl Iterator<Item = &'a Statement> {
        self.statements.iter().filter(move |it| it.name.text == name && it.args.len() >= values)
    }

    /// How the location around this place is matched; None outside of locations.
    pub fn location(&'a self) -> Option<LocationHead> {
        self.outward().find_map(|level| level.head.and_then(location_head))
    }

    /// A text with the values of `set` in place of its variables.
    pub fn expanded(&'a self, text: &str) -> String {
        self.expanded_within(text, SETS_MAX)
    }

    fn expanded_within(&'a self, text: &str, depth: usize) -> String {
        let mut parts = text.split('$');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let name = name_of(part);
            let is_set = |it: &&Statement| it.args[0].text.strip_prefix('$') == Some(name);
            let set = self.outward().find_map(|level| level.all("set", 2).find(is_set)).filter(|_| depth > 0);
            match set {
                Some(set) => {
                    out += &self.expanded_within(&set.args[1].text, depth - 1);
                    let braces = if part.starts_with('{') { 2 } else { 0 };
                    out += part.get(name.len() + braces..).unwrap_or_default();
                }
                None => out += &format!("${part}"),
            }
        }
        out
    }

    /// Whether a statement has this name.
    pub fn has(&self, name: &str) -> bool {
        self.all(name, 0).next().is_some()
    }
}

/// How a `location` is matched.
pub(super) fn location_head(it: &Statement) -> Option<LocationHead> {
    let is_location = it.name.text == "location" && !it.args.is_empty() && it.block.is_some();
    if is_location { head(it).ok() } else { None }
}

/// The regular expression of the location whose level this is, and the word that has it.
pub(super) fn expression(level: &LintLevel<'_>) -> Option<(Word, String)> {
    let it = level.head?;
    let head = location_head(it).filter(|head| matches!(head.kind, LocationMatch::Regex { .. }))?;
    Some((it.args.last()?.clone(), head.path))
}

/// Whether a location is chosen by the beginning of the path.
pub(super) fn is_prefix(head: &LocationHead) -> bool {
    matches!(head.kind, LocationMatch::Prefix | LocationMatch::PrefixOnly)
}

/// The words between the parentheses of an `if`.
pub(super) fn test_of(it: &Statement) -> Vec<Word> {
    let is_if = it.name.text == "if" && !it.args.is_empty();
    if is_if { inside_parentheses(it).unwrap_or_default() } else { Vec::new() }
}

/// The values as they are written, for messages.
pub(super) fn written(it: &Statement) -> String {
    it.args.iter().map(|word| &word.text[..]).collect::<Vec<_>>().join(" ")
}

/// The names of the variables in a text: of `$name` and `${name}`.
pub(super) fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).map(name_of)
}

/// The name of the variable whose text begins behind a `$`.
fn name_of(rest: &str) -> &str {
    let rest = rest.strip_prefix('{').unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    &rest[..end]
}

/// Whether a statement sends the client to another URL, and the text of that URL.
pub(super) fn redirect_target(it: &Statement) -> Option<&Word> {
    let is_url = |text: &str| ["http://", "https://", "$scheme"].iter().any(|start| text.starts_with(start));
    match (&it.name.text[..], &it.args[..]) {
        ("return", [url]) => Some(url).filter(|url| is_url(&url.text)),
        ("return", [code, url]) => Some(url).filter(|_| ["301", "302", "303", "307", "308"].contains(&&code.text[..])),
        ("rewrite", [_, url]) => Some(url).filter(|url| is_url(&url.text)),
        ("rewrite", [_, url, flag]) => {
            Some(url).filter(|_| is_url(&url.text) || ["redirect", "permanent"].contains(&&flag.text[..]))
        }
        _ => None,
    }
}

/// Whether a block refuses its requests: `deny all`, or `return` with 4xx.
pub(super) fn refuses(statements: &[Statement]) -> bool {
    statements.iter().any(|it| match (&it.name.text[..], it.args.first()) {
        ("deny", Some(word)) => word.text == "all",
        ("return", Some(word)) => word.text.len() == 3 && word.text.starts_with('4'),
        _ => false,
    })
}

/// Whether a statement ends the processing of the request on its level in any case.
pub(super) fn always_answers(it: &Statement) -> bool {
    match &it.name.text[..] {
        "return" => true,
        "rewrite" => {
            it.args.first().is_some_and(|pattern| super::expression::matches_all(&pattern.text))
                && redirect_target(it).is_some()
        }
        _ => false,
    }
}
