//! Paths in a session: "/" or "/folder/file", always from the root on, without a slash at the end, "." and "..".

/// The longest path in bytes. One line is not longer than this, but several CD commands can go deeper and deeper.
pub const PATH_BYTES_MAX: usize = 1024;

/// The path that `name` means in the directory `from`. A name that begins with "/" starts at the root.
///
/// Returns None if the path cannot exist, whatever is on the disk: it leads above the root, is longer than
/// [`PATH_BYTES_MAX`], or has a part that begins with a dot (such files are hidden, in lists too). ".." removes the
/// last part of the text, so it is correct only if no symbolic links are followed.
pub fn resolve(from: &str, name: &str) -> Option<String> {
    let start = if name.starts_with('/') { "" } else { from };
    let mut parts: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            hidden if hidden.starts_with('.') => return None,
            part => parts.push(part),
        }
    }
    let path = format!("/{}", parts.join("/"));
    (path.len() <= PATH_BYTES_MAX).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_paths_below_the_root() {
        for (from, name, path) in [
            ("/", "a", Some("/a")),
            ("/a", "b", Some("/a/b")),
            ("/a", "b/c/", Some("/a/b/c")),
            ("/a", "/b", Some("/b")),
            ("/a", "/", Some("/")),
            ("/a/b", "..", Some("/a")),
            ("/a/b", "../..", Some("/")),
            ("/a/b", "../../c/./d//e", Some("/c/d/e")),
            ("/a", "two words", Some("/a/two words")),
            ("/", ".", Some("/")),
            ("/", "..", None),
            ("/a", "../..", None),
            ("/a", "/../a", None),
            ("/a", "b/../../../a", None),
            ("/a", ".hidden", None),
            ("/a", "b/.hidden/c", None),
            ("/a", "...", None),
        ] {
            assert_eq!(resolve(from, name).as_deref(), path, "{name} in {from}");
        }
    }

    #[test]
    fn a_path_has_a_limit() {
        let most = "x".repeat(PATH_BYTES_MAX - 1);
        assert_eq!(resolve("/", &most), Some(format!("/{most}")));
        assert_eq!(resolve("/", &format!("{most}x")), None);
        assert_eq!(resolve("/y", &most), None);
    }
}
