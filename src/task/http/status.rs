//! `stub_status`: a page with the numbers of connections and requests.

use super::next::Next;
use super::page;
use super::respond::whole;
use crate::http::{ReplyHead, Text};
use crate::task::Work;

/// Answers with the numbers.
pub(super) fn stub_status(w: &mut Work<'_>) -> Next {
    if !w.t.http.reads() {
        return page::refuse(w, 405);
    }
    let totals = w.worker.stats.totals(w.t.http.is_listed);
    let head = ReplyHead { content_type: Some(const { Text::from_static("text/plain") }), ..ReplyHead::new(200) };
    whole(w, head, totals.text().into_bytes())
}
