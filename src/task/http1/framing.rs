//! The response on its way to the output: its head is formatted (RFC 9112 section 4), its body framed (section 6).

use super::body_move::BodyMove;
use super::keepalive::goes_on;
use super::pacing::Pacing;
use super::{Http1, Step, refuse};
use crate::connection::{Answered, CachedFile, Connection, Content, Made, Phase, RangePart, Response};
use crate::connection::{RequestBody, Segment, Stage, Transaction};
use crate::http::print::{self, BodyEnd, Frame, Persistence, Printed};
use crate::http::status::is_bodyless;
use crate::http::{Version, chunked};
use crate::limits::OUTPUT_BYTES_MAX;
use crate::log::Level;
use crate::task::http::{end_handlers, first_head, has_trailers, passes_trailers, trailers};
use crate::task::{Context, Work};
use std::borrow::Cow;
use std::rc::Rc;
use webserv_sys::Moment;

/// A response body that is moving into the output.
pub(super) struct Transfer {
    /// Bytes that go out before the next bytes of the body and together with them: at first the head.
    before: Vec<u8>,
    framing: BodyFraming,
    /// `limit_rate`.
    pacing: Option<Box<Pacing>>,
}

/// How the client finds the end of the body (RFC 9112 section 6.3).
enum BodyFraming {
    /// By Content-Length.
    Length {
        /// Bytes of the current part that have not come yet.
        left: u64,
        /// The parts after the current one.
        rest: std::vec::IntoIter<RangePart>,
    },
    /// By the last chunk (RFC 9112 section 7.1).
    Chunked {
        /// Trailer fields follow it.
        trailing: bool,
    },
    /// By the end of the connection: HTTP/1.0, and nph- programs.
    UntilClose,
}

impl Http1 {
    /// Stage Sending: begins the response, or continues it.
    pub(super) fn send(&mut self, cx: &mut Context<'_>) -> Step {
        let Some(mut w) = cx.work() else { return Step::Wait };
        match w.t.http.response.take() {
            None => self.transfer(cx),
            Some(Response::Cached(file)) => {
                decide_persistence(&mut w);
                let head = cached_head(&mut w, &file);
                end_handlers(&mut w);
                let bytes = file.head.length.unwrap_or_default();
                send_whole(head, file.source.part(0..bytes), cx)
            }
            Some(Response::Made(made)) => {
                decide_persistence(&mut w);
                self.send_made(*made, cx)
            }
            Some(Response::NonParsed(_, head)) => {
                // Only the program knows the framing, so the connection ends after this response.
                let body = &mut w.t.http.request_body;
                if body.owes_continue {
                    body.give_up();
                }
                w.t.http.keep_alive = false;
                self.begin_transfer(head, BodyFraming::UntilClose, cx)
            }
            Some(Response::Switched(made)) => self.switch(&made, cx),
            Some(Response::Close) => self.close_without_answer(cx),
        }
    }

    /// 101: what the client sends from here on is passed on as it is, and what the server behind sends, too.
    fn switch(&mut self, made: &Made, cx: &mut Context<'_>) -> Step {
        let Context { connection: Some(x), worker, now, .. } = cx else { return Step::Wait };
        let output_end = x.output_end();
        let Connection { transactions, output, .. } = &mut **x;
        let Some(t) = transactions.current_mut() else { return Step::Wait };
        let now_secs = worker.date.wall(*now).secs;
        let mut head = worker.buffers.take(0);
        print::switching_head(&mut head, &made.head, &made.server, &worker.date.text(now_secs));
        t.http.keep_alive = false;
        t.http.request_body = RequestBody::tunnel();
        t.body.give_back();
        note_head(t, &head, output_end);
        output.push_buffer(head, &mut worker.buffers);
        self.transfer = Some(Box::new(Transfer { before: Vec::new(), framing: BodyFraming::UntilClose, pacing: None }));
        Step::Again
    }

    /// `return 444`: closes without a response.
    fn close_without_answer(&mut self, cx: &mut Context<'_>) -> Step {
        match cx.connection().output.is_empty() {
            true => cx.connection().phase = Phase::Closing,
            false => self.close(true, cx), // earlier responses are sent first, and a reset must not destroy them
        }
        Step::Wait
    }

