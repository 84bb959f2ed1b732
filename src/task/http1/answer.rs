//! From a handler's answer to what the client gets of it: preconditions and ranges.

use super::current::{Current, Piece, ReplyFraming, Transfer};
use super::head::head_made;
use super::{Context, Http1, Step};
use crate::config::IfModifiedSince;
use crate::connection::{Answer, Source};
use crate::http::conditional::{self, Validators, Verdict};
use crate::http::multipart::Multipart;
use crate::http::print::BodyEnd;
use crate::http::range::{self, ContentRange, RangeVerdict};
use crate::http::{Known, ReplyHead, Request, Version, date};
use crate::route;
use std::ops::Range;

impl Http1 {
    /// A handler has answered.
    pub(super) fn take_answer(&mut self, mut current: Box<Current>, cx: &mut Context<'_>) -> Step {
        let Some(answer) = cx.connection().reply.answer.take() else { return self.wait(current) };
        match answer {
            Answer::Document(head) => {
                let source = cx.connection().reply.source.take();
                if let Some(index) = cx.connection().reply.index.take() {
                    current.add_index(&index);
                }
                self.document(current, head, source, cx)
            }
            Answer::NonParsed(status, head) => self.pass_on(current, status, head, cx),
            Answer::Page(head) => {
                end_handlers(cx);
                self.page(current, head, cx)
            }
            Answer::Whole(head, body) => {
                end_handlers(cx);
                self.send_whole(current, head, body, cx)
            }
            Answer::Directory => {
                end_handlers(cx);
                self.add_slash(current, cx)
            }
            Answer::Internal(path) => {
                end_handlers(cx);
                self.redirect(current, path, cx)
            }
            Answer::LocalRedirect(target) => {
                end_handlers(cx);
                self.local_redirect(current, &target, cx)
            }
            Answer::Listing(_) if !current.reads() => {
                end_handlers(cx);
                self.refuse(current, 405, cx)
            }
            Answer::Listing(directory) => {
                end_handlers(cx);
                self.list(current, directory, cx)
            }
            Answer::NeedsLength => {
                end_handlers(cx);
                self.spool(current, cx)
            }
            Answer::Spooled(file, bytes) => {
                end_handlers(cx);
                self.start_program(current, file, Some(bytes), cx)
            }
            Answer::Declined => {
                end_handlers(cx);
                self.ask_without_program(current, cx)
            }
        }
    }

    /// A document: preconditions and ranges decide how much of it is sent. Its bytes are those of `source`, or come
    /// from a handler.
    pub(super) fn document(
        &mut self,
        mut current: Box<Current>,
        mut head: ReplyHead,
        source: Option<Source>,
        cx: &mut Context<'_>,
    ) -> Step {
        let Some(length) = head.length else { return self.stream(current, head, cx) };
        let is_file = head.seekable;
        head.seekable &= current.route.settings.max_ranges != Some(0);
        head.status = current.error_status.unwrap_or(head.status);
        if is_file && !current.reads() {
            end_handlers(cx);
            return self.refuse(current, 405, cx); // a file, where a program was asked for
        }
        if !current.in_error_page {
            current.document_bytes = Some(length);
        }
        let now_secs = cx.worker.date.wall(cx.now).secs;
        // A file from the future has changed now: RFC 9110 section 8.8.2.1.
        head.last_modified_secs = head.last_modified_secs.map(|secs| secs.min(now_secs));
        let request = match &current.request {
            Some(request) if is_file && head.status == 200 && !current.in_error_page => request.clone(),
            // An error page is not the resource itself, and a program has looked at the conditions of its own.
            _ => return self.send_part(current, head, source, (0..length, None), cx),
        };
        let mode = current.route.settings.if_modified_since;
        let validators = Validators {
            etag: head.etag.as_ref().map(|tag| tag.as_bytes()),
            last_modified_secs: head.last_modified_secs,
        };
        match preconditions(&request, &validators, mode, now_secs) {
            Verdict::Proceed => {}
            Verdict::NotModified => {
                end_handlers(cx);
                return self.send_whole(current, ReplyHead { status: 304, ..head }, Vec::new(), cx);
            }
            Verdict::PreconditionFailed => {
                end_handlers(cx);
                return self.refuse(current, 412, cx);
            }
        }
        let ranges_max = match head.seekable {
            true => current.route.settings.max_ranges.unwrap_or(usize::MAX),
            false => 0,
        };
        match range::evaluate(&request, &validators, length, ranges_max, now_secs) {
            RangeVerdict::Whole => self.send_part(current, head, source, (0..length, None), cx),
            RangeVerdict::Satisfiable(ranges) => {
                head.status = 206;
                match <[Range<u64>; 1]>::try_from(ranges) {
                    Ok([part]) => {
                        let (start, end) = (part.start, part.end);
                        let content_range = ContentRange::Part { start, end, length };
                        self.send_part(current, head, source, (part, Some(content_range)), cx)
                    }
                    Err(ranges) => {
                        cx.connection().reply.source = source;
                        self.send_parts(current, head, length, &ranges, cx)
                    }
                }
            }
            RangeVerdict::Unsatisfiable => {
                end_handlers(cx);
                self.refuse(current, 416, cx)
            }
        }
    }

