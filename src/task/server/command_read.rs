//! CommandRead: what the first worker tells this one.

use super::command::obey;
use crate::connection::Connection;
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::task::Context;
use crate::worker::{Command, Worker};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::Receiver;
use webserv_sys::{Watch, file};

/// Reads the line from the first worker, a socket pair's end, and takes the commands that it rings for.
pub struct CommandRead {
    line: OwnedFd,
    commands: Receiver<Command>,
}

impl CommandRead {
    /// Commands come through the channel, a byte on the line says that one is there.
    pub fn new(line: OwnedFd, commands: Receiver<Command>) -> Self {
        Self { line, commands }
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
        Watch::Read(self.line.as_fd())
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Blocked });
        }
        match file::read(self.line.as_fd(), &mut [0; 64]) {
            Ok(0) => {
                cx.stop(); // the first worker is gone, which hears the signals
                return Ok(Flow::Done);
            }
            Ok(_) => {}
            Err(error) if error.would_block() => return Ok(Flow::Blocked),
            Err(error) => return Err(TaskError::internal(error)),
        }
        while let Ok(command) = self.commands.try_recv() {
            obey(command, cx);
        }
        Ok(Flow::Blocked)
    }
}
