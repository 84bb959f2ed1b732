//! The task trait, and the types that it uses.

use super::context::{Context, LogContext, TurnState};
use super::timers::Deadline;
use crate::connection::{Connection, FailureKind, Side, Transaction};
use std::os::fd::AsRawFd;
use webserv_sys::{Error, Watch};

/// Why a task has its turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The descriptor is ready, the call is to be tried, or there is work in memory.
    Ready,
    /// The other side of the descriptor has closed. Bytes may still be readable.
    Hangup,
    /// The deadline that the task set has passed.
    Deadline,
    /// The connection is over, or the task is no longer needed. Most tasks return [`Flow::Done`]; a task that returns
    /// something else goes on without a connection.
    Cancel,
}

/// A message that only some kinds of tasks use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// The server has a new configuration.
    Reload,
    /// The server finishes open requests and accepts no new connections (SIGQUIT).
    Drain,
    /// Connections that were opened before the last reload have had their time.
    Overdue,
    /// The task stood alone and is a handler of a transaction from now on.
    Adopted,
    /// More clients or requests come than there are places: an idle connection closes, or a task gives up its place
    /// among the programs.
    Evict,
    /// The task may have a place: a connection of this worker has closed or will close (see
    /// [`Context::wait_for_place`]), or a program has ended.
    Place,
    /// What the task has handed to another thread is finished.
    Finished,
}

/// Why a task has its turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// An event, for [`Task::handle`].
    Event(Event),
    /// A notice, for [`Task::notice`].
    Notice(Notice),
}

/// What a task waits for. It follows from what the task sees, without side effects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// Nothing now.
    Nothing,
    /// The system call, when the kernel says that it will not block.
    Kernel,
    /// A turn: there is work in memory.
    Turn,
}

/// How a turn ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// The system call would block now: `EAGAIN`, or fewer bytes than were asked for. A task that waits for the kernel
    /// is not asked what it wants before its event, so it must not want a [`Want::Turn`] before then.
    Blocked,
    /// Something was done, and more may be possible.
    Progress,
    /// As `Progress`, but this turn has reached its limit: the next one is in the next round, after the kernel was
    /// asked for events.
    Yield,
    /// As `Blocked`, and the task has nothing more to do for its transaction: it goes on alone. The connection's own
    /// tasks must not return this.
    Alone,
    /// The task is over; the engine drops it.
    Done,
}

/// Why a task failed.
#[derive(Clone, Copy, Debug)]
pub struct TaskError {
    /// The side that failed.
    pub side: Side,
    /// What went wrong.
    pub kind: FailureKind,
    /// The call that failed, with its errno.
    pub source: Error,
}

impl TaskError {
    /// A call failed because of the client.
    pub fn client(source: Error) -> Self {
        Self { side: Side::Client, kind: FailureKind::Reset, source }
    }

    /// A call failed because of this server or this machine.
    pub fn internal(source: Error) -> Self {
        Self { side: Side::Internal, kind: FailureKind::Internal, source }
    }

    /// A program or server behind us failed in this way.
    pub fn upstream(kind: FailureKind, source: Error) -> Self {
        Self { side: Side::Upstream, kind, source }
    }
}

/// What a task sees when it is asked what it wants.
#[derive(Clone, Copy, Default)]
pub struct Seen<'a> {
    /// The task's connection. `None` for a task that stands alone.
    pub connection: Option<&'a Connection>,
    /// The transaction that the task works for. For one of the connection's own tasks: the current one, or `None`.
    pub transaction: Option<&'a Transaction>,
}

/// A task: moves bytes in one direction on one descriptor, with one kind of system call.
///
/// `W` is what all tasks of a worker share; the engine only passes it on.
pub trait Task<W> {
    /// The kind's name, as in log lines: "ClientRead".
    fn kind(&self) -> &'static str;

    /// What the task does, for the "while ..." of log lines: "reading the request". If empty, log lines say what is
    /// done for its transaction.
    fn doing(&self) -> &'static str;

    /// What the kernel watches for this task. It must stay the same while the task lives, because it is used for
    /// disarming, too. (The descriptor belongs to the task or to its connection.) Only a task that makes its descriptor
    /// itself begins with [`Watch::Always`], which is never armed.
    fn watch<'w>(&'w self, connection: Option<&'w Connection>) -> Watch<'w>;

    /// What the task waits for. Has no side effects. Called after each change of the connection or the transaction.
    fn wants(&self, seen: Seen<'_>) -> Want;

    /// Does a bounded amount of work for an event. Never blocks.
    fn handle(&mut self, event: Event, cx: &mut Context<'_, W>) -> Result<Flow, TaskError>;

    /// Handles a notice. The default ignores it.
    fn notice(&mut self, _: Notice, _: &mut Context<'_, W>) -> Result<Flow, TaskError> {
        Ok(Flow::Progress)
    }

    /// The task's name in log lines. (A method of the trait, like the next two, to save virtual calls.)
    fn log_context(&self, connection: Option<&Connection>) -> LogContext {
        let fd = match self.watch(connection) {
            Watch::Read(fd) | Watch::Write(fd) | Watch::Change(fd) => Some(fd.as_raw_fd()),
            Watch::Exit(_) | Watch::Signal(_) | Watch::Always => None,
        };
        LogContext { kind: self.kind(), doing: self.doing(), fd }
    }

    /// One turn with an event: calls [`handle`](Self::handle), and logs the result at level debug.
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

    /// One turn with a notice: calls [`notice`](Self::notice), and logs the result at level debug.
    fn turn_notice(
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
