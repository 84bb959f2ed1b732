//! PCRE's syntax in the words of the crate `regex`: what both have, but write in different ways.

use std::iter::Peekable;
use std::str::Chars;

/// An expression for the crate.
pub(super) struct Translated {
    /// The text.
    pub text: String,
    /// Brackets name a property of Unicode (`[\p{N}]`), so all of it must be in Unicode's rules.
    pub names_property: bool,
}

/// Translates an expression of PCRE. What the crate does not have stays as it is, and the crate refuses it.
pub(super) fn translate(pattern: &str) -> Translated {
    let mut reader = Reader { rest: pattern.chars().peekable(), out: String::new(), names_property: false };
    while let Some(c) = reader.rest.next() {
        match c {
            '\\' => reader.escape(),
            '[' => reader.class(),
            '{' if !is_quantifier(reader.rest.clone()) => reader.out.push_str("\\{"),
            '(' => reader.group(),
            _ => reader.out.push(c),
        }
    }
    Translated { text: reader.out, names_property: reader.names_property }
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    names_property: bool,
}

impl Reader<'_> {
    /// What follows a backslash outside of brackets.
    fn escape(&mut self) {
        match self.rest.next() {
            Some('Q') => self.quoted(),
            Some('E') => {} // the end of no quotation
            Some('h') => self.out.push_str("[ \\t]"),
            Some('H') => self.out.push_str("[^ \\t]"),
            Some('R') => self.out.push_str("(?:\\r\\n|\\n|\\r)"),
            Some('Z') => self.out.push_str("\\z"),
            Some(c @ ('p' | 'P')) => self.property(c),
            other => self.common_escape(other),
        }
    }

    /// What follows a backslash, if it has one meaning everywhere.
    fn common_escape(&mut self, c: Option<char>) {
        match c {
            Some('e') => self.out.push_str("\\x1b"),
            Some(c @ ('<' | '>')) => self.out.push(c), // in the crate the limits of a word
            Some(c) => {
                self.names_property |= matches!(c, 'p' | 'P');
                self.out.extend(['\\', c]);
            }
            None => self.out.push('\\'),
        }
    }

    /// `\p{N}` or `\pN`: only this part is in Unicode's rules.
    fn property(&mut self, p: char) {
        self.out.push_str("(?u:\\");
        self.out.push(p);
        match self.rest.next() {
            Some('{') => {
                self.out.push('{');
                self.out.extend(self.rest.by_ref().take_while(|c| *c != '}'));
                self.out.push('}');
            }
            other => self.out.extend(other),
        }
        self.out.push(')');
    }

    /// `\Q...\E`: text without special characters.
    fn quoted(&mut self) {
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.peek() == Some(&'E') {
                self.rest.next();
                return;
            }
            if c.is_ascii_punctuation() {
                self.out.push('\\');
            }
            // The limits of a word in the crate: these are no special characters without a backslash.
            if matches!(c, '<' | '>') {
                self.out.pop();
            }
            self.out.push(c);
        }
    }

    /// What follows a parenthesis: `(?'name'...)` and comments.
    fn group(&mut self) {
        let mut ahead = self.rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('?'), Some('#')) => {
                self.rest.by_ref().take_while(|c| *c != ')').for_each(drop);
            }
            (Some('?'), Some('\'')) => {
                self.rest = ahead;
                self.out.push_str("(?P<");
                self.out.extend(self.rest.by_ref().take_while(|c| *c != '\''));
                self.out.push('>');
            }
            _ => self.out.push('('),
        }
    }

    /// A set of characters up to its closing bracket. In the crate, some characters are operators there.
    fn class(&mut self) {
        self.out.push('[');
        if let Some(not) = self.rest.next_if_eq(&'^') {
            self.out.push(not);
        }
        if self.rest.next_if_eq(&']').is_some() {
            self.out.push_str("\\]"); // the first one is a character
        }
        let (mut after_set, mut after_hyphen) = (false, false);
        while let Some(c) = self.rest.next() {
            let (was_set, was_hyphen) = (std::mem::take(&mut after_set), std::mem::take(&mut after_hyphen));
            match c {
                ']' => {
                    self.out.push(']');
                    return;
                }
                '[' => {
                    after_set = self.named_set();
                    self.out.push_str(if after_set { "" } else { "\\[" });
                }
                '&' | '~' => self.out.extend(['\\', c]),
                '-' => {
                    let is_before_set = is_set(self.rest.clone());
                    self.out.push_str(if was_set || is_before_set || was_hyphen { "\\-" } else { "-" });
                    after_hyphen = true;
                }
                '\\' => {
                    after_set = self.rest.peek().is_some_and(|next| "dDwWsShpP".contains(*next));
                    match self.rest.next() {
                        Some('h') => self.out.push_str(" \\t"),
                        Some('b') => self.out.push_str("\\x08"),
                        other => self.common_escape(other),
                    }
                }
                _ => self.out.push(c),
            }
        }
    }

    /// `[:alpha:]` inside of brackets. Returns whether it is that, and copies it.
    fn named_set(&mut self) -> bool {
        let mut ahead = self.rest.clone();
        if ahead.next() != Some(':') {
            return false;
        }
        let name: String = ahead.by_ref().take_while(|c| c.is_ascii_alphabetic() || *c == '^').collect();
        // `take_while` has taken the colon.
        if name.is_empty() || ahead.next() != Some(']') {
            return false;
        }
        self.rest = ahead;
        self.out.push_str(&format!("[:{name}:]"));
        true
    }
}

