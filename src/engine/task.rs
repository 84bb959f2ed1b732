//! What a task is.

use super::context::{Context, LogContext, TurnState};
use super::timers::Deadline;
use crate::connection::{Connection, FailureKind, Side, Transaction};
use std::os::fd::AsRawFd;
use webserv_sys::{Error, Watch};

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
    /// What went wrong.
    pub kind: FailureKind,
    /// The call that failed and its error number.
    pub source: Error,
}

impl TaskError {
    /// The client's side failed in this call.
    pub fn client(source: Error) -> Self {
        Self { side: Side::Client, kind: FailureKind::Reset, source }
    }

    /// Our side failed in this call.
    pub fn internal(source: Error) -> Self {
        Self { side: Side::Internal, kind: FailureKind::Internal, source }
    }

    /// A program or server that was asked has failed in this way.
    pub fn upstream(kind: FailureKind, source: Error) -> Self {
        Self { side: Side::Upstream, kind, source }
    }
}

/// What a task sees when it is asked what it wants.
#[derive(Clone, Copy, Default)]
pub struct Seen<'a> {
    /// Its connection; `None` for a task that stands alone.
    pub connection: Option<&'a Connection>,
    /// The transaction that it works for. For a task of the connection itself: the current one, if there is one.
    pub transaction: Option<&'a Transaction>,
}

/// One piece of work: it moves bytes one way on one descriptor and makes one kind of system call.
///
/// `W` is what all tasks of a worker share; the engine only hands it on.
pub trait Task<W> {
    /// The kind's name, as in the log: "ClientRead".
    fn kind(&self) -> &'static str;

    /// What it is at, for the log's "while ...": "reading the request". Empty: what its transaction is at.
    fn doing(&self) -> &'static str;

    /// What the kernel is to watch for it: one and the same as long as it lives, since that is how it is disarmed.
    /// (The descriptor is the task's own, or its connection's.)
    fn watch<'w>(&'w self, connection: Option<&'w Connection>) -> Watch<'w>;

    /// What it waits for. Pure: asked when its connection or its transaction has changed.
    fn wants(&self, seen: Seen<'_>) -> Want;

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
