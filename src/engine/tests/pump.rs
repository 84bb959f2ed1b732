//! The tasks of the random schedules: a small server on the network in memory, built like the real one from a listener,
//! a reader and a writer, a protocol, handlers, tasks that reap children, and a timer.
//!
//! A request is three bytes: what to do, the length of the answer, and the seed of its bytes.

use super::net::{self, End, Got, ListenSocket};
use super::spare::Spare;
use super::stage::{Outcome, connection, panic_quietly, set_level};
use crate::connection::{Connection, FailureKind, Front, Phase, Pipe, Reply};
use crate::engine::{Context, Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::log::Level;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;
use webserv_sys::poller::Pid;
use webserv_sys::{Error, Moment, Watch};

/// The bound of all pipes of a connection.
pub const PIPE_BYTES_MAX: usize = 11;

/// The length of a request in bytes.
pub const REQUEST_BYTES: usize = 3;

/// What a request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// An answer from memory.
    Memory,
    /// An answer from a handler.
    Handler,
    /// A handler begins and is then cancelled; the rest comes from memory.
    Cancelled,
    /// A handler with a child, which is reaped when it is cancelled or later.
    Child,
    /// An answer after a deadline.
    Sleep,
    /// An answer by an adopted task, if there is one. It may stand alone again after it.
    Adopted,
    /// The last answer of the connection.
    Last,
    /// A handler that fails before its first byte.
    FailsEarly,
    /// A handler that fails half way.
    FailsLate,
    /// A handler that panics half way.
    Panics,
    /// A handler that panics when it is cancelled.
    PanicsInCancel,
    /// The protocol itself panics.
    ProtocolPanics,
}

impl Ask {
    pub const ALL: [Ask; 12] = {
        use Ask::*;
        let bad = [FailsEarly, FailsLate, Panics, PanicsInCancel, ProtocolPanics];
        [Memory, Handler, Cancelled, Child, Sleep, Adopted, Last, bad[0], bad[1], bad[2], bad[3], bad[4]]
    };

    /// The complete answer.
    pub fn answer(self, len: u8, seed: u8) -> Vec<u8> {
        if self == Ask::FailsEarly {
            return b"E\0".to_vec();
        }
        let body = (0..len).map(|i| seed.wrapping_add(i.wrapping_mul(7)));
        [b'A', len].into_iter().chain(body).collect()
    }
}

/// A connection with small pipes, so that they are often full.
fn small_connection(level: Level) -> Connection {
    let mut x = connection();
    (*x.input, *x.output) = (Pipe::new(PIPE_BYTES_MAX), Pipe::new(PIPE_BYTES_MAX));
    if let Some(t) = x.transactions.current_mut() {
        *t.reply = Reply::new(PIPE_BYTES_MAX);
    }
    set_level(&mut x, level);
    x
}

fn panic_on_purpose(client: usize) -> ! {
    net::with(|net| {
        net.panics += 1;
        net.channels[client].excused = true;
    });
    panic_quietly()
}

pub type Cx<'a> = Context<'a, Level>;

/// Accepts clients.
pub struct Listen(pub ListenSocket);

impl Task<Level> for Listen {
    fn kind(&self) -> &'static str {
        "Listen"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.0.as_fd())
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, _: Event, cx: &mut Cx<'_>) -> Outcome {
        let Some(client) = net::with(|net| net.backlog.pop_front()) else { return Ok(Flow::Blocked) };
        let end = Rc::new(End::of(client));
        let protocol = Protocol { client, state: State::Idle };
        let sides: [Box<dyn Task<Level>>; 2] = [Box::new(Reader(Rc::clone(&end))), Box::new(Writer(end))];
        let [reader, writer] = sides;
        cx.open(small_connection(*cx.worker), [Box::new(protocol), reader, writer], Moment::NEVER);
        Ok(if net::with(|net| net.random.once_in(2)) { Flow::Progress } else { Flow::Blocked })
    }
}

