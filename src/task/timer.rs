//! Timer: waits for a deadline, without a descriptor.

use super::Context;
use crate::connection::Connection;
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::log::{Level, LogEvent};
use crate::worker::Worker;
use std::time::Duration;
use webserv_sys::Watch;

/// What the timer does when its time has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Job {
    /// Write out the buffered lines of the access logs.
    FlushLogs,
    /// Drop cached files that were not requested for `inactive`.
    DropIdleFiles,
    /// Close all connections, and end: `worker_shutdown_timeout` after SIGQUIT.
    Stop,
    /// Close the connections with numbers up to this one: `worker_shutdown_timeout` after a reload.
    CloseUpTo(u64),
}

/// Handles the events of the access logs: starts a flush timer, logs errors.
pub fn handle_log_events(cx: &mut Context<'_>) {
    while let Some(event) = cx.worker.access_logs.take_event() {
        match event {
            LogEvent::FlushAfter(wait) => cx.start(Box::new(Timer::after(wait, Job::FlushLogs))),
            LogEvent::Trouble(level, said) => cx.log(level, format_args!("{said}")),
        }
    }
}

/// Does a job after a time.
pub struct Timer {
    wait: Duration,
    job: Job,
    set: bool,
}

impl Timer {
    /// Does `job` once, `wait` after its start.
    pub fn after(wait: Duration, job: Job) -> Self {
        Self { wait, job, set: false }
    }
}

impl Task<Worker> for Timer {
    fn kind(&self) -> &'static str {
        "Timer"
    }

    fn doing(&self) -> &'static str {
        match self.job {
            Job::FlushLogs => "flushing the access logs",
            Job::DropIdleFiles => "closing files that are not requested any more",
            Job::Stop | Job::CloseUpTo(_) => "waiting for worker_shutdown_timeout",
        }
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        if self.set { Want::Nothing } else { Want::Turn }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match (event, self.job) {
            (Event::Ready | Event::Hangup, _) => {
                self.set = true;
                cx.wake_after(self.wait);
                Ok(Flow::Progress)
            }
            (Event::Deadline, Job::FlushLogs) => {
                cx.worker.access_logs.flush_due(cx.now);
                handle_log_events(cx);
                Ok(Flow::Done)
            }
            (Event::Deadline, Job::DropIdleFiles) => match cx.worker.files.drop_idle(cx.now, self.wait) {
                Some(wait) => {
                    cx.wake_after(wait);
                    Ok(Flow::Progress)
                }
                None => Ok(Flow::Done),
            },
            (Event::Deadline, Job::Stop) => {
                cx.log(Level::Notice, format_args!("worker_shutdown_timeout: the open connections are closed"));
                cx.stop();
                Ok(Flow::Done)
            }
            (Event::Deadline, Job::CloseUpTo(number)) => {
                cx.worker.overdue = number;
                cx.notify_all(Notice::Overdue);
                Ok(Flow::Done)
            }
            (Event::Cancel, _) => Ok(Flow::Done),
        }
    }
}