    #[inline(never)] // keeps the code for cached files short
    fn send_made(&mut self, made: Made, cx: &mut Context<'_>) -> Step {
        let Some(mut w) = cx.work() else { return Step::Wait };
        let end = body_end(w.t, &made.content);
        w.t.http.keep_alive &= end != BodyEnd::Close;
        let head = print_head(&mut w, &made, end);
        let trailing = end == BodyEnd::Chunked && (has_trailers(w.t) || passes_trailers(w.t));
        if trailing {
            w.t.http.rare.sent_head = head.clone();
        }
        let framing = match made.content {
            Content::Here(body) => {
                let pacing = Pacing::of(&mut w).filter(|_| !body.is_empty() && !has_no_body(w.t));
                let framing = match trailing {
                    true => BodyFraming::Chunked { trailing },
                    false => BodyFraming::Length { left: body.len(), rest: Vec::new().into_iter() },
                };
                match pacing {
                    Some(pacing) => {
                        end_handlers(&mut w);
                        return self.begin_paced(head, body, framing, pacing, cx);
                    }
                    None if trailing => return send_chunk(head, body, cx),
                    None => {
                        end_handlers(&mut w);
                        return send_whole(head, body, cx);
                    }
                }
            }
            Content::Parts(_) if end == BodyEnd::Length(0) => return send_head(head, cx),
            Content::Parts(parts) if trailing && parts.iter().all(|part| part.bytes == 0) => {
                return send_chunk(head, Segment::owned(Vec::new()), cx);
            }
            Content::Parts(_) if trailing => BodyFraming::Chunked { trailing },
            Content::Parts(parts) => BodyFraming::Length { left: 0, rest: parts.into_iter() },
            Content::Stream if end == BodyEnd::Close => BodyFraming::UntilClose,
            Content::Stream => BodyFraming::Chunked { trailing },
        };
        self.begin_transfer(head, framing, cx)
    }

    /// Begins a response whose body comes from a handler, if the response has a body.
    fn begin_transfer(&mut self, head: Vec<u8>, framing: BodyFraming, cx: &mut Context<'_>) -> Step {
        let x = cx.connection();
        let output_start = x.output_end();
        let Some(t) = x.transactions.current_mut() else { return Step::Wait };
        if has_no_body(t) {
            return send_head(head, cx);
        }
        note_head(t, &head, output_start);
        t.reply.fill();
        let is_at_once = t.http.passing().is_some_and(|passing| !passing.is_buffered);
        let before = match is_at_once {
            true => {
                x.output.push(Segment::owned(head));
                Vec::new()
            }
            false => head,
        };
        let pacing = cx.work().and_then(|mut w| Pacing::of(&mut w));
        self.transfer = Some(Box::new(Transfer { before, framing, pacing }));
        Step::Again
    }

    /// Begins a response whose body is complete, at a pace: the rest of the body waits in the reply.
    fn begin_paced(
        &mut self,
        head: Vec<u8>,
        body: Segment,
        framing: BodyFraming,
        pacing: Box<Pacing>,
        cx: &mut Context<'_>,
    ) -> Step {
        let x = cx.connection();
        let output_start = x.output_end();
        let Some(t) = x.transactions.current_mut() else { return Step::Wait };
        note_head(t, &head, output_start);
        t.reply.body.push(body);
        t.reply.body.end();
        self.transfer = Some(Box::new(Transfer { before: head, framing, pacing: Some(pacing) }));
        Step::Again
    }

    /// Moves the bytes that have come. The head and the first bytes enter the output together, and leave in one call.
    fn transfer(&mut self, cx: &mut Context<'_>) -> Step {
        let last_chunk = self.last_chunk(cx);
        let Context { connection: Some(x), worker, now, .. } = cx else { return Step::Wait };
        let Connection { transactions, output, .. } = x;
        let (Some(transfer), Some(t)) = (&mut self.transfer, transactions.current_mut()) else { return Step::Wait };
        let Transfer { before, framing, pacing } = &mut **transfer;
        let allowed = match pacing {
            Some(pacing) if pacing.paused_until.is_some() => return Step::Wait,
            Some(pacing) => pacing.allowed(*now),
            None => u64::MAX,
        };
        if let Some(passing) = t.http.passing() {
            output.set_bound(passing.gateway.rules.bytes_in_memory().min(OUTPUT_BYTES_MAX)); // the rest is for the file
        }
        let moved_from = output.len();
        let mut body_move = BodyMove { before, body: &mut t.reply.body, output, buffers: &mut worker.buffers, allowed };
        let complete = match framing {
            BodyFraming::Length { left, rest } => body_move.move_parts(left, rest),
            BodyFraming::Chunked { .. } => body_move.move_all(Some(&last_chunk)),
            BodyFraming::UntilClose => body_move.move_all(None),
        };
        if let Some(pacing) = pacing {
            let has_room = output.room() > 0;
            pacing.note(output.len() - moved_from, t.reply.body.len(), has_room, *now);
        }
        if complete {
            self.transfer = None;
            output.set_bound(OUTPUT_BYTES_MAX);
            let end = note_end(t, x.sent_bytes + output.len());
            if let Some(mut w) = cx.work() {
                end_handlers(&mut w);
            }
            return end;
        }
        t.reply.fill();
        if t.reply.body.is_ended() && t.reply.body.is_empty() && output.room() > 0 {
            return self.end_early(cx);
        }
        Step::Wait
    }

