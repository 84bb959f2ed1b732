//! PUT: stores the body as a file. Also the checks that POST with `upload_store` shares.

use super::next::Next;
use super::secret_number::secret_number;
use super::stored_body::await_body;
use super::{judge, page};
use crate::connection::Stage;
use crate::http::{Framing, Known, Version};
use crate::limits::STORED_BYTES_MAX;
use crate::task::Work;
use crate::task::file::FileWrite;
use std::rc::Rc;

/// Stores the body at the request's path.
pub(super) fn store(w: &mut Work<'_>) -> Next {
    if !has_whole_document(w) {
        return page::refuse(w, 400);
    }
    let route = Rc::clone(&w.t.route);
    let Some(path) = route.file_path(w.t.http.path()) else { return page::refuse(w, 404) };
    // A path with a slash at its end is no file's, and is refused by FileWrite.
    let obstacle = if path.ends_with(b"/") { None } else { judge::new_file(&route, w.t.http.path()) };
    if let Some(obstacle) = obstacle {
        return judge::refuse(w, &obstacle);
    }
    w.t.body.widen(STORED_BYTES_MAX); // a part may have come while CgiStart looked for a program
    let Some(number) = secret_number(w) else { return page::refuse(w, 500) };
    await_body(w);
    w.join(Box::new(FileWrite::new(path, number)));
    Next::Go(Stage::Handler)
}

/// Whether the request carries the complete document. A part of a file is not stored (RFC 9110 section 14.5). A body
/// without a length from an HTTP/1.0 client (RFC 1945 section 7.2.2) would be stored as an empty file.
pub(super) fn has_whole_document(w: &Work<'_>) -> bool {
    w.t.http.request.as_ref().is_some_and(|request| {
        let has_no_length = request.framing == Framing::None && request.version == Version::HTTP_1_0;
        !has_no_length && !request.fields.has(Known::ContentRange)
    })
}
