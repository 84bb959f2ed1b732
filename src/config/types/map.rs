//! `map`: a variable whose value is looked up by a text.

use super::{NameMap, Regex, Template};
use std::borrow::Cow;

/// `map SOURCE $variable { ... }`
#[derive(Clone, Debug, Default)]
pub struct Map {
    /// The text that is looked up.
    pub source: Template,
    /// `hostnames`: a text may end with a dot, and keys may have wildcards.
    pub hostnames: bool,
    /// The keys.
    pub keys: MapKeys,
    /// The regular expressions in the order of the file, each with the index of its value.
    pub regexes: Vec<(Regex, u32)>,
    /// The values, each of them once. The first one is the default.
    pub values: Vec<Template>,
}

/// The keys of a map in lower case, each with the index of its value.
#[derive(Clone, Debug, Default)]
pub struct MapKeys {
    exact: NameMap<u32>,
    /// `*.example.org` as "example.org".
    suffixes: NameMap<u32>,
    /// `www.example.*` as "www.example".
    prefixes: NameMap<u32>,
    /// The length of the longest key, of the longest suffix and of the longest prefix, in bytes: a client may send long
    /// texts, and what is longer needs no search.
    longest: [usize; 3],
}

/// Which texts a key is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyKind {
    /// The key itself.
    Exact,
    /// Texts that end with a dot and the key.
    Suffix,
    /// Texts that begin with the key and a dot.
    Prefix,
}

impl MapKeys {
    /// Adds a key in lower case. Returns false if it is there already, and then its value does not change.
    pub fn add(&mut self, kind: KeyKind, key: &[u8], value: u32) -> bool {
        let (map, longest) = match kind {
            KeyKind::Exact => (&mut self.exact, &mut self.longest[0]),
            KeyKind::Suffix => (&mut self.suffixes, &mut self.longest[1]),
            KeyKind::Prefix => (&mut self.prefixes, &mut self.longest[2]),
        };
        if map.contains_key(key) {
            return false;
        }
        map.insert(key.to_owned(), value);
        *longest = (*longest).max(key.len());
        true
    }

    /// The index of the value for a text: the exact key, then the longest suffix, then the longest prefix. Upper and
    /// lower case are equal.
    pub fn find(&self, text: &[u8]) -> Option<u32> {
        let [exact, suffix, prefix] = self.longest;
        let may_be_exact = text.len() <= exact;
        if !may_be_exact && self.suffixes.is_empty() && self.prefixes.is_empty() {
            return None;
        }
        let text: Cow<'_, [u8]> = match text.iter().any(u8::is_ascii_uppercase) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
        let found = if may_be_exact { self.exact.get(&*text) } else { None };
        let found = found.or_else(|| longest_suffix(&self.suffixes, suffix, &text));
        found.or_else(|| longest_prefix(&self.prefixes, prefix, &text)).copied()
    }
}

/// The longest key that stands behind a dot at the end of the text.
fn longest_suffix<'m>(keys: &'m NameMap<u32>, longest: usize, text: &[u8]) -> Option<&'m u32> {
    if keys.is_empty() {
        return None;
    }
    let from = text.len().saturating_sub(longest + 1);
    let dots = memchr::memchr_iter(b'.', &text[from..]).map(|at| from + at);
    dots.filter(|dot| *dot > 0).find_map(|dot| keys.get(&text[dot + 1..]))
}

/// The longest key that stands before a dot at the start of the text.
fn longest_prefix<'m>(keys: &'m NameMap<u32>, longest: usize, text: &[u8]) -> Option<&'m u32> {
    if keys.is_empty() {
        return None;
    }
    let to = text.len().saturating_sub(1).min(longest + 1); // something follows the dot
    memchr::memrchr_iter(b'.', &text[..to]).find_map(|dot| keys.get(&text[..dot]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_key_is_found() {
        let mut keys = MapKeys::default();
        let all = [
            (KeyKind::Exact, "example.com"),
            (KeyKind::Suffix, "example.com"),
            (KeyKind::Suffix, "a.example.com"),
            (KeyKind::Prefix, "example"),
            (KeyKind::Prefix, "www.example"),
            (KeyKind::Exact, ""),
        ];
        for (value, (kind, key)) in all.iter().enumerate() {
            assert!(keys.add(*kind, key.as_bytes(), value as u32));
            assert!(!keys.add(*kind, key.as_bytes(), 77), "{key} again");
        }
        let long = format!("{}.example.com", "x.".repeat(5000));
        let rows = [
            ("example.com", Some(0)),
            ("EXAMPLE.com", Some(0)),
            ("b.example.com", Some(1)),
            ("a.example.com", Some(1)),
            ("x.y.A.example.com", Some(2)),
            (&long, Some(1)),
            ("example.org", Some(3)),
            ("example.", None),
            (".example.com", None),
            ("www.example.org.uk", Some(4)),
            ("www.example", None),
            ("xexample.com", None),
            ("example", None),
            ("", Some(5)),
            (".", None),
            ("..", None),
        ];
        for (text, expected) in rows {
            assert_eq!(keys.find(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(MapKeys::default().find(b"x"), None);
    }

    #[test]
    fn a_long_list_of_keys() {
        let mut keys = MapKeys::default();
        for number in 0..100_000_u32 {
            assert!(keys.add(KeyKind::Exact, format!("key-{number}").as_bytes(), number));
        }
        for number in [0, 1, 777, 99_999] {
            assert_eq!(keys.find(format!("KEY-{number}").as_bytes()), Some(number));
        }
        assert_eq!(keys.find(b"key-100000"), None);
    }
}
