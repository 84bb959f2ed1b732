//! The request's body: passed to the handler that takes it, or discarded to find the next request.

use super::{Http1, Step, is_unsent, refuse};
use crate::connection::{BodySink, Chosen, Connection, GivenUp, Http, Phase, RequestBody, Stage, Transaction};
use crate::http::{Method, print};
use crate::log::Level;
use crate::task::Context;
use crate::task::http::{end_handlers, take_interim};
use webserv_sys::Moment;

impl Http1 {
    /// Reads a body that no handler takes. The request continues when all of it has been read.
    pub(super) fn discard_body(&mut self, cx: &mut Context<'_>) -> Step {
        if let Err(status) = advance(&mut self.since, cx) {
            return refuse(status, cx);
        }
        let Some(w) = cx.work() else { return Step::Wait };
        // A request that will be refused is answered now: its client may wait for the answer before it sends the rest
        // of the body, and a chunked body may have no end. An error in later chunks closes the connection.
        // A chunked body of a request that is not refused is read first: an error in the chunks changes the answer.
        let body = &w.t.http.request_body;
        let is_read = w.t.http.method().is_some_and(Method::reads);
        let is_returned = match &w.t.http.rare.chosen {
            Some(Chosen::Return(answer)) => answer.code < 400,
            Some(Chosen::Redirect(..)) => true,
            None => false,
        };
        if body.is_finished() || !(is_read || body.is_chunked() && is_returned) {
            w.t.http.stage = Stage::Content;
            return Step::Again;
        }
        Step::Wait
    }

    /// Passes what has come of the body to the handler. If the body breaks a rule, the request is refused. If the
    /// response has been begun already, the connection is closed.
    pub(super) fn feed(&mut self, cx: &mut Context<'_>) -> Step {
        let Err(status) = advance(&mut self.since, cx) else {
            send_continue(cx);
            return Step::Again;
        };
        if let Some(mut w) = cx.work() {
            w.t.program.given_up = Some(GivenUp::BodyCut);
            end_handlers(&mut w);
        }
        let x = cx.connection();
        let output_end = x.output_end();
        let Some(t) = x.transactions.current_mut() else { return Step::Wait };
        if is_unsent(t, output_end) {
            self.take_back(t);
        }
        if t.http.stage == Stage::Handler || t.http.rare.limited.wait.is_on() {
            return refuse(status, cx);
        }
        x.phase = Phase::Closing;
        Step::Wait
    }

    /// The response is in the output. Skips the rest of the request's body, so that the next request can be read.
    pub(super) fn drain_body(&mut self, cx: &mut Context<'_>) -> Step {
        let Some(t) = cx.connection().transactions.current_mut() else { return Step::Wait };
        t.http.request_body.sink = BodySink::Discard;
        t.http.stage = Stage::Ending;
        if t.http.request_body.is_whole() {
            return Step::Again;
        }
        let failed = advance(&mut self.since, cx).is_err();
        let Some(t) = cx.connection().transactions.current_mut() else { return Step::Wait };
        let body = &mut t.http.request_body;
        if failed || !body.is_nearly_finished() {
            body.give_up(); // reading the rest would take longer than a new connection
        }
        if body.is_finished() {
            return Step::Again;
        }
        t.http.stage = Stage::Drain;
        Step::Wait
    }
}

/// Sends 100 (Continue) if the client waits for it and a handler wants the body. Not needed when all of it has come.
fn send_continue(cx: &mut Context<'_>) {
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

/// Sends the interim responses of a server behind.
pub(super) fn send_interim(cx: &mut Context<'_>) {
    let heads = cx.work().map(|mut w| take_interim(&mut w)).unwrap_or_default();
    let mut out = Vec::new();
    heads.iter().for_each(|head| print::interim_head(&mut out, head));
    cx.connection().output.push_copy(&out);
}

/// Reads more of the request's body, for the handler that takes it or to discard it. Returns the status of a refusal if
/// the body breaks a rule. `since` becomes now if the client has sent something.
fn advance(since: &mut Moment, cx: &mut Context<'_>) -> Result<(), u16> {
    let now = cx.now;
    let Connection { transactions, input, .. } = cx.connection();
    let Some(t) = transactions.current_mut() else { return Ok(()) };
    if t.http.request_body.is_finished() {
        return Ok(()); // `await_body` ends a complete body for its handler
    }
    let max = t.settings().client_max_body_size;
    let Transaction { http: Http { request_body, .. }, body, .. } = t;
    let feeds = request_body.sink == BodySink::Handler;
    let came_bytes = input.len();
    let taken = request_body.take(input, feeds.then_some(&mut **body));
    if input.len() < came_bytes {
        *since = now;
    }
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
        Ok(()) if request_body.is_tunnel() && input.is_ended() && input.is_empty() => {
            request_body.end_tunnel();
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
