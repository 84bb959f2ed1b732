//! Routes: a server and a location. They are made once per configuration and shared by all requests.

use super::within::{merge_slashes, same};
use super::{file_path, script_may_answer};
use crate::config::{Config, Location, Locations, Server, Settings};
use crate::http::Method;
use std::borrow::Cow;
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
        same(self.server.locations.find(path), self.location.as_ref())
    }

    /// The file for a decoded, normalized path, as [`file_path`] returns it. Returns `None`, too, if the path has
    /// another location only because it has several slashes in a row (`merge_slashes off`): "//private/x" is the file
    /// of "/private/x".
    pub fn file_path(&self, path: &[u8]) -> Option<Vec<u8>> {
        let locations = &self.server.locations;
        match merge_slashes(path) {
            Cow::Owned(merged) if !same(locations.find(path), locations.find(&merged)) => None,
            _ => file_path(&self.settings, path),
        }
    }

    /// Whether the script may run for a path that begins with it. In "/a.sh/rest", the script "/a.sh" may have another
    /// location than the whole path. Then that location must run programs, too, take the method, and ask no more of the
    /// client than this one: only this one's questions have been asked.
    pub fn may_run(&self, script: &[u8], path: &[u8], method: Method) -> bool {
        let (locations, script) = (&self.server.locations, merge_slashes(script));
        let own = locations.find(&script);
        if same(own, locations.find(path)) {
            return true;
        }
        let settings = own.map_or(&self.server.settings, |location| &location.settings);
        let asks_no_more = asks_no_more(&self.settings, settings, method);
        !settings.refuses(method) && asks_no_more && settings.is_direct() && script_may_answer(settings, &script)
    }
}

/// Whether a client that may use the method `here` may also use it `there`, as far as the configuration says: `there`
/// asks the client for nothing, or for the same.
pub fn asks_no_more(here: &Settings, there: &Settings, method: Method) -> bool {
    let access = there.access_for(method);
    // With variables in it, one text names a file of users for each path.
    let has_one_file = access.user_file.as_ref().is_none_or(|file| file.path.as_text().is_some());
    access.is_open() || has_one_file && access == here.access_for(method)
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

    /// The route to an `if` of a location, by its number.
    pub fn to_branch(&self, number: u32) -> &Rc<Route> {
        &self.routes[number as usize]
    }

    /// The route to a named location; the name includes "@".
    pub fn to_named(&self, server: &Server, name: &str) -> Option<&Rc<Route>> {
        let location = server.locations.named.get(name)?;
        Some(&self.routes[location.route as usize])
    }
}

fn add_locations(server: &Arc<Server>, locations: &Locations, routes: &mut Vec<(u32, Rc<Route>)>) {
    let Locations { exact, prefixes, regexes, named } = locations;
    for location in exact.values().chain(prefixes).chain(regexes).chain(named.values()) {
        routes.push((location.route, Rc::new(Route::to_location(server, location))));
        for branch in &location.branches {
            let settings = Arc::clone(&branch.settings);
            let route = Route { server: Arc::clone(server), location: Some(Arc::clone(location)), settings };
            routes.push((branch.route, Rc::new(route)));
        }
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

    /// The first server of this configuration, and its routes.
    fn routes(server: &str) -> (Arc<Server>, Routes) {
        let text = format!("http {{ server {{ listen 1; root /srv; {server} }} }}");
        let config = Arc::new(Config::from_text("test.conf", &text, Path::new("."), "").expect("it is valid"));
        (Arc::clone(&config.listeners[0].hosts.servers[0]), Routes::new(config))
    }

    #[test]
    fn two_slashes_do_not_lead_around_a_location() {
        let (server, routes) =
            routes("merge_slashes off; location /a/ { } location /b/ { alias /d/; } location = /c { }");
        for (path, file) in [
            ("/x", Some("/srv/x")),
            ("//x", Some("/srv//x")),
            ("/a//x", Some("/srv/a//x")),
            ("//a/x", None),
            ("/a//", Some("/srv/a//")),
            ("//a", Some("/srv//a")),
            ("/b//x", Some("/d//x")),
            ("//b/x", None),
            ("//c", None),
            ("/c//", Some("/srv/c//")),
        ] {
            let found = routes.to_path(&server, path.as_bytes()).file_path(path.as_bytes());
            assert_eq!(found.as_deref(), file.map(str::as_bytes), "{path}");
        }
    }

    #[test]
    fn a_script_runs_if_its_own_location_lets_it() {
        let (server, routes) = routes(
            "cgi on; cgi_extension .sh; location = /no.sh { return 403; } location = /off.sh { cgi off; } \
             location = /get.sh { methods GET; } location = /few.sh { limit_except GET { deny all; } } \
             location = /py.sh { cgi_extension .py; } location /a.sh/in/ { cgi_timeout 1s; }",
        );
        for (script, path, runs) in [
            ("/x.sh", "/x.sh/y", [true, true]),
            ("/a.sh", "/a.sh/in/y", [true, true]),
            ("/a.sh", "/a.sh", [true, true]),
            ("/no.sh", "/no.sh/y", [false, false]),
            ("//no.sh", "//no.sh/y", [false, false]),
            ("/off.sh", "/off.sh/y", [false, false]),
            ("/py.sh", "/py.sh/y", [false, false]),
            ("/get.sh", "/get.sh/y", [true, false]),
            ("/few.sh", "/few.sh/y", [true, false]),
        ] {
            let route = routes.to_path(&server, path.as_bytes());
            let may = [Method::Get, Method::Post].map(|it| route.may_run(script.as_bytes(), path.as_bytes(), it));
            assert_eq!(may, runs, "{script} {path}");
        }
    }
}
