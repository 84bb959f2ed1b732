//! Servers, their locations, and what holds inside of each.

use super::{NameMap, Regex, Settings};
use std::collections::HashMap;
use std::sync::Arc;

/// A `server` block.
#[derive(Clone, Debug)]
pub struct Server {
    /// The `server_name`s in lower case; the first one names the server in logs and redirects ("" if it has no name).
    pub names: Vec<String>,
    /// The settings for requests that match no location.
    pub settings: Arc<Settings>,
    /// The locations.
    pub locations: Locations,
    /// The position of the block: "file:line".
    pub place: String,
    /// Its number among all servers and locations of the configuration, from 0.
    pub route: u32,
}

/// The locations of a server or of a location.
#[derive(Clone, Debug, Default)]
pub struct Locations {
    /// `location = /path`.
    pub exact: NameMap<Arc<Location>>,
    /// Prefix locations, plain and `^~`.
    pub prefixes: Prefixes,
    /// `location ~ EXPRESSION` and `location ~* EXPRESSION`, in the order of the files.
    pub regexes: Vec<Arc<Location>>,
    /// `location @name`.
    pub named: HashMap<String, Arc<Location>>,
}

/// A `location` block.
#[derive(Clone, Debug)]
pub struct Location {
    /// The path or prefix, decoded, as bytes; a named location's name with its "@"; the text of an expression.
    pub path: Vec<u8>,
    /// The expression that the path must match, if it is a location of this kind.
    pub regex: Option<Regex>,
    /// `^~`: no regular expression is tried after this one.
    pub no_regex: bool,
    /// What holds inside, outer levels merged in.
    pub settings: Arc<Settings>,
    /// The locations inside.
    pub inner: Locations,
    /// The `if` blocks inside.
    pub branches: Vec<Branch>,
    /// Its number among all servers and locations of the configuration, from 0.
    pub route: u32,
}

/// An `if` in a location: settings that hold if its test is true.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Its number among all servers and locations of the configuration, from 0.
    pub route: u32,
    /// What holds inside, outer levels merged in.
    pub settings: Arc<Settings>,
}

/// With so few locations, looking at each is faster than a binary search.
const FEW: usize = 8;

/// Prefix locations, plain and `^~`, in an order that finds the longest prefix of a path in logarithmic time.
#[derive(Clone, Debug, Default)]
pub struct Prefixes {
    /// By path.
    sorted: Vec<Arc<Location>>,
    /// For each of them the longest other one that is a prefix of it: the number of its place plus 1, or 0 for none.
    outer: Vec<u32>,
}

impl Prefixes {
    /// The table of these locations. No two of them have the same path.
    pub fn new(mut locations: Vec<Arc<Location>>) -> Self {
        locations.sort_by(|a, b| a.path.cmp(&b.path));
        let mut outer: Vec<u32> = Vec::with_capacity(locations.len());
        for (at, location) in locations.iter().enumerate() {
            let mut before = at as u32;
            while before > 0 && !location.path.starts_with(&locations[before as usize - 1].path) {
                before = outer[before as usize - 1];
            }
            outer.push(before);
        }
        Self { sorted: locations, outer }
    }

    /// The location with the longest path that the given path begins with.
    #[inline]
    pub fn longest(&self, path: &[u8]) -> Option<&Arc<Location>> {
        if self.sorted.len() <= FEW {
            return self.sorted.iter().rev().find(|location| path.starts_with(&location.path));
        }
        // All locations between the longest prefix of the path and the path itself begin with this prefix.
        let mut before = self.sorted.partition_point(|location| &location.path[..] <= path);
        while before > 0 {
            let location = &self.sorted[before - 1];
            if path.starts_with(&location.path) {
                return Some(location);
            }
            before = self.outer[before - 1] as usize;
        }
        None
    }

    /// All locations, by path.
    pub fn iter(&self) -> std::slice::Iter<'_, Arc<Location>> {
        self.sorted.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }
}

impl<'a> IntoIterator for &'a Prefixes {
    type Item = &'a Arc<Location>;
    type IntoIter = std::slice::Iter<'a, Arc<Location>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
