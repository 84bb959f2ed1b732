//! Internal redirects: the request goes on with another path.

use super::next::Next;
use crate::connection::{BodySink, Path, Stage};
use crate::http::target;
use crate::limits::REDIRECTS_MAX;
use crate::log::Level;
use crate::task::Work;

/// Redirects to another path, which is decoded and normalized.
///
/// # Errors
/// 500 after more than [`REDIRECTS_MAX`] redirects.
pub(super) fn to_path(w: &mut Work<'_>, path: Vec<u8>) -> Result<Next, u16> {
    w.t.http.redirects += 1;
    if w.t.http.redirects > REDIRECTS_MAX {
        w.log(Level::Error, format_args!("more than {REDIRECTS_MAX} internal redirects: a loop in the configuration"));
        return Err(500);
    }
    w.t.http.internal = true;
    w.t.http.path = Path::Made(path);
    Ok(Next::Go(Stage::FindLocation))
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
