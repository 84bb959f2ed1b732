//! `_force_ranges`: a part of an answer whose server sends all of it.

use super::super::next::{Next, end_handlers};
use super::super::respond::made;
use super::super::{document, fields, page};
use crate::connection::{Content, RangePart};
use crate::http::conditional::Validators;
use crate::http::range::{self, ContentRange, RangeVerdict};
use crate::http::{Name, ReplyHead, Text, date};
use crate::task::Work;
use std::ops::Range;

/// Sends an answer, or the part of it that the request asks for. As in nginx, it is one part: a request for several
/// gets the whole.
pub(super) fn document(w: &mut Work<'_>, mut head: ReplyHead) -> Next {
    let request = w.t.http.request.clone().filter(|_| w.t.http.error_status.is_none() && w.t.http.reads());
    let ranges_max = w.t.settings().max_ranges.unwrap_or(1).min(1);
    let (Some(length), Some(request), 200, 1..) = (head.length, request, head.status, ranges_max) else {
        return document::document(w, head, None);
    };
    let now_secs = w.worker.date.wall(w.now).secs;
    let (own_etag, own_date) = own_validators(&head, now_secs);
    let (etag, last_modified_secs) = fields::validators(w, &head, now_secs);
    let etag = etag.or(own_etag);
    let validators =
        Validators { etag: etag.as_ref().map(Text::as_bytes), last_modified_secs: last_modified_secs.or(own_date) };
    head.fields.retain(|(name, _)| !name.is(b"Accept-Ranges"));
    match range::evaluate(&request, &validators, length, ranges_max, now_secs) {
        RangeVerdict::Satisfiable(ranges) if ranges.len() == 1 => part(w, head, ranges[0].clone(), length),
        RangeVerdict::Unsatisfiable => {
            w.t.http.document_bytes = Some(length);
            end_handlers(w);
            page::refuse(w, 416)
        }
        RangeVerdict::Whole | RangeVerdict::Satisfiable(_) => {
            head.fields.push(const { (Name::from_static("Accept-Ranges"), Text::from_static("bytes")) });
            document::document(w, head, None)
        }
    }
}

/// What the server behind says of its document, for If-Range.
fn own_validators(head: &ReplyHead, now_secs: i64) -> (Option<Text>, Option<i64>) {
    let value = |name: &[u8]| head.fields.iter().find(|(it, _)| it.is(name)).map(|(_, value)| value);
    let last_modified_secs = value(b"Last-Modified").and_then(|text| date::parse(text.as_bytes(), now_secs));
    (head.etag.as_ref().or(value(b"ETag")).cloned(), head.last_modified_secs.or(last_modified_secs))
}

/// Sends one part. What has come of the body already is cut here, and what comes later where it is read.
fn part(w: &mut Work<'_>, mut head: ReplyHead, part: Range<u64>, length: u64) -> Next {
    let body = &mut w.t.reply.body;
    let (came, (start, end)) = (body.len(), (part.start, part.end));
    body.consume(start.min(came));
    let (mut kept, mut left) = (Vec::new(), end.min(came).saturating_sub(start));
    while left > 0
        && let Some(segment) = body.take(left)
    {
        left -= segment.len();
        kept.push(segment);
    }
    body.clear();
    kept.into_iter().for_each(|segment| body.push(segment));
    if came >= end {
        body.end();
    }
    if let Some(passing) = w.t.http.passing_mut() {
        passing.part = Some(part);
    }
    (head.status, head.length) = (206, Some(end - start));
    let content = Content::Parts(vec![RangePart { heading: Vec::new(), bytes: end - start }]);
    made(w, head, Some(ContentRange::Part { start, end, length }), content)
}
