//! Routing: the server and location for a request, and the file or program for its path.

mod listener_state;
mod lookup;
mod routes;
mod script;
mod url_path;
mod within;

pub use listener_state::ListenerState;
pub use routes::{Route, Routes, asks_no_more};

pub use script::{Script, absolute, find as find_script, may_answer as script_may_answer};
pub use url_path::url_path;
pub use within::{LocationName, as_directory, merge_slashes};

use crate::config::Settings;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// The file for a decoded, normalized path: below `root`, or with the location's prefix replaced by `alias`. Returns
/// `None` if the result would lie outside of the alias: with `alias dir/;` in `location /i`, "/i../x" would become
/// "dir/../x".
pub fn file_path(settings: &Settings, path: &[u8]) -> Option<Vec<u8>> {
    let (base, rest) = match &settings.alias {
        Some(alias) => (alias.path.as_os_str().as_bytes(), path.get(alias.prefix_bytes..).unwrap_or_default()),
        None => (without_slash(settings.root.as_os_str().as_bytes()), path),
    };
    if base.ends_with(b"/") && (rest == b".." || rest.starts_with(b"../")) {
        return None;
    }
    let mut file = Vec::with_capacity(base.len() + rest.len() + 16);
    file.extend_from_slice(base);
    file.extend_from_slice(rest);
    Some(file)
}

/// The media type of a file, by the extension of its name.
pub fn media_type<'a>(settings: &'a Settings, path: &[u8]) -> &'a Arc<str> {
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let dot = name.iter().rposition(|b| *b == b'.').filter(|at| *at > 0); // ".html" is a name, not an extension
    let extension = dot.map(|dot| name[dot + 1..].to_ascii_lowercase());
    let known = extension.and_then(|e| settings.types.get(std::str::from_utf8(&e).ok()?));
    known.unwrap_or(&settings.default_type)
}

/// The directory with all files of a location.
pub fn document_root(settings: &Settings) -> &[u8] {
    let path = settings.alias.as_ref().map_or(&settings.root, |alias| &alias.path);
    without_slash(path.as_os_str().as_bytes())
}

fn without_slash(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"/").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Alias;

    #[test]
    fn root_goes_before_the_path_and_alias_replaces_the_prefix() {
        type Row = (&'static str, Option<(&'static str, usize)>, &'static str, &'static str);
        let rows: [Row; 10] = [
            ("/srv", None, "/a/b.txt", "/srv/a/b.txt"),
            ("/srv/", None, "/", "/srv/"),
            ("/", None, "/etc", "/etc"),
            ("html", None, "/x", "html/x"),
            ("/srv", Some(("/data/", 3)), "/i/b.txt", "/data/b.txt"),
            ("/srv", Some(("/data/one.txt", 4)), "/one", "/data/one.txt"),
            ("/srv", Some(("/data", 2)), "/i/", "/data/"),
            ("/srv", Some(("/data/", 2)), "/i../secret", ""),
            ("/srv", Some(("/data/", 2)), "/i..", ""),
            ("/srv", Some(("/data/", 2)), "/i..x", "/data/..x"),
        ];
        for (root, alias, path, file) in rows {
            let alias = alias.map(|(path, prefix_bytes)| Alias { path: path.into(), prefix_bytes });
            let settings = Settings { root: root.into(), alias, ..Settings::default() };
            let found = file_path(&settings, path.as_bytes()).unwrap_or_default();
            assert_eq!(found, file.as_bytes(), "{root} {path}");
        }
    }
}
