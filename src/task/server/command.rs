//! Carries out commands in a worker.

use crate::engine::Notice;
use crate::log::{Level, LogFiles};
use crate::task::Context;
use crate::task::client::Accept;
use crate::task::handle_log_events;
use crate::worker::Command;
use std::os::fd::AsFd;
use webserv_sys::net;

/// Carries out a command in the worker of this context.
pub(super) fn execute(command: Command, cx: &mut Context<'_>) {
    match command {
        Command::Stop => cx.stop(),
        Command::Drain => {
            cx.worker.draining = true;
            cx.notify_all(Notice::Drain);
            // The first worker handles the signals, so it must run as long as any other worker does.
            if cx.worker.team.others().is_empty() {
                cx.stop_when_idle();
            }
        }
        Command::Reopen(logs) => {
            cx.worker.files.clear();
            change_logs(&logs, cx);
        }
        Command::Reload(reload) => {
            cx.worker.config = reload.config.clone();
            cx.worker.limit_connections();
            cx.worker.transactions.clear();
            cx.worker.files.clear();
            change_logs(&reload.logs, cx);
            for (listener, socket) in reload.take_sockets(cx.worker.team.number()) {
                if cx.worker.team.number() == 0 {
                    let address = net::local_address(socket.as_fd()).unwrap_or(listener.address.clone());
                    cx.log(Level::Notice, format_args!("listening on {address}"));
                }
                let accept = Accept::new(socket, listener, cx.worker);
                cx.start(Box::new(accept));
            }
            cx.notify_all(Notice::Reload);
        }
    }
}

fn change_logs(files: &LogFiles, cx: &mut Context<'_>) {
    let config = cx.worker.config.clone();
    cx.worker.access_logs.replace(&config.access_logs, files);
    cx.error_log().replace(&config, files);
    handle_log_events(cx);
}
