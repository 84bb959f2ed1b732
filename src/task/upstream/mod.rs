//! The connection to a server behind this one: made, written to, read from. One implementation for all protocols; the
//! names of the tasks say which one is spoken. [`IncomingAnswer`] and [`OutgoingRequest`] also serve programs.

mod connect;
mod incoming;
mod outgoing;
mod read_rate;
mod upstream_read;
mod upstream_write;

pub use connect::Connect;
pub use incoming::{AnswerStage, IncomingAnswer};
pub use outgoing::{BodySource, OutgoingRequest, Sent};
pub use upstream_read::UpstreamRead;
pub use upstream_write::UpstreamWrite;

use crate::connection::{Failure, FailureKind, Side};
use crate::engine::Flow;
use crate::log::Level;
use crate::task::Context;
use std::sync::Arc;

/// Logs why the server behind has no answer, and reports it: what follows is decided where requests are passed.
fn fail(kind: FailureKind, why: &dyn std::fmt::Display, cx: &mut Context<'_>) -> Flow {
    let name = server_name(cx);
    cx.log(Level::Error, format_args!("upstream {name}: {why}"));
    let t = cx.transaction();
    let anything_sent = t.http.passing().is_some_and(|passing| passing.anything_sent);
    t.failed = Some(Failure { side: Side::Upstream, kind, anything_sent });
    Flow::Done
}

/// The name of the server that is asked, for the log.
fn server_name(cx: &mut Context<'_>) -> Arc<str> {
    let name = cx.work().and_then(|w| w.t.http.passing()?.peer.as_ref().map(|peer| Arc::clone(peer.name())));
    name.unwrap_or_else(|| Arc::from("behind"))
}
