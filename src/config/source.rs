//! Where the texts of a configuration come from: the disk, or copies inside the program.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The files that `include` can read.
pub(super) struct ConfigSource<'a> {
    /// The texts inside the program, by name; they take precedence over files with the same name.
    pub embedded: &'a [(&'a str, &'a str)],
    /// The directory that relative names start from.
    pub directory: PathBuf,
}

impl ConfigSource<'_> {
    /// The files of an `include`: one file, or for a pattern the existing files, sorted.
    pub fn expand(&self, pattern: &str) -> Vec<PathBuf> {
        if self.embedded.iter().any(|(name, _)| *name == pattern) {
            return vec![PathBuf::from(pattern)];
        }
        let path = self.directory.join(pattern);
        if !has_wildcard(pattern) {
            return vec![path];
        }
        glob(&path)
    }

    /// The text of a file. Errors are those of open(2) and read(2), and `InvalidData` with the reason if the text is
    /// not valid.
    pub fn read(&self, path: &Path) -> io::Result<String> {
        if let Some((_, text)) = self.embedded.iter().find(|(name, _)| Path::new(name) == path) {
            return Ok((*text).to_owned());
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        let invalid = |message: String| Err(io::Error::new(io::ErrorKind::InvalidData, message));
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return invalid(format!("it is larger than {} MiB", FILE_BYTES_MAX >> 20));
        }
        String::from_utf8(bytes).or_else(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..good].iter().filter(|&&b| b == b'\n').count();
            invalid(format!("line {line} is not UTF-8 text"))
        })
    }
}

fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// glob(3) without braces, tildes and escapes: the existing paths, sorted. An unreadable directory counts as empty.
fn glob(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern {
        let part = part.to_string_lossy();
        if !has_wildcard(&part) {
            found.iter_mut().for_each(|path| path.push(&*part));
            continue;
        }
        let entries = |directory: &PathBuf| {
            let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            std::fs::read_dir(directory).into_iter().flatten().flatten().collect::<Vec<_>>()
        };
        let mut next = Vec::new();
        for directory in &found {
            for entry in entries(directory) {
                let name = entry.file_name();
                if name.to_str().is_some_and(|name| fits(&part, name)) {
                    next.push(directory.join(&name));
                }
            }
        }
        found = next;
    }
    found.retain(|path| path.exists());
    found.sort();
    found
}

/// Whether `name` matches a pattern with `*`, `?`, `[a-z]` and `[!a-z]`. A leading dot matches only a dot.
fn fits(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // For the last `*`: the position in the pattern behind it, and the end of its match that was tried last.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, n));
            p += 1;
        } else if let Some(length) = pattern.get(p..).and_then(|rest| one(rest, name[n])) {
            p += length;
            n += 1;
        } else if let Some((after, tried)) = star {
            star = Some((after, tried + 1));
            p = after;
            n = tried + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// The length of the pattern's first item if `c` matches it.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => {
            // A `]` at the beginning of the set belongs to the set.
            let not = matches!(pattern.get(1), Some('!' | '^'));
            let first = if not { 2 } else { 1 };
            let Some(end) = (first + 1..pattern.len()).find(|&i| pattern[i] == ']') else {
                return (c == '[').then_some(1);
            };
            let set = &pattern[first..end];
            let mut inside = false;
            let mut i = 0;
            while i < set.len() {
                if i + 2 < set.len() && set[i + 1] == '-' {
                    inside |= (set[i]..=set[i + 2]).contains(&c);
                    i += 3;
                } else {
                    inside |= set[i] == c;
                    i += 1;
                }
            }
            (inside != not).then_some(end + 1)
        }
        &literal => (literal == c).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let table = [
            ("*", "a.conf", true),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", false),
            ("*.conf", "a.conf~", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "axxbyybzc", true),
            ("a*b*c", "axxbyybz", false),
            ("?", "ä", true),
            ("?", "", false),
            ("", "", true),
            ("[ab]x", "bx", true),
            ("[ab]x", "cx", false),
            ("[a-c0-9]", "7", true),
            ("[!a-c]", "b", false),
            ("[^a-c]", "d", true),
            ("[]x]", "]", true),
            ("[!]x]", "]", false),
            ("[a-]", "-", true),
            ("[x", "[x", true),
            ("[", "[", true),
            ("[!", "[!", true),
            ("*[0-9]*", "abc5def", true),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
        // No pattern takes exponential time.
        assert!(!fits(&"*a".repeat(200), &"a".repeat(199)));
    }

    #[test]
    fn embedded_texts_come_first() {
        let source = ConfigSource { embedded: &[("mime.types", "types {}")], directory: PathBuf::from("/nowhere") };
        assert_eq!(source.expand("mime.types"), [PathBuf::from("mime.types")]);
        assert_eq!(source.read(Path::new("mime.types")).unwrap(), "types {}");
        assert_eq!(source.expand("other"), [PathBuf::from("/nowhere/other")]);
        assert!(source.read(Path::new("/nowhere/other")).is_err());
        assert!(source.expand("*.conf").is_empty());
    }
}
