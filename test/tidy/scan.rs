//! A file as lines, each split into code and comment. It is not a parser: strings become `""`, and everything else
//! stays as it is.

/// One line of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The line without comments, without the contents of strings and characters, and without blanks at its ends.
    pub code: String,
    /// Its comments, with their slashes.
    pub comment: String,
    /// The line as it stands.
    pub text: String,
}

/// One file.
#[derive(Debug)]
pub struct Source {
    /// From the repository's root, with slashes.
    pub path: String,
    pub lines: Vec<Line>,
    /// The whole file is compiled for tests only.
    pub is_test: bool,
    /// From this line on (counted from 0) the file is compiled for tests only: its `mod tests { ... }`.
    pub tests_from: usize,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// The line of its `fn`, counted from 0.
    pub line: usize,
    /// From there to the closing brace.
    pub lines: usize,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let lines = split(text);
        let tests_from = (1..lines.len())
            .find(|&i| lines[i - 1].code == "#[cfg(test)]" && lines[i].code == "mod tests {")
            .unwrap_or(lines.len());
        Self { path: path.to_owned(), lines, is_test: path.starts_with("test/"), tests_from }
    }

    /// The message for a fault in a line (counted from 0).
    pub fn fault(&self, line: usize, what: &str) -> String {
        format!("{}:{}: {what}", self.path, line + 1)
    }

    /// The code of all lines, with their numbers counted from 0.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines.iter().enumerate().map(|(index, line)| (index, line.code.as_str()))
    }

    /// The same without what is compiled for tests only.
    pub fn shipped_code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code().take(if self.is_test { 0 } else { self.tests_from })
    }

    /// Whether the file lies somewhere below `folder`.
    pub fn in_folder(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Which module of `src/` the file belongs to: its folder there, or its own name.
    pub fn module(&self) -> Option<&str> {
        let path = self.path.strip_prefix("src/")?;
        path.split(['/', '.']).next()
    }

    /// Whether the comment on a line, or the comments above its statement, hold `text`.
    pub fn comment_above(&self, line: usize, text: &str) -> bool {
        if self.lines[line].comment.contains(text) {
            return true;
        }
        for above in self.lines[..line].iter().rev() {
            if above.comment.contains(text) {
                return true;
            }
            let attribute = above.code.starts_with("#[");
            if !attribute && (above.code.ends_with(['{', '}', ';', ',']) || above.is_blank()) {
                return false;
            }
        }
        false
    }

    /// The functions that have a body, in order; one inside another counts for both.
    pub fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for (line, at, name) in self.function_starts() {
            let mut depth = 0; // of parentheses and brackets before the body, of braces in it
            let mut in_body = false;
            let rest = std::iter::once(&self.lines[line].code[at..]);
            let rest = rest.chain(self.lines[line + 1..].iter().map(|line| line.code.as_str()));
            'function: for (index, code) in rest.enumerate() {
                for c in code.chars() {
                    match c {
                        '(' | '[' if !in_body => depth += 1,
                        ')' | ']' if !in_body => depth -= 1,
                        ';' if !in_body && depth == 0 => break 'function,
                        '{' => (depth, in_body) = (depth + 1, true),
                        '}' => depth -= 1,
                        _ => {}
                    }
                    if in_body && depth == 0 {
                        functions.push(Function { name, line, lines: index + 1 });
                        break 'function;
                    }
                }
            }
        }
        functions
    }

    /// What each shipped `fn kind(&self)` returns: the first string behind it.
    pub fn kinds(&self) -> Vec<String> {
        let starts = self.shipped_code().filter(|(_, code)| code.contains("fn kind(&self)"));
        let string = |line: usize| {
            let text = self.lines[line..].iter().take(3).find_map(|line| line.text.split('"').nth(1));
            text.map(str::to_owned)
        };
        starts.filter_map(|(line, _)| string(line)).collect()
    }

    /// Line, place in it and name of each `fn NAME`.
    fn function_starts(&self) -> Vec<(usize, usize, String)> {
        let mut starts = Vec::new();
        for (index, code) in self.code() {
            for (at, _) in code.match_indices("fn ").filter(|(at, _)| starts_word(code, *at)) {
                let name: String = code[at + 3..].chars().take_while(|&c| in_word(c)).collect();
                if !name.is_empty() {
                    starts.push((index, at, name));
                }
            }
        }
        starts
    }
}

impl Line {
    fn is_blank(&self) -> bool {
        self.code.is_empty() && self.comment.is_empty()
    }
}

