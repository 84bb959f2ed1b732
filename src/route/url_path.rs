//! Finds the URL path of a file: the reverse of [`file_path`](super::file_path).

use super::{Route, file_path, script_may_answer};
use crate::config::{Location, Server, Settings};
use crate::http::Method;
use std::os::unix::ffi::OsStrExt;

/// The decoded path at which GET returns this file. Returns `None` if no path is found. It tries the request's own
/// location, then the server, then the server's locations.
pub fn url_path(route: &Route, file: &[u8]) -> Option<Vec<u8>> {
    let server = &route.server;
    let own = (&*route.settings, route.location.as_deref());
    let locations = server.locations.prefixes.iter().map(|location| (&*location.settings, Some(&**location)));
    let mut places = [own, (&*server.settings, None)].into_iter().chain(locations);
    places.find_map(|(settings, location)| {
        candidate(settings, location, file).filter(|path| is_served(server, path, file))
    })
}

/// The path of this file under these settings.
fn candidate(settings: &Settings, location: Option<&Location>, file: &[u8]) -> Option<Vec<u8>> {
    let Some(alias) = &settings.alias else {
        let root = super::without_slash(settings.root.as_os_str().as_bytes());
        return file.strip_prefix(root).filter(|rest| rest.starts_with(b"/")).map(<[u8]>::to_vec);
    };
    let prefix = location?.path.get(..alias.prefix_bytes).filter(|prefix| prefix.starts_with(b"/"))?;
    Some([prefix, file.strip_prefix(alias.path.as_os_str().as_bytes())?].concat())
}

/// Whether GET of this path returns this file.
fn is_served(server: &std::sync::Arc<Server>, path: &[u8], file: &[u8]) -> bool {
    let location = server.locations.find(path);
    let settings = location.map_or(&server.settings, |location| &location.settings);
    let is_file = settings.return_.is_none() && !script_may_answer(settings, path);
    !settings.refuses(Method::Get) && is_file && file_path(settings, path).as_deref() == Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::route::Routes;
    use std::path::Path;
    use std::sync::Arc;

    /// The path of `file` that a POST to `/up/` would report.
    fn found(server: &str, file: &str) -> Option<String> {
        let text = format!("http {{ server {{ listen 80; root /srv/html; {server} }} }}");
        let config = Config::from_text("site.conf", &text, Path::new("/srv"), "").unwrap_or_else(|e| panic!("{e}"));
        let server = Arc::clone(&config.listeners[0].hosts.servers[0]);
        let routes = Routes::new(Arc::new(config));
        url_path(routes.to_path(&server, b"/up/"), file.as_bytes()).map(|path| String::from_utf8(path).unwrap())
    }

    #[test]
    fn a_file_is_found_where_a_location_serves_it() {
        for (server, file, path) in [
            ("", "/srv/html/up/a", Some("/up/a")),
            ("", "/srv/html/a b", Some("/a b")),
            ("", "/srv/htmlx/a", None),
            ("", "/srv/other/a", None),
            ("location /up/ { root /data; }", "/data/up/a", Some("/up/a")),
            ("location /up/ { root /data; }", "/data/a", None),
            ("location /up/ { root /data; }", "/srv/html/up/a", None),
            ("location /up/ { alias /data/; }", "/data/a", Some("/up/a")),
            ("location /up { alias /data; }", "/data/a", Some("/up/a")),
            ("location /up/ { } location /files/ { alias /data/; }", "/data/a", Some("/files/a")),
            ("location /up/ { } location /files/ { root /data; }", "/data/files/a", Some("/files/a")),
            ("location /up/ { } location /files/ { alias /data/; return 403; }", "/data/a", None),
            ("location /up/ { } location /files/ { alias /data/; methods POST; }", "/data/a", None),
            ("location /up/ { } location /files/ { alias /data/; limit_except PUT { deny all; } }", "/data/a", None),
            ("location /up/ { } location /files/ { alias /data/; cgi on; }", "/data/a", None),
            (
                "location /up/ { } location /files/ { alias /data/; cgi on; cgi_extension .py; }",
                "/data/a",
                Some("/files/a"),
            ),
            ("location = /up/a { return 204; }", "/srv/html/up/a", None),
        ] {
            assert_eq!(found(server, file).as_deref(), path, "{server} {file}");
        }
    }
}