/// Whether a set such as `\w` or `[:alpha:]` begins here.
fn is_set(mut rest: Peekable<Chars<'_>>) -> bool {
    match (rest.next(), rest.next()) {
        (Some('\\'), Some(c)) => "dDwWsShpP".contains(c),
        (Some('['), Some(c)) => c == ':',
        _ => false,
    }
}

/// Whether `n}`, `n,}` or `n,m}` follows a brace. Another brace is a character.
fn is_quantifier(rest: Peekable<Chars<'_>>) -> bool {
    let inside: String = rest.take_while(|c| *c != '}').collect();
    let (least, most) = inside.split_once(',').unwrap_or((&inside, "0"));
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_have_is_written_as_the_crate_writes_it() {
        let table = [
            (r"^/a/(\d+)\.html$", r"^/a/(\d+)\.html$"),
            (r"\Q.example.com\E$", r"\.example\.com$"),
            (r"\Qa<b", r"a<b"),
            (r"a\E", r"a"),
            (r"\h+\H\R\Z", r"[ \t]+[^ \t](?:\r\n|\n|\r)\z"),
            (r"\<a\>\e\/", r"<a>\x1b\/"),
            (r"^/{id}/a{2}b{3,}c{4,5}d{,6}{", r"^/\{id}/a{2}b{3,}c{4,5}d\{,6}\{"),
            (r"(?'year'\d+)(?<month>\d)(?P<day>\d)", r"(?P<year>\d+)(?<month>\d)(?P<day>\d)"),
            (r"a(?# a comment)b", r"ab"),
            (r"[a[b]", r"[a\[b]"),
            (r"[]a]", r"[\]a]"),
            (r"[^]a]", r"[^\]a]"),
            (r"[[:alpha:]-_]", r"[[:alpha:]\-_]"),
            (r"[[:^alpha:]]", r"[[:^alpha:]]"),
            (r"[[:alpha]", r"[\[:alpha]"),
            (r"[\w-.]", r"[\w\-.]"),
            (r"[.-\w]", r"[.\-\w]"),
            (r"[a-z-]", r"[a-z-]"),
            (r"[+--]", r"[+-\-]"),
            (r"[a&&b~~c]", r"[a\&\&b\~\~c]"),
            (r"[\h\b\d{}]", r"[ \t\x08\d{}]"),
            (r"a\p{Lu}\PNb", r"a(?u:\p{Lu})(?u:\PN)b"),
            (r"\", r"\"),
            (r"[", r"["),
            (r"\Q", r""),
            (r"(?'n", r"(?P<n>"),
        ];
        for (pattern, expected) in table {
            assert_eq!(translate(pattern).text, expected, "{pattern}");
        }
        for (pattern, names_property) in [(r"\p{N}", false), (r"[\P{N}]", true), (r"[\\p]", false), ("p", false)] {
            assert_eq!(translate(pattern).names_property, names_property, "{pattern}");
        }
    }

    #[test]
    fn sets_mean_the_same() {
        let rows = [
            (r"^[\w-.]+$", "a-b.c", true),
            (r"^[a[b]$", "[", true),
            (r"^[]a]$", "]", true),
            (r"^[+--]$", ",", true),
            (r"^[+--]$", "/", false),
            (r"^[a&&b]$", "&", true),
            (r"^a{2}$", "aa", true),
            (r"^/{id}$", "/{id}", true),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b\E$", "axb", false),
            (r"^www\p{N}+$", "www7", true),
            (r"^[\p{Lu}]$", "\u{c4}", true),
            (r"^[\p{Lu}]$", "\u{e4}", false),
            (r"^\pL.$", "\u{e4}a", true),
            ("(?i)^[\u{e4}\\w]\\p{N}$", "\u{c4}7", true),
        ];
        for (pattern, subject, matches) in rows {
            let pattern = super::super::Pattern::new(pattern, false).expect(pattern);
            assert_eq!(pattern.is_match(subject.as_bytes()), matches, "{} {subject}", pattern.as_str());
        }
    }
}
