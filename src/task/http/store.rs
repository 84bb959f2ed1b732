//! PUT: stores the body as a file. Also the checks that POST with `upload_store` shares.

use super::next::Next;
use super::page;
use crate::connection::Stage;
use crate::http::{Framing, Known, Version};
use crate::limits::STORED_BYTES_MAX;
use crate::log::Level;
use crate::route;
use crate::task::Work;
use crate::task::file::FileWrite;

/// Stores the body at the request's path.
pub(super) fn store(w: &mut Work<'_>) -> Next {
    if !has_whole_document(w) {
        return page::refuse(w, 400);
    }
    let Some(path) = route::file_path(w.t.settings(), w.t.http.path()) else { return page::refuse(w, 404) };
    w.t.body.widen(STORED_BYTES_MAX); // a part may have come while CgiStart looked for a program
    let Some(number) = secret_number(w) else { return page::refuse(w, 500) };
    await_body(w);
    w.join(Box::new(FileWrite::new(path, number)));
    Next::Go(Stage::Handler)
}

/// A number for names that nobody may guess, of files that are being stored or removed. It consists of the kernel's
/// random bytes, so no name tells anything of another name. Returns `None`, and logs why, if there are none.
pub(super) fn secret_number(w: &mut Work<'_>) -> Option<u128> {
    match w.worker.random.draw() {
        Ok(bytes) => Some(u128::from_ne_bytes(bytes)),
        Err(error) => {
            w.log(Level::Crit, format_args!("{error}: no random bytes for a name, and /dev/urandom cannot be read"));
            None
        }
    }
}

/// Prepares the body for a handler that takes it: nothing more is asked of the client until the handler wants the body.
/// A body that is complete already (empty, or read while CgiStart looked for a program) is ended.
pub(super) fn await_body(w: &mut Work<'_>) {
    if w.t.http.request_body.is_whole() {
        w.t.body.end();
    }
    w.t.body.hold();
}

/// Whether the request carries the complete document. A part of a file is not stored (RFC 9110 section 14.5). A body
/// without a length from an HTTP/1.0 client (RFC 1945 section 7.2.2) would be stored as an empty file.
pub(super) fn has_whole_document(w: &Work<'_>) -> bool {
    w.t.http.request.as_ref().is_some_and(|request| {
        let has_no_length = request.framing == Framing::None && request.version == Version::HTTP_1_0;
        !has_no_length && !request.fields.has(Known::ContentRange)
    })
}
