//! Sends a document: applies preconditions and ranges.

use super::fields;
use super::next::{Next, end_handlers};
use super::page;
use super::respond::{made, whole};
use crate::config::IfModifiedSince;
use crate::connection::{Content, DocumentSource, RangePart, Segment};
use crate::http::conditional::{self, Validators, Verdict};
use crate::http::multipart::Multipart;
use crate::http::range::{self, ContentRange, RangeVerdict};
use crate::http::{Known, ReplyHead, Request, date};
use crate::task::Work;
use std::ops::Range;

/// Sends as much of a document as the request asks for. The bytes come from `source`, or from a handler.
pub(super) fn document(w: &mut Work<'_>, mut head: ReplyHead, source: Option<DocumentSource>) -> Next {
    head.status = w.t.http.error_status.unwrap_or(head.status);
    fields::add_charset(w.t.settings(), &mut head); // each part of several has it, too
    let Some(length) = head.length else { return made(w, head, None, Content::Stream) };
    let is_file = head.seekable;
    head.seekable &= w.t.settings().max_ranges != Some(0);
    if is_file && !w.t.http.reads() {
        end_handlers(w);
        return page::not_taken(w); // a file was found where only a program takes this method
    }
    if is_file && !w.t.http.in_error_page {
        w.t.http.document_bytes = Some(length);
    }
    let now_secs = w.worker.date.wall(w.now).secs;
    head.last_modified_secs = head.last_modified_secs.and_then(|secs| conditional::sent_date(secs, now_secs));
    let request = match &w.t.http.request {
        Some(request) if is_file && head.status == 200 && !w.t.http.in_error_page => request.clone(),
        // An error page is not the requested resource, and a program checks preconditions itself.
        _ => return part(w, head, source, 0..length, None),
    };
    let (etag, last_modified_secs) = fields::validators(w, &head, now_secs);
    let validators = Validators { etag: etag.as_ref().map(|tag| tag.as_bytes()), last_modified_secs };
    match preconditions(&request, &validators, w.t.settings().if_modified_since, now_secs) {
        Verdict::Proceed => {}
        Verdict::NotModified => {
            end_handlers(w);
            return whole(w, ReplyHead { status: 304, ..head }, Vec::new());
        }
        Verdict::PreconditionFailed => {
            end_handlers(w);
            return page::refuse(w, 412);
        }
    }
    let ranges_max = match head.seekable {
        true => w.t.settings().max_ranges.unwrap_or(usize::MAX),
        false => 0,
    };
    match range::evaluate(&request, &validators, length, ranges_max, now_secs) {
        RangeVerdict::Whole => part(w, head, source, 0..length, None),
        RangeVerdict::Satisfiable(ranges) => {
            head.status = 206;
            match <[Range<u64>; 1]>::try_from(ranges) {
                Ok([range]) => {
                    let (start, end) = (range.start, range.end);
                    part(w, head, source, range, Some(ContentRange::Part { start, end, length }))
                }
                Err(ranges) => match w.worker.random.draw() {
                    Ok(bytes) => parts(w, head, source, length, &ranges, u64::from_ne_bytes(bytes)),
                    Err(_) => part(w, ReplyHead { status: 200, ..head }, source, 0..length, None),
                },
            }
        }
        RangeVerdict::Unsatisfiable => {
            end_handlers(w);
            page::refuse(w, 416)
        }
    }
}

/// Sends a part of a document, or all of it.
fn part(
    w: &mut Work<'_>,
    head: ReplyHead,
    source: Option<DocumentSource>,
    part: Range<u64>,
    content_range: Option<ContentRange>,
) -> Next {
    if let Some(source) = source {
        end_handlers(w);
        return made(w, head, content_range, Content::Here(source.part(part)));
    }
    let bytes = part.end - part.start;
    if let Some(body) = whole_body(w, bytes) {
        return made(w, head, content_range, Content::Here(body));
    }
    if bytes > 0 && !w.t.http.head_only {
        w.t.reply.wanted.push_back(part);
    }
    made(w, head, content_range, Content::Parts(vec![RangePart { heading: Vec::new(), bytes }]))
}

/// The body, if all of it has come with the head, in one piece.
fn whole_body(w: &mut Work<'_>, bytes: u64) -> Option<Segment> {
    let body = &mut w.t.reply.body;
    let is_whole = body.is_ended() && body.len() == bytes && body.is_one_segment();
    if is_whole { body.take(bytes) } else { None }
}

/// Sends several parts as multipart/byteranges; each part has a heading. `boundary` must be hard to guess.
fn parts(
    w: &mut Work<'_>,
    head: ReplyHead,
    source: Option<DocumentSource>,
    length: u64,
    ranges: &[Range<u64>],
    boundary: u64,
) -> Next {
    let content_type = head.content_type.clone();
    let multipart = Multipart::new(boundary, content_type.as_ref(), length, ranges);
    let framed = ReplyHead { content_type: Some(multipart.content_type()), ..head };
    let mut parts = Vec::with_capacity(ranges.len() + 1);
    for (i, range) in ranges.iter().enumerate() {
        let mut heading = Vec::new();
        multipart.push_part_start(i, &mut heading);
        parts.push(RangePart { heading, bytes: range.end - range.start });
    }
    let mut end = Vec::new();
    multipart.push_end(&mut end);
    parts.push(RangePart { heading: end, bytes: 0 });
    w.t.reply.source = source;
    if !w.t.http.head_only {
        w.t.reply.wanted.extend(ranges.iter().cloned());
    }
    made(w, framed, None, Content::Parts(parts))
}

/// Evaluates preconditions (RFC 9110 section 13.2.2) with nginx's `if_modified_since`.
fn preconditions(request: &Request, validators: &Validators<'_>, mode: IfModifiedSince, now_secs: i64) -> Verdict {
    let verdict = conditional::evaluate(request.method, &request.fields, validators, true, now_secs);
    if verdict != Verdict::NotModified || request.fields.has(Known::IfNoneMatch) {
        return verdict;
    }
    let since = || request.fields.get_only(Known::IfModifiedSince).and_then(|text| date::parse(text, now_secs));
    match mode {
        IfModifiedSince::Before => verdict,
        IfModifiedSince::Exact if since() == validators.last_modified_secs => verdict,
        IfModifiedSince::Exact | IfModifiedSince::Off => Verdict::Proceed,
    }
}
