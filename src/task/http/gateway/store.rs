//! `_store`: an answer becomes a file.

use super::super::redirect;
use crate::config::GatewayStore;
use crate::connection::Pipe;
use crate::http::{ReplyHead, date};
use crate::limits::REPLY_BYTES_MAX;
use crate::log::Level;
use crate::task::Work;
use crate::task::file::{AnswerAttributes, AnswerStore};
use crate::vars;
use std::sync::Arc;

/// Begins to store a whole document: an answer with 200 that has a body. What HEAD and a range get is not whole.
pub(super) fn begin(w: &mut Work<'_>, store: Option<&Arc<GatewayStore>>, head: &ReplyHead) {
    let Some(store) = store.filter(|_| head.status == 200 && !w.t.http.head_only) else { return };
    let Some(path) = path(w, store) else { return };
    let Ok(random) = w.worker.random.draw() else { return };
    let mut copy = Pipe::new(REPLY_BYTES_MAX);
    copy.push_copy(w.t.reply.body.contiguous()); // what has come with the head
    if w.t.reply.body.is_ended() {
        copy.end();
    }
    let Some(passing) = w.t.http.passing_mut() else { return };
    passing.copy = Some(Box::new(copy));
    let attributes = AnswerAttributes { mode: store.mode, modified_secs: last_modified(w, head) };
    w.join(Box::new(AnswerStore::new(path, attributes, head.length, u128::from_ne_bytes(random))));
}

/// The path of the file; `None` if the answer can have none.
fn path(w: &mut Work<'_>, store: &GatewayStore) -> Option<Vec<u8>> {
    let path = match &store.path {
        Some(text) => vars::expand(text, &w.worker.view(w.identity, w.t, w.now)),
        None => w.t.route.file_path(w.t.http.path())?,
    };
    if path.ends_with(b"/") {
        return None; // the name of a file has no slash at its end
    }
    // Variables may have what a client has sent, which must not lead out of the folder.
    if store.path.is_some() && !redirect::is_clean(&path) {
        w.log(Level::Error, format_args!("the answer is not stored: \"{}\" is refused as a path", path.escape_ascii()));
        return None;
    }
    Some(path)
}

fn last_modified(w: &Work<'_>, head: &ReplyHead) -> Option<i64> {
    let now_secs = w.worker.date.wall(w.now).secs;
    let (_, value) = head.fields.iter().find(|(name, _)| name.is(b"Last-Modified"))?;
    date::parse(value.as_bytes(), now_secs)
}
