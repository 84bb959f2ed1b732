//! CgiWrite: writes the request's body to the program's standard input.

use crate::connection::{Connection, FailureKind};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::limits::IOVECS_MAX;
use crate::task::Context;
use crate::worker::Worker;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use webserv_sys::{Watch, file};

/// Writes to one program. When it ends, the pipe is closed, and the program reads EOF.
pub struct CgiWrite {
    stdin: OwnedFd,
}

impl CgiWrite {
    /// Writes to this end of the program's standard input.
    pub fn new(stdin: OwnedFd) -> Self {
        Self { stdin }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let body = &mut cx.transaction().body;
        if body.is_empty() {
            return Ok(if body.is_ended() { Flow::Done } else { Flow::Progress });
        }
        let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
        let (count, offered, _) = body.gather(&mut slices);
        match file::writev(self.stdin.as_fd(), &slices[..count]) {
            Ok(sent) => {
                body.consume(sent as u64);
                Ok(if (sent as u64) < offered { Flow::Blocked } else { Flow::Progress })
            }
            Err(error) if error.would_block() => Ok(Flow::Blocked),
            Err(error) if error.is_broken_pipe() => {
                body.abandon(); // the program has closed its input, which it may do at any time
                Ok(Flow::Done)
            }
            Err(source) => Err(TaskError::upstream(FailureKind::Reset, source)),
        }
    }
}

impl Task<Worker> for CgiWrite {
    fn kind(&self) -> &'static str {
        "CgiWrite"
    }

    fn doing(&self) -> &'static str {
        "sending the request's body to the program"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Write(self.stdin.as_fd())
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match transaction {
            Some(x) if !x.body.is_empty() => Want::Kernel,
            Some(x) if x.body.is_ended() => Want::Turn,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready => self.write(cx),
            Event::Hangup => {
                cx.transaction().body.abandon();
                Ok(Flow::Done)
            }
            Event::Cancel => Ok(Flow::Done),
            Event::Deadline => Ok(Flow::Progress),
        }
    }
}
