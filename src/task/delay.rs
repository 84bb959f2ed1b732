//! Delay: makes a request wait for some time, without a descriptor.

use super::{Context, Work};
use crate::connection::{Connection, PhaseWait};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::worker::Worker;
use std::time::Duration;
use webserv_sys::Watch;

/// A handler that ends after some time. Until then, no phase of its transaction runs ([`PhaseWait::Time`]).
pub struct Delay {
    wait: Duration,
    set: bool,
}

impl Delay {
    /// Delays this request.
    pub fn begin(w: &mut Work<'_>, wait: Duration) {
        w.t.http.rare.limited.wait = PhaseWait::Time;
        w.join(Box::new(Self { wait, set: false }));
    }
}

/// The request goes on: the time has passed, or the request has another answer.
fn end(cx: &mut Context<'_>) -> Flow {
    if let Some(w) = cx.work() {
        w.t.http.rare.limited.wait = PhaseWait::No;
    }
    Flow::Done
}

impl Task<Worker> for Delay {
    fn kind(&self) -> &'static str {
        "Delay"
    }

    fn doing(&self) -> &'static str {
        "delaying the request"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        if self.set { Want::Nothing } else { Want::Turn }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => {
                self.set = true;
                cx.wake_after(self.wait);
                Ok(Flow::Progress)
            }
            Event::Deadline | Event::Cancel => Ok(end(cx)),
        }
    }
}
