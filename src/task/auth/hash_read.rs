//! HashRead: receives the answers of the thread that hashes passwords, and wakes the tasks that wait for them.

use crate::connection::Connection;
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::task::Context;
use crate::worker::{HashAnswers, Worker};
use std::os::fd::AsFd;
use webserv_sys::{Watch, file};

/// Reads the bell of this worker, then takes the answers.
pub struct HashRead {
    answers: HashAnswers,
}

impl HashRead {
    /// Receives these answers.
    pub fn new(answers: HashAnswers) -> Self {
        Self { answers }
    }
}

impl Task<Worker> for HashRead {
    fn kind(&self) -> &'static str {
        "HashRead"
    }

    fn doing(&self) -> &'static str {
        "waiting for hashed passwords"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.answers.bell.as_fd())
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Blocked });
        }
        match file::read(self.answers.bell.as_fd(), &mut [0; 64]) {
            Ok(_) => {}
            Err(error) if error.would_block() => return Ok(Flow::Blocked),
            Err(error) => return Err(TaskError::internal(error)),
        }
        while let Some((ticket, is_right)) = self.answers.next() {
            if let Some(task) = cx.worker.logins.put(ticket, is_right) {
                cx.notify(task, Notice::Finished);
            }
        }
        Ok(Flow::Blocked)
    }
}