    fn send_part(
        &mut self,
        mut current: Box<Current>,
        head: ReplyHead,
        source: Option<Source>,
        (part, content_range): (Range<u64>, Option<ContentRange>),
        cx: &mut Context<'_>,
    ) -> Step {
        let bytes = part.end - part.start;
        let head = self.head(&mut current, head, BodyEnd::Length(bytes), content_range, cx);
        if let Some(source) = source {
            end_handlers(cx);
            return self.send_at_hand(current, head, source.part(part), cx);
        }
        if bytes > 0 && !current.head_only {
            cx.connection().reply.wanted.push_back(part);
        }
        self.send(
            current,
            Transfer { before: head, framing: ReplyFraming::Pieces { left: bytes, rest: Vec::new() } },
            cx,
        )
    }

    /// A document whose length nobody knows yet.
    fn stream(&mut self, mut current: Box<Current>, mut head: ReplyHead, cx: &mut Context<'_>) -> Step {
        head.status = current.error_status.unwrap_or(head.status);
        let is_old = current.request.as_ref().is_none_or(|request| request.version == Version::HTTP_1_0);
        let (end, framing) = match is_old {
            true => (BodyEnd::Close, ReplyFraming::UntilClose),
            false => (BodyEnd::Chunked, ReplyFraming::Chunked),
        };
        current.keep_alive &= !is_old;
        let before = self.head(&mut current, head, end, None, cx);
        self.send(current, Transfer { before, framing }, cx)
    }

    /// A program has written the whole response. Only it knows how that is framed, so the connection ends with it.
    fn pass_on(&mut self, mut current: Box<Current>, status: u16, head: Vec<u8>, cx: &mut Context<'_>) -> Step {
        if current.owes_continue {
            current.body.give_up();
        }
        current.keep_alive = false;
        current.status = status;
        head_made(&mut current, &head, cx);
        self.send(current, Transfer { before: head, framing: ReplyFraming::UntilClose }, cx)
    }

    /// multipart/byteranges: each part has a heading of ours.
    fn send_parts(
        &mut self,
        mut current: Box<Current>,
        head: ReplyHead,
        length: u64,
        ranges: &[Range<u64>],
        cx: &mut Context<'_>,
    ) -> Step {
        let boundary = route::request_id(cx.worker.team.number(), self.number, current.number) as u64;
        let content_type = head.content_type.clone();
        let multipart = Multipart::new(boundary, content_type.as_ref(), length, ranges);
        let framed = ReplyHead { content_type: Some(multipart.content_type()), ..head };
        let head = self.head(&mut current, framed, BodyEnd::Length(multipart.body_len()), None, cx);
        let mut end = Vec::new();
        multipart.push_end(&mut end);
        let mut rest = vec![Piece { heading: end, bytes: 0 }];
        for (i, range) in ranges.iter().enumerate().rev() {
            let mut heading = Vec::new();
            multipart.push_part_start(i, &mut heading);
            rest.push(Piece { heading, bytes: range.end - range.start });
        }
        if !current.head_only {
            cx.connection().reply.wanted.extend(ranges.iter().cloned());
        }
        self.send(current, Transfer { before: head, framing: ReplyFraming::Pieces { left: 0, rest } }, cx)
    }
}

/// The handlers' part is over: what they still have is not wanted.
#[inline]
pub(super) fn end_handlers(cx: &mut Context<'_>) {
    cx.cancel_handlers();
    cx.connection().reply.give_back();
}

/// RFC 9110 section 13.2.2, with nginx's `if_modified_since`.
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
