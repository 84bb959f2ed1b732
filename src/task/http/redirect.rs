//! Internal redirects: the request goes on with another path.

use super::next::Next;
use crate::config::Phases;
use crate::connection::{BodySink, Path, Stage};
use crate::http::target;
use crate::limits::REDIRECTS_MAX;
use crate::log::Level;
use crate::task::Work;
use std::rc::Rc;

/// Redirects to another path, which is decoded and normalized.
///
/// # Errors
/// 500 after more than [`REDIRECTS_MAX`] redirects.
pub(super) fn to_path(w: &mut Work<'_>, path: Vec<u8>) -> Result<Next, u16> {
    count(w)?;
    begin_anew(w);
    w.t.http.path = Path::Made(path);
    let server = Rc::clone(w.identity.listener.routes.to_server(&w.t.route.server));
    let rewrites = server.settings.phases.contains(Phases::SERVER_REWRITE);
    w.t.route = server;
    Ok(Next::Go(if rewrites { Stage::ServerRewrite } else { Stage::FindLocation }))
}

/// Looks for the location of a path that was rewritten.
///
/// # Errors
/// The status of a refusal: the path is not valid, or there were too many redirects.
pub(super) fn again(w: &mut Work<'_>) -> Result<Next, u16> {
    count(w)?;
    if w.t.http.rare.left_prefix {
        w.t.http.rare.left_prefix = false;
    }
    if is_clean(w.t.http.path()) {
        return Ok(Next::Go(Stage::FindLocation));
    }
    let path = w.t.http.path().escape_ascii().to_string();
    w.log(Level::Error, format_args!("rewrite: \"{path}\" is no path"));
    Err(404)
}

/// Redirects to a path of the configuration, with or without a query. The path is decoded.
///
/// # Errors
/// The status of a refusal: the path is not valid, or there were too many redirects.
pub(super) fn to_uri(w: &mut Work<'_>, uri: &[u8]) -> Result<Next, u16> {
    let (path, query) = split(uri);
    if !is_clean(path) {
        w.log(Level::Error, format_args!("the redirect to \"{}\" is refused: it is no path", uri.escape_ascii()));
        return Err(500);
    }
    w.t.http.rare.new_query = Some(query);
    to_path(w, path.to_vec())
}

/// Goes on in a named location; the name includes "@". The path and the method stay.
///
/// # Errors
/// 500: the location is missing, or there were too many redirects.
pub(super) fn to_named(w: &mut Work<'_>, name: &str) -> Result<Next, u16> {
    count(w)?;
    let Some(route) = w.identity.listener.routes.to_named(&w.t.route.server, name) else {
        w.log(Level::Error, format_args!("there is no location {}", name.escape_default()));
        return Err(500);
    };
    w.t.route = Rc::clone(route);
    begin_anew(w);
    Ok(Next::Go(Stage::EnterNamed))
}

/// What the phases have found out for the place that the request leaves does not hold for the next one.
fn begin_anew(w: &mut Work<'_>) {
    let http = &mut w.t.http;
    http.internal = true;
    let rare = &mut http.rare;
    (rare.chosen, rare.rewriting, rare.probed, rare.tried) = (None, None, None, 0);
    rare.left_prefix = false;
}

/// Whether a path that was made of variables is one that a client could have asked for: it is absolute, and has no
/// segment "." or "..", which the file system would follow out of the root.
pub(super) fn is_clean(path: &[u8]) -> bool {
    let is_dots = |segment: &[u8]| segment == b"." || segment == b"..";
    path.starts_with(b"/") && !path.contains(&0) && !path.split(|b| *b == b'/').any(is_dots)
}

/// Counts a redirect.
///
/// # Errors
/// 500 after more than [`REDIRECTS_MAX`] redirects.
fn count(w: &mut Work<'_>) -> Result<(), u16> {
    w.t.http.redirects = w.t.http.redirects.saturating_add(1);
    if w.t.http.redirects > REDIRECTS_MAX {
        w.log(Level::Error, format_args!("more than {REDIRECTS_MAX} internal redirects: a loop in the configuration"));
        return Err(500);
    }
    Ok(())
}

/// The path and the query of an internal redirect. The query is as a client would have to send it: bytes from 0x80 on
/// are percent-encoded.
pub(super) fn split(uri: &[u8]) -> (&[u8], Vec<u8>) {
    match memchr::memchr(b'?', uri) {
        Some(mark) => (&uri[..mark], target::escape_high(&uri[mark + 1..]).into_owned()),
        None => (uri, Vec::new()),
    }
}

/// A program's Location on this server: the request goes on as a GET without a body (RFC 3875 section 6.2.2).
///
/// # Errors
/// 502 if the program's Location is not a valid path, and the errors of [`to_path`].
pub(super) fn to_target(w: &mut Work<'_>, location: &[u8]) -> Result<Next, u16> {
    let (path, query) = split(location);
    w.t.http.rare.new_query = Some(query);
    w.t.http.as_get = true;
    w.t.http.request_body.sink = BodySink::Discard;
    w.t.body.abandon();
    match target::normalize(path, w.t.settings().merge_slashes) {
        Ok(path) => to_path(w, path.into_owned()),
        Err(error) => {
            w.log(Level::Error, format_args!("the program's Location: {}", error.reason()));
            Err(502)
        }
    }
}
