//! Whether the locations allow what a method does to a directory. The location of a request is chosen for its path, but
//! a path without a slash at its end may name a directory, and a directory contains paths with other locations.
//!
//! All answers depend on the configuration and the path alone, and never on what is on the disk. So they stay right
//! while other requests change the files.

use super::next::Next;
use super::page;
use crate::config::Settings;
use crate::http::Method;
use crate::log::Level;
use crate::route::{self, LocationName, Route, Routes, as_directory};
use crate::task::Work;
use std::sync::Arc;

/// Why a path must not be the one of a file or directory; for the log.
pub(super) type Obstacle = String;

fn rules(location: LocationName<'_>, directory: &[u8]) -> Obstacle {
    format!("{location} has its own rules in \"{}\"", String::from_utf8_lossy(directory))
}

/// Answers 403 and logs the reason.
pub(super) fn refuse(w: &mut Work<'_>, obstacle: &str) -> Next {
    let method = w.t.http.method().map_or("", Method::name);
    w.log(Level::Error, format_args!("{method} is refused: {obstacle}"));
    page::refuse(w, 403)
}

/// A new file. It would take the place of a directory with a location of its own: with `cgi on` there, the file would
/// run as a program for all paths below.
pub(super) fn new_file(route: &Route, path: &[u8]) -> Option<Obstacle> {
    let directory = as_directory(path);
    route.server.locations.first_within(&directory).map(|location| rules(location, &directory))
}

/// A directory without the files in it, also if the path has no slash at its end.
pub(super) fn directory(routes: &Routes, route: &Route, path: &[u8], method: Method) -> Option<Obstacle> {
    alike(routes, route, path, &as_directory(path), method)
}

/// A directory with all files in it.
pub(super) fn tree(routes: &Routes, route: &Route, path: &[u8], method: Method) -> Option<Obstacle> {
    let directory = as_directory(path);
    let within = || route.server.locations.first_other_within(&directory).map(|location| rules(location, &directory));
    alike(routes, route, path, &directory, method).or_else(within)
}

/// The place of a file or directory that is copied or moved there, and that replaces a file or a directory. So both
/// forms of the path must be allowed, and no location may hold below.
pub(super) fn destination(routes: &Routes, route: &Route, path: &[u8], method: Method) -> Option<Obstacle> {
    let directory = as_directory(path);
    let file = directory.strip_suffix(b"/").unwrap_or_default();
    let is_alike = |form| alike(routes, route, path, form, method);
    new_file(route, path).or_else(|| is_alike(file)).or_else(|| is_alike(&directory))
}

/// Between two locations, one of which runs programs: files of a directory would become programs, or programs would be
/// read as files.
pub(super) fn programs(from: &Route, from_path: &[u8], to: &Route, to_path: &[u8]) -> Option<Obstacle> {
    if Arc::ptr_eq(&from.settings, &to.settings) {
        return None;
    }
    let running = [(from, from_path), (to, to_path)].into_iter().find(|(route, _)| route.settings.cgi.is_some());
    running.map(|(route, path)| {
        format!("{} runs programs, and the other directory is in another location", route.server.locations.name(path))
    })
}

/// Whether `form`, the same path with or without a slash at its end, has the same location as the path itself, or one
/// that allows the method for the same file.
fn alike(routes: &Routes, route: &Route, path: &[u8], form: &[u8], method: Method) -> Option<Obstacle> {
    let there = routes.to_path(&route.server, form);
    let (here, other) = (&route.settings, &there.settings);
    let is_same = Arc::ptr_eq(here, other);
    let file = |settings, path| route::file_path(settings, path).map(|file| trimmed(&file).to_vec());
    let is_alike = || {
        allows(here, other, form, method)
            && here.disable_symlinks == other.disable_symlinks
            && file(here, path) == file(other, form)
    };
    (!is_same && !is_alike()).then(|| rules(route.server.locations.name(form), form))
}

/// Whether a location lets a method change the file of this path, as for a request to that location: neither `return`
/// nor a program answers instead, and it asks no more of the client than the location of the request, `here`.
pub(super) fn allows(here: &Settings, settings: &Settings, path: &[u8], method: Method) -> bool {
    settings.dav.methods.allow(method)
        && !settings.refuses(method)
        && route::asks_no_more(here, settings, method)
        && settings.is_direct()
        && !route::script_may_answer(settings, path)
}

/// The path without slashes at its end: both an alias and a path may add one.
pub(super) fn trimmed(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|b| *b != b'/').map_or(0, |last| last + 1);
    &path[..end]
}
