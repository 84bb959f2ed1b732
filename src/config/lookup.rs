//! Finds the server for a host name, and the location for a path. Nothing here allocates.

use super::types::{Hosts, Location, Locations, Server};
use std::sync::Arc;

impl Hosts {
    /// Adds a `server_name` in lower case: exact, `*.x`, `x.*`, or `.x`, which means `x` and `*.x`. Call
    /// [`Hosts::sort`] after the last one.
    pub(super) fn add(&mut self, name: &str, index: usize) {
        if let Some(end) = name.strip_prefix('*') {
            self.suffixes.push((end.to_owned(), index));
        } else if let Some(start) = name.strip_suffix('*') {
            self.prefixes.push((start.to_owned(), index));
        } else if let Some(bare) = name.strip_prefix('.') {
            self.exact.insert(bare.into(), index);
            self.suffixes.push((name.to_owned(), index));
        } else {
            self.exact.insert(name.into(), index);
        }
    }

    /// Sorts the wildcards by length, the longest first, as [`Hosts::find`] needs them.
    pub(super) fn sort(&mut self) {
        for list in [&mut self.suffixes, &mut self.prefixes] {
            list.sort_by_key(|(fixed, _)| std::cmp::Reverse(fixed.len()));
        }
    }

    /// The server for `host`, which is lower case and has no port: the server with exactly this name, otherwise the one
    /// with the longest matching `*.name`, otherwise the one with the longest matching `name.*`, otherwise the default
    /// server. An empty host is `server_name ""`.
    ///
    /// # Panics
    /// If there is no server; a loaded configuration always has one.
    pub fn find(&self, host: &[u8]) -> &Arc<Server> {
        let default = &self.servers[0];
        if self.servers.len() == 1 {
            return default;
        }
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
        found.map_or(default, |&index| &self.servers[index])
    }
}

impl Server {
    /// The name in logs and redirects: the first `server_name`, or "".
    pub fn name(&self) -> &str {
        &self.settings.server_name
    }
}

impl Locations {
    /// The location for `path`, which is decoded and normalized: the exact location, otherwise the longest prefix and,
    /// inside it, again the best match. Returns None if no location matches; then the settings of the server apply.
    pub fn find(&self, path: &[u8]) -> Option<&Arc<Location>> {
        let mut level = self;
        let mut found = None;
        loop {
            if let Some(exact) = level.exact.get(path) {
                return Some(exact);
            }
            let Some(prefix) = level.prefixes.iter().find(|location| path.starts_with(&location.path)) else {
                return found;
            };
            found = Some(prefix);
            level = &prefix.inner;
        }
    }
}

#[cfg(test)]
mod tests;
