//! The state that the engine keeps for each task.

use super::context::TurnState;
use super::panics::Callee;
use super::task::Cause;
use super::timers::Deadline;
use super::{Arena, Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::connection::Connection;
use std::collections::VecDeque;
use webserv_sys::{Token, Watch};

/// Instead of a connection's number: the task belongs to no connection. The arena never holds this many.
const NONE: u32 = u32::MAX;

/// A task, and its state in the engine.
pub(super) struct Slot<W> {
    pub task: Box<dyn Task<W>>,
    /// The number of its connection, or [`NONE`]. The task is removed or detached before the connection is removed.
    connection: u32,
    pub deadline: Deadline,
    pub queued: Queued,
    pub watched: Watched,
    /// The last call found nothing to do (`EAGAIN`): the call is not tried again before the kernel has an event.
    pub blocked: bool,
    /// The next turn is in the next round.
    pub yields: bool,
}

// Three slots per connection; the arena adds the generation to each.
const _: () = assert!(size_of::<Slot<()>>() == 40);

/// Whether a task is in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Queued {
    No,
    Yes,
    /// In the queue; its next event is a hangup.
    Hangup,
    /// In the queue; the cause of its next turn is [`Notice::Adopted`].
    Adopted,
}

/// Whether the kernel watches for a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Watched {
    No,
    /// The task is on the list of tasks to be armed.
    Soon,
    /// The kernel watches.
    Yes,
}

/// The queues of tasks that wait for a turn or for the kernel.
pub(super) struct RunQueue {
    /// Make a call at once instead of asking the kernel first whether it would block.
    pub try_first: bool,
    /// Tasks that have a turn in this round, in order.
    pub queue: VecDeque<Token>,
    /// Tasks that have their turn in the next round.
    pub later: VecDeque<Token>,
    /// Tasks that wait for the kernel, which does not know them yet. They are armed before the next wait: most tasks of
    /// a short-lived connection are gone by then.
    pub unarmed: VecDeque<Token>,
}

impl RunQueue {
    /// Whether no task waits for a turn.
    pub fn are_empty(&self) -> bool {
        self.queue.is_empty() && self.later.is_empty()
    }

    /// Moves the tasks that were deferred in the last round to the run queue.
    pub fn begin_round(&mut self) {
        if !self.later.is_empty() {
            self.queue.append(&mut self.later);
        }
    }
}

impl<W> Slot<W> {
    pub fn new(task: Box<dyn Task<W>>, connection: Option<Token>) -> Self {
        Self {
            task,
            connection: connection.map_or(NONE, |x| x.index),
            deadline: Deadline::NONE,
            queued: Queued::No,
            watched: Watched::No,
            blocked: false,
            yields: false,
        }
    }

    /// The token of its connection.
    #[inline]
    pub fn connection(&self, connections: &Arena<Connection>) -> Option<Token> {
        connections.token(self.connection)
    }

