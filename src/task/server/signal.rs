//! Signal: turns a signal into a command for all workers.

use super::command::{execute_in_all, reload, reopen};
use crate::connection::Connection;
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::log::{Level, LogOpener};
use crate::task::Context;
use crate::worker::{Command, Rights, Worker};
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
        let name = self.signal.name();
        cx.log(Level::Notice, format_args!("{name} received"));
        let command = match (self.signal, cx.worker.team.master()) {
            (signal::Signal::Quit, _) => Some(Command::Drain),
            (signal::Signal::Usr1 | signal::Signal::Hup, Some(master)) => {
                cx.log(Level::Notice, format_args!("ignored: {name} is for the master process, {master}"));
                None
            }
            (signal::Signal::Usr1, None) => reopen(&LogOpener::Own, cx),
            (signal::Signal::Hup, None) => reload(Rights::Own, cx),
            _ => Some(Command::Stop),
        };
        command.into_iter().for_each(|command| execute_in_all(command, cx));
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
