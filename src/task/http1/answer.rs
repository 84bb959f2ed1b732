//! From a worker's answer to the head that the client gets: preconditions, ranges, framing.

use super::current::{Current, Piece, Stage, Transfer};
use super::page::tokens;
use super::{Context, Http1, Step};
use crate::config::{Part, Variable};
use crate::exchange::Answer;
use crate::exchange::limits::REPLY_BYTES_MAX;
use crate::http::conditional::{self, Validators, Verdict};
use crate::http::multipart::Multipart;
use crate::http::print::{self, BodyEnd, Connection, Frame};
use crate::http::range::{self, ContentRange, RangeVerdict};
use crate::http::{ReplyHead, Request};
use std::ops::Range;
use webserv_sys::clock;

impl Http1 {
    /// A worker has answered.
    pub(super) fn take_answer(&mut self, current: Box<Current>, cx: &mut Context<'_>) -> Step {
        match cx.exchange().reply.answer.take() {
            None => {
                self.current = Some(current);
                Step::Wait
            }
            Some(Answer::Document(mut head)) => {
                if let Some(status) = current.error_status {
                    head.status = status;
                }
                self.document(current, head, cx)
            }
            Some(Answer::Page(head)) => {
                let current = self.without_worker(current, cx);
                self.page(current, head, cx)
            }
            Some(Answer::Directory) => {
                let current = self.without_worker(current, cx);
                self.add_slash(current, cx)
            }
            Some(Answer::Internal(path)) => {
                let current = self.without_worker(current, cx);
                self.redirect(current, path, cx)
            }
        }
    }

    /// The worker's part is over: what it still has is not wanted.
    fn without_worker(&mut self, current: Box<Current>, cx: &mut Context<'_>) -> Box<Current> {
        cx.cancel_workers();
        cx.exchange().reply.reset(REPLY_BYTES_MAX);
        current
    }

    /// A document: preconditions and ranges decide how much of it is sent.
    fn document(&mut self, mut current: Box<Current>, mut head: ReplyHead, cx: &mut Context<'_>) -> Step {
        let Some(length) = head.length else { return self.refuse(current, 502, cx) };
        head.seekable &= current.route.settings.max_ranges != Some(0);
        if head.status != 200 {
            return self.send_part(current, &head, 0..length, None, cx);
        }
        let Some(request) = current.request.clone() else { return self.refuse(current, 500, cx) };
        let now_secs = clock::wall().secs;
        let validators = Validators {
            etag: head.etag.as_ref().map(|tag| tag.as_bytes()),
            last_modified_secs: head.last_modified_secs,
        };
        match conditional::evaluate(request.method, &request.fields, &validators, true, now_secs) {
            Verdict::Proceed => {}
            Verdict::NotModified => {
                head.status = 304;
                let current = self.without_worker(current, cx);
                return self.send_whole(current, head, Vec::new(), cx);
            }
            Verdict::PreconditionFailed => {
                let current = self.without_worker(current, cx);
                return self.refuse(current, 412, cx);
            }
        }
        match ranges(&request, &validators, length, &head, &current, now_secs) {
            RangeVerdict::Whole => self.send_part(current, &head, 0..length, None, cx),
            RangeVerdict::Satisfiable(ranges) => {
                head.status = 206;
                match &ranges[..] {
                    [Range { start, end }] => {
                        let (start, end) = (*start, *end);
                        let part = ContentRange::Part { start, end, length };
                        self.send_part(current, &head, start..end, Some(part), cx)
                    }
                    _ => self.send_parts(current, &head, length, &ranges, cx),
                }
            }
            RangeVerdict::Unsatisfiable => {
                current.status = 416;
                let current = self.without_worker(current, cx);
                self.unsatisfiable(current, length, cx)
            }
        }
    }

    fn send_part(
        &mut self,
        mut current: Box<Current>,
        head: &ReplyHead,
        part: Range<u64>,
        content_range: Option<ContentRange>,
        cx: &mut Context<'_>,
    ) -> Step {
        let bytes = part.end - part.start;
        let head = self.head(&mut current, head, BodyEnd::Length(bytes), content_range, cx);
        if bytes > 0 && !current.head_only {
            cx.exchange().reply.wanted.push_back(part);
        }
        self.send(current, Transfer { head, left: bytes, rest: Vec::new() }, cx)
    }

