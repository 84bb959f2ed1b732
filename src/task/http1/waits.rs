//! Waits of a request in a phase: for time (`limit_req`), or for earlier responses (`limit_conn`).

use super::{Http1, Step};
use crate::connection::{Connection, Phase, PhaseWait, Stage, Transaction};
use crate::log::Level;
use crate::task::Context;

impl Http1 {
    /// Whether the phase that the request is in can run.
    pub(super) fn wants_phase(&self, x: &Connection, t: &Transaction) -> bool {
        match t.http.rare.limited.wait {
            PhaseWait::No | PhaseWait::Over => true,
            PhaseWait::Time => x.input.is_ended(),
            PhaseWait::EarlierResponses => self.unsent.is_empty(),
        }
    }

    /// Closes a connection whose client has gone while a server behind is asked.
    pub(super) fn is_abandoned(&self, cx: &mut Context<'_>) -> bool {
        let x = cx.connection();
        let is_aborted = x.input.is_ended() && x.transactions.current().is_some_and(|t| is_aborted(x, t));
        if is_aborted {
            x.phase = Phase::Closed;
            cx.log(Level::Info, format_args!("the client closed while the server behind was waited for"));
        }
        is_aborted
    }

    /// No phase can run now, unless what it waited for has come. If the request is delayed and the client has closed
    /// its side, nobody waits for the answer: as in nginx, the connection closes, and no handler is started for
    /// nothing.
    pub(super) fn wait(&self, cx: &mut Context<'_>) -> Step {
        let x = cx.connection();
        let Some(t) = x.transactions.current_mut() else { return Step::Wait };
        match t.http.rare.limited.wait {
            PhaseWait::Time if x.input.is_ended() => {
                x.phase = Phase::Closed;
                cx.log(Level::Info, format_args!("the client closed while its request was delayed"));
            }
            PhaseWait::EarlierResponses if self.unsent.is_empty() => {
                t.http.rare.limited.wait = PhaseWait::Over;
                return Step::Again;
            }
            _ => {}
        }
        Step::Wait
    }
}

/// Whether the client has gone while a server behind is asked, which is then given up, as in nginx
/// (`_ignore_client_abort`).
pub(super) fn is_aborted(x: &Connection, t: &Transaction) -> bool {
    let is_tunnel = t.http.status == Some(101); // one direction may go on after the other has ended
    if !x.input.is_ended() || !x.input.is_empty() || t.http.passed.is_none() || is_tunnel {
        return false;
    }
    let is_waiting = match t.http.stage {
        Stage::Handler => true,
        Stage::Sending => !t.reply.body.is_ended(),
        _ => false,
    };
    is_waiting && t.http.gateway_now().is_some_and(|gateway| !gateway.rules.ignore_client_abort)
}

/// Whether the client has to send more of the request's body.
pub(super) fn waits_for_body(t: &Transaction) -> bool {
    let body = &t.http.request_body;
    let is_not_asked = body.owes_continue && t.body.is_held();
    !body.is_finished()
        && !body.is_tunnel()
        && !handler_is_full(t)
        && !is_not_asked
        && !t.http.rare.limited.wait.is_on()
}

/// Whether the handler has to take a part of the body before more of it can be passed on.
pub(super) fn handler_is_full(t: &Transaction) -> bool {
    t.http.request_body.feeds() && t.body.room() == 0
}
