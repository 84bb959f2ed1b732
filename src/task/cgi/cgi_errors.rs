//! CgiErrors: copies a program's standard error into the error log, line by line.
//!
//! Most programs write no errors. So the pipe is read when the program has exited, or after a while: see
//! [`late_watch`](super::late_watch).

use super::late_watch::LateWatch;
use crate::connection::{Connection, Phase};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::limits::{ERROR_BYTES_PER_TURN, ERROR_LINE_BYTES_MAX};
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;
use webserv_sys::{Watch, pipe};

/// Reads one program's standard error.
pub struct CgiErrors {
    stderr: OwnedFd,
    /// The beginning of a line that has not ended yet.
    line: Vec<u8>,
    /// The client and the request for the log line, when the response is complete and the program is still running.
    about: String,
    wait: LateWatch,
}

impl CgiErrors {
    /// Reads from this end of the program's standard error, and for `timeout` after the response.
    pub fn new(stderr: OwnedFd, timeout: Duration) -> Self {
        Self { stderr, line: Vec::new(), about: String::new(), wait: LateWatch::new(timeout) }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Flow {
        self.wait.look(cx);
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
        self.wait.let_finish(cx);
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
        self.wait.want(transaction.is_some_and(|t| t.program.exit.is_some()))
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match event {
            Event::Ready | Event::Hangup if self.wait.begin(cx) => Flow::Progress,
            Event::Ready | Event::Hangup => self.read(cx),
            Event::Cancel => self.cancel(cx),
            Event::Deadline if self.wait.is_unwatched() => self.read(cx),
            Event::Deadline => {
                self.log_line(cx);
                Flow::Done
            }
        })
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
        engine.start(Box::new(CgiErrors { wait: LateWatch::watched(), ..CgiErrors::new(stderr, Duration::ZERO) }));
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
