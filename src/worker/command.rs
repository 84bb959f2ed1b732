//! What a worker can be told from outside.

use super::{Reload, Worker};
use crate::engine::{Context, Event};
use crate::log::Level;
use crate::task::Accept;
use std::os::fd::AsFd;
use webserv_sys::net;

/// An order to a worker.
#[derive(Clone)]
pub enum Command {
    /// End now.
    Stop,
    /// Finish the open responses, then end.
    Drain,
    /// Open the log files again.
    Reopen,
    /// Go on with this configuration.
    Reload(Reload),
}

impl Command {
    /// Does it, in the worker that the context belongs to.
    pub fn obey(self, cx: &mut Context<'_, Worker>) {
        match self {
            Command::Stop => cx.stop(),
            Command::Drain => {
                cx.worker.draining = true;
                cx.tell_all(Event::Drain);
                cx.stop_when_idle();
            }
            Command::Reopen => reopen_logs(cx),
            Command::Reload(reload) => {
                cx.worker.config = reload.config.clone();
                cx.worker.generation += 1;
                reopen_logs(cx);
                for (listener, socket) in reload.take_sockets(cx.worker.team.number()) {
                    if cx.worker.team.number() == 0 {
                        let address = net::local_address(socket.as_fd()).unwrap_or(listener.address.clone());
                        cx.log(Level::Notice, format_args!("listening on {address}"));
                    }
                    cx.start(Box::new(Accept::new(socket, listener)));
                }
                cx.tell_all(Event::Reload);
            }
        }
    }
}

fn reopen_logs(cx: &mut Context<'_, Worker>) {
    let config = cx.worker.config.clone();
    if let Err(error) = cx.worker.access_logs.reopen(&config.access_logs) {
        cx.log(Level::Emerg, format_args!("{error}; the log goes on where it was"));
    }
    if let Err(error) = cx.error_log().reopen(&config) {
        cx.log(Level::Emerg, format_args!("{error}; the log goes on where it was"));
    }
}
