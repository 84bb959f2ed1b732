//! What a task is, and what it may do while it runs.

use super::timers::Deadline;
use super::{CONNECTION_TASKS, Control};
use crate::connection::{Connection, Side};
use crate::log::{ErrorLog, Level, Line};
use std::collections::VecDeque;
use std::fmt;
use std::os::fd::AsRawFd;
use std::time::Duration;
use webserv_sys::{Error, Moment, Token, Watch};

/// What a task is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Go on: the kernel says that the call will not block, or it is to be tried, or memory has work.
    Ready,
    /// The other side of the descriptor is gone. Bytes may still be there.
    Hangup,
    /// The deadline that the task set has passed.
    Deadline,
    /// The connection is over. Clean up; most tasks are [`Flow::Done`] with that.
    Cancel,
}

/// News that only some kinds of tasks care about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// The server takes a new configuration.
    Reload,
    /// The server finishes what is open and starts nothing new.
    Drain,
    /// It stood alone, and is a member of a connection from now on.
    Adopted,
    /// There are more clients than places: a connection that waits for a request gives up its own.
    Evict,
    /// A connection of this worker has closed, or may be made to: see [`Context::wait_for_place`].
    Place,
}

/// Why a task has its turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is to work: [`Task::handle`].
    Event(Event),
    /// It is told something: [`Task::notice`].
    Notice(Notice),
}

/// What a task waits for, said without side effects from what it sees in the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// Nothing now.
    Nothing,
    /// Its one system call, when the kernel allows.
    Kernel,
    /// A turn: there is work that needs only memory.
    Turn,
}

/// How a turn ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// The kernel has no more now: `EAGAIN`, or less than was asked for. A task that waits for the kernel is not
    /// asked what it wants before the kernel has an event for it: it may not come to want a [`Want::Turn`] meanwhile.
    Blocked,
    /// Something was done, and more may be possible.
    Progress,
    /// The same, and it was as much as one turn may do: the kernel is asked who else has come before the next one.
    Yield,
    /// The task is over: drop it.
    Done,
}

/// Why a task could not go on.
#[derive(Clone, Copy, Debug)]
pub struct TaskError {
    /// Whose fault it is.
    pub side: Side,
    /// The call that failed and its error number.
    pub source: Error,
}

impl TaskError {
    /// The client's side failed in this call.
    pub fn client(source: Error) -> Self {
        Self { side: Side::Client, source }
    }

    /// Our side failed in this call.
    pub fn internal(source: Error) -> Self {
        Self { side: Side::Internal, source }
    }
}

/// One piece of work: it moves bytes one way on one descriptor and makes one kind of system call.
///
/// `W` is what all tasks of a worker share; the engine only hands it on.
pub trait Task<W> {
    /// The kind's name, as in the log: "ClientRead".
    fn kind(&self) -> &'static str;

    /// What it is at, for the log's "while ...": "reading the request".
    fn doing(&self) -> &'static str;

    /// What the kernel is to watch for it: one and the same as long as it lives, since that is how it is disarmed.
    /// (The descriptor is the task's own, or its connection's.)
    fn watch<'w>(&'w self, connection: Option<&'w Connection>) -> Watch<'w>;

    /// What it waits for. Pure: asked when its connection has changed.
    fn wants(&self, connection: Option<&Connection>) -> Want;

    /// Does one bounded piece of work. Never blocks.
    fn handle(&mut self, event: Event, cx: &mut Context<'_, W>) -> Result<Flow, TaskError>;

    /// Hears what only some kinds of tasks care about: as it is here, none does.
    fn notice(&mut self, _: Notice, _: &mut Context<'_, W>) -> Result<Flow, TaskError> {
        Ok(Flow::Progress)
    }

    /// How it is named in log lines. (Here, as the next, so that the engine makes one call for all of it.)
    fn log_context(&self, connection: Option<&Connection>) -> LogContext {
        let fd = match self.watch(connection) {
            Watch::Read(fd) | Watch::Write(fd) | Watch::Change(fd) => Some(fd.as_raw_fd()),
            Watch::Exit(_) | Watch::Signal(_) | Watch::Always => None,
        };
        LogContext { kind: self.kind(), doing: self.doing(), fd }
    }

    /// One turn: [`handle`](Self::handle) with everything that it may use, and a line for it at level debug.
    fn turn(
        &mut self,
        event: Event,
        connection: Option<&mut Connection>,
        worker: &mut W,
        deadline: &mut Deadline,
        turn: &mut TurnState<W>,
    ) -> Result<Flow, TaskError> {
        let log_context = self.log_context(connection.as_deref());
        let mut cx = Context { connection, worker, now: turn.now, log_context, deadline, turn };
        let outcome = self.handle(event, &mut cx);
        if cx.turn.log.is_debugged() {
            cx.trace(&event, &outcome);
        }
        outcome
    }

    /// The same with [`notice`](Self::notice).
    fn told(
        &mut self,
        notice: Notice,
        connection: Option<&mut Connection>,
        worker: &mut W,
        deadline: &mut Deadline,
        turn: &mut TurnState<W>,
    ) -> Result<Flow, TaskError> {
        let log_context = self.log_context(connection.as_deref());
        let mut cx = Context { connection, worker, now: turn.now, log_context, deadline, turn };
        let outcome = self.notice(notice, &mut cx);
        if cx.turn.log.is_debugged() {
            cx.trace(&notice, &outcome);
        }
        outcome
    }
}

/// What a running task can see and ask for. It borrows the engine's fields one by one, so no task can reach another.
pub struct Context<'a, W> {
    /// What the tasks of this connection share; `None` for a task that stands alone.
    pub connection: Option<&'a mut Connection>,
    /// What all tasks of this worker share.
    pub worker: &'a mut W,
    /// The time of this round of the loop.
    pub now: Moment,
    /// Who runs.
    log_context: LogContext,
    deadline: &'a mut Deadline,
    turn: &'a mut TurnState<W>,
}

