//! Echo: the protocol pump of the echo protocol (RFC 862): the client gets back what it sends, as it comes or in whole
//! lines.
//!
//! It has no descriptor, no transactions and no handlers: ClientRead fills the input, this task moves segments over,
//! and ClientWrite sends them. A client that does not read its answers fills the output, then the input, and then its
//! own window: nothing more is read from it.

use super::{Context, give_up_place, leave, update_idle_list};
use crate::config::{EchoBy, EchoServer};
use crate::connection::{Connection, Phase};
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::log::Level;
use crate::worker::{IdleMark, Worker};
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::{Moment, Watch};

/// How long a connection that the server has ended may take to end on the other side, before it is closed.
const LINGER: Duration = Duration::from_secs(5);

/// One client.
pub struct Echo {
    server: Arc<EchoServer>,
    /// Bytes at the front of the input that have no end of a line.
    seen: u64,
    /// When its last bytes came.
    since: Moment,
    /// Its place among the idle connections.
    idle: IdleMark,
    /// The last bytes have left, and the client's time to close runs.
    lingers: bool,
}

impl Echo {
    /// Echoes to a client that was accepted in the round of `now`. It must be told of its first deadline, the server's
    /// `timeout` later.
    pub fn new(server: Arc<EchoServer>, now: Moment) -> Self {
        Self { server, seen: 0, since: now, idle: IdleMark::default(), lingers: false }
    }

    fn run(&mut self, cx: &mut Context<'_>) {
        let x = cx.connection();
        if x.phase == Phase::Open {
            let moved = self.echo(x, x.input.is_ended());
            if x.input.is_ended() && x.input.is_empty() {
                x.phase = Phase::Closing;
            }
            if moved {
                self.since = cx.now;
            }
            cx.wake_at(self.since.after(self.server.timeout));
        } else if x.phase == Phase::Lingering && x.output.is_empty() && !self.lingers {
            self.lingers = true;
            cx.wake_after(LINGER);
        }
        let is_idle = is_idle(cx.connection());
        if self.idle.is_stale(is_idle, cx.now) {
            update_idle_list(&mut self.idle, is_idle, cx);
        }
    }

    /// Moves what may go back; if no more is read, all of it. Returns true if that was something.
    fn echo(&mut self, x: &mut Connection, is_last: bool) -> bool {
        let more_may_come = !is_last && x.input.room() > 0;
        let whole_bytes = match self.server.by {
            EchoBy::Lines if more_may_come => {
                memchr::memrchr(b'\n', x.input.contiguous()).map_or(0, |at| at as u64 + 1)
            }
            EchoBy::Lines | EchoBy::Bytes => x.input.len(),
        };
        let mut left = whole_bytes;
        while left > 0
            && (is_last || x.output.room() > 0)
            && let Some(segment) = x.input.take(left)
        {
            left -= segment.len();
            x.output.push(segment);
        }
        self.seen = if left == 0 { x.input.len() } else { 0 };
        left < whole_bytes
    }

    fn on_deadline(&mut self, cx: &mut Context<'_>) {
        let x = cx.connection();
        if x.phase == Phase::Open && !x.output.is_empty() {
            self.since = cx.now; // it still takes the last echo; ClientWrite sees to it that it does
            return cx.wake_after(self.server.timeout);
        }
        if x.phase == Phase::Open {
            cx.log(Level::Info, format_args!("no bytes for too long: closed"));
        }
        cx.connection().phase = Phase::Closed;
    }

    /// No more is read. What has been read goes back first; then the client is waited for, since bytes of it may be on
    /// their way, and a reset would take the echo from it.
    fn drain(&mut self, cx: &mut Context<'_>) {
        let x = cx.connection();
        if x.phase == Phase::Open {
            self.echo(x, true);
            x.phase = Phase::Lingering;
        }
    }

    fn wants_turn(&self, x: &Connection) -> bool {
        match x.phase {
            Phase::Open if x.input.len() > self.seen || x.input.is_ended() => x.output.room() > 0,
            Phase::Open => !self.idle.is_set() && is_idle(x),
            Phase::Lingering => x.output.is_empty() && !self.lingers,
            Phase::Closing | Phase::Closed => false,
        }
    }
}

/// Whether its client could be left without losing anything.
fn is_idle(x: &Connection) -> bool {
    x.phase == Phase::Open && x.input.is_empty() && x.output.is_empty()
}

impl Task<Worker> for Echo {
    fn kind(&self) -> &'static str {
        "Echo"
    }

    fn doing(&self) -> &'static str {
        "echoing"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        match seen.connection {
            Some(x) if self.wants_turn(x) => Want::Turn,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => self.run(cx),
            Event::Deadline => self.on_deadline(cx),
            Event::Cancel => {
                leave(&mut self.idle, cx);
                return Ok(Flow::Done);
            }
        }
        Ok(Flow::Progress)
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match notice {
            Notice::Drain => self.drain(cx),
            Notice::Evict => give_up_place(&mut self.idle, is_idle(cx.connection()), cx),
            _ => {}
        }
        Ok(Flow::Progress)
    }
}
