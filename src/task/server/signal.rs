//! Signal: turns a signal into a command for all workers.

use super::command::execute;
use crate::connection::Connection;
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::log::Level;
use crate::task::Context;
use crate::worker::{Command, Worker};
use webserv_sys::{Watch, signal};

/// Waits for one signal. Only the first worker has these tasks; it sends the command to the others.
pub struct Signal {
    signal: signal::Signal,
}

impl Signal {
    /// The signals that the server handles.
    pub const ALL: [signal::Signal; 5] =
        [signal::Signal::Term, signal::Signal::Int, signal::Signal::Quit, signal::Signal::Hup, signal::Signal::Usr1];

    /// `signal` must be blocked (signal(7)).
    pub fn new(signal: signal::Signal) -> Self {
        Self { signal }
    }

    fn arrived(&self, cx: &mut Context<'_>) {
        cx.log(Level::Notice, format_args!("{} received", self.signal.name()));
        let command = match self.signal {
            signal::Signal::Quit => Some(Command::Drain),
            signal::Signal::Usr1 => reopen(cx),
            signal::Signal::Hup => reload(cx),
            _ => Some(Command::Stop),
        };
        if let Some(command) = command {
            cx.worker.team.send_to_others(&command);
            execute(command, cx);
        }
    }
}

fn reopen(cx: &mut Context<'_>) -> Option<Command> {
    match cx.worker.team.reopen() {
        Ok(files) => Some(Command::Reopen(files)),
        Err(error) => {
            cx.log(Level::Emerg, format_args!("{error}; the old log files stay in use"));
            None
        }
    }
}

fn reload(cx: &mut Context<'_>) -> Option<Command> {
    if cx.worker.draining {
        cx.log(Level::Warn, format_args!("not reloaded: the server is shutting down"));
        return None;
    }
    match cx.worker.team.reload() {
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

impl Task<Worker> for Signal {
    fn kind(&self) -> &'static str {
        "Signal"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Signal(self.signal)
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => self.arrived(cx),
            Event::Cancel => return Ok(Flow::Done),
            Event::Deadline => {}
        }
        Ok(Flow::Blocked)
    }
}
