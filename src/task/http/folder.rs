//! What answers for a directory: its index files, a file by chance, or a listing. Also the picture of `empty_gif`.

use super::document::document;
use super::next::Next;
use super::page;
use crate::config::Template;
use crate::connection::{DocumentSource, Stage};
use crate::http::listing::{self, Format};
use crate::http::{Method, ReplyHead, Text};
use crate::log::Level;
use crate::route::{self, Route};
use crate::task::Work;
use crate::task::file::{DirRead, RandomIndex};
use crate::vars;
use std::borrow::Cow;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

/// A picture of one transparent pixel: GIF89a, a color table of black and white, a graphic control extension that makes
/// the second color transparent, the image of that pixel.
const PIXEL: [u8; 43] = *b"GIF89a\x01\0\x01\0\x80\x01\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\x01\0,\0\0\0\0\
    \x01\0\x01\0\0\x02\x02L\x01\0;";

/// The Last-Modified of the picture, as nginx has it: 1970-09-28 06:00:00.
const PIXEL_CHANGED_SECS: i64 = 23_349_600;

/// `empty_gif`: answers with a picture of one transparent pixel.
pub(super) fn empty_gif(w: &mut Work<'_>) -> Next {
    let mut head = ReplyHead::new(200);
    head.content_type = Some(const { Text::from_static("image/gif") });
    head.last_modified_secs = Some(PIXEL_CHANGED_SECS);
    head.length = Some(PIXEL.len() as u64);
    head.seekable = true;
    document(w, head, Some(DocumentSource::Bytes(Rc::from(&PIXEL[..]))))
}

/// The index files of the directory with this path, each with whether another location answers for it. Also returns
/// whether they are the same for each request.
pub(super) fn indexes(w: &Work<'_>, route: &Route, path: &[u8]) -> (Vec<(String, bool)>, bool) {
    let settings = &route.settings;
    let index_path = |name: &str| [path, name.as_bytes()].concat();
    let is_read = w.t.http.method_now().is_none_or(Method::reads);
    let fits = |name: &Cow<'_, str>| is_read || is_program(w, route, &index_path(name));
    let elsewhere = |name: Cow<'_, str>| {
        let index = index_path(&name);
        (name.into_owned(), !route.also_answers(&index) || route::script_may_answer(settings, &index))
    };
    let names = settings.index.iter().filter_map(|name| index_name(w, name));
    let is_fixed = settings.index.iter().all(|name| name.as_text().is_some());
    (names.filter(fits).map(elsewhere).collect(), is_fixed)
}

/// Whether the index file of the requested directory may be a program. Programs take more methods than files do.
pub(super) fn may_have_program_index(w: &Work<'_>, route: &Route) -> bool {
    let path = w.t.http.path();
    let is_program = |name: Cow<'_, str>| is_program(w, route, &[path, name.as_bytes()].concat());
    path.ends_with(b"/") && route.settings.index.iter().filter_map(|name| index_name(w, name)).any(is_program)
}

/// Whether a program or a `return` may answer for this path, in the path's own location.
fn is_program(w: &Work<'_>, route: &Route, path: &[u8]) -> bool {
    let there = w.identity.listener.routes.to_path(&route.server, path);
    let settings = if route.also_answers(path) { &route.settings } else { &there.settings };
    settings.return_.is_some() || route::script_may_answer(settings, path)
}

/// The name of an index file. Returns None if variables leave nothing of it, or make it text that is not UTF-8.
fn index_name<'t>(w: &Work<'_>, name: &'t Template) -> Option<Cow<'t, str>> {
    match name.as_text() {
        Some(text) => Some(Cow::Borrowed(text)),
        None => {
            let name = vars::expand(name, &w.worker.view(w.identity, w.t, w.now));
            String::from_utf8(name).ok().filter(|name| !name.is_empty()).map(Cow::Owned)
        }
    }
}

/// Lists a directory, or chooses one of its files.
pub(super) fn list(w: &mut Work<'_>, directory: OwnedFd) -> Next {
    let settings = Arc::clone(&w.t.route.settings);
    let url_path = w.t.http.path().to_vec();
    if settings.autoindex.random && !w.t.http.rare.random_index_tried {
        w.t.http.rare.random_index_tried = true;
        w.join(Box::new(RandomIndex::new(directory, url_path, settings.disable_symlinks)));
        return Next::Go(Stage::Handler);
    }
    let preferred = || w.t.http.request.as_ref().map_or(Format::Html, |request| Format::preferred(&request.fields));
    let mut format = settings.autoindex.format.unwrap_or_else(preferred);
    let mut callback = Vec::new();
    if format == Format::Jsonp {
        match vars::argument(w.t.http.query().unwrap_or_default(), "callback", b'&') {
            Some(name) if !listing::is_callback(name) => {
                w.log(Level::Error, format_args!("the argument \"callback\" is no name of a function"));
                return page::refuse(w, 400);
            }
            Some(name) if !name.is_empty() => callback = name.to_vec(),
            _ => format = Format::Json,
        }
    }
    w.join(Box::new(DirRead::new(directory, url_path, settings, format).with_callback(callback)));
    Next::Go(Stage::Handler)
}
