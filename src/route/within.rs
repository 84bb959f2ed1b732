//! Which locations hold for a directory and for what is in it. A method that stores a file, or that copies, moves or
//! removes a directory, asks here first: it must not reach what another location protects.

use crate::config::{Location, Locations};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A location as the configuration names it, for messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LocationName<'a> {
    /// `location = /path`.
    Exact(&'a [u8]),
    /// `location /path`.
    Prefix(&'a [u8]),
    /// `location ~ EXPRESSION`.
    Regex(&'a [u8]),
    /// No location: the settings of the server hold.
    Server,
}

impl fmt::Display for LocationName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LocationName::Exact(path) => write!(f, "location = {}", String::from_utf8_lossy(path)),
            LocationName::Prefix(path) => write!(f, "location {}", String::from_utf8_lossy(path)),
            LocationName::Regex(text) => write!(f, "location ~ {}", String::from_utf8_lossy(text)),
            LocationName::Server => f.write_str("the server outside of its locations"),
        }
    }
}

impl Locations {
    /// The name of the location that [`Locations::find`] returns for this path.
    pub fn name(&self, path: &[u8]) -> LocationName<'_> {
        let (found, prefix) = (self.find(path), self.find_prefix(path));
        match found {
            Some(location) if location.regex.is_some() => LocationName::Regex(&location.path),
            Some(location) if same(found, prefix) => LocationName::Prefix(&location.path),
            Some(location) => LocationName::Exact(&location.path),
            None => LocationName::Server,
        }
    }

    /// A location whose path begins with this directory: the directory's own, or one for something in it. `directory`
    /// is decoded and normalized, and ends in a slash.
    pub fn first_within(&self, directory: &[u8]) -> Option<LocationName<'_>> {
        self.first(directory, None)
    }

    /// A location for something in this directory, if it is another one than the directory's own. (`location = /a/` is
    /// a location for "/a/" alone: all files in it have another one.) Whether such a file exists is not asked, so the
    /// answer stays right while files come and go. `directory` is decoded and normalized, and ends in a slash.
    pub fn first_other_within(&self, directory: &[u8]) -> Option<LocationName<'_>> {
        let (own, of_members) = (self.find(directory), self.find_prefix(directory));
        match same(own, of_members) {
            true => self.first(directory, own).or_else(|| self.first_regex(directory)),
            false if own.is_some_and(|own| own.regex.is_some()) => Some(self.name(directory)),
            false => Some(of_members.map_or(LocationName::Server, |location| LocationName::Prefix(&location.path))),
        }
    }

    /// The location for a path that has no exact one.
    fn find_prefix(&self, path: &[u8]) -> Option<&Arc<Location>> {
        let prefix = self.prefixes.longest(path)?;
        prefix.inner.find_prefix(path).or(Some(prefix))
    }

    /// An expression that may match something in this directory: nobody can say which paths an expression matches.
    fn first_regex(&self, directory: &[u8]) -> Option<LocationName<'_>> {
        let prefix = self.prefixes.longest(directory);
        let beside = self.regexes.first().filter(|_| prefix.is_none_or(|prefix| !prefix.no_regex));
        beside.map(|location| LocationName::Regex(&location.path)).or_else(|| prefix?.inner.first_regex(directory))
    }

    /// Of the locations whose path begins with `start`, without `except`: the one whose path comes first. Takes time in
    /// proportion to the number of locations.
    fn first(&self, start: &[u8], except: Option<&Arc<Location>>) -> Option<LocationName<'_>> {
        let mut found = Vec::new();
        self.add_all(&mut found);
        let is_meant =
            |(location, _): &(&Arc<Location>, _)| location.path.starts_with(start) && !same(Some(location), except);
        found.into_iter().filter(is_meant).min_by_key(|(location, _)| &location.path).map(|(_, name)| name)
    }

    /// Adds all locations that are chosen by a path or a prefix, also those inside others.
    fn add_all<'a>(&'a self, all: &mut Vec<(&'a Arc<Location>, LocationName<'a>)>) {
        all.extend(self.exact.values().map(|location| (location, LocationName::Exact(&location.path))));
        for location in &self.prefixes {
            all.push((location, LocationName::Prefix(&location.path)));
            location.inner.add_all(all);
        }
    }
}

/// Whether both are the same location, or both are none.
pub(super) fn same(one: Option<&Arc<Location>>, other: Option<&Arc<Location>>) -> bool {
    one.map(Arc::as_ptr) == other.map(Arc::as_ptr)
}

/// The path with one slash for each run of slashes, which is the same file. Only with `merge_slashes off` a path has
/// such runs.
pub fn merge_slashes(path: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memmem::find(path, b"//").is_none() {
        return path.into();
    }
    let mut merged = path.to_vec();
    merged.dedup_by(|next, before| *next == b'/' && *before == b'/');
    merged.into()
}

