//! The paths that a file names from `crate` or `super` on, and the modules that they lead to.

use super::scan::{Source, has_word, in_word, starts_word};

/// A module of `src/` as the names on the way to it: `src/http/head.rs` is `["http", "head"]`.
pub type ModulePath = Vec<String>;

impl Source {
    /// The module that the file is, if it lies in `src/`. `mod.rs` is its folder; lib.rs and main.rs are the root.
    pub fn module_path(&self) -> Option<ModulePath> {
        let path = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let mut names: ModulePath = path.split('/').map(str::to_owned).collect();
        if matches!(names.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            names.pop();
        }
        Some(names)
    }

    /// Line (counted from 0) and names of each path that shipped code begins with `crate::` or `super::`. A group in
    /// braces gives one path for each of its members.
    pub fn paths(&self) -> Vec<(usize, Vec<String>)> {
        let mut paths = Vec::new();
        let mut read_to = 0; // lines before this one belong to a group that was read
        for (index, code) in self.shipped_code() {
            if index < read_to {
                continue;
            }
            for start in ["crate::", "super::"] {
                let begins = |at: usize| starts_word(code, at) && !code[..at].ends_with("::");
                for (at, _) in code.match_indices(start).filter(|(at, _)| begins(*at)) {
                    // A group in braces may go on over several lines.
                    let mut rest = code[at..].to_owned();
                    let is_group = rest.trim_start_matches(|c| in_word(c) || c == ':').starts_with('{');
                    for more in self.lines[index + 1..].iter().filter(|_| is_group) {
                        if rest.matches('{').count() <= rest.matches('}').count() {
                            break;
                        }
                        rest += &more.code;
                        read_to = read_to.max(index + 1) + 1;
                    }
                    let mut found = Vec::new();
                    read_path(&mut Vec::new(), &rest, &mut found);
                    paths.extend(found.into_iter().map(|path| (index, path)));
                }
            }
        }
        paths
    }

    /// Line and name of each module of `src/` that shipped code uses, from `crate::NAME`; webserv_sys is "sys".
    pub fn uses(&self) -> Vec<(usize, String)> {
        let sys = self.shipped_code().filter(|(_, code)| has_word(code, "webserv_sys"));
        let mut uses: Vec<_> = sys.map(|(index, _)| (index, "sys".to_owned())).collect();
        for (line, path) in self.paths() {
            if path[0] == "crate" && path.len() > 1 {
                uses.push((line, path[1].clone()));
            }
        }
        uses.sort();
        uses.dedup();
        uses
    }

    /// The names of a path from the crate's root on, with each `super` resolved. `from` is the module of the file.
    pub fn from_root(from: &[String], path: &[String]) -> ModulePath {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let kept = if supers == 0 { 0 } else { from.len().saturating_sub(supers) };
        from[..kept].iter().chain(&path[supers.max(1)..]).cloned().collect()
    }
}

/// Reads one path or one tree of a `use` from the start of `text`; returns what follows it.
fn read_path<'a>(before: &mut Vec<String>, text: &'a str, found: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches([' ', ',']);
            if rest.is_empty() || rest.starts_with('}') {
                return rest.strip_prefix('}').unwrap_or(rest);
            }
            let length = rest.len();
            rest = read_path(&mut before.clone(), rest, found);
            let end = rest.find([',', '{', '}']).unwrap_or(rest.len()); // behind `as NAME`
            rest = &rest[end..];
            if rest.len() == length {
                return rest;
            }
        }
    }
    let length = text.find(|c| !in_word(c)).unwrap_or(text.len());
    if length > 0 && &text[..length] != "self" {
        before.push(text[..length].to_owned());
    }
    match text[length..].strip_prefix("::") {
        Some(rest) if length > 0 => read_path(before, rest, found),
        _ => {
            found.push(before.clone());
            text[length..].trim_start_matches('*')
        }
    }
}