    /// The last chunk, with the trailer fields if the whole body has come.
    fn last_chunk(&self, cx: &mut Context<'_>) -> Cow<'static, [u8]> {
        let is_trailing = self.transfer.as_ref().is_some_and(|transfer| match transfer.framing {
            BodyFraming::Chunked { trailing } => trailing,
            BodyFraming::Length { .. } | BodyFraming::UntilClose => false,
        });
        match cx.work() {
            Some(mut w) if is_trailing && w.t.reply.body.is_ended() => trailing_chunk(&mut w).into(),
            _ => chunked::LAST_CHUNK.into(),
        }
    }

    /// When the response goes on, if it pauses for `limit_rate`.
    pub(super) fn paused_until(&self) -> Option<Moment> {
        self.transfer.as_ref()?.pacing.as_ref()?.paused_until
    }

    /// The time of the pause has come.
    pub(super) fn end_pause(&mut self) {
        if let Some(pacing) = self.transfer.as_mut().and_then(|transfer| transfer.pacing.as_mut()) {
            pacing.paused_until = None;
        }
    }

    /// The body is shorter than its Content-Length: the client must see that it is incomplete.
    fn end_early(&mut self, cx: &mut Context<'_>) -> Step {
        cx.doing(Stage::Sending.doing());
        cx.log(Level::Error, format_args!("the answer ended before its Content-Length"));
        if self.take_back_unsent(cx) { refuse(502, cx) } else { Step::Wait }
    }
}

/// Decides whether the connection persists after this response.
#[inline]
fn decide_persistence(w: &mut Work<'_>) {
    let settings = &w.t.route.settings;
    let http = &mut w.t.http;
    if http.request_body.owes_continue {
        http.keep_alive = false; // the client may send the body anyway, or not
        http.request_body.give_up();
    }
    let goes_on = http.number < settings.keepalive.unasked
        || goes_on(&settings.keepalive, http, || w.worker.age(w.identity, w.now));
    http.keep_alive &= !w.worker.draining && goes_on && !settings.keepalive.timeout.is_zero();
}

/// The head of a cached file: formatted before, with a new date; or formatted now and stored.
#[inline]
fn cached_head(w: &mut Work<'_>, file: &Rc<CachedFile>) -> Vec<u8> {
    let printed = &file.printed[usize::from(w.t.http.keep_alive)];
    if let Some(printed) = printed.get() {
        let now_secs = w.worker.date.wall(w.now).secs;
        let mut head = w.worker.buffers.take(0);
        printed.push(&mut head, &w.worker.date.text(now_secs));
        return head;
    }
    let made = first_head(file, w.t);
    let head = print_head(w, &made, BodyEnd::Length(file.head.length.unwrap_or_default()));
    if let Some(made) = Printed::new(&head) {
        let _ = printed.set(made); // cannot fail: the cell was empty
    }
    head
}

/// Formats the head.
fn print_head(w: &mut Work<'_>, made: &Made, body: BodyEnd) -> Vec<u8> {
    let connection = match w.t.http.keep_alive {
        true => {
            let header = w.t.settings().keepalive.header;
            Persistence::KeepAlive { timeout_secs: header.map(|wait| wait.as_secs()) }
        }
        false => Persistence::Close,
    };
    let now_secs = w.worker.date.wall(w.now).secs;
    let dates = &mut w.worker.date;
    let (date, last_modified) = (&dates.text(now_secs), made.head.last_modified_secs.map(|secs| dates.text(secs)));
    let content_range = made.content_range;
    let frame = Frame { server: &made.server, date, last_modified, body, connection, content_range };
    let mut bytes = w.worker.buffers.take(0);
    print::response_head(&mut bytes, &made.head, &frame);
    bytes
}

/// Notes the head that enters the output next. `output_end` is where the output ends before it.
#[inline]
fn note_head(t: &mut Transaction, head: &[u8], output_end: u64) {
    t.http.answered = Some(Answered { head_bytes: head.len() as u64, output_end: None });
    t.http.output_start = output_end;
    // An access log may use fields of the response.
    if t.settings().access_logs.iter().any(|log| log.has_sent_fields) {
        t.http.rare.sent_head = head.to_vec();
    }
}

/// Whether the response has no body: HEAD, and some statuses (RFC 9110 section 6.4.1).
fn has_no_body(t: &Transaction) -> bool {
    t.http.head_only || t.http.status.is_some_and(is_bodyless)
}

/// Sends a head without a body. The handlers are not needed any more.
fn send_head(head: Vec<u8>, cx: &mut Context<'_>) -> Step {
    if let Some(mut w) = cx.work() {
        end_handlers(&mut w);
    }
    send_whole(head, Segment::owned(Vec::new()), cx)
}

/// Sends a head and a complete body, if the response has one. The handlers have been cancelled.
#[inline]
fn send_whole(head: Vec<u8>, body: Segment, cx: &mut Context<'_>) -> Step {
    let Context { connection: Some(x), worker, .. } = cx else { return Step::Wait };
    let output_end = x.output_end();
    let Connection { transactions, output, sent_bytes, .. } = &mut **x;
    let Some(t) = transactions.current_mut() else { return Step::Wait };
    note_head(t, &head, output_end);
    output.push_buffer(head, &mut worker.buffers);
    if !has_no_body(t) {
        output.push_from(body, &mut worker.buffers);
    }
    note_end(t, *sent_bytes + output.len())
}

/// How the client finds the end of this body.
fn body_end(t: &Transaction, content: &Content) -> BodyEnd {
    let is_old = || t.http.request.as_ref().is_none_or(|request| request.version == Version::HTTP_1_0);
    let takes_chunks = || !is_old() && t.settings().chunked_transfer_encoding;
    let is_several = || matches!(content, Content::Parts(parts) if parts.len() > 1); // multipart/byteranges
    match content.length() {
        Some(_) if has_trailers(t) && takes_chunks() && !has_no_body(t) && !is_several() => BodyEnd::Chunked,
        Some(bytes) => BodyEnd::Length(bytes),
        None if takes_chunks() => BodyEnd::Chunked,
        None => BodyEnd::Close,
    }
}

/// The last chunk with the fields behind it.
fn trailing_chunk(w: &mut Work<'_>) -> Vec<u8> {
    [chunked::LAST_CHUNK_START, &trailers(w), b"\r\n"].concat()
}

/// Sends a head and a complete body as one chunk, with trailer fields.
fn send_chunk(mut head: Vec<u8>, body: Segment, cx: &mut Context<'_>) -> Step {
    let Some(mut w) = cx.work() else { return Step::Wait };
    end_handlers(&mut w);
    let mut last = trailing_chunk(&mut w);
    let Context { connection: Some(x), worker, .. } = cx else { return Step::Wait };
    let output_end = x.output_end();
    let Connection { transactions, output, sent_bytes, .. } = &mut **x;
    let Some(t) = transactions.current_mut() else { return Step::Wait };
    note_head(t, &head, output_end);
    if !body.is_empty() {
        chunked::push_chunk_start(&mut head, body.len());
        output.push_buffer(head, &mut worker.buffers);
        output.push(body);
        last.splice(0..0, chunked::CHUNK_END.iter().copied());
    } else {
        output.push_buffer(head, &mut worker.buffers);
    }
    output.push_buffer(last, &mut worker.buffers);
    note_end(t, *sent_bytes + output.len())
}

/// All of the response is in the output, which ends at `output_end`.
#[inline]
fn note_end(t: &mut Transaction, output_end: u64) -> Step {
    if let Some(answered) = &mut t.http.answered {
        answered.output_end = Some(output_end);
    }
    if t.http.request_body.is_whole() {
        t.http.stage = Stage::Ending;
        Step::Over
    } else {
        t.http.stage = Stage::Drain;
        Step::Again
    }
}
