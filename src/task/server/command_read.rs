//! CommandRead: receives the commands of the first worker.

use super::command::execute;
use crate::connection::Connection;
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::task::Context;
use crate::worker::{Command, Worker};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::Receiver;
use webserv_sys::{Watch, file};

/// Reads the wake-up socket, then takes the commands from the queue and carries them out.
pub struct CommandRead {
    wake_up: OwnedFd,
    commands: Receiver<Command>,
}

impl CommandRead {
    /// `commands` is the queue of commands. A byte on `wake_up` means that the queue has some.
    pub fn new(wake_up: OwnedFd, commands: Receiver<Command>) -> Self {
        Self { wake_up, commands }
    }
}

impl Task<Worker> for CommandRead {
    fn kind(&self) -> &'static str {
        "CommandRead"
    }

    fn doing(&self) -> &'static str {
        "waiting for commands"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.wake_up.as_fd())
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Blocked });
        }
        match file::read(self.wake_up.as_fd(), &mut [0; 64]) {
            Ok(0) => {
                cx.stop(); // the first worker has ended, so this one would get no signals any more
                return Ok(Flow::Done);
            }
            Ok(_) => {}
            Err(error) if error.would_block() => return Ok(Flow::Blocked),
            Err(error) => return Err(TaskError::internal(error)),
        }
        while let Ok(command) = self.commands.try_recv() {
            execute(command, cx);
        }
        Ok(Flow::Blocked)
    }
}
