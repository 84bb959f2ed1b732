//! The tasks: one file per kind, named after the kind. Each moves bytes in one direction on one descriptor, or waits
//! for one event.
//!
//! A folder uses only folders before it in this list: `file`, `cgi`, `auth`, `resolve`, then `dav`, `upload`,
//! `upstream`, then `http`, then `http1` and `directory` (the protocols), then `client`, then `server`.

pub mod auth;
pub mod cgi;
pub mod client;
pub mod dav;
mod delay;
pub mod directory;
pub mod echo;
pub mod file;
pub mod http;
pub mod http1;
pub mod resolve;
pub mod server;
#[cfg(test)]
mod temp_dir;
#[cfg(test)]
mod test_engine;
mod timer;
pub mod upload;
pub mod upstream;

pub use delay::Delay;
pub use timer::{Job, Timer, handle_log_events};

use crate::connection::Phase;
use crate::engine::{Context as EngineContext, Work as EngineWork};
use crate::log::Level;
use crate::worker::{IdleMark, Worker};

/// What a task may use during its turn.
type Context<'a> = EngineContext<'a, Worker>;

/// What a handler or the protocol may use for one transaction.
type Work<'a> = EngineWork<'a, Worker>;

/// Adds a connection to the list of idle connections or removes it, after its state has changed.
#[inline(never)] // rarely called
fn update_idle_list(mark: &mut IdleMark, is_idle: bool, cx: &mut Context<'_>) {
    if let Some(number) = cx.connection_number() {
        mark.update(is_idle, number, cx.now, &mut cx.worker.idle);
        cx.worker.stats.set_waiting(cx.worker.idle.len());
    }
    if !is_idle && let Some(t) = cx.connection().transactions.current_mut() {
        t.http.is_listed = false;
    }
    if is_idle {
        cx.pass_place_on(); // a client that waits for a place can have this one
    }
}

/// The connection ends.
fn leave(mark: &mut IdleMark, cx: &mut Context<'_>) {
    update_idle_list(mark, false, cx);
    cx.worker.stats.count_closed();
}

/// A new client needs this connection's place. A connection that is busy, or whose last response is not sent yet, stays
/// open; another connection is asked then.
fn give_up_place(mark: &mut IdleMark, is_idle: bool, cx: &mut Context<'_>) {
    mark.clear();
    if let Some(t) = cx.connection().transactions.current_mut() {
        t.http.is_listed = false;
    }
    if is_idle && cx.connection().output.is_empty() {
        cx.log(Level::Info, format_args!("idle: closed to make room for a new client"));
        cx.connection().phase = Phase::Closing;
    } else {
        cx.pass_place_on();
    }
}