/// The path of a directory: with one slash at its end and for each run of slashes.
pub fn as_directory(path: &[u8]) -> Vec<u8> {
    let mut path = merge_slashes(path).into_owned();
    if !path.ends_with(b"/") {
        path.push(b'/');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::path::Path;

    fn locations(server: &str) -> Locations {
        let text = format!("http {{ server {{ listen 80; {server} }} }}");
        let config = Config::from_text("site.conf", &text, Path::new("/srv"), "").unwrap_or_else(|e| panic!("{e}"));
        config.listeners[0].hosts.servers[0].locations.clone()
    }

    #[test]
    fn locations_in_a_directory() {
        let deep = "location /t/ { } location /t/deep/x/ { return 403; }";
        let text = "the server outside of its locations";
        // The locations, a directory, the first one in it, and the first one that is not its own.
        let rows = [
            ("", "/a/", None, None),
            ("location / { }", "/", Some("location /"), None),
            ("location / { }", "/a/", None, None),
            ("location /a/ { }", "/a/", Some("location /a/"), None),
            ("location /a { }", "/a/", None, None),
            ("location /a { }", "/ab/", None, None),
            ("location /ab { }", "/a/", None, None),
            (deep, "/t/", Some("location /t/"), Some("location /t/deep/x/")),
            (deep, "/t/deep/", Some("location /t/deep/x/"), Some("location /t/deep/x/")),
            (deep, "/t/deep/x/", Some("location /t/deep/x/"), None),
            (deep, "/t/deep/x/y/", None, None),
            (deep, "/t/deep/xy/", None, None),
            (deep, "/t/dee/", None, None),
            (deep, "/other/", None, None),
            ("location /t/deep/x { }", "/t/deep/", Some("location /t/deep/x"), Some("location /t/deep/x")),
            ("location ^~ /t/x/ { }", "/t/", Some("location /t/x/"), Some("location /t/x/")),
            ("location = /t/x { }", "/t/", Some("location = /t/x"), Some("location = /t/x")),
            ("location = /t/x { }", "/t/x/", None, None),
            ("location = /t { }", "/t/", None, None),
            ("location = /t/ { }", "/t/", Some("location = /t/"), Some(text)),
            ("location = /t/ { } location /t/ { }", "/t/", Some("location /t/"), Some("location /t/")),
            ("location / { } location = /t/ { }", "/t/", Some("location = /t/"), Some("location /")),
            ("location /t/ { location /t/x/ { } }", "/t/", Some("location /t/"), Some("location /t/x/")),
            ("location /t/ { location = /t/x { } }", "/t/", Some("location /t/"), Some("location = /t/x")),
            ("location /t { location = /t/x/y { } }", "/t/x/", Some("location = /t/x/y"), Some("location = /t/x/y")),
            ("location /t/b/ { } location /t/a/ { }", "/t/", Some("location /t/a/"), Some("location /t/a/")),
            ("location @t { }", "/t/", None, None),
        ];
        for (server, directory, first, other) in rows {
            let locations = locations(server);
            let show = |found: Option<LocationName<'_>>| found.map(|name| name.to_string());
            let found =
                [locations.first_within(directory.as_bytes()), locations.first_other_within(directory.as_bytes())];
            // Of two locations with one path, `= /t/` and `/t/`, either may be the first.
            let shown = found.map(show).map(|name| name.map(|name| name.replace("= /t/", "/t/")));
            let expected = [first, other].map(|name| name.map(|name| name.replace("= /t/", "/t/")));
            assert_eq!(shown, expected, "{server} {directory}");
        }
    }

    #[test]
    fn names_of_locations() {
        let locations = locations("location = /a { } location /a/ { location = /a/b { } }");
        for (path, name) in [
            ("/a", "location = /a"),
            ("/a/", "location /a/"),
            ("/a/b", "location = /a/b"),
            ("/a/b/", "location /a/"),
            ("/b", "the server outside of its locations"),
        ] {
            assert_eq!(locations.name(path.as_bytes()).to_string(), name, "{path}");
        }
    }

    #[test]
    fn one_directory_has_one_path() {
        for (path, merged, directory) in [
            ("/", "/", "/"),
            ("/a", "/a", "/a/"),
            ("/a/", "/a/", "/a/"),
            ("//", "/", "/"),
            ("//a///b//", "/a/b/", "/a/b/"),
            ("/a//b", "/a/b", "/a/b/"),
        ] {
            assert_eq!(&*merge_slashes(path.as_bytes()), merged.as_bytes(), "{path}");
            assert_eq!(as_directory(path.as_bytes()), directory.as_bytes(), "{path}");
        }
    }
}
