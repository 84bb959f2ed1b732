//! The tasks: one file per kind, named after it, in rooms. Each moves bytes one way on one descriptor, or waits for
//! one event.
//!
//! Rooms use only those above them in this list: `file`, `cgi`, then `dav`, `upload`, then `http`, then `http1` and
//! `directory` (the protocols), then `client`, then `server`.

pub mod cgi;
pub mod client;
pub mod dav;
pub mod directory;
pub mod echo;
pub mod file;
pub mod http;
pub mod http1;
pub mod server;
#[cfg(test)]
mod temp_dir;
#[cfg(test)]
mod test_engine;
mod timer;
pub mod upload;

pub use timer::{Job, Timer, see_to_logs};

use crate::connection::Phase;
use crate::engine::{Context as EngineContext, Work as EngineWork};
use crate::log::Level;
use crate::worker::{IdleMark, Worker};

/// What a task of this server may use while it runs.
type Context<'a> = EngineContext<'a, Worker>;

/// The same for one transaction.
type Work<'a> = EngineWork<'a, Worker>;

/// Has the list of idle connections know that a protocol's connection is idle now, or is not.
#[inline(never)] // seldom done
fn update_idle_list(mark: &mut IdleMark, is_idle: bool, cx: &mut Context<'_>) {
    if let Some(number) = cx.connection_number() {
        mark.update(is_idle, number, cx.now, &mut cx.worker.idle);
    }
    if is_idle {
        cx.pass_place_on(); // a client that waits for a place can have this one
    }
}

/// A new client needs the place of this connection. A connection that has become busy keeps it, as does one whose last
/// answer has not left yet: then another is to give up its own.
fn give_up_place(mark: &mut IdleMark, is_idle: bool, cx: &mut Context<'_>) {
    mark.clear();
    if is_idle && cx.connection().output.is_empty() {
        cx.log(Level::Info, format_args!("idle, and others wait: closed"));
        cx.connection().phase = Phase::Closing;
    } else {
        cx.pass_place_on();
    }
}
