//! PUT: the body becomes a file. And what POST's uploads have in common with it.

use super::next::Next;
use super::page;
use crate::connection::Stage;
use crate::http::{Framing, Known, Version};
use crate::limits::STORED_BYTES_MAX;
use crate::route;
use crate::task::Work;
use crate::task::file::FileWrite;

/// Stores the body at the request's path.
pub(super) fn store(w: &mut Work<'_>) -> Next {
    if !has_whole_document(w) {
        return page::refuse(w, 400);
    }
    let Some(path) = route::file_path(w.t.settings(), w.t.http.path()) else { return page::refuse(w, 404) };
    w.t.body.widen(STORED_BYTES_MAX); // a part of it may have come while a program was looked for
    await_body(w);
    let number = w.worker.request_id(w.identity, w.t);
    w.join(Box::new(FileWrite::new(path, number)));
    Next::Go(Stage::Handler)
}

/// A handler is asked that takes the body. It has yet to say that it wants it, unless all of it has come: then it is an
/// empty one, or a program was looked for meanwhile.
pub(super) fn await_body(w: &mut Work<'_>) {
    if w.t.http.request_body.is_whole() {
        w.t.body.end();
    }
    w.t.body.hold();
}

/// Whether the request has all of what is to be stored. A part of a file is not stored (RFC 9110 section 14.5). A
/// client of HTTP/1.0 that has not said how long its body is (RFC 1945 section 7.2.2) would get an empty file, and the
/// rest would be lost.
pub(super) fn has_whole_document(w: &Work<'_>) -> bool {
    w.t.http.request.as_ref().is_some_and(|request| {
        let has_no_length = request.framing == Framing::None && request.version == Version::HTTP_1_0;
        !has_no_length && !request.fields.has(Known::ContentRange)
    })
}
