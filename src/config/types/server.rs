//! Servers, their locations, and what holds inside of each.

use super::{NameMap, Prefixes, Regex, Settings};
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
