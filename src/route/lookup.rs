//! Finds the server for a host name, and the location for a path. Nothing here allocates.

use crate::config::{Hosts, Location, Locations, Regex, Server};
use std::sync::Arc;

impl Hosts {
    /// The server for `host`, which is lower case and has no port: the server with exactly this name, otherwise the one
    /// with the longest matching `*.name`, otherwise the one with the longest matching `name.*`, otherwise the first
    /// one whose expression matches, otherwise the default server. An empty host is `server_name ""`.
    ///
    /// # Panics
    /// If there is no server; a loaded configuration always has one.
    #[inline(always)] // most addresses have one server
    pub fn find(&self, host: &[u8]) -> &Arc<Server> {
        let default = &self.servers[0];
        if self.servers.len() == 1 {
            return default;
        }
        let found = self.by_name(host).or_else(|| self.by_regex(host).map(|(_, index)| *index));
        found.map_or(default, |index| &self.servers[index])
    }

    /// The server that has this name, also by a wildcard or an expression. Not the default server for other names.
    pub fn named(&self, host: &[u8]) -> Option<&Arc<Server>> {
        let found = self.by_name(host).or_else(|| self.by_regex(host).map(|(_, index)| *index));
        found.map(|index| &self.servers[index])
    }

    /// The expression that matches a host, if no name does.
    pub fn regex(&self, host: &[u8]) -> Option<&Regex> {
        match self.by_name(host) {
            Some(_) => None,
            None => self.by_regex(host).map(|(regex, _)| regex),
        }
    }

    fn by_name(&self, host: &[u8]) -> Option<usize> {
        let exact = self.exact.get(host);
        // A wildcard stands for at least one byte, so the host must be longer than the fixed part.
        let fits = |fixed: &str| host.len() > fixed.len();
        let found = exact
            .or_else(|| {
                let mut wild = self.suffixes.iter();
                wild.find(|(end, _)| fits(end) && host.ends_with(end.as_bytes())).map(|(_, index)| index)
            })
            .or_else(|| {
                let mut wild = self.prefixes.iter();
                wild.find(|(start, _)| fits(start) && host.starts_with(start.as_bytes())).map(|(_, index)| index)
            });
        found.copied()
    }

    fn by_regex(&self, host: &[u8]) -> Option<&(Regex, usize)> {
        self.regexes.iter().find(|(regex, _)| !host.is_empty() && regex.pattern.is_match(host))
    }
}

impl Locations {
    /// The location for `path`, which is decoded and normalized: the exact location; otherwise the first expression
    /// that matches; otherwise the longest prefix. Inside a prefix the best match is looked for first, in the same way,
    /// and a prefix with `^~` hides the expressions beside it. Returns None if no location matches; then the settings
    /// of the server apply.
    #[inline]
    pub fn find(&self, path: &[u8]) -> Option<&Arc<Location>> {
        self.best(path).location
    }

    fn best(&self, path: &[u8]) -> Best<'_> {
        if let Some(exact) = self.exact.get(path) {
            return Best { location: Some(exact), is_final: true };
        }
        let prefix = self.prefixes.longest(path);
        let mut best = Best { location: prefix, is_final: false };
        if let Some(prefix) = prefix.filter(|prefix| !prefix.inner.is_empty()) {
            let inside = prefix.inner.best(path);
            best = Best { location: inside.location.or(best.location), ..inside };
        }
        if best.is_final || self.regexes.is_empty() || prefix.is_some_and(|prefix| prefix.no_regex) {
            return best;
        }
        match self.regexes.iter().find(|location| location.matches(path)) {
            Some(matching) => Best { location: matching.inner.find(path).or(Some(matching)), is_final: true },
            None => best,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty() && self.regexes.is_empty()
    }
}

impl Location {
    /// Whether the location's expression matches this path.
    fn matches(&self, path: &[u8]) -> bool {
        self.regex.as_ref().is_some_and(|regex| regex.pattern.is_match(path))
    }
}

/// The best location of a level.
struct Best<'a> {
    location: Option<&'a Arc<Location>>,
    /// No expression of an outer level is tried any more.
    is_final: bool,
}

#[cfg(test)]
mod tests;