/// What the engine lends to whoever has its turn.
pub struct TurnState<W> {
    /// The time of this round.
    pub(super) now: Moment,
    pub(super) connections_open: usize,
    /// The connection of who has its turn.
    pub(super) of: Option<Token>,
    /// Who has its turn.
    pub(super) token: Token,
    /// Tasks that wait for a connection to close, the first one first.
    pub(super) waiting: VecDeque<Token>,
    pub(super) orders: Vec<Order<W>>,
    pub(super) control: Control,
    pub(super) log: ErrorLog,
}

/// Who speaks in a log line.
#[derive(Clone, Copy)]
pub struct LogContext {
    pub(super) kind: &'static str,
    pub(super) doing: &'static str,
    pub(super) fd: Option<i32>,
}

/// What a task asked the engine to do after its turn.
pub(super) enum Order<W> {
    /// A new task in the same connection.
    Join(Box<dyn Task<W>>),
    /// A task that stands alone becomes one of the same connection.
    Adopt(Token),
    /// A new task that stands alone.
    Alone(Box<dyn Task<W>>),
    /// A new connection with its first tasks, and the first deadline of the first of them.
    Open(Connection, [Box<dyn Task<W>>; CONNECTION_TASKS], Moment),
    /// One task is told.
    Tell(Token, Notice),
    /// The protocol of the connection with this number is told.
    TellProtocol(u32, Notice),
    /// The next task that waits for a place is told that there is one.
    PassPlaceOn,
    /// All tasks are told.
    TellAll(Notice),
    /// The tasks of this connection that work for the protocol are cancelled.
    CancelHandlers,
}

