//! The whole reader: text in, `Config` or messages out.

mod access;
mod broken;
mod cgi;
mod charset;
mod connection;
mod dav;
mod directory;
mod fields;
mod gateway;
mod gateway_faults;
mod gateway_levels;
mod include;
mod inherit;
mod limits;
mod listen;
mod logs;
mod lookups;
mod mutate;
mod nginx_names;
mod referers;
mod responses;
mod table;
mod upload;
mod upstreams;
mod values;

use super::{Config, Errors, Server, Settings};
use std::path::Path;
use std::sync::Arc;

/// Reads a text that stands in `site.conf` below the prefix `/srv`.
fn read(text: &str) -> Result<Config, Errors> {
    Config::from_text("site.conf", text, Path::new("/srv"), "")
}

/// Reads a text that is right.
fn load(text: &str) -> Config {
    read(text).unwrap_or_else(|errors| panic!("{errors}\nin:\n{text}"))
}

/// The servers of the first address, the default first.
fn servers(config: &Config) -> &[Arc<Server>] {
    &config.listeners[0].hosts.servers
}

/// What holds for a path in the first server.
fn settings_at(config: &Config, path: &str) -> Arc<Settings> {
    let server = &servers(config)[0];
    match server.locations.find(path.as_bytes()) {
        Some(location) => location.settings.clone(),
        None => server.settings.clone(),
    }
}

/// The problems' headlines.
fn headlines(text: &str) -> Vec<String> {
    match read(text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.problems.iter().map(|problem| problem.headline()).collect(),
    }
}
