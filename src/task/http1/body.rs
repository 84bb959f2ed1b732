//! A request's body: passed on to the handler that takes it, or thrown away, so that the next request can be found.

use super::{Http1, Step, is_unsent, refuse};
use crate::connection::{BodySink, Connection, Http, Phase, RequestBody, Stage, Transaction};
use crate::http::{Method, print};
use crate::log::Level;
use crate::task::Context;
use crate::task::http::end_handlers;

impl Http1 {
    /// Reads the body that no handler wants. When it is whole the request goes on.
    pub(super) fn discard_body(&mut self, cx: &mut Context<'_>) -> Step {
        if let Err(status) = advance(cx) {
            return refuse(status, cx);
        }
        let Some(w) = cx.work() else { return Step::Wait };
        // What will be refused anyway is refused now: its client may wait for that before it sends the rest. But for
        // chunks: whether they are right decides about the answer, however they are cut.
        let body = &w.t.http.request_body;
        let is_read = w.t.http.method().is_some_and(Method::reads);
        if body.is_finished() || (!is_read && !body.is_chunked()) {
            w.t.http.stage = Stage::PreContent;
            return Step::Again;
        }
        Step::Wait
    }

    /// Gives a handler what has come of the body. When the body breaks a rule, there is no answer but a refusal, or the
    /// end of the connection if an answer is on its way.
    pub(super) fn feed(&mut self, cx: &mut Context<'_>) -> Step {
        let Err(status) = advance(cx) else {
            tell_to_continue(cx);
            return Step::Again;
        };
        if let Some(mut w) = cx.work() {
            end_handlers(&mut w);
        }
        let x = cx.connection();
        let output_end = x.output_end();
        let Some(t) = x.transactions.current_mut() else { return Step::Wait };
        if is_unsent(t, output_end) {
            self.take_back(t);
        }
        if t.http.stage == Stage::Handler {
            return refuse(status, cx);
        }
        x.phase = Phase::Closing;
        Step::Wait
    }

    /// The answer is in the output; the rest of the request's body must go before the next one can be read.
    pub(super) fn drain_body(&mut self, cx: &mut Context<'_>) -> Step {
        let Some(t) = cx.connection().transactions.current_mut() else { return Step::Wait };
        t.http.request_body.sink = BodySink::Discard;
        t.http.stage = Stage::Ending;
        if t.http.request_body.is_whole() {
            return Step::Again;
        }
        let failed = advance(cx).is_err();
        let Some(t) = cx.connection().transactions.current_mut() else { return Step::Wait };
        let body = &mut t.http.request_body;
        if failed || !body.is_nearly_finished() {
            body.give_up(); // it would take longer than a new connection
        }
        if body.is_finished() {
            return Step::Again;
        }
        t.http.stage = Stage::Drain;
        Step::Wait
    }
}

/// 100, if the client waits for it and a handler wants the body. A client that has sent its body needs none.
fn tell_to_continue(cx: &mut Context<'_>) {
    let Connection { transactions, output, .. } = cx.connection();
    let Some(t) = transactions.current_mut() else { return };
    let is_whole = t.http.request_body.is_whole();
    if !t.http.request_body.owes_continue || (t.body.is_held() && !is_whole) {
        return;
    }
    t.http.request_body.owes_continue = false;
    if !is_whole {
        output.push_copy(print::CONTINUE);
    }
}

/// Reads on in the request's body: for the handler that takes it, or to throw it away. Returns the status of a refusal
/// if the body breaks a rule.
fn advance(cx: &mut Context<'_>) -> Result<(), u16> {
    let Connection { transactions, input, .. } = cx.connection();
    let Some(t) = transactions.current_mut() else { return Ok(()) };
    if t.http.request_body.is_finished() {
        return Ok(()); // a handler that takes a body which is whole already is told so when it is asked
    }
    let max = t.settings().client_max_body_size;
    let Transaction { http: Http { request_body, .. }, body, .. } = t;
    let feeds = request_body.sink == BodySink::Handler;
    let taken = request_body.take(input, feeds.then_some(&mut **body));
    if feeds {
        body.announce(request_body.announced_bytes());
    }
    let (level, status, what) = match taken {
        Err(error) => {
            *request_body = RequestBody::lost();
            (Level::Info, 400, format!("refused: {}", error.reason))
        }
        Ok(()) if request_body.is_over(max) => {
            request_body.give_up();
            (Level::Error, 413, "the client's body is over client_max_body_size".to_owned())
        }
        Ok(()) if request_body.is_whole() => {
            body.end();
            return Ok(());
        }
        Ok(()) if input.is_ended() && input.is_empty() && !request_body.is_finished() => {
            request_body.give_up();
            (Level::Info, 400, "the client closed before its request was complete".to_owned())
        }
        Ok(()) => return Ok(()),
    };
    cx.doing(Stage::DiscardBody.doing());
    cx.log(level, format_args!("{what}"));
    Err(status)
}
