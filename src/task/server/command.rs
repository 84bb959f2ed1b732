//! Carries out commands in a worker, and makes those of a reload.

use crate::engine::Notice;
use crate::log::{Level, LogFiles, LogOpener};
use crate::task::Context;
use crate::task::client::Accept;
use crate::task::resolve::ResolveServer;
use crate::task::{Job, Timer, handle_log_events};
use crate::worker::{Command, Rights};
use std::os::fd::AsFd;
use webserv_sys::net;

/// Carries out a command in the worker of this context.
pub(super) fn execute(command: Command, cx: &mut Context<'_>) {
    match command {
        Command::Stop => cx.stop(),
        Command::Drain => {
            cx.worker.draining = true;
            cx.notify_all(Notice::Drain);
            if let Some(wait) = cx.worker.config.shutdown_timeout {
                cx.start(Box::new(Timer::after(wait, Job::Stop)));
            }
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
            // As in nginx, the configuration says it with which the connections began.
            if let Some(wait) = cx.worker.config.shutdown_timeout {
                let last = cx.worker.last_connection();
                cx.start(Box::new(Timer::after(wait, Job::CloseUpTo(last))));
            }
            let earlier = std::mem::replace(&mut cx.worker.config, reload.config.clone());
            cx.worker.limit_connections();
            cx.worker.upstreams.adopt_addresses(&earlier, &reload.config);
            cx.worker.upstreams.retain(&reload.config);
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
            for resolve in ResolveServer::all(&reload.config) {
                cx.start(Box::new(resolve));
            }
            cx.notify_all(Notice::Reload);
        }
    }
}

/// Sends a command to the other workers, and carries it out in this one, the first.
pub(super) fn execute_in_all(command: Command, cx: &mut Context<'_>) {
    cx.worker.team.send_to_others(&command);
    execute(command, cx);
}

/// Opens the log files again. Returns the command for all workers. Returns None after an error, which is logged.
pub(super) fn reopen(opener: &LogOpener, cx: &mut Context<'_>) -> Option<Command> {
    match cx.worker.team.reopen(opener) {
        Ok(files) => Some(Command::Reopen(files)),
        Err(error) => {
            cx.log(Level::Emerg, format_args!("{error}; the old log files stay in use"));
            None
        }
    }
}

/// Reads the configuration again. Returns the command for all workers. Returns None after an error, which is logged.
pub(super) fn reload(rights: Rights, cx: &mut Context<'_>) -> Option<Command> {
    if cx.worker.draining {
        cx.log(Level::Warn, format_args!("not reloaded: the server is shutting down"));
        return None;
    }
    match cx.worker.team.reload(rights) {
        Ok((reload, warnings)) => {
            for warning in warnings {
                cx.log(Level::Warn, format_args!("{warning}"));
            }
            cx.log(Level::Notice, format_args!("reloaded: the new configuration is in use"));
            Some(Command::Reload(reload))
        }
        Err(error) => {
            for line in error.lines() {
                cx.log(Level::Emerg, format_args!("{line}"));
            }
            cx.log(Level::Emerg, format_args!("the old configuration stays in use"));
            None
        }
    }
}

fn change_logs(files: &LogFiles, cx: &mut Context<'_>) {
    let config = cx.worker.config.clone();
    cx.worker.access_logs.replace(&config.access_logs, files);
    cx.error_log().replace(&config, files);
    handle_log_events(cx);
}
