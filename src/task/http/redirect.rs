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

/// A program's Location on this server: the request goes on as a GET without a body (RFC 3875 section 6.2.2).
///
/// # Errors
/// 502 if the program's Location is not a valid path, and the errors of [`to_path`].
pub(super) fn to_target(w: &mut Work<'_>, location: &[u8]) -> Result<Next, u16> {
    let mark = location.iter().position(|b| *b == b'?');
    w.t.http.rare.new_query = Some(mark.map(|mark| location[mark + 1..].to_vec()).unwrap_or_default());
    w.t.http.as_get = true;
    w.t.http.request_body.sink = BodySink::Discard;
    w.t.body.abandon();
    let path = &location[..mark.unwrap_or(location.len())];
    match target::normalize(path, w.t.settings().merge_slashes) {
        Ok(path) => to_path(w, path.into_owned()),
        Err(error) => {
            w.log(Level::Error, format_args!("the program's Location: {}", error.reason()));
            Err(502)
        }
    }
}