/// Reads from the client.
struct Reader(Rc<End>);

impl Task<Level> for Reader {
    fn kind(&self) -> &'static str {
        "Reader"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.0.as_fd())
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        match seen.connection {
            Some(x) if x.phase == Phase::Open && !x.input.is_ended() && x.input.room() > 0 => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Cx<'_>) -> Outcome {
        match event {
            Event::Cancel => return Ok(Flow::Done),
            Event::Deadline => panic!("a deadline that is always moved back has fired"),
            Event::Ready | Event::Hangup => {}
        }
        if self.wants(cx.seen()) != Want::Kernel {
            return Ok(Flow::Progress);
        }
        cx.wake_after(Duration::from_secs(60));
        let input = &mut cx.connection().input;
        let most = input.room();
        match self.0.read(most) {
            Got::Bytes(bytes) => {
                let flow = if bytes.len() < most { Flow::Blocked } else { Flow::Progress };
                input.push_bytes(bytes);
                Ok(flow)
            }
            Got::End => {
                input.end();
                cx.no_deadline();
                Ok(Flow::Blocked)
            }
            Got::Again => Ok(Flow::Blocked),
            Got::Reset => Err(TaskError::client(Error::shrunk("read"))),
        }
    }
}

/// Writes to the client.
struct Writer(Rc<End>);

impl Task<Level> for Writer {
    fn kind(&self) -> &'static str {
        "Writer"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Write(self.0.as_fd())
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        if seen.connection.is_some_and(|x| !x.output.is_empty()) { Want::Kernel } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Cx<'_>) -> Outcome {
        if !matches!(event, Event::Ready | Event::Hangup) {
            return Ok(if event == Event::Cancel { Flow::Done } else { Flow::Progress });
        }
        let output = &mut cx.connection().output;
        let Some(Front::Bytes(bytes)) = output.front() else { return Ok(Flow::Progress) };
        let Some(sent) = self.0.write(bytes) else { return Err(TaskError::client(Error::shrunk("write"))) };
        let flow = if sent < bytes.len() { Flow::Blocked } else { Flow::Progress };
        output.consume(sent as u64);
        Ok(flow)
    }
}

/// Reads requests and writes answers.
struct Protocol {
    client: usize,
    state: State,
}

enum State {
    Idle,
    /// These bytes must be written.
    Memory(Vec<u8>),
    /// A handler has been asked; `left` bytes of its answer have not come. The head is written with the first byte.
    Asked {
        ask: Ask,
        answer: Vec<u8>,
        left: usize,
    },
    /// Waits for the deadline, then writes these bytes.
    Asleep(Vec<u8>),
}

