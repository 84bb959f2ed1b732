//! From a request to what is to be done: which server, which location, which file, what the variables say.

mod address;
mod environment;
mod escape;
mod pairs;
mod request_id;
mod script;
mod url_path;
mod variables;
mod view;

pub use environment::{Invocation, environment, query_arguments};
pub use request_id::request_id;
pub use script::{Script, find as find_script, may_answer as script_may_answer};
pub use url_path::url_path;
pub use variables::{expand, push_log_line};
pub use view::View;

use crate::config::{Hosts, Location, Server, Settings};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// The server and location that answer, and what holds there.
#[derive(Clone)]
pub struct Route {
    /// The virtual server.
    pub server: Arc<Server>,
    /// The location; `None`: no location matches, the server itself answers.
    pub location: Option<Arc<Location>>,
    /// The settings of the location or else of the server.
    pub settings: Arc<Settings>,
}

impl Route {
    /// The route to this server's own settings, before any path is known.
    pub fn to_server(server: &Arc<Server>) -> Self {
        Self { server: Arc::clone(server), location: None, settings: Arc::clone(&server.settings) }
    }

    /// The route for a path that has been decoded and normalized.
    pub fn to_path(server: &Arc<Server>, path: &[u8]) -> Self {
        let mut route = Self::to_server(server);
        route.lead_to(path);
        route
    }

    /// Goes on from the server's own settings to the location of a path.
    pub fn lead_to(&mut self, path: &[u8]) {
        if let Some(location) = self.server.locations.find(path) {
            self.settings = Arc::clone(&location.settings);
            self.location = Some(Arc::clone(location));
        }
    }

    /// The route to a named location, "@" included.
    pub fn to_named(server: &Arc<Server>, name: &str) -> Option<Self> {
        let location = server.locations.named.get(name)?;
        Some(Self {
            server: Arc::clone(server),
            location: Some(Arc::clone(location)),
            settings: Arc::clone(&location.settings),
        })
    }

    /// Whether this path, too, is answered here.
    pub fn also_answers(&self, path: &[u8]) -> bool {
        match (self.server.locations.find(path), &self.location) {
            (Some(found), Some(here)) => Arc::ptr_eq(found, here),
            (None, None) => true,
            _ => false,
        }
    }
}

/// The server that a request for this host gets: lower case, no port; `None` when the client named none.
pub fn server<'a>(hosts: &'a Hosts, host: Option<&[u8]>) -> &'a Arc<Server> {
    hosts.find(host.unwrap_or_default())
}

/// The file that a decoded, normalized path stands for: below `root`, or with the location's prefix replaced by
/// `alias`. `None`: `alias dir/;` in `location /i` would turn "/i../x" into "dir/../x", which leads out of it.
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

/// The media type of a file, by what stands behind the last dot of its name.
pub fn media_type<'a>(settings: &'a Settings, path: &[u8]) -> &'a Arc<str> {
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let dot = name.iter().rposition(|b| *b == b'.').filter(|at| *at > 0); // ".html" is a name, not an extension
    let extension = dot.map(|dot| name[dot + 1..].to_ascii_lowercase());
    let known = extension.and_then(|e| settings.types.get(std::str::from_utf8(&e).ok()?));
    known.unwrap_or(&settings.default_type)
}

/// The directory below which a location's files lie.
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
