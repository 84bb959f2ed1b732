//! Regular expressions of the configuration: `location ~`, `server_name ~`, `rewrite`, `if`, `map`.
//!
//! They come from the crate `regex` (feature `regex`), which needs time in proportion to the subject's length, whatever
//! the client sends. PCRE, which nginx uses, can need exponential time; in return it has look-around and
//! back-references, which are refused here. Subjects are bytes: `.` is any byte but a line feed, and `\w` is ASCII.

#[cfg(feature = "regex")]
mod dialect;

use std::fmt;

/// A compiled regular expression.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    #[cfg(feature = "regex")]
    regex: regex::bytes::Regex,
}

/// The parts of the last subject that matched: `$1`, `$2` and so on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Captures {
    subject: Box<[u8]>,
    /// The range of each group; the whole match is group 0. `None`: the group took no part in the match.
    groups: Vec<Option<(usize, usize)>>,
}

impl Captures {
    /// The text of a group; empty if it took no part in the match.
    pub fn get(&self, group: usize) -> &[u8] {
        let range = self.groups.get(group).copied().flatten();
        range.map_or(b"", |(start, end)| &self.subject[start..end])
    }

    /// Where the text of a group is in the subject.
    pub fn range(&self, group: usize) -> Option<(usize, usize)> {
        self.groups.get(group).copied().flatten()
    }
}

/// Why a text is no regular expression here, for the author of the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PatternError {
    /// What is wrong, and what to write instead.
    pub message: String,
    /// The character of the text where it is wrong, from 0. `None`: the whole text is meant.
    pub at: Option<usize>,
}

impl Pattern {
    /// The text of the expression.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// PCRE's forms that the crate has not, and what to write instead.
#[cfg(feature = "regex")]
const MISSING: &[(&str, &str)] = &[
    (
        "(?!",
        "look-ahead is not supported; match what is excluded in a location or \"if\" of its own that stands before",
    ),
    ("(?=", "look-ahead is not supported; write the text itself, and a group for the part that is needed"),
    (
        "(?<!",
        "look-behind is not supported; match what is excluded in a location or \"if\" of its own that stands before",
    ),
    ("(?<=", "look-behind is not supported; write the text itself, and a group for the part that is needed"),
    ("(?>", "atomic groups are not supported, and not needed: matching always takes linear time; write (?: instead"),
];

#[cfg(feature = "regex")]
impl Pattern {
    /// Compiles a regular expression in PCRE's syntax.
    ///
    /// # Errors
    /// The expression is not valid, is too large, or has look-around or back-references.
    pub fn new(text: &str, ignores_case: bool) -> Result<Pattern, PatternError> {
        let refused = |at, message: &str| PatternError { message: message.to_owned(), at: Some(at) };
        if let Some((at, message)) = first_missing(text) {
            return Err(refused(at, message));
        }
        let translated = dialect::translate(text);
        let compile = |unicode| {
            let mut builder = regex::bytes::RegexBuilder::new(&translated.text);
            builder.unicode(unicode).case_insensitive(ignores_case).build()
        };
        // A character beyond ASCII or `\p{...}` in brackets needs the rules of Unicode; all else are bytes.
        let needs_unicode = translated.names_property || !text.is_ascii();
        let regex = compile(false).or_else(|error| if needs_unicode { compile(true) } else { Err(error) });
        match regex {
            Ok(regex) => Ok(Pattern { text: text.to_owned(), regex }),
            Err(error) => Err(PatternError { message: reason(&error), at: None }),
        }
    }

    /// Whether the expression matches somewhere in the subject.
    #[inline]
    pub fn is_match(&self, subject: &[u8]) -> bool {
        self.regex.is_match(subject)
    }

    /// The groups of the first match in the subject.
    pub fn captures(&self, subject: &[u8]) -> Option<Captures> {
        let mut places = self.regex.capture_locations();
        self.regex.captures_read(&mut places, subject)?;
        let groups = (0..places.len()).map(|group| places.get(group)).collect();
        Some(Captures { subject: subject.into(), groups })
    }

    /// The number of groups, without the whole match.
    pub fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }

    /// The groups with names.
    pub fn names(&self) -> Vec<(usize, String)> {
        let names = self.regex.capture_names().enumerate();
        names.filter_map(|(group, name)| Some((group, name?.to_owned()))).collect()
    }
}

