//! What the engine keeps for each task.

use super::context::TurnState;
use super::panics::Callee;
use super::task::Cause;
use super::timers::Deadline;
use super::{Arena, Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::connection::Connection;
use std::collections::VecDeque;
use webserv_sys::{Token, Watch};

/// In the place of a connection's number: none. There are not so many.
const NONE: u32 = u32::MAX;

/// A task and how it stands with the kernel and the queue.
pub(super) struct Slot<W> {
    pub task: Box<dyn Task<W>>,
    /// The number of the connection that it is a member of: it leaves, or is gone, before that goes.
    connection: u32,
    pub deadline: Deadline,
    pub queued: Queued,
    pub watched: Watched,
    /// The kernel had no more for it: no use in trying before an event.
    pub blocked: bool,
    /// Its next turn is one of the next round.
    pub yields: bool,
}

// Each connection has three, and the arena adds its generation.
const _: () = assert!(size_of::<Slot<()>>() == 40);

/// Whether a task is in the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Queued {
    No,
    Yes,
    /// It is, and the event that it is told of is a hangup.
    Hangup,
    /// It is, and is first told that it belongs to another connection now.
    Adopted,
}

/// Whether the kernel watches for a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Watched {
    No,
    /// It is on the list of those to be armed.
    Soon,
    /// It is armed.
    Yes,
}

/// Where tasks stand that want something.
pub(super) struct RunQueue {
    /// Try a call before asking the kernel whether it would block.
    pub try_first: bool,
    /// Tasks that are to have a turn, in order.
    pub queue: VecDeque<Token>,
    /// Tasks that are to have theirs in the next round.
    pub later: VecDeque<Token>,
    /// Tasks that wait for the kernel and are not known to it yet. They are armed before the next wait: by then,
    /// most tasks of a short-lived connection are gone.
    pub unarmed: VecDeque<Token>,
}

impl RunQueue {
    /// Nobody is to have a turn.
    pub fn are_empty(&self) -> bool {
        self.queue.is_empty() && self.later.is_empty()
    }

    /// Those who were to have their turns in the next round have them in this one.
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

    /// The connection that it belongs to.
    #[inline]
    pub fn connection(&self, connections: &Arena<Connection>) -> Option<Token> {
        connections.token(self.connection)
    }

    /// That connection itself.
    #[inline]
    pub fn connection_in<'x>(&self, connections: &'x Arena<Connection>) -> Option<&'x Connection> {
        connections.at(self.connection)
    }

    /// Whether it belongs to no connection.
    pub fn stands_alone(&self) -> bool {
        self.connection == NONE
    }

    /// It stands alone from now on.
    pub fn leave(&mut self) {
        self.connection = NONE;
        if self.queued == Queued::Adopted {
            self.queued = Queued::Yes; // that is over before it began
        }
    }

    /// It stood alone, and is one of this connection from now on. What it waited for before means nothing any more; the
    /// kernel goes on to watch for it.
    pub fn join(&mut self, token: Token, connection: Token, run_queue: &mut RunQueue) {
        self.connection = connection.index;
        (self.blocked, self.yields) = (false, false);
        self.enqueue(token, run_queue);
        self.queued = Queued::Adopted;
    }

    /// Puts it at the end of the queue, once.
    #[inline]
    pub fn enqueue(&mut self, token: Token, run_queue: &mut RunQueue) {
        if self.queued == Queued::No {
            self.queued = Queued::Yes;
            let line = if self.yields { &mut run_queue.later } else { &mut run_queue.queue };
            line.push_back(token);
        }
    }

    /// Asks it what it wants now.
    pub fn ask(&self, token: Token, connections: &Arena<Connection>, callee: &mut Callee) -> Want {
        *callee = Callee::Wants(token);
        self.task.wants(self.seen(token, connections))
    }

    /// What its task sees.
    pub fn seen<'x>(&self, token: Token, connections: &'x Arena<Connection>) -> Seen<'x> {
        self.connection_in(connections).map_or(Seen::default(), |connection| seen(connection, token.index))
    }

    /// Asks it what it wants now: true if that is a turn at once. If it is to wait, for the next round or for the
    /// kernel, it is put into line for that.
    #[inline]
    pub fn goes_on(&mut self, token: Token, seen: Seen<'_>, run_queue: &mut RunQueue) -> bool {
        if self.queued != Queued::No {
            return false; // it is asked when its turn comes
        }
        if self.blocked && self.watched == Watched::Yes {
            // The kernel will say. Should it want nothing by then, it is disarmed when its event comes.
            debug_assert_ne!(self.task.wants(seen), Want::Turn, "{} waits for the kernel", self.task.kind());
            return false;
        }
        let goes_on = match self.task.wants(seen) {
            Want::Nothing => false,
            Want::Turn => true,
            Want::Kernel => self.tries(token, seen.connection, run_queue),
        };
        if goes_on && self.yields {
            self.enqueue(token, run_queue);
            return false;
        }
        goes_on
    }

    /// The kernel has an event for it. Whether it wants that is asked when its turn comes.
    pub fn on_ready(&mut self, token: Token, hangup: bool, run_queue: &mut RunQueue) {
        self.blocked = false;
        self.yields = false; // the kernel has been asked since
        self.enqueue(token, run_queue);
        if hangup && self.queued != Queued::Adopted {
            self.queued = Queued::Hangup; // else it is told when it has heard the other: the kernel says so again
        }
    }

    /// Takes it off the queue; with what it is told in its turn.
    pub fn leave_queue(&mut self) -> Cause {
        match std::mem::replace(&mut self.queued, Queued::No) {
            Queued::Hangup => Cause::Event(Event::Hangup),
            Queued::Adopted => Cause::Notice(Notice::Adopted),
            Queued::Yes | Queued::No => Cause::Event(Event::Ready),
        }
    }

    /// Gives it its turn.
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
            Cause::Notice(notice) => self.task.told(notice, connection, worker, &mut self.deadline, turn),
        };
        self.yields = false;
        match outcome {
            Ok(Flow::Blocked) => self.blocked = true,
            Ok(Flow::Yield) => (self.blocked, self.yields) = (false, true),
            // A task that was told something has not made its call.
            _ if matches!(cause, Cause::Event(Event::Ready | Event::Hangup)) => self.blocked = false,
            _ => {}
        }
        outcome
    }

    /// Whether it waits for anything at all.
    pub fn is_alive(&self, seen: Seen<'_>) -> bool {
        matches!(self.queued, Queued::Hangup | Queued::Adopted)
            || self.deadline.is_set()
            || self.task.wants(seen) != Want::Nothing
    }

    /// It wants its system call: true if that may be tried now. If not, the kernel will be asked to say when.
    fn tries(&mut self, token: Token, connection: Option<&Connection>, run_queue: &mut RunQueue) -> bool {
        let tries = match self.task.watch(connection) {
            Watch::Always => true,
            Watch::Read(_) | Watch::Write(_) => run_queue.try_first && !self.blocked,
            Watch::Exit(_) | Watch::Signal(_) | Watch::Change(_) => false, // the event itself is the news
        };
        if !tries {
            self.blocked = true;
            if self.watched == Watched::No {
                self.watched = Watched::Soon;
                run_queue.unarmed.push_back(token);
            }
        }
        tries
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
