//! The pages name files that exist: a reader follows each path.

use std::path::Path;

/// The pages that are checked.
const PAGES: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "docs/applications.md",
    "docs/directives.md",
    "docs/directory.md",
    "docs/logs.md",
    "docs/scale.md",
];

/// The folders that a path begins with.
const FOLDERS: &[&str] = &["src/", "sys/", "test/", "scripts/", "config/", "docs/"];

/// Every path in the pages leads to a file or folder of the tree.
pub fn paths_exist(root: &Path, faults: &mut Vec<String>) {
    for page in PAGES {
        let text = std::fs::read_to_string(root.join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        // The map of the tree is indented, and so are its names.
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with("    ")) {
            for path in paths(line).filter(|path| !root.join(path).exists()) {
                faults.push(format!("{page}:{}: there is no {path}", number + 1));
            }
        }
    }
}

/// The paths in a line of a page; patterns and parts of URLs are none.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let is_of_path = |c: char| c.is_ascii_alphanumeric() || "/._-*{,".contains(c);
    let words = line.split(move |c| !is_of_path(c));
    let words = words.map(|word| word.trim_end_matches(['.', ',']));
    words.filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)) && !word.contains(['*', '{', ',']))
}

#[test]
fn paths_are_found_and_patterns_are_not() {
    let line = "`src/limits.rs`, [x](docs/scale.md), sys/src/{net,file}, docs/*.txt, and http://h/src/a; src/task/.";
    assert_eq!(paths(line).collect::<Vec<_>>(), ["src/limits.rs", "docs/scale.md", "src/task/"]);
}
