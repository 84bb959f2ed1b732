//! DELETE, MKCOL, COPY and MOVE (RFC 4918 section 9): checks their heads and starts their tasks.

use super::judge::{self, Obstacle, allows, trimmed};
use super::next::Next;
use super::page;
use super::secret_number::secret_number;
use crate::config::Settings;
use crate::connection::Stage;
use crate::http::Method;
use crate::http::dav::{self, Depth};
use crate::log::Level;
use crate::route::{self, Route};
use crate::task::Work;
use crate::task::dav::{CopyMove, DirCreate, Removal, TreeCopy, TreeDelete};
use std::rc::Rc;
use webserv_sys::net::Address;

/// DELETE.
pub(super) fn remove(w: &mut Work<'_>) -> Next {
    match removal(w) {
        Ok(removal) => {
            w.join(Box::new(TreeDelete::new(removal)));
            Next::Go(Stage::Handler)
        }
        Err(status) => page::refuse(w, status),
    }
}

/// What to remove, or the status of a refusal.
fn removal(w: &mut Work<'_>) -> Result<Removal, u16> {
    if has_body(w) {
        return Err(415); // as nginx: the body may mean that only a part of the resource is to go
    }
    let route = Rc::clone(&w.t.route);
    let (settings, Some(request)) = (&route.settings, w.t.http.request.clone()) else { return Err(400) };
    let path = route.file_path(w.t.http.path()).ok_or(404_u16)?;
    let Some(depth) = dav::depth(&request.fields).filter(|depth| *depth != Depth::One) else {
        w.log(Level::Error, format_args!("a Depth that is not valid for DELETE (RFC 4918 section 9.6)"));
        return Err(400);
    };
    if request.target().contains(&b'#') {
        w.log(Level::Error, format_args!("a fragment in the target: the client may mean only a part of the resource"));
        return Err(400);
    }
    let names = w.t.http.path().split(|b| *b == b'/').filter(|name| !name.is_empty()).count();
    if names < settings.dav.min_delete_depth {
        w.log(Level::Error, format_args!("min_delete_depth: the path has too few names"));
        return Err(409);
    }
    // A path without a slash at its end is a file that an alias names, or is refused later.
    if path.ends_with(b"/") && is_root(settings, &path) {
        w.log(Level::Error, format_args!("the directory of \"root\" or \"alias\" itself is not removed"));
        return Err(403);
    }
    let obstacle = judge::tree(&w.identity.listener.routes, &route, w.t.http.path(), Method::Delete);
    let number = secret_number(w).ok_or(500_u16)?;
    Ok(Removal { path, depth, links: settings.disable_symlinks, number, obstacle })
}

/// MKCOL.
pub(super) fn make_collection(w: &mut Work<'_>) -> Next {
    if has_body(w) {
        return page::refuse(w, 415); // RFC 4918 section 9.3: no body type is supported
    }
    let route = Rc::clone(&w.t.route);
    let Some(path) = route.file_path(w.t.http.path()) else { return page::refuse(w, 404) };
    if let Some(obstacle) = judge::directory(&w.identity.listener.routes, &route, w.t.http.path(), Method::Mkcol) {
        return judge::refuse(w, &obstacle);
    }
    w.join(Box::new(DirCreate::new(path)));
    Next::Go(Stage::Handler)
}

/// COPY and MOVE.
pub(super) fn copy_or_move(w: &mut Work<'_>) -> Next {
    match ends(w) {
        Ok(ends) => {
            w.join(Box::new(TreeCopy::new(ends)));
            Next::Go(Stage::Handler)
        }
        Err(status) => page::refuse(w, status),
    }
}

/// What to copy or move and where, or the status of a refusal.
fn ends(w: &mut Work<'_>) -> Result<CopyMove, u16> {
    if has_body(w) {
        return Err(415); // RFC 4918 section 8.4
    }
    let Some(request) = w.t.http.request.clone() else { return Err(400) };
    let method = request.method;
    let (Some(depth), Some(overwrites)) = (dav::depth(&request.fields), dav::overwrite(&request.fields)) else {
        w.log(Level::Error, format_args!("a Depth or Overwrite that is not valid (RFC 4918 section 10)"));
        return Err(400);
    };
    if depth == Depth::One {
        w.log(Level::Error, format_args!("Depth: 1 is not valid for {} (RFC 4918 section 9.8.3)", method.name()));
        return Err(400);
    }
    let route = Rc::clone(&w.t.route);
    let listener = &w.identity.listener;
    let own_port = match &listener.local {
        Address::Inet(local) => Some(local.port()),
        Address::Unix(_) => None,
    };
    let to_path = dav::destination(&request, own_port, route.settings.merge_slashes).map_err(|error| {
        w.log(Level::Error, format_args!("refused: {}", error.reason()));
        error.status()
    })?;
    let to_route = Rc::clone(listener.routes.to_path(&route.server, &to_path));
    let (here, there) = (&route.settings, &to_route.settings);
    if !allows(here, there, &to_path, method) {
        w.log(Level::Error, format_args!("the location of the Destination does not take {}", method.name()));
        return Err(403);
    }
    let from = route.file_path(w.t.http.path()).ok_or(404_u16)?;
    let to = to_route.file_path(&to_path).ok_or(403_u16)?;
    if is_root(there, &to) || is_root(here, &from) {
        w.log(Level::Error, format_args!("the directory of \"root\" or \"alias\" itself stays as it is"));
        return Err(403);
    }
    if contain(&from, &to) || contain(&to, &from) {
        w.log(Level::Error, format_args!("the original and the Destination contain each other"));
        return Err(403);
    }
    if let Some(obstacle) = judge::destination(&listener.routes, &to_route, &to_path, method) {
        w.log(Level::Error, format_args!("{} to the Destination is refused: {obstacle}", method.name()));
        return Err(403);
    }
    let obstacle = original_directory(w, &to_route, &to_path, method, depth);
    let number = secret_number(w).ok_or(500_u16)?;
    let (from_links, to_links, sync) = (here.disable_symlinks, there.disable_symlinks, there.dav.sync);
    let moves = method == Method::Move;
    Ok(CopyMove { from, to, from_links, to_links, moves, overwrites, depth, number, sync, obstacle })
}

/// Why the original must not be copied or moved if it is a directory.
fn original_directory(
    w: &Work<'_>,
    to_route: &Rc<Route>,
    to_path: &[u8],
    method: Method,
    depth: Depth,
) -> Option<Obstacle> {
    let (routes, route, path) = (&w.identity.listener.routes, &w.t.route, w.t.http.path());
    if method == Method::Copy && depth == Depth::Zero {
        return judge::directory(routes, route, path, method);
    }
    judge::tree(routes, route, path, method).or_else(|| judge::programs(route, path, to_route, to_path))
}

fn has_body(w: &Work<'_>) -> bool {
    w.t.http.request.as_ref().is_some_and(|request| request.has_body())
}

/// Whether the path is the directory of `root` or `alias`, which contains all files of the location.
fn is_root(settings: &Settings, path: &[u8]) -> bool {
    trimmed(path) == trimmed(route::document_root(settings))
}

/// Whether `inner` is `outer` or lies below it.
fn contain(outer: &[u8], inner: &[u8]) -> bool {
    let outer = trimmed(outer);
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
