//! AuthDelay: keeps the answer 401 back for a while (`auth_delay`).

use crate::connection::{Answer, Connection, Outcome};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::http::ReplyHead;
use crate::task::Context;
use crate::worker::Worker;
use std::time::Duration;
use webserv_sys::Watch;

/// Answers 401 when its time has come.
pub struct AuthDelay {
    /// None when the deadline is set.
    delay: Option<Duration>,
}

impl AuthDelay {
    /// Answers after this time.
    pub fn new(delay: Duration) -> Self {
        Self { delay: Some(delay) }
    }
}

impl Task<Worker> for AuthDelay {
    fn kind(&self) -> &'static str {
        "AuthDelay"
    }

    fn doing(&self) -> &'static str {
        "delaying the answer to a request without the right password"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        if self.delay.is_some() { Want::Turn } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => {
                if let Some(delay) = self.delay.take() {
                    cx.wake_after(delay);
                }
                Ok(Flow::Progress)
            }
            Event::Deadline => {
                let answer = Answer::Page(ReplyHead::new(401));
                cx.transaction().reply.outcome = Some(Outcome::Answer(answer));
                Ok(Flow::Done)
            }
            Event::Cancel => Ok(Flow::Done),
        }
    }
}
