//! The body of a request whose handler wants all of it before it begins: in memory, or in a file.

use super::next::Next;
use super::page;
use super::secret_number::secret_number;
use crate::config::BodyInFile;
use crate::connection::{Stage, StoredBody};
use crate::task::Work;
use crate::task::file::{BodyFile, BodySpool};

/// Prepares the body for a handler that takes it: nothing more is asked of the client until the handler wants the body.
/// A body that is complete already (empty, or read while CgiStart looked for a program) is ended.
pub(super) fn await_body(w: &mut Work<'_>) {
    if w.t.http.request_body.is_whole() {
        w.t.body.end();
    }
    w.t.body.hold();
}

/// Stores all of the body before the handler gets it.
pub(super) fn spool(w: &mut Work<'_>) -> Next {
    let Some(number) = secret_number(w) else { return page::refuse(w, 500) };
    let settings = w.t.settings();
    let in_file = settings.client_body_in_file_only != BodyInFile::Off;
    let spool = BodySpool::new(&settings.client_body_temp_path, number, in_file);
    w.join(Box::new(spool));
    Next::Go(Stage::Handler)
}

/// Remembers the name of the file that holds the body, and has it removed after the response if that is asked for.
pub(super) fn note_body_file(w: &mut Work<'_>, stored: &StoredBody) {
    if stored.path.is_empty() {
        return;
    }
    w.t.http.rare.body_file = stored.path.clone();
    if w.t.settings().client_body_in_file_only == BodyInFile::Clean {
        w.join(Box::new(BodyFile::new(stored.path.clone())));
    }
}
