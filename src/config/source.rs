//! Where the texts of a configuration come from: the disk, or copies inside the program.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use webserv_sys::process;

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: usize = 4 << 20;

/// How the files of a configuration are read.
#[derive(Clone, Default)]
pub struct ConfigFiles {
    /// `None`: from the disk. Else the text of each file by its path, as [`ConfigFiles::name`] writes it.
    handed: Option<Arc<BTreeMap<String, String>>>,
    /// Whether [`super::lint`] looks at what is read.
    has_lint: bool,
}

impl ConfigFiles {
    /// Files whose texts are here already. Other files do not exist. The master process, which is root, has read them.
    pub fn handed(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { handed: Some(Arc::new(texts.into_iter().collect())), has_lint: false }
    }

    /// The same files; what is read is also looked at by [`super::lint`], for `-t`.
    pub fn with_lint(self, has_lint: bool) -> Self {
        Self { has_lint, ..self }
    }

    /// Whether [`super::lint`] is to look at what is read.
    pub(super) fn has_lint(&self) -> bool {
        self.has_lint
    }

    /// The name of a file whose text is handed over.
    pub(super) fn name(path: &Path) -> String {
        path.to_string_lossy().into_owned()
    }

    /// Whether this path is a regular file.
    pub fn is_file(&self, path: &Path) -> bool {
        match &self.handed {
            None => path.is_file(),
            Some(texts) => texts.contains_key(&Self::name(path)),
        }
    }

    /// Whether there is something at this path.
    pub fn exists(&self, path: &Path) -> bool {
        match &self.handed {
            None => path.exists(),
            Some(_) => self.is_file(path),
        }
    }

    /// Whether the files are read with root's rights.
    pub(super) fn is_root(&self) -> bool {
        self.handed.is_some() || process::effective_user() == 0
    }

    /// The text of a file of at most this size. Errors are those of open(2) and read(2), and `InvalidData` with the
    /// reason if the text is not valid.
    pub(super) fn read(&self, path: &Path, bytes_max: usize) -> io::Result<String> {
        String::from_utf8(self.bytes(path, bytes_max)?).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..good].iter().filter(|&&b| b == b'\n').count();
            io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is not UTF-8 text"))
        })
    }

    fn bytes(&self, path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
        if let Some(texts) = &self.handed {
            let text = texts.get(&Self::name(path)).ok_or(io::ErrorKind::NotFound)?;
            return Ok(text.clone().into_bytes());
        }
        let bytes = read_at_once(File::open(path)?, bytes_max)?;
        if bytes.len() > bytes_max {
            let message = format!("it is larger than {} MiB", bytes_max >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(bytes)
    }

    /// The existing paths that match a pattern, sorted. Of files that are handed over, all matching ones were read.
    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let Some(texts) = &self.handed else { return glob(pattern) };
        let part_fits = |(part, name): (&std::ffi::OsStr, &std::ffi::OsStr)| {
            let part = part.to_string_lossy();
            if has_wildcard(&part) { fits(&part, &name.to_string_lossy()) } else { *part == *name.to_string_lossy() }
        };
        let path_fits = |path: &&Path| {
            path.iter().count() == pattern.iter().count() && pattern.iter().zip(path.iter()).all(part_fits)
        };
        let mut found: Vec<PathBuf> = texts.keys().map(Path::new).filter(path_fits).map(Path::to_owned).collect();
        found.sort(); // by components, as those from the disk: the bytes of "a-b/c" are before those of "a/c"
        found
    }
}

/// The files that `include` can read.
pub(super) struct ConfigSource<'a> {
    /// How files are read.
    pub files: ConfigFiles,
    /// The texts inside the program, by name.
    pub embedded: &'a [(&'a str, &'a str)],
    /// Whether a file takes precedence over an embedded text with the same name.
    pub disk_first: bool,
    /// The directory that relative names start from.
    pub directory: PathBuf,
}