    /// Its connection.
    #[inline]
    pub fn connection_in<'x>(&self, connections: &'x Arena<Connection>) -> Option<&'x Connection> {
        connections.at(self.connection)
    }

    /// Whether it belongs to no connection.
    pub fn stands_alone(&self) -> bool {
        self.connection == NONE
    }

    /// Detaches the task from its connection.
    pub fn detach(&mut self) {
        self.connection = NONE;
        if self.queued == Queued::Adopted {
            self.queued = Queued::Yes; // it never became a handler
        }
    }

    /// Makes a task that stood alone a member of this connection. Its old wait for the kernel ends, but the kernel goes
    /// on watching its descriptor.
    pub fn join(&mut self, token: Token, connection: Token, run_queue: &mut RunQueue) {
        self.connection = connection.index;
        (self.blocked, self.yields) = (false, false);
        self.enqueue(token, run_queue);
        self.queued = Queued::Adopted;
    }

    /// Puts the task at the end of the queue, unless it is queued already.
    #[inline]
    pub fn enqueue(&mut self, token: Token, run_queue: &mut RunQueue) {
        if self.queued == Queued::No {
            self.queued = Queued::Yes;
            let queue = if self.yields { &mut run_queue.later } else { &mut run_queue.queue };
            queue.push_back(token);
        }
    }

    /// Asks the task what it wants now.
    pub fn ask(&self, token: Token, connections: &Arena<Connection>, callee: &mut Callee) -> Want {
        *callee = Callee::Wants(token);
        self.task.wants(self.seen(token, connections))
    }

    /// What the task sees.
    pub fn seen<'x>(&self, token: Token, connections: &'x Arena<Connection>) -> Seen<'x> {
        self.connection_in(connections).map_or(Seen::default(), |connection| seen(connection, token.index))
    }

    /// Asks the task what it wants now. Returns true if that is a turn at once. A task that has to wait is queued for
    /// the next round or for the kernel.
    #[inline]
    pub fn schedule(&mut self, token: Token, seen: Seen<'_>, run_queue: &mut RunQueue) -> bool {
        if self.queued != Queued::No {
            return false; // it is asked again when its turn comes
        }
        if self.blocked && self.watched == Watched::Yes {
            // The kernel reports when it is ready. If the task wants nothing by then, its event disarms it.
            debug_assert_ne!(self.task.wants(seen), Want::Turn, "{} waits for the kernel", self.task.kind());
            return false;
        }
        let has_turn = match self.task.wants(seen) {
            Want::Nothing => false,
            Want::Turn => true,
            Want::Kernel => self.may_try(token, seen.connection, run_queue),
        };
        if has_turn && self.yields {
            self.enqueue(token, run_queue);
            return false;
        }
        has_turn
    }

    /// The kernel has an event for this task. The task is asked whether it still wants it when its turn comes.
    pub fn on_ready(&mut self, token: Token, hangup: bool, run_queue: &mut RunQueue) {
        self.blocked = false;
        self.yields = false; // the kernel has been asked since the task yielded
        self.enqueue(token, run_queue);
        if hangup && self.queued != Queued::Adopted {
            self.queued = Queued::Hangup; // else the hangup comes after `Adopted`: the kernel reports it again
        }
    }

    /// Takes the task off the queue. Returns the cause of its turn.
    pub fn dequeue(&mut self) -> Cause {
        match std::mem::replace(&mut self.queued, Queued::No) {
            Queued::Hangup => Cause::Event(Event::Hangup),
            Queued::Adopted => Cause::Notice(Notice::Adopted),
            Queued::Yes | Queued::No => Cause::Event(Event::Ready),
        }
    }

    /// Gives the task its turn.
    #[inline]
    pub fn turn(
        &mut self,
        cause: Cause,
        connection: Option<&mut Connection>,
        worker: &mut W,
        turn: &mut TurnState<W>,
    ) -> Result<Flow, TaskError> {
        let outcome = match cause {
            Cause::Event(event) => self.task.turn(event, connection, worker, &mut self.deadline, turn),
            Cause::Notice(notice) => self.task.turn_notice(notice, connection, worker, &mut self.deadline, turn),
        };
        self.yields = false;
        match outcome {
            Ok(Flow::Blocked | Flow::Alone) => self.blocked = true,
            Ok(Flow::Yield) => (self.blocked, self.yields) = (false, true),
            // A turn for a deadline or a notice did not try the call: the task stays blocked if it was.
            _ if matches!(cause, Cause::Event(Event::Ready | Event::Hangup)) => self.blocked = false,
            _ => {}
        }
        outcome
    }

    /// Whether the task waits for anything. A connection whose tasks all wait for nothing is stuck.
    pub fn is_alive(&self, seen: Seen<'_>) -> bool {
        matches!(self.queued, Queued::Hangup | Queued::Adopted)
            || self.deadline.is_set()
            || self.task.wants(seen) != Want::Nothing
    }

    /// The task wants its system call. Returns true if the call may be tried now; else the task waits for the kernel.
    fn may_try(&mut self, token: Token, connection: Option<&Connection>, run_queue: &mut RunQueue) -> bool {
        let may_try = match self.task.watch(connection) {
            Watch::Always => true,
            Watch::Read(_) | Watch::Write(_) => run_queue.try_first && !self.blocked,
            Watch::Exit(_) | Watch::Signal(_) | Watch::Change(_) => false, // there is no call to try
        };
        if !may_try {
            self.blocked = true;
            if self.watched == Watched::No {
                self.watched = Watched::Soon;
                run_queue.unarmed.push_back(token);
            }
        }
        may_try
    }
}

/// What the task with this number sees of its connection. A task of the connection itself sees the current transaction.
#[inline]
pub(super) fn seen(connection: &Connection, number: u32) -> Seen<'_> {
    let transaction = connection.transaction(connection.works_for(number));
    Seen { connection: Some(connection), transaction }
}

/// What a task of the connection itself sees.
#[inline]
pub(super) fn seen_by_own(connection: &Connection) -> Seen<'_> {
    Seen { connection: Some(connection), transaction: connection.transactions.current() }
}
