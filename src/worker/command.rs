//! What a worker can be told from outside.

use super::{Reload, Worker};
use crate::engine::{Context, Event};
use crate::log::{Level, LogFiles};
use crate::task::{Accept, see_to_logs};
use std::os::fd::AsFd;
use webserv_sys::net;

/// An order to a worker. Whatever can fail has been done before it is given.
#[derive(Clone)]
pub enum Command {
    /// End now.
    Stop,
    /// Finish the open responses, then end.
    Drain,
    /// Go on with these log files, opened anew.
    Reopen(LogFiles),
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
                // Signals are heard by the first worker, which must hear them as long as any worker runs.
                if cx.worker.team.mates().is_empty() {
                    cx.stop_when_idle();
                }
            }
            Command::Reopen(logs) => {
                cx.worker.files.clear();
                change_logs(&logs, cx);
            }
            Command::Reload(reload) => {
                cx.worker.config = reload.config.clone();
                cx.worker.files.clear();
                change_logs(&reload.logs, cx);
                for (listener, socket) in reload.take_sockets(cx.worker.team.number()) {
                    if cx.worker.team.number() == 0 {
                        let address = net::local_address(socket.as_fd()).unwrap_or(listener.address.clone());
                        cx.log(Level::Notice, format_args!("listening on {address}"));
                    }
                    cx.start(Box::new(Accept::new(socket, reload.config.clone(), listener)));
                }
                cx.tell_all(Event::Reload);
            }
        }
    }
}

fn change_logs(files: &LogFiles, cx: &mut Context<'_, Worker>) {
    let config = cx.worker.config.clone();
    cx.worker.access_logs.replace(&config.access_logs, files);
    cx.error_log().replace(&config, files);
    see_to_logs(cx);
}