impl ConfigSource<'_> {
    /// The files of an `include`: one file, or for a pattern the existing files, sorted.
    pub fn expand(&self, pattern: &str) -> Vec<PathBuf> {
        let path = self.directory.join(pattern);
        if let Some(name) = self.embedded_name(pattern) {
            let is_on_disk = self.disk_first || Path::new(pattern).is_absolute();
            if !(is_on_disk && self.files.exists(&path)) {
                return vec![PathBuf::from(name)];
            }
        }
        if !has_wildcard(pattern) {
            return vec![path];
        }
        self.files.glob(&path)
    }

    /// The name of the text inside the program that a name means. `/etc/nginx/fastcgi_params` means one, too: many
    /// configurations name the folder of nginx, which need not be there.
    fn embedded_name(&self, pattern: &str) -> Option<&str> {
        let path = Path::new(pattern);
        let names = self.embedded.iter().map(|(name, _)| *name);
        names.into_iter().find(|name| *name == pattern || path.is_absolute() && path.ends_with(name))
    }

    /// The text of a file. What is not UTF-8 text becomes U+FFFD: it may stand in comments, as old files have them, and
    /// the lexer refuses it in words. Errors are those of open(2) and read(2), and `InvalidData` if the file is too
    /// large.
    pub fn read(&self, path: &Path) -> io::Result<String> {
        if let Some((_, text)) = self.embedded.iter().find(|(name, _)| Path::new(name) == path) {
            return Ok((*text).to_owned());
        }
        let bytes = self.files.bytes(path, FILE_BYTES_MAX)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Reads a regular file with one read(2), so that the text is that of one moment even if an editor writes the file
/// just now. A pipe is read to its end. Reads one byte more than `bytes_max` at most.
fn read_at_once(mut file: File, bytes_max: usize) -> io::Result<Vec<u8>> {
    let metadata = file.metadata()?;
    let room = metadata.len().clamp(4 << 10, bytes_max as u64) as usize + 1;
    let (mut bytes, mut filled) = (vec![0; room], 0);
    loop {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if filled == bytes.len() && filled <= bytes_max {
            bytes.resize((2 * filled).min(bytes_max + 1), 0);
        } else if filled == bytes.len() || (metadata.is_file() && filled as u64 >= metadata.len()) {
            break;
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
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
        let embedded = &[("mime.types", "types {}")];
        let files = ConfigFiles::default();
        let mut source = ConfigSource { files, embedded, disk_first: false, directory: PathBuf::from("/nowhere") };
        assert_eq!(source.expand("mime.types"), [PathBuf::from("mime.types")]);
        assert_eq!(source.read(Path::new("mime.types")).unwrap(), "types {}");
        assert_eq!(source.expand("other"), [PathBuf::from("/nowhere/other")]);
        assert!(source.read(Path::new("/nowhere/other")).is_err());
        assert!(source.expand("*.conf").is_empty());
        assert_eq!(source.expand("/etc/nowhere/mime.types"), [PathBuf::from("mime.types")], "in another folder");
        assert_eq!(source.expand("/etc/nowhere/other.types"), [PathBuf::from("/etc/nowhere/other.types")]);
        assert_eq!(source.expand("sub/mime.types"), [PathBuf::from("/nowhere/sub/mime.types")]);
        source.disk_first = true;
        assert_eq!(source.expand("mime.types"), [PathBuf::from("mime.types")], "there is no such file");
        source.directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        assert_eq!(source.expand("mime.types"), [source.directory.join("mime.types")]);
        let there = source.directory.join("mime.types").display().to_string();
        source.disk_first = false;
        assert_eq!(source.expand(&there), [PathBuf::from(&there)], "a file that is there is meant");
    }

    #[test]
    #[cfg(target_os = "linux")] // proc(5) counts the calls
    fn a_file_was_read_in_pieces_while_it_was_written() {
        let calls = || -> u64 {
            let counts = std::fs::read_to_string("/proc/thread-self/io").expect("the counts");
            let count = counts.lines().find_map(|line| line.strip_prefix("syscr: ")).expect("syscr");
            count.parse().expect("a number")
        };
        let path = std::env::temp_dir().join(format!("webserv-source-{}", std::process::id()));
        let files = ConfigFiles::default();
        let source = ConfigSource { files, embedded: &[], disk_first: true, directory: PathBuf::new() };
        let idle = {
            let before = calls();
            calls() - before
        };
        for size in [0, 1, 5000, 100_000, FILE_BYTES_MAX] {
            std::fs::write(&path, vec![b'#'; size]).expect("written");
            let before = calls();
            let text = source.read(&path).expect("read");
            assert_eq!((calls() - before - idle, text.len()), (1, size));
        }
        std::fs::remove_file(path).expect("removed");
    }

    #[test]
    fn a_pipe_is_read_to_its_end() {
        for size in [0, 10, 100_000, FILE_BYTES_MAX, FILE_BYTES_MAX + 1, FILE_BYTES_MAX + 100] {
            let (reader, mut writer) = std::io::pipe().expect("a pipe");
            let thread = std::thread::spawn(move || {
                let _ = std::io::Write::write_all(&mut writer, &vec![b'#'; size]); // EPIPE if it is too long
            });
            let bytes = read_at_once(File::from(std::os::fd::OwnedFd::from(reader)), FILE_BYTES_MAX).expect("read");
            assert_eq!(bytes.len(), size.min(FILE_BYTES_MAX + 1));
            thread.join().expect("ends");
        }
    }

    #[test]
    fn files_that_are_handed_over_are_found_as_on_the_disk() {
        let names = ["/etc/w/a.conf", "/etc/w/sites/b.conf", "/etc/w/sites/a.conf", "/etc/w/sites/deep/c.conf"];
        let files = ConfigFiles::handed(names.map(|name| (name.to_owned(), format!("text of {name}"))));
        let directory = PathBuf::from("/etc/w");
        let source = ConfigSource { files: files.clone(), embedded: &[], disk_first: true, directory };
        let found = |pattern: &str| {
            source.expand(pattern).iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(found("sites/*.conf"), "/etc/w/sites/a.conf /etc/w/sites/b.conf");
        assert_eq!(found("*/?.conf"), "/etc/w/sites/a.conf /etc/w/sites/b.conf");
        let folders = ["example.com.au", "example.com"].map(|name| format!("/etc/w/{name}/server.conf"));
        let nested = ConfigFiles::handed(folders.map(|name| (name, String::new())));
        let order: Vec<PathBuf> = nested.glob(Path::new("/etc/w/*/server.conf"));
        assert!(order[0] < order[1], "as glob(3) of the disk sorts them: {order:?}");
        assert_eq!((found("*.txt"), found("other.conf")), (String::new(), "/etc/w/other.conf".into()));
        assert_eq!(source.read(Path::new(names[1])).unwrap(), "text of /etc/w/sites/b.conf");
        assert!(source.read(Path::new("/etc/passwd")).is_err(), "nothing is read from the disk");
        assert!(files.is_file(Path::new(names[0])) && !files.is_file(Path::new("/etc/passwd")) && files.is_root());
    }
}