impl Protocol {
    /// Does one step. Returns false if something else must happen first.
    fn step(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.wants(cx.seen()) != Want::Turn {
            return false;
        }
        let x = cx.connection();
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle if x.input.len() < REQUEST_BYTES as u64 => x.phase = Phase::Closing,
            State::Idle => self.begin(cx),
            State::Memory(mut bytes) => {
                let rest = bytes.split_off(x.output.room().min(bytes.len()));
                x.output.push_bytes(bytes);
                if !rest.is_empty() {
                    self.state = State::Memory(rest);
                }
            }
            State::Asked { ask, answer, left } => self.transfer(ask, answer, left, cx),
            asleep @ State::Asleep(_) => self.state = asleep,
        }
        true
    }

    fn begin(&mut self, cx: &mut Cx<'_>) {
        let input = &mut cx.connection().input;
        let &[ask, len, seed, ..] = input.contiguous() else { return };
        input.consume(REQUEST_BYTES as u64);
        let ask = Ask::ALL[usize::from(ask)];
        let answer = ask.answer(len, seed);
        self.state = match ask {
            Ask::Memory => State::Memory(answer),
            Ask::Last => {
                cx.connection().phase = Phase::Closing;
                cx.connection().output.push_bytes(answer); // the bound is soft by one segment
                State::Idle
            }
            Ask::Sleep => {
                cx.wake_after(Duration::from_millis(u64::from(seed % 20)));
                State::Asleep(answer)
            }
            Ask::ProtocolPanics => panic_on_purpose(self.client),
            Ask::Adopted => self.adopt(answer, cx),
            _ => {
                let body = Ask::Handler.answer(len, seed).split_off(2);
                let left = if ask == Ask::FailsEarly { body.len().max(1) } else { body.len() };
                let source = End::source(self.client, body);
                cx.join(Box::new(Handler { source, client: self.client, ask, left, whole: left }));
                if ask == Ask::Child {
                    cx.join(Box::new(Reaper { pid: net::spawn(), gone: false }));
                }
                State::Asked { ask, answer, left }
            }
        };
    }

    /// Lets a task that stands alone send the answer, whose body it finds in the connection.
    fn adopt(&self, answer: Vec<u8>, cx: &mut Cx<'_>) -> State {
        cx.start(Box::new(Spare::new(self.client)));
        let Some(spare) = net::with(|net| net.spares.pop()) else { return State::Memory(answer) };
        *cx.transaction().body = Pipe::new(PIPE_BYTES_MAX);
        cx.transaction().body.push_copy(&answer[2..]);
        cx.transaction().body.end();
        cx.adopt(spare);
        let left = answer.len() - 2;
        State::Asked { ask: Ask::Adopted, answer, left }
    }

    /// Moves the bytes that the handler has brought.
    fn transfer(&mut self, ask: Ask, answer: Vec<u8>, mut left: usize, cx: &mut Cx<'_>) {
        let Connection { output, transactions, .. } = cx.connection();
        let Some(t) = transactions.current_mut() else { return };
        let begun = left + 2 < answer.len();
        if !begun {
            output.push_copy(&answer[..2]);
        }
        if let Some(segment) = t.reply.body.take(output.room().max(1) as u64) {
            left -= segment.len() as usize;
            output.push(segment);
        }
        if left == 0 || ask == Ask::Cancelled {
            self.state = if left == 0 { State::Idle } else { State::Memory(answer[answer.len() - left..].to_vec()) };
            *t.reply = Reply::new(PIPE_BYTES_MAX);
            cx.work().expect("it has begun").cancel_handlers();
        } else {
            self.state = State::Asked { ask, answer, left };
        }
    }

    fn handler_failed(&mut self, cx: &mut Cx<'_>) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Asked { ask: Ask::FailsEarly | Ask::Adopted, answer, .. } => {
                *cx.transaction().reply = Reply::new(PIPE_BYTES_MAX);
                self.state = State::Memory(answer);
            }
            State::Asked { .. } => cx.connection().phase = Phase::Closed,
            _ => panic!("a handler has failed for a protocol without one"),
        }
    }
}

impl Task<Level> for Protocol {
    fn kind(&self) -> &'static str {
        "Protocol"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        let (Some(x), Some(t)) = (seen.connection, seen.transaction) else { return Want::Nothing };
        let (room, body) = (x.output.room() > 0, &t.reply.body);
        let turn = x.phase == Phase::Open
            && match &self.state {
                State::Idle => room && (x.input.len() >= REQUEST_BYTES as u64 || x.input.is_ended()),
                State::Memory(_) => room,
                State::Asked { .. } => room && (!body.is_empty() || body.is_ended()),
                State::Asleep(_) => false,
            };
        if turn || t.failed.is_some() { Want::Turn } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Cx<'_>) -> Outcome {
        match event {
            Event::Cancel => return Ok(Flow::Done),
            Event::Deadline => {
                let State::Asleep(answer) = std::mem::replace(&mut self.state, State::Idle) else {
                    panic!("a deadline that was not set has fired");
                };
                self.state = State::Memory(answer);
            }
            Event::Ready | Event::Hangup => {}
        }
        if cx.transaction().failed.take().is_some() {
            self.handler_failed(cx);
        }
        // At most one request with a handler per turn: orders are carried out between turns.
        let steps = net::with(|net| 1 + net.random.below(3));
        for _ in 0..steps {
            let asked = matches!(self.state, State::Asked { .. });
            if !self.step(cx) || asked || matches!(self.state, State::Asked { .. }) {
                break;
            }
        }
        Ok(Flow::Progress)
    }
}

