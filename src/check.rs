//! What a configuration needs from the file system, for `-t` and for warnings at the start.

use crate::config::{Config, Location, Locations, LogTarget, Protocol, Settings};
use crate::fixed_path::folder_of;
use crate::log::may_append;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use webserv_sys::process::Account;

/// A folder that is missing on this machine.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Missing {
    /// The file and line of the server.
    server: String,
    /// That it is missing, and what is done without it.
    pub what: String,
    /// Its path.
    pub path: PathBuf,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.server, self.what)
    }
}

/// What is missing on this machine, and what is done without it. Nothing of it stops the server.
pub fn warnings(config: &Config) -> Vec<String> {
    missing(config).iter().map(ToString::to_string).collect()
}

/// The folders that are missing on this machine, each once for a server.
pub fn missing(config: &Config) -> BTreeSet<Missing> {
    let mut missing = BTreeSet::new();
    let with_files = config.listeners.iter().filter(|listener| !matches!(listener.protocol, Protocol::Echo(_)));
    for server in with_files.flat_map(|listener| &listener.hosts.servers) {
        // Where `location /` is, the root of the server itself answers nothing.
        let is_used = !server.locations.prefixes.iter().any(|location| location.path == b"/");
        look_at(&server.settings, is_used, &server.place, &mut missing);
        each_location(&server.locations, &mut |location| {
            // A location inherits the root: only its own one is looked at.
            let has_own = location.settings.root != server.settings.root || location.settings.alias.is_some();
            look_at(&location.settings, has_own, &server.place, &mut missing);
        });
    }
    missing
}

/// Looks at the folders of one place of a server; `place` is the server's file and line.
fn look_at(settings: &Settings, has_own_root: bool, place: &str, missing: &mut BTreeSet<Missing>) {
    let passes_on = settings.gateway.is_some() || settings.cgi.as_ref().is_some_and(|cgi| cgi.pass.is_some());
    let serves_files = settings.return_.is_none() && !passes_on;
    let root = settings.alias.as_ref().map_or(&settings.root, |alias| &alias.path);
    if serves_files && has_own_root && !root.exists() {
        let what = format!("there is no {}: requests for its files get 404", root.display());
        missing.insert(Missing { server: place.to_owned(), what, path: root.clone() });
    }
    if let Some(folder) = settings.upload_store.as_ref().filter(|folder| !folder.is_dir()) {
        let what = format!("there is no folder {}: uploads to it fail; create it", folder.display());
        missing.insert(Missing { server: place.to_owned(), what, path: folder.to_path_buf() });
    }
}

fn each_location(locations: &Locations, look: &mut impl FnMut(&Location)) {
    let all = locations.exact.values().chain(&locations.prefixes).chain(&locations.regexes);
    let all = all.chain(locations.named.values());
    for location in all {
        look(location);
        each_location(&location.inner, look);
    }
}

/// Looks for what would stop the server at its start, without changing anything: logs, and the folder of the pid file.
/// `account` is the user that root becomes.
///
/// # Errors
/// A message for the user: the file, and why it cannot be used.
pub fn start_would_succeed(config: &Config, account: Option<&Account>) -> Result<(), String> {
    let access = config.access_logs.iter().map(|log| ("access", &*log.target));
    let error = config.error_logs.iter().map(|log| &log.target).chain(&config.inner_error_logs);
    for (kind, target) in error.map(|target| ("error", target)).chain(access) {
        let LogTarget::File(path) = target else { continue };
        may_append(path, account).map_err(|e| format!("cannot open the {kind} log {target}: {e}"))?;
    }
    if let Some(pid) = &config.pid {
        folder_of(pid).map_err(|e| format!("cannot write the pid file {}: {e}", pid.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn config(text: &str) -> Config {
        let text = format!("error_log stderr; http {{ server {{ listen 80; {text} }} }}");
        Config::from_text("site.conf", &text, Path::new(env!("CARGO_MANIFEST_DIR")), "").expect("it is valid")
    }

    #[test]
    fn what_is_missing_is_said_once() {
        let rows = [
            ("", ""),
            ("root absent;", "/absent: requests"),
            ("root absent; return 200;", ""),
            ("root absent; location / { root html; }", ""),
            ("location /a/ { root html; } location /b/ { }", ""),
            ("location /a/ { alias absent/; }", "/absent/: requests"),
            ("location /a/ { location /a/b/ { root absent; } location /a/c/ { root absent; } }", "/absent: requests"),
            ("location = /a { root absent; return 204; }", ""),
            ("location /a/ { alias absent/; cgi_pass /bin/sh; }", ""),
            ("location ~ php { root absent; fastcgi_pass 127.0.0.1:1; }", ""),
            ("location @n { root absent; } error_page 404 @n;", "/absent: requests"),
            ("location /a/ { upload_store absent; }", "no folder"),
            ("location /a/ { upload_store html; }", ""),
        ];
        for (text, told) in rows {
            let found = warnings(&config(text));
            assert_eq!(found.len(), usize::from(!told.is_empty()), "{text}: {found:?}");
            assert!(
                found.concat().contains(told) && found.iter().all(|line| line.starts_with("site.conf:1: ")),
                "{text}"
            );
        }
    }

    #[test]
    fn what_stops_the_start_is_found_without_starting() {
        let fails = |config: &Config| start_would_succeed(config, None).expect_err("it is found");
        assert_eq!(start_would_succeed(&config("access_log new.log; access_log stdout;"), None), Ok(()));
        assert!(!Path::new(env!("CARGO_MANIFEST_DIR")).join("new.log").exists(), "nothing is created");
        assert!(fails(&config("access_log absent/x.log;")).starts_with("cannot open the access log "));
        assert!(fails(&config("error_log absent/x.log;")).starts_with("cannot open the error log "));
        assert!(fails(&config("access_log html;")).contains("directory"));
        assert!(fails(&config("access_log Cargo.toml/x;")).contains("not a directory"));
        let with_pid = Config { pid: Some("/nonexistent/x.pid".into()), ..config("") };
        assert!(fails(&with_pid).starts_with("cannot write the pid file /nonexistent/x.pid: No such file"));
    }
}
