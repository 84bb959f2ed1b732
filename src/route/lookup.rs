//! Finds the server for a host name, and the location for a path. Nothing here allocates.

use crate::config::{Hosts, Location, Locations, Server};
use std::sync::Arc;

impl Hosts {
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
