//! CgiErrors: copies a program's standard error into the error log, line by line.
//!
//! Most programs write no errors and exit in a few milliseconds. So the pipe is read when the program has exited, or
//! after [`UNWATCHED`](crate::limits::UNWATCHED); the kernel watches it only from then on.

use crate::connection::{Connection, Phase};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::limits::{ERROR_BYTES_PER_TURN, ERROR_LINE_BYTES_MAX};
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;
use webserv_sys::{Moment, Watch, pipe};

/// Reads one program's standard error.
pub struct CgiErrors {
    stderr: OwnedFd,
    /// The beginning of a line that has not ended yet.
    line: Vec<u8>,
    /// The client and the request for the log line, when the response is complete and the program is still running.
    about: String,
    /// How long the task goes on after the response.
    timeout: Duration,
    /// When that time is over. Never, while the response is not complete.
    end: Moment,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The program has just been started.
    Fresh,
    /// The program may exit soon: the kernel does not watch the pipe yet.
    Unwatched,
    /// The kernel watches the pipe.
    Watched,
}

impl CgiErrors {
    /// Reads from this end of the program's standard error, and for `timeout` after the response.
    pub fn new(stderr: OwnedFd, timeout: Duration) -> Self {
        Self { stderr, line: Vec::new(), about: String::new(), timeout, end: Moment::NEVER, stage: Stage::Fresh }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Flow {
        if self.stage == Stage::Unwatched {
            self.stage = Stage::Watched;
            cx.wake_at(self.end);
        }
        let mut buffer = [0; ERROR_BYTES_PER_TURN];
        let count = match pipe::read(self.stderr.as_fd(), &mut buffer) {
            Ok(count) => count,
            Err(error) if error.would_block() => return Flow::Blocked,
            Err(_) => 0,
        };
        for &byte in &buffer[..count] {
            if byte == b'\n' || self.line.len() >= ERROR_LINE_BYTES_MAX {
                self.log_line(cx);
            }
            if byte != b'\n' {
                self.line.push(byte);
            }
        }
        if count == 0 {
            self.log_line(cx);
            return Flow::Done;
        }
        if count < buffer.len() { Flow::Blocked } else { Flow::Yield }
    }

    /// Cancelled: the response is complete, or the client has closed.
    fn cancel(&mut self, cx: &mut Context<'_>) -> Flow {
        match cx.connection.as_deref() {
            Some(x) if x.phase != Phase::Closed => self.about = format!(", {}", cx.subject()),
            _ => {
                self.log_line(cx);
                return Flow::Done;
            }
        }
        self.end = cx.now.after(self.timeout);
        if self.stage == Stage::Watched {
            cx.wake_at(self.end);
        }
        Flow::Progress
    }

    fn log_line(&mut self, cx: &mut Context<'_>) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            let (line, about) = (String::from_utf8_lossy(&line), &self.about);
            cx.log(Level::Error, format_args!("the program says: {line}{about}"));
        }
    }
}

impl Task<Worker> for CgiErrors {
    fn kind(&self) -> &'static str {
        "CgiErrors"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.stderr.as_fd())
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        match self.stage {
            Stage::Fresh => Want::Turn,
            Stage::Unwatched if transaction.is_some_and(|t| t.program.exit.is_some()) => Want::Turn,
            Stage::Unwatched => Want::Nothing,
            Stage::Watched => Want::Kernel,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup if self.stage != Stage::Fresh => Ok(self.read(cx)),
            Event::Ready | Event::Hangup => {
                self.stage = Stage::Unwatched;
                let look = cx.worker.next_check(cx.now);
                cx.wake_at(look);
                Ok(Flow::Progress)
            }
            Event::Cancel => Ok(self.cancel(cx)),
            Event::Deadline if self.stage == Stage::Unwatched => Ok(self.read(cx)),
            Event::Deadline => {
                self.log_line(cx);
                Ok(Flow::Done)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::test_engine::engine;
    use webserv_sys::file;

    /// A bug: `yes >&2` delayed all other connections for seconds, because one turn read until no more came.
    #[test]
    fn a_program_that_wrote_errors_without_end_blocked_the_loop() {
        let (stderr, program) = pipe::pipe_from_child().unwrap();
        let lines = 30_000;
        assert_eq!(file::write(program.as_fd(), &b"a\n".repeat(lines)), Ok(2 * lines));
        drop(program);
        let mut engine = engine();
        engine.start(Box::new(CgiErrors { stage: Stage::Watched, ..CgiErrors::new(stderr, Duration::ZERO) }));
        let mut rounds = 0;
        while engine.log().lines().len() < lines {
            let before = engine.log().lines().len();
            engine.round().unwrap();
            let said = engine.log().lines().len() - before;
            assert!((1..=1024).contains(&said), "{said} lines in one round");
            rounds += 1;
        }
        assert!(rounds < lines, "several lines per round");
    }
}
