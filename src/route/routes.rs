//! Routes: a server and a location. They are made once per configuration and shared by all requests.

use crate::config::{Config, Location, Locations, Server, Settings};
use std::rc::Rc;
use std::sync::Arc;

/// A server and a location, with their settings.
pub struct Route {
    /// The virtual server.
    pub server: Arc<Server>,
    /// The location; `None` if no location matches and the server itself answers.
    pub location: Option<Arc<Location>>,
    /// The settings of the location, or else of the server.
    pub settings: Arc<Settings>,
}

impl Route {
    /// The route to this server's own settings, outside its locations.
    pub fn to_server(server: &Arc<Server>) -> Self {
        Self { server: Arc::clone(server), location: None, settings: Arc::clone(&server.settings) }
    }

    /// The route to a location of this server.
    pub fn to_location(server: &Arc<Server>, location: &Arc<Location>) -> Self {
        let (settings, location) = (Arc::clone(&location.settings), Some(Arc::clone(location)));
        Self { server: Arc::clone(server), location, settings }
    }

    /// Whether a decoded, normalized path leads to this route, too.
    pub fn also_answers(&self, path: &[u8]) -> bool {
        match (self.server.locations.find(path), &self.location) {
            (Some(found), Some(here)) => Arc::ptr_eq(found, here),
            (None, None) => true,
            _ => false,
        }
    }
}

/// All routes of a configuration, indexed by the numbers that servers and locations got when it was read.
///
/// Each worker has its own, so that requests count references that no other thread counts: with `Arc`, all threads
/// would write to the same few cache lines at least once per request.
pub struct Routes {
    config: Arc<Config>,
    routes: Vec<Rc<Route>>,
}

impl Routes {
    /// The routes of this configuration.
    pub fn new(config: Arc<Config>) -> Self {
        let mut routes = Vec::new();
        for server in config.listeners.iter().flat_map(|listener| &listener.hosts.servers) {
            routes.push((server.route, Rc::new(Route::to_server(server))));
            add_locations(server, &server.locations, &mut routes);
        }
        routes.sort_by_key(|(number, _)| *number);
        routes.dedup_by_key(|(number, _)| *number); // a server that listens on several addresses comes several times
        debug_assert!(routes.iter().enumerate().all(|(at, (number, _))| at == *number as usize));
        Self { config, routes: routes.into_iter().map(|(_, route)| route).collect() }
    }

    /// The configuration of these routes.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The route to a server's own settings.
    pub fn to_server(&self, server: &Server) -> &Rc<Route> {
        &self.routes[server.route as usize]
    }

    /// The route for a decoded, normalized path.
    pub fn to_path(&self, server: &Server, path: &[u8]) -> &Rc<Route> {
        match server.locations.find(path) {
            Some(location) => &self.routes[location.route as usize],
            None => self.to_server(server),
        }
    }

    /// The route to a named location; the name includes "@".
    pub fn to_named(&self, server: &Server, name: &str) -> Option<&Rc<Route>> {
        let location = server.locations.named.get(name)?;
        Some(&self.routes[location.route as usize])
    }
}

fn add_locations(server: &Arc<Server>, locations: &Locations, routes: &mut Vec<(u32, Rc<Route>)>) {
    let Locations { exact, prefixes, named } = locations;
    for location in exact.values().chain(prefixes).chain(named.values()) {
        routes.push((location.route, Rc::new(Route::to_location(server, location))));
        add_locations(server, &location.inner, routes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn each_place_of_a_configuration_has_a_route_of_its_own() {
        let text = "http {
            server { listen 1; listen 2; location = /a { } location /b/ { location /b/c/ { } } location @d { } }
            server { listen 2; server_name second; location /b/ { } } }";
        let config = Arc::new(Config::from_text("test.conf", text, Path::new("."), "").expect("it is valid"));
        let routes = Routes::new(Arc::clone(&config));
        let [first, second] = [0, 1].map(|at| Arc::clone(&config.listeners[1].hosts.servers[at]));
        let rows: [(&Arc<Server>, &[u8], &[u8]); 7] = [
            (&first, b"/", b""),
            (&first, b"/a", b"/a"),
            (&first, b"/b/", b"/b/"),
            (&first, b"/b/c/d", b"/b/c/"),
            (&second, b"/a", b""),
            (&second, b"/b/x", b"/b/"),
            (&second, b"/b", b""),
        ];
        for (server, path, location) in rows {
            let route = routes.to_path(server, path);
            assert!(Arc::ptr_eq(&route.server, server));
            assert_eq!(route.location.as_ref().map_or(&b""[..], |l| &l.path), location);
            assert!(route.also_answers(path));
        }
        assert!(routes.to_named(&first, "@d").is_some_and(|route| !route.also_answers(b"/")));
        assert!(routes.to_named(&second, "@d").is_none());
        assert_eq!(routes.routes.len(), 7);
    }
}
