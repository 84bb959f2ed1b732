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
        let sent = match file::writev(self.stdin.as_fd(), &slices[..count]) {
            Ok(sent) => sent as u64,
            Err(error) if error.would_block() => 0,
            Err(error) if error.is_broken_pipe() => {
                body.abandon(); // the program has closed its input, which it may do at any time
                return Ok(Flow::Done);
            }
            Err(source) => return Err(TaskError::upstream(FailureKind::Reset, source)),
        };
        body.consume(sent);
        let now = cx.now;
        cx.transaction().update_program_clock(sent > 0, now);
        Ok(if sent < offered { Flow::Blocked } else { Flow::Progress })
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
            Some(x) if !x.body.is_empty() => Want::Kernel,
            Some(x) if x.body.is_ended() => Want::Turn,
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
