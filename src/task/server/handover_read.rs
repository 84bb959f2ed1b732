//! HandoverRead: receives what the master process has opened with root's rights.

use super::command::{execute_in_all, reload, reopen};
use crate::connection::Connection;
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::handover::{Handover, HandoverReceive, Purpose, Received};
use crate::log::{Level, LogOpener};
use crate::task::Context;
use crate::worker::{Command, Rights, Worker};
use std::os::fd::AsFd;
use webserv_sys::Watch;

/// Reads the socket to the master process. Only the first worker has this task, and only if there is a master process.
pub struct HandoverRead {
    from_master: HandoverReceive,
}

impl HandoverRead {
    /// Reads from this end of the socket pair.
    pub fn new(from_master: HandoverReceive) -> Self {
        Self { from_master }
    }

    fn complete(&mut self, purpose: Purpose, handover: Handover, cx: &mut Context<'_>) {
        let number = handover.number;
        let command = match purpose {
            _ if handover.is_incomplete => {
                let what = "a log or socket of the master process is lost: the limit of open descriptors is reached";
                cx.log(Level::Emerg, format_args!("{what}; everything stays as it was"));
                None
            }
            Purpose::Reload => reload(Rights::Handed(handover), cx),
            Purpose::Reopen => reopen(&LogOpener::Handed(handover.logs), cx),
        };
        self.from_master.answer(number, command.is_some());
        command.into_iter().for_each(|command| execute_in_all(command, cx));
    }
}

impl Task<Worker> for HandoverRead {
    fn kind(&self) -> &'static str {
        "HandoverRead"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.from_master.as_fd())
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Blocked });
        }
        match self.from_master.read(&mut cx.worker.read_buffer) {
            Ok(Received::Blocked) => Ok(Flow::Blocked),
            Ok(Received::Part) => Ok(Flow::Yield),
            Ok(Received::Complete(purpose, handover)) => {
                self.complete(purpose, handover, cx);
                Ok(Flow::Yield)
            }
            Ok(Received::Closed) => {
                let what = "the master process has ended; the server finishes the open responses and ends";
                cx.log(Level::Alert, format_args!("{what}"));
                execute_in_all(Command::Drain, cx);
                Ok(Flow::Done)
            }
            Err(error) => Err(TaskError::internal(error)),
        }
    }
}
