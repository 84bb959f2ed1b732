//! The faults of a configuration, and how they are shown.

use crate::http::deceptive::is_deceptive;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The position of a word in the files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(super) struct Position {
    /// The index in [`Files`].
    pub file: usize,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// The number of characters to underline; it may go beyond the end of the line.
    pub width: usize,
}

/// A fault at a position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    pub place: Position,
    pub message: String,
}

impl Fault {
    /// A fault with this message.
    pub fn new(place: Position, message: impl Into<String>) -> Self {
        Fault { place, message: message.into() }
    }
}

/// All texts that were read, so that messages can show their lines.
#[derive(Default, Debug)]
pub(super) struct Files {
    list: Vec<(String, Arc<str>)>,
}

impl Files {
    /// Adds a text, without its byte order mark, under the name that messages use; returns its index.
    pub fn add(&mut self, name: &str, text: &str) -> usize {
        self.list.push((name.to_owned(), text.strip_prefix('\u{feff}').unwrap_or(text).into()));
        self.list.len() - 1
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The text of a file.
    pub fn text(&self, file: usize) -> Arc<str> {
        self.list[file].1.clone()
    }

    /// All texts with their names.
    pub fn into_texts(self) -> Vec<(String, Arc<str>)> {
        self.list
    }

    /// "file:line:column".
    pub fn name(&self, place: Position) -> String {
        format!("{}:{}:{}", self.list[place.file].0, place.line, place.column)
    }

    /// "file:line".
    pub fn line(&self, place: Position) -> String {
        format!("{}:{}", self.list[place.file].0, place.line)
    }

    /// A fault with everything that is needed to show it.
    pub fn problem(&self, fault: &Fault) -> Problem {
        let place = fault.place;
        let (file, text) = &self.list[place.file];
        let source = text.split('\n').nth(place.line - 1).unwrap_or_default().trim_end_matches('\r');
        Problem {
            file: file.clone(),
            line: place.line,
            column: place.column,
            message: fault.message.clone(),
            source: source.to_owned(),
            width: place.width,
        }
    }
}

/// One fault of a configuration, or one of its [`super::Config::warnings`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The name of the file.
    pub file: String,
    /// Counted from 1; 0 means the file as a whole.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is wrong, and what is accepted or was probably meant.
    pub message: String,
    /// The line of the file.
    pub source: String,
    /// The number of characters to underline.
    pub width: usize,
}

/// The most characters of a source line that are shown.
const SHOWN_MAX: usize = 160;

impl Problem {
    /// A fault of a file as a whole.
    pub(super) fn file(name: &str, message: String) -> Self {
        Problem { file: name.to_owned(), line: 0, column: 0, message, source: String::new(), width: 0 }
    }

    /// Whether both are at the same place.
    pub fn is_at(&self, other: &Problem) -> bool {
        (&self.file, self.line, self.column) == (&other.file, other.line, other.column)
    }

    /// "file:line:column: message", for a log with one line per event.
    pub fn headline(&self) -> String {
        match self.line {
            0 => format!("{}: {}", self.file, self.message),
            line => format!("{}:{line}:{}: {}", self.file, self.column, self.message),
        }
    }
}

impl fmt::Display for Problem {
    /// The headline, the source line, and a line of carets under the words; no newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        if self.line == 0 {
            return Ok(());
        }
        // Of a very long line show only the part around the words.
        let skipped = if self.column > SHOWN_MAX { self.column - SHOWN_MAX / 2 } else { 0 };
        let shown: Vec<char> = self.source.chars().skip(skipped).take(SHOWN_MAX).collect();
        let before = (self.column - 1 - skipped).min(shown.len());
        let carets = self.width.min(shown.len() - before).max(1);
        // Tabs stay, so that the carets align. Other such characters could move the terminal's cursor.
        let clean = |c: &char| if is_deceptive(*c) && *c != '\t' { '?' } else { *c };
        let source: String = shown.iter().map(clean).collect();
        let indent: String = shown[..before].iter().map(|c| if *c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "\n{source}\n{indent}{}", "^".repeat(carets))
    }
}

/// What is legal in a configuration and wrong all the same, see [`super::lint`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The name of the rule.
    pub rule: &'static str,
    /// What stands there and what it does.
    pub problem: Problem,
    /// Why that is wrong.
    pub why: &'static str,
    /// How to write it.
    pub write: String,
}

impl fmt::Display for Finding {
    /// The problem with its line and carets, the reason, and how to write it; no newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { rule, problem, why, write } = self;
        write!(f, "warning: {problem}\n  why:   {why} ({rule})\n  write: {}", one_line(write))
    }
}

