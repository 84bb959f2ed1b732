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
        let mut in_group = false; // the line belongs to a group that was read
        for (index, code) in self.shipped_code() {
            if in_group {
                in_group = !code.ends_with(';');
                continue;
            }
            for start in ["crate::", "super::"] {
                let begins = |at: usize| starts_word(code, at) && !code[..at].ends_with("::");
                for (at, _) in code.match_indices(start).filter(|(at, _)| begins(*at)) {
                    let mut found = Vec::new();
                    read_path(&mut Vec::new(), &self.joined(index, &code[at..]), &mut found);
                    paths.extend(found.into_iter().map(|path| (index, path)));
                    in_group = code.ends_with(['{', ',']) && code.contains("use ");
                }
            }
        }
        paths
    }

    /// The names that the file re-exports from its children, `pub use child::Name;`, each with the child. A name from
    /// `pub use child::*;` is not known.
    pub fn re_exports(&self) -> Vec<(String, String)> {
        let mut names = Vec::new();
        for (index, code) in self.shipped_code() {
            let Some((visibility, path)) = code.split_once("use ") else { continue };
            if visibility.starts_with("pub") {
                let mut found = Vec::new();
                read_path(&mut Vec::new(), &self.joined(index, path), &mut found);
                let of_child = |path: &Vec<String>| path.len() == 2;
                names.extend(found.into_iter().filter(of_child).map(|path| (path[1].clone(), path[0].clone())));
            }
        }
        names
    }

    /// The rest of a line from a path on, with the lines that a group in braces goes on over.
    fn joined(&self, line: usize, path: &str) -> String {
        let mut text = path.to_owned();
        let is_group = text.trim_start_matches(|c| in_word(c) || c == ':').starts_with('{');
        for more in self.lines[line + 1..].iter().filter(|_| is_group) {
            if text.matches('{').count() <= text.matches('}').count() {
                break;
            }
            text += &more.code;
        }
        text
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
