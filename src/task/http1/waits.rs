//! Waits of a request in a phase: for time (`limit_req`), or for earlier responses (`limit_conn`).

use super::{Http1, Step};
use crate::connection::{Connection, Phase, PhaseWait, Transaction};
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