/// Marks the files that are declared as `#[cfg(test)] mod NAME;`, and those below them.
pub fn mark_test_files(files: &mut [Source]) {
    let mut prefixes = Vec::new();
    for file in files.iter() {
        let stem = file.path.trim_end_matches(".rs");
        let folder = match stem.rsplit_once('/') {
            Some((folder, "mod" | "lib" | "main")) => folder,
            _ => stem,
        };
        for pair in file.lines.windows(2) {
            let [condition, declaration] = pair else { continue };
            let name = declaration.code.split("mod ").nth(1).and_then(|name| name.strip_suffix(';'));
            let for_tests = ["#[cfg(test)]", "#[cfg(all(test"].iter().any(|start| condition.code.starts_with(start));
            if let Some(name) = name.filter(|_| for_tests) {
                prefixes.extend([format!("{folder}/{name}.rs"), format!("{folder}/{name}/")]);
            }
        }
    }
    for file in files {
        file.is_test |= prefixes.iter().any(|prefix| file.path.starts_with(prefix));
    }
}

/// Whether a character can stand in a name.
pub fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a word begins at this byte of `text`.
pub fn starts_word(text: &str, at: usize) -> bool {
    !text[..at].chars().next_back().is_some_and(in_word)
}

/// Whether `word` stands in `text` by itself, not as a part of a longer name.
pub fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word)
        .any(|(at, _)| starts_word(text, at) && !text[at + word.len()..].chars().next().is_some_and(in_word))
}

/// The words that names are made of, in lower case: `HttpHead::read_line` gives http, head, read, line.
pub fn words(code: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::new();
    let mut last = ' ';
    for c in code.chars() {
        if c.is_uppercase() && !last.is_uppercase() {
            spaced.push(' ');
        }
        spaced.push(if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
        last = c;
    }
    spaced.split_whitespace().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// What a line begins in.
enum State {
    Code,
    /// `/* */`, which nest.
    Comment(usize),
    /// `"..."`
    Text,
    /// `r##"..."##`, with this number of `#`.
    RawText(usize),
}

/// Splits a file into lines, and these into code and comments.
pub fn split(text: &str) -> Vec<Line> {
    let mut state = State::Code;
    text.lines().map(|line| split_line(line, &mut state)).collect()
}

fn split_line(text: &str, state: &mut State) -> Line {
    let mut line = Line { text: text.to_owned(), ..Line::default() };
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match state {
            State::Code if rest.starts_with("//") => {
                line.comment.push_str(rest);
                taken = rest.len();
            }
            State::Code if rest.starts_with("/*") => {
                line.comment.push_str("/*");
                taken = 2;
                *state = State::Comment(1);
            }
            State::Code => taken = take_code(rest, &mut line.code, state),
            State::Comment(depth) => {
                if rest.starts_with("/*") || rest.starts_with("*/") {
                    taken = 2;
                    *depth = if c == '/' { *depth + 1 } else { *depth - 1 };
                }
                line.comment.push_str(&rest[..taken]);
                if *depth == 0 {
                    *state = State::Code;
                }
            }
            State::Text if c == '\\' => taken += rest[1..].chars().next().map_or(0, char::len_utf8),
            State::Text if c == '"' => {
                line.code.push('"');
                *state = State::Code;
            }
            State::RawText(hashes) if c == '"' && rest[1..].starts_with(&"#".repeat(*hashes)) => {
                line.code.push('"');
                taken += *hashes;
                *state = State::Code;
            }
            State::Text | State::RawText(_) => {}
        }
        rest = &rest[taken..];
    }
    line.code = line.code.trim().to_owned();
    line.comment = line.comment.trim().to_owned();
    line
}

/// Takes one piece of code from the start of `rest` and says how many bytes it has.
fn take_code(rest: &str, code: &mut String, state: &mut State) -> usize {
    let c = rest.chars().next().unwrap_or(' ');
    let after = &rest[c.len_utf8()..];
    let prefix = code.chars().rev().take_while(|&c| in_word(c)).count();
    if c == '"' {
        code.push('"');
        *state = State::Text;
    } else if c == 'r' && (prefix == 0 || (prefix == 1 && code.ends_with(['b', 'c']))) {
        let hashes = after.chars().take_while(|&c| c == '#').count();
        code.push('r');
        if after[hashes..].starts_with('"') {
            code.push('"');
            *state = State::RawText(hashes);
            return 2 + hashes;
        }
    } else if c == '\'' {
        // A character ends with a quote; a lifetime does not.
        let mut inside = after.char_indices();
        let end = if after.starts_with('\\') {
            inside.skip(2).find(|(_, c)| *c == '\'')
        } else {
            inside.nth(1).filter(|(_, c)| *c == '\'')
        };
        if let Some((at, _)) = end {
            code.push_str("''");
            return 2 + at;
        }
        code.push(c);
    } else {
        code.push(c);
    }
    c.len_utf8()
}
