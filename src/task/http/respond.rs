//! Makes the response: adds the configured fields to the head, then the protocol sends it.

use super::fields;
use super::next::Next;
use super::subrequest;
use crate::connection::{BodySink, Content, Made, Response, Segment, Stage};
use crate::http::ReplyHead;
use crate::http::range::ContentRange;
use crate::task::Work;

/// Responds with a complete body.
pub(super) fn whole(w: &mut Work<'_>, head: ReplyHead, body: Vec<u8>) -> Next {
    let http = &mut w.t.http;
    if !http.request_body.is_finished() {
        // A client that waits for 100 Continue and gets this instead may send the body, or not.
        let is_asked_first = http.request.as_ref().is_some_and(|request| request.expect_continue);
        let may_not_come = is_asked_first && http.request_body.sink == BodySink::Discard;
        if may_not_come || !http.request_body.is_nearly_finished() {
            http.request_body.give_up();
            http.keep_alive = false;
        }
    }
    made(w, head, None, Content::Here(Segment::owned(body)))
}

/// Responds with this head and body. Adds the configured fields to the head.
pub(super) fn made(
    w: &mut Work<'_>,
    mut head: ReplyHead,
    mut content_range: Option<ContentRange>,
    content: Content,
) -> Next {
    if head.status == 416 {
        content_range = w.t.http.document_bytes.map(|length| ContentRange::None { length });
    }
    w.t.http.status = Some(head.status);
    let server = fields::add(w, &mut head);
    respond(w, Response::Made(Box::new(Made { head, server, content_range, content })))
}

/// Passes the response to the protocol.
#[inline(always)] // a few instructions, once per request
pub(super) fn respond(w: &mut Work<'_>, response: Response) -> Next {
    if w.t.http.internal && w.t.http.rare.suspended.is_some() {
        return subrequest::answered(w, response);
    }
    w.t.http.response = Some(response);
    Next::Go(Stage::Sending)
}