/// The first form in the text that the crate has not, with the number of its first character.
#[cfg(feature = "regex")]
fn first_missing(text: &str) -> Option<(usize, &'static str)> {
    let characters: Vec<char> = text.chars().collect();
    let mut in_brackets = false;
    let mut at = 0;
    while at < characters.len() {
        match characters[at] {
            '\\' => {
                if !in_brackets && characters.get(at + 1).is_some_and(|next| ('1'..='9').contains(next)) {
                    let message = "back-references are not supported; write the alternatives out";
                    return Some((at, message));
                }
                at += 1;
            }
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            '(' if !in_brackets => {
                let rest: String = characters[at..].iter().take(4).collect();
                if let Some((_, message)) = MISSING.iter().find(|(form, _)| rest.starts_with(form)) {
                    return Some((at, message));
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The crate's message in one line: it shows the expression and a mark below it first.
#[cfg(feature = "regex")]
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("").trim();
    match last.strip_prefix("error: ") {
        Some(reason) => format!("this regular expression is not valid: {reason}"),
        None => format!("this regular expression is not valid: {last}"),
    }
}

#[cfg(not(feature = "regex"))]
impl Pattern {
    /// Refuses every expression: this build has no regular expressions.
    ///
    /// # Errors
    /// Always.
    pub fn new(_text: &str, _ignores_case: bool) -> Result<Pattern, PatternError> {
        let message = "this webserv was built without regular expressions (the feature \"regex\")".to_owned();
        Err(PatternError { message, at: None })
    }

    /// Never called: no pattern exists.
    pub fn is_match(&self, _subject: &[u8]) -> bool {
        false
    }

    /// Never called: no pattern exists.
    pub fn captures(&self, _subject: &[u8]) -> Option<Captures> {
        None
    }

    /// Never called: no pattern exists.
    pub fn groups(&self) -> usize {
        0
    }

    /// Never called: no pattern exists.
    pub fn names(&self) -> Vec<(usize, String)> {
        Vec::new()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

#[cfg(all(test, feature = "regex"))]
mod tests {
    use super::*;

    #[test]
    fn subjects_and_groups() {
        type Row<'a> = (&'a str, bool, &'a [u8], Option<&'a [&'a [u8]]>);
        let rows: &[Row<'_>] = &[
            (r"\.php$", false, b"/a.php", Some(&[b".php"])),
            (r"\.php$", false, b"/a.PHP", None),
            (r"\.php$", true, b"/a.PHP", Some(&[b".PHP"])),
            (r"^/(\d+)/(x)?(.*)$", false, b"/12/yz", Some(&[b"/12/yz", b"12", b"", b"yz"])),
            (r"^/(?<lang>[a-z]{2})(?P<rest>/.*)", false, b"/de/x", Some(&[b"/de/x", b"de", b"/x"])),
            (r"^/.$", false, b"/\xff", Some(&[b"/\xff"])),
            (r"\w", false, b"\xc3\xa4", None),
            ("\u{e4}", false, "/\u{e4}".as_bytes(), Some(&["\u{e4}".as_bytes()])),
            ("[\u{e4}x]", false, "/\u{e4}".as_bytes(), Some(&["\u{e4}".as_bytes()])),
            (r"\/a\-b\_c", false, b"/a-b_c", Some(&[b"/a-b_c"])),
        ];
        for (text, ignores_case, subject, groups) in rows {
            let pattern = Pattern::new(text, *ignores_case).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let found = pattern.captures(subject);
            let shown = found.map(|found| (0..=pattern.groups()).map(|g| found.get(g).to_vec()).collect::<Vec<_>>());
            let expected = groups.map(|groups| groups.iter().map(|group| group.to_vec()).collect::<Vec<_>>());
            assert_eq!(shown, expected, "{text}");
            assert_eq!(pattern.is_match(subject), expected.is_some(), "{text}");
        }
        let names = Pattern::new("(?<a>.)(.)(?P<b>.)", false).expect("it is valid").names();
        assert_eq!(names, [(1, "a".to_owned()), (3, "b".to_owned())]);
    }

    #[test]
    fn what_is_refused_says_where_and_why() {
        let rows = [
            ("^/(?!api)", Some(2), "look-ahead"),
            ("a(?=b)", Some(1), "look-ahead"),
            ("(?<!a)b", Some(0), "look-behind"),
            ("\u{e4}(?<=a)b", Some(1), "look-behind"),
            ("(?>a+)", Some(0), "atomic"),
            (r"(a)\1", Some(3), "back-references"),
            (r"[(?!]", None, ""),
            (r"\(?!", None, ""),
            (r"[\1]?", None, ""),
            ("(a", None, "unclosed group"),
            ("*a", None, "repetition operator missing expression"),
        ];
        for (text, at, why) in rows {
            match Pattern::new(text, false) {
                Ok(_) => assert!(why.is_empty(), "{text}"),
                Err(error) => {
                    assert_eq!(error.at, at, "{text}");
                    assert!(!why.is_empty() || text.contains("\\1"), "{text}: {error:?}");
                    assert!(error.message.contains(why), "{text}: {}", error.message);
                }
            }
        }
    }

    /// A subject that takes a backtracking matcher exponential time.
    #[test]
    fn a_hostile_subject_takes_linear_time() {
        let pattern = Pattern::new("^(a+)+$", false).expect("it is valid");
        let mut subject = vec![b'a'; 1 << 20];
        assert!(pattern.is_match(&subject));
        subject.push(b'!');
        assert!(!pattern.is_match(&subject));
    }
}
