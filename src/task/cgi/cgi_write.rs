//! CgiWrite: writes the request's body to the program's standard input.

use crate::connection::{Connection, FailureKind};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want, Work};
use crate::task::Context;
use crate::task::upstream::{OutgoingRequest, Sent};
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use webserv_sys::Watch;

/// Writes to one program. When it ends, the pipe is closed, and the program reads EOF.
pub struct CgiWrite {
    stdin: OwnedFd,
    request: OutgoingRequest,
}

impl CgiWrite {
    /// Writes to this end of the program's standard input.
    pub fn new(stdin: OwnedFd) -> Self {
        Self { stdin, request: OutgoingRequest::to_program() }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let now = cx.now;
        let Some(Work { t, worker, .. }) = cx.work() else { return Ok(Flow::Done) };
        let sent = self.request.send(self.stdin.as_fd(), t, &mut worker.read_buffer);
        t.update_program_clock(self.request.take_sent() > 0, now);
        match sent {
            Ok(Sent::Everything) => Ok(Flow::Done),
            Ok(Sent::AllSoFar) => Ok(Flow::Progress),
            Ok(Sent::Part) => Ok(Flow::Blocked),
            Ok(Sent::Turn) => Ok(Flow::Yield),
            Err(error) if error.is_broken_pipe() => {
                t.body.abandon(); // the program has closed its input, which it may do at any time
                Ok(Flow::Done)
            }
            Err(source) => Err(TaskError::upstream(FailureKind::Reset, source)),
        }
    }

    /// The program gets no more of the body: from now on, it is not the client that is waited for.
    fn end(cx: &mut Context<'_>) {
        let now = cx.now;
        let t = cx.transaction();
        t.program.is_fed = false;
        t.update_program_clock(false, now);
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
            Some(t) if self.request.has_work(t) => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let flow = match event {
            Event::Ready => self.write(cx)?,
            Event::Hangup => {
                cx.transaction().body.abandon();
                Flow::Done
            }
            Event::Cancel => return Ok(Flow::Done),
            Event::Deadline => Flow::Progress,
        };
        if flow == Flow::Done {
            Self::end(cx);
        }
        Ok(flow)
    }
}