    /// multipart/byteranges: each part has a heading of ours.
    fn send_parts(
        &mut self,
        mut current: Box<Current>,
        head: &ReplyHead,
        length: u64,
        ranges: &[Range<u64>],
        cx: &mut Context<'_>,
    ) -> Step {
        let boundary = crate::route::request_id(cx.worker.team.number(), self.connection, current.number) as u64;
        let multipart = Multipart::new(boundary, head.content_type.as_ref(), length, ranges);
        let framed = ReplyHead { content_type: Some(multipart.content_type()), ..head.clone() };
        let head = self.head(&mut current, &framed, BodyEnd::Length(multipart.body_len()), None, cx);
        let mut end = Vec::new();
        multipart.push_end(&mut end);
        let mut rest = vec![Piece { heading: end, bytes: 0 }];
        for (i, range) in ranges.iter().enumerate().rev() {
            let mut heading = Vec::new();
            multipart.push_part_start(i, &mut heading);
            rest.push(Piece { heading, bytes: range.end - range.start });
        }
        if !current.head_only {
            cx.exchange().reply.wanted.extend(ranges.iter().cloned());
        }
        self.send(current, Transfer { head, left: 0, rest }, cx)
    }

    fn send(&mut self, mut current: Box<Current>, transfer: Transfer, cx: &mut Context<'_>) -> Step {
        if current.head_only || (transfer.left == 0 && transfer.rest.is_empty()) {
            let mut current = self.without_worker(current, cx);
            let output = &mut cx.exchange().output;
            output.push_bytes(transfer.head);
            current.output_end = output.taken_bytes() + output.len();
            current.stage = Stage::Sent;
            self.current = Some(current);
            return Step::Again;
        }
        current.stage = Stage::Sending(transfer);
        self.current = Some(current);
        Step::Wait
    }

    /// Makes the answer's head, and decides with it whether the connection goes on.
    pub(super) fn head(
        &self,
        current: &mut Current,
        head: &ReplyHead,
        body: BodyEnd,
        content_range: Option<ContentRange>,
        cx: &mut Context<'_>,
    ) -> Vec<u8> {
        let settings = &current.route.settings;
        current.keep_alive &= !cx.worker.draining
            && current.number < settings.keepalive_requests
            && !settings.keepalive_timeout.is_zero();
        let connection = match current.keep_alive {
            true => Connection::KeepAlive { timeout_secs: settings.keepalive_header.map(|wait| wait.as_secs()) },
            false => Connection::Close,
        };
        let frame = Frame { server: tokens(current), date: &cx.worker.date.now(), body, connection, content_range };
        let mut bytes = Vec::new();
        print::response_head(&mut bytes, head, &frame);
        current.status = head.status;
        current.head_bytes = bytes.len() as u64;
        if self.logs_sent_fields(current) {
            current.sent_head = bytes.clone();
        }
        let output = &cx.exchange().output;
        current.output_start = output.taken_bytes() + output.len();
        bytes
    }

    fn logs_sent_fields(&self, current: &Current) -> bool {
        let logs = current.route.settings.access_logs.iter().filter_map(|&log| self.config.access_logs.get(log));
        let mut parts = logs.flat_map(|log| &log.format.parts);
        parts.any(|part| matches!(part, Part::Variable(Variable::SentHttp(_))))
    }

    fn unsatisfiable(&mut self, mut current: Box<Current>, length: u64, cx: &mut Context<'_>) -> Step {
        let server = tokens(&current);
        let body = crate::http::error_page::page(416, server);
        let content_type = crate::http::Text::from_static(crate::http::error_page::CONTENT_TYPE);
        let head = ReplyHead { content_type: Some(content_type), ..ReplyHead::new(416) };
        let range = Some(ContentRange::None { length });
        let mut bytes = self.head(&mut current, &head, BodyEnd::Length(body.len() as u64), range, cx);
        bytes.extend_from_slice(&body);
        self.send(current, Transfer { head: bytes, left: 0, rest: Vec::new() }, cx)
    }
}

/// Which ranges of the document the client wants.
fn ranges(
    request: &Request,
    validators: &Validators<'_>,
    length: u64,
    head: &ReplyHead,
    current: &Current,
    now_secs: i64,
) -> RangeVerdict {
    if !head.seekable {
        return RangeVerdict::Whole;
    }
    let ranges_max = current.route.settings.max_ranges.unwrap_or(usize::MAX);
    range::evaluate(request, validators, length, ranges_max, now_secs)
}
