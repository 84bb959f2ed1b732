//! A task of the random schedules that stands alone between the connections that adopt it.

use super::net::{self, End};
use super::pump::Cx;
use super::stage::Outcome;
use crate::connection::{Connection, Phase};
use crate::engine::{Event, Flow, Notice, Seen, Task, Want};
use crate::log::Level;
use std::os::fd::AsFd;
use std::time::Duration;
use webserv_sys::Watch;

/// Stands alone until it is adopted, like an idle connection to an upstream server.
pub struct Spare {
    source: End,
    state: SpareState,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SpareState {
    /// It has had no turn.
    Fresh,
    /// It stands alone, and may be adopted or end.
    Idle,
    /// It moves the body of its connection.
    Busy,
    /// The body is complete.
    Ended,
}

impl Spare {
    /// A task whose descriptor is a channel of this client.
    pub fn new(client: usize) -> Self {
        Self { source: End::source(client, Vec::new()), state: SpareState::Fresh }
    }

    /// Stands alone: any connection may adopt it.
    fn wait(&mut self, cx: &mut Cx<'_>) -> Flow {
        self.state = SpareState::Idle;
        let token = cx.token();
        net::with(|net| net.spares.push(token));
        cx.wake_after(Duration::from_millis(100));
        Flow::Progress
    }
}

impl Task<Level> for Spare {
    fn kind(&self) -> &'static str {
        "Spare"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.source.as_fd())
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        match (seen.transaction, self.state) {
            (None, SpareState::Fresh) => Want::Turn,
            (None, _) => Want::Kernel,
            (Some(t), SpareState::Busy) if t.reply.body.room() > 0 => Want::Turn,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Cx<'_>) -> Outcome {
        match (event, self.state) {
            (Event::Cancel, _) => {
                let goes = cx.connection().phase == Phase::Closed || net::with(|net| net.random.once_in(3));
                return Ok(if goes { Flow::Done } else { self.wait(cx) });
            }
            (Event::Deadline, SpareState::Idle) => return Ok(Flow::Done),
            (_, SpareState::Fresh) => return Ok(self.wait(cx)),
            // The other side closes it now and then.
            (_, SpareState::Idle) => {
                assert!(cx.connection.is_none(), "it has not heard that it was adopted");
                return Ok(if net::with(|net| net.random.once_in(6)) { Flow::Done } else { Flow::Blocked });
            }
            _ => {}
        }
        let t = cx.transaction();
        let most = t.reply.body.room() as u64;
        match t.body.take(most) {
            Some(segment) => t.reply.body.push(segment),
            None if most > 0 && self.state == SpareState::Busy => {
                t.reply.body.end();
                self.state = SpareState::Ended;
            }
            None => {}
        }
        Ok(Flow::Progress)
    }

    fn notice(&mut self, notice: Notice, cx: &mut Cx<'_>) -> Outcome {
        if notice == Notice::Adopted {
            assert_eq!((self.state, cx.connection.is_some()), (SpareState::Idle, true));
            self.state = SpareState::Busy;
            cx.no_deadline();
        }
        Ok(Flow::Progress)
    }
}