/// Reads an answer from a source, or fails.
struct Handler {
    source: End,
    client: usize,
    ask: Ask,
    left: usize,
    whole: usize,
}

impl Handler {
    /// Fails, when half of the answer has been read.
    fn go_wrong(&self) -> Option<TaskError> {
        let half = self.left * 2 <= self.whole;
        let error = TaskError::upstream(FailureKind::Reset, Error::shrunk("read"));
        match self.ask {
            Ask::FailsEarly => Some(error),
            Ask::FailsLate if half => {
                net::with(|net| net.channels[self.client].excused = true);
                Some(error)
            }
            Ask::Panics if half => panic_on_purpose(self.client),
            _ => None,
        }
    }
}

impl Task<Level> for Handler {
    fn kind(&self) -> &'static str {
        "Handler"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.source.as_fd())
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        if seen.transaction.is_some_and(|t| t.reply.body.room() > 0) { Want::Kernel } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Cx<'_>) -> Outcome {
        match event {
            Event::Cancel if self.ask == Ask::PanicsInCancel => panic_on_purpose(self.client),
            Event::Cancel => return Ok(Flow::Done),
            Event::Ready | Event::Hangup => {}
            _ => return Ok(Flow::Progress),
        }
        if let Some(error) = self.go_wrong() {
            return Err(error);
        }
        let body = &mut cx.transaction().reply.body;
        let most = body.room().min(self.left);
        if self.left > 0 && most > 0 {
            match self.source.read(most) {
                Got::Bytes(bytes) => {
                    self.left -= bytes.len();
                    body.push_bytes(bytes);
                }
                Got::Again => return Ok(Flow::Blocked),
                Got::End | Got::Reset => panic!("a source has all the bytes of its answer"),
            }
        }
        if self.left > 0 {
            return Ok(Flow::Progress);
        }
        body.end();
        Ok(if self.ask == Ask::PanicsInCancel { Flow::Blocked } else { Flow::Done })
    }
}

/// Waits for a child, also after its connection was closed.
struct Reaper {
    pid: Pid,
    gone: bool,
}

impl Task<Level> for Reaper {
    fn kind(&self) -> &'static str {
        "Reaper"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Exit(self.pid)
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, event: Event, cx: &mut Cx<'_>) -> Outcome {
        assert_eq!(self.gone, cx.connection.is_none(), "its connection is there until it is cancelled");
        match event {
            Event::Ready | Event::Hangup if net::with(|net| net.children[self.pid as usize]) => return Ok(Flow::Done),
            Event::Deadline => net::with(|net| net.children[self.pid as usize] = true), // SIGKILL
            Event::Cancel => {
                self.gone = true;
                cx.wake_after(Duration::from_secs(2));
            }
            _ => {}
        }
        Ok(Flow::Blocked)
    }
}

/// Wakes up regularly, and sometimes sends a notice to all tasks.
pub struct Tick {
    pub set: bool,
}

impl Task<Level> for Tick {
    fn kind(&self) -> &'static str {
        "Tick"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        if self.set { Want::Nothing } else { Want::Turn }
    }

    fn handle(&mut self, event: Event, cx: &mut Cx<'_>) -> Outcome {
        if matches!(event, Event::Ready | Event::Deadline) {
            self.set = true;
            cx.wake_after(Duration::from_millis(50));
            if net::with(|net| net.random.once_in(4)) {
                cx.notify_all(Notice::Reload);
            }
        }
        Ok(Flow::Progress)
    }
}