impl<W> Context<'_, W> {
    /// The connection of a task that always has one.
    pub fn connection(&mut self) -> &mut Connection {
        self.connection.as_deref_mut().expect("this task is only made inside a connection")
    }

    /// Tell this task [`Event::Deadline`] after `wait`, instead of whenever it had asked for before.
    pub fn wake_after(&mut self, wait: Duration) {
        self.deadline.at = self.now.after(wait);
    }

    /// Tell this task [`Event::Deadline`] at this time.
    pub fn wake_at(&mut self, at: Moment) {
        self.deadline.at = at;
    }

    /// No deadline any more.
    pub fn no_deadline(&mut self) {
        self.deadline.at = Moment::NEVER;
    }

    /// Whether a deadline is set.
    pub fn has_deadline(&self) -> bool {
        self.deadline.is_set()
    }

    /// Adds a task to this connection. Nothing joins one that is closing, nor a task that stands alone.
    pub fn join(&mut self, task: Box<dyn Task<W>>) {
        self.turn.orders.push(Order::Join(task));
    }

    /// Makes a task that stands alone one of this connection. The first that it hears there is [`Notice::Adopted`].
    /// If it cannot be had, since it is gone, belongs to another, or is about to have a turn of its own, the
    /// connection has failed on the upstream side.
    pub fn adopt(&mut self, task: Token) {
        self.turn.orders.push(Order::Adopt(task));
    }

    /// Adds a task that belongs to no connection.
    pub fn start(&mut self, task: Box<dyn Task<W>>) {
        self.turn.orders.push(Order::Alone(task));
    }

    /// Opens a connection: the protocol first, then who writes to the client, then who reads. They are asked what they
    /// want in a circle, so each comes soon after the one who has work for it. The protocol is told
    /// [`Event::Deadline`] at `until`, if it has not asked for another time by then: it needs no turn only to begin.
    pub fn open(&mut self, connection: Connection, tasks: [Box<dyn Task<W>>; CONNECTION_TASKS], until: Moment) {
        self.turn.orders.push(Order::Open(connection, tasks, until));
    }

    /// The token of the task whose turn it is: another can tell it something by that.
    pub fn token(&self) -> Token {
        self.turn.token
    }

    /// Tells one task something, after the turns of this round. If it is gone by then, nobody is told.
    pub fn tell(&mut self, token: Token, notice: Notice) {
        self.turn.orders.push(Order::Tell(token, notice));
    }

    /// The number of this task's connection: no other has it as long as this one is open.
    pub fn connection_number(&self) -> Option<u32> {
        self.turn.of.map(|x| x.index)
    }

    /// Tells the protocol of the connection with this number something, after the turns of this round.
    pub fn tell_protocol(&mut self, connection: u32, notice: Notice) {
        self.turn.orders.push(Order::TellProtocol(connection, notice));
    }

    /// Tells this task [`Notice::Place`] when a connection of this worker has closed, or a task passes a place on. The
    /// tasks that wait are told in the order in which they came, one for each place.
    pub fn wait_for_place(&mut self) {
        self.turn.waiting.push_back(self.turn.token);
    }

    /// Tells the next task that waits for a place that it can have one: this task does not need it, or will give it up.
    pub fn pass_place_on(&mut self) {
        if !self.turn.waiting.is_empty() {
            self.turn.orders.push(Order::PassPlaceOn);
        }
    }

    /// Tells all tasks (this one too) of something that concerns the whole server: those that stand alone first, and so
    /// many in each round that nobody has to wait long. A task that is made after this round is not told.
    pub fn tell_all(&mut self, notice: Notice) {
        self.turn.orders.push(Order::TellAll(notice));
    }

    /// Cancels the tasks of this connection that joined after it was opened: their work is not wanted any more.
    pub fn cancel_handlers(&mut self) {
        // None joins the connection before this order is carried out but those that were ordered before it.
        if !self.turn.orders.is_empty() || self.connection.as_ref().is_some_and(|x| x.members.len() > CONNECTION_TASKS)
        {
            self.turn.orders.push(Order::CancelHandlers);
        }
    }

    /// Leaves the loop after this round.
    pub fn stop(&mut self) {
        self.turn.control = Control::Stop;
    }

    /// Leaves the loop when the last connection is closed.
    pub fn stop_when_idle(&mut self) {
        if self.turn.control == Control::Run {
            self.turn.control = Control::Drain;
        }
    }

    /// Connections open in this worker.
    pub fn connections_open(&self) -> usize {
        self.turn.connections_open
    }

    /// Writes a line to the error log, with what is known of this task and its connection.
    pub fn log(&mut self, level: Level, what: fmt::Arguments<'_>) {
        if level <= self.log_level() {
            let line = self.log_context.line(self.turn.of, self.connection.as_deref(), what);
            self.turn.log.write(level, &line);
        }
    }

    /// What this task is at from now on, for the further lines of this turn. Without this they say what it was at when
    /// the turn began. Mostly `cx.doing(self.doing())`, after a stage has changed.
    pub fn doing(&mut self, doing: &'static str) {
        self.log_context.doing = doing;
    }

    /// The level that the error log has for this task's connection.
    fn log_level(&self) -> Level {
        self.connection.as_ref().map_or(self.turn.log.level(), |x| x.log_level())
    }

    /// One line for each event, at level debug.
    #[cold]
    fn trace(&mut self, cause: &dyn fmt::Debug, outcome: &Result<Flow, TaskError>) {
        match outcome {
            Ok(flow) => self.log(Level::Debug, format_args!("{cause:?} -> {flow:?}")),
            Err(error) => self.log(Level::Debug, format_args!("{cause:?} -> {}", error.source)),
        }
    }

    /// The error log itself, to be opened again.
    pub fn error_log(&mut self) -> &mut ErrorLog {
        &mut self.turn.log
    }
}

impl LogContext {
    pub(super) fn line<'l>(
        &self,
        of: Option<Token>,
        connection: Option<&'l Connection>,
        what: fmt::Arguments<'l>,
    ) -> Line<'l> {
        Line {
            target: connection.and_then(|x| x.settings.error_log.as_deref()),
            connection: of.map(|t| (t.index, t.generation)),
            task: Some((self.kind, self.fd)),
            what,
            doing: self.doing,
            subject: connection.map(|x| x as &dyn fmt::Display),
        }
    }
}
