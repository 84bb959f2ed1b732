//! What can be said of a regular expression from its text.

/// Whether an expression matches every path. "No" may be wrong.
pub(super) fn matches_all(text: &str) -> bool {
    let bare: String = text.replace("(?:", "(").chars().filter(|c| !matches!(c, '(' | ')')).collect();
    let bare = bare.strip_prefix('^').unwrap_or(&bare);
    let bare = match bare.strip_suffix('$') {
        Some(open) if open.ends_with(".*") || open.ends_with(".+") => open,
        Some(_) => return false,
        None => bare,
    };
    ["", ".", "/", ".*", ".+", "/.*"].contains(&bare)
}

/// A group that takes part in a match.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Group<'a> {
    /// Its number, from 1.
    pub number: usize,
    /// Its name, if it has one.
    pub name: Option<&'a str>,
    /// The text between its parentheses, without the name.
    pub inside: &'a str,
    /// The text of the whole expression before it.
    pub before: &'a str,
}

/// The groups of an expression that captures, by their numbers.
pub(super) fn groups(text: &str) -> Vec<Group<'_>> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    let mut in_class = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' if !in_class => in_class = true,
            // A `]` at the beginning of a class belongs to it.
            ']' if in_class && !text[..at].ends_with('[') && !text[..at].ends_with("[^") => in_class = false,
            '(' if !in_class => {
                let rest = &text[at + 1..];
                let named = ["?<", "?P<", "?'"].iter().find_map(|start| rest.strip_prefix(start));
                let named = named.filter(|rest| !rest.starts_with(['=', '!']));
                let name = named.and_then(|rest| rest.split(['>', '\'']).next());
                let captures = name.is_some() || !rest.starts_with('?');
                open.push(captures.then(|| {
                    let skipped = name.map_or(0, |name| rest.find(name).unwrap_or(0) + name.len() + 1);
                    let number = found.len() + 1;
                    found.push(Group { number, name, inside: &rest[skipped.min(rest.len())..], before: &text[..at] });
                    (found.len() - 1, at + 1 + skipped)
                }));
            }
            ')' if !in_class => {
                if let Some((index, start)) = open.pop().flatten() {
                    found[index].inside = &text[start.min(at)..at];
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether the text of a group can have a line feed. (`.` matches none.)
pub(super) fn may_match_line_feed(inside: &str) -> bool {
    let excludes = |class: &str| ["\n", "\\n", "\\s", "\\x0a", "\\x0A"].iter().any(|it| class.contains(it));
    let mut parts = inside.split("[^");
    let mut others = parts.next().unwrap_or_default().to_owned();
    let mut negated = false;
    for rest in parts {
        let end = rest.char_indices().skip(1).find(|(at, c)| *c == ']' && !rest[..*at].ends_with('\\'));
        let (class, behind) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        negated |= !excludes(class);
        others += behind;
    }
    negated || ["\\s", "\\W", "\\D", "(?s)"].iter().any(|it| others.contains(it))
}

/// Whether an expression ends with the end of the subject.
pub(super) fn has_end(text: &str) -> bool {
    let text = text.trim_end_matches(')');
    (text.ends_with('$') && !text.ends_with("\\$")) || text.ends_with("\\z")
}