/// What `-t` knows beside the configuration itself, see [`super::lint`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Review {
    /// What is legal and wrong all the same.
    pub findings: Vec<Finding>,
    /// The folders that `root`, `alias` and `upload_store` name, each with the place of its word and no message.
    pub folders: Vec<(PathBuf, Problem)>,
}

impl Review {
    /// What there is to tell of a missing folder, once for each word that names it. `what` says that it is missing.
    pub fn of_folder(&self, path: &Path, what: &str) -> Vec<Finding> {
        let words = self.folders.iter().filter(|(folder, _)| folder == path);
        let finding = |(_, problem): &(PathBuf, Problem)| Finding {
            rule: "folder-missing",
            problem: Problem { message: what.to_owned(), ..problem.clone() },
            why: "the folder is looked for at each request, and not at the start",
            write: "the right path, or create the folder; relative paths start at the prefix (-p)".to_owned(),
        };
        words.map(finding).collect()
    }
}

/// Words of the files can have line ends and characters that move the cursor.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if is_deceptive(c) { '?' } else { c }).collect()
}

/// Why a configuration was refused: at least one problem, in the order of the files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Errors {
    /// At most [`Errors::MAX`].
    pub problems: Vec<Problem>,
    /// The number of problems that are not listed.
    pub more: usize,
    /// What [`super::lint`] has found, if it was asked for.
    pub findings: Vec<Finding>,
}

impl Errors {
    /// The most problems that are reported.
    pub const MAX: usize = 10;

    /// One problem of a file as a whole.
    pub(super) fn file(name: &str, message: String) -> Self {
        Errors { problems: vec![Problem::file(name, message)], more: 0, findings: Vec::new() }
    }
}

impl fmt::Display for Errors {
    /// Shows each problem as `file:line:column: message` with its line and carets. All but the first begin with
    /// `webserv: `; the command writes that before the first one. The last line has the number of those that are not
    /// shown. No newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let between = if index > 0 { "\nwebserv: " } else { "" };
            write!(f, "{between}{problem}")?;
        }
        match self.more {
            0 => Ok(()),
            1 => f.write_str("\nwebserv: and 1 more problem"),
            more => write!(f, "\nwebserv: and {more} more problems"),
        }
    }
}

impl std::error::Error for Errors {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str, column: usize, width: usize) -> String {
        let mut files = Files::default();
        let file = files.add("a.conf", &format!("\u{feff}first\n{source}\r\nlast"));
        let fault = Fault::new(Position { file, line: 2, column, width }, "bad");
        files.problem(&fault).to_string()
    }

    #[test]
    fn carets_stand_under_the_words() {
        assert_eq!(shown("    lisen 8080;", 5, 5), "a.conf:2:5: bad\n    lisen 8080;\n    ^^^^^");
        assert_eq!(shown("\t\tx y;", 5, 1), "a.conf:2:5: bad\n\t\tx y;\n\t\t  ^");
        assert_eq!(shown("über x;", 6, 1), "a.conf:2:6: bad\nüber x;\n     ^");
        assert_eq!(shown("root \"open", 6, usize::MAX), "a.conf:2:6: bad\nroot \"open\n     ^^^^^");
        assert_eq!(shown("", 1, 0), "a.conf:2:1: bad\n\n^");
        assert_eq!(shown("a\u{1b}[2J\u{202e}b", 1, 1), "a.conf:2:1: bad\na?[2J?b\n^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}here{}", "-".repeat(1000), "+".repeat(1000));
        let text = shown(&line, 1001, 4);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1].chars().count(), SHOWN_MAX);
        let at = lines[2].find('^').unwrap();
        assert_eq!(&lines[1][at..at + 4], "here");
        assert_eq!(lines[2].trim(), "^^^^");
    }

    #[test]
    fn the_program_s_name_stands_before_each_problem_but_the_first() {
        let one = Errors::file("x.conf", "cannot be read".into());
        assert_eq!(one.to_string(), "x.conf: cannot be read");
        let problems = [one.problems.clone(), one.problems].concat();
        let mut two = Errors { problems, more: 0, findings: Vec::new() };
        let text = "x.conf: cannot be read\nwebserv: x.conf: cannot be read";
        assert_eq!(two.to_string(), text);
        for (more, told) in [(1, "and 1 more problem"), (2, "and 2 more problems")] {
            two.more = more;
            assert_eq!(two.to_string(), format!("{text}\nwebserv: {told}"));
        }
    }
}
