//! One turn of one task, and what follows from it.

use super::context::{LogContext, Order};
use super::panics::Callee;
use super::slot::{Queued, Slot, Watched, seen, seen_by_own};
use super::task::Cause;
use super::{Engine, Event, Flow, Notice, Seen, Side, Task, TaskError};
use crate::connection::{Connection, Failure, FailureKind, Phase, TransactionId};
use crate::limits::{CONNECTION_TASKS, HANDLERS_MAX};
use crate::log::Level;
use std::fmt;
use webserv_sys::{Moment, Token};

impl<W> Engine<W> {
    /// Gives a task its turn, then asks the tasks of its connection what they want now.
    pub(super) fn turn(&mut self, token: Token, cause: Cause) {
        let Some(connection) = self.slots.get(token).map(|slot| slot.connection(&self.connections)) else { return };
        self.turn_in(connection, token, cause);
        self.settle(token, connection);
    }

    /// Gives a task of this connection its turn and carries out its orders.
    #[inline(always)]
    pub(super) fn turn_in(&mut self, connection: Option<Token>, token: Token, cause: Cause) {
        let Some(slot) = self.slots.get_mut(token) else { return };
        self.callee = Callee::Turn(token);
        let x = connection.and_then(|x| self.connections.get_mut(x));
        (self.turn.connection, self.turn.token) = (connection, token);
        self.turn.transaction = x.as_ref().and_then(|x| x.works_for(token.index));
        let outcome = slot.turn(cause, x, &mut self.worker, &mut self.turn);
        self.timers.file(token, &mut slot.deadline);
        if !self.turn.orders.is_empty() {
            if matches!(outcome, Ok(Flow::Done)) {
                self.detach_done(token);
            }
            self.carry_out_orders(connection);
        }
        match outcome {
            Ok(Flow::Blocked | Flow::Progress | Flow::Yield) => {}
            Ok(Flow::Alone) => {
                if let Some(x) = connection {
                    self.detach(token, x);
                }
            }
            Ok(Flow::Done) => self.done(token),
            Err(error) => self.fail(token, error),
        }
    }

    /// Takes a handler that is done off its transaction, so that the handlers that it ordered find room. Its slot stays
    /// taken until those have theirs: a free slot would go to the first of them, and its number would mean two tasks.
    fn detach_done(&mut self, token: Token) {
        if self.owning_connection(token).is_some() {
            return; // the connection ends with this task
        }
        let Some(x) = self.slots.get(token).and_then(|slot| slot.connection(&self.connections)) else { return };
        if let Some(connection) = self.connections.get_mut(x) {
            connection.remove_member(token.index);
            self.done_task = Some(token);
        }
    }

    /// Writes a line about the task with this number if the log takes this level.
    pub(super) fn say(
        &mut self,
        level: Level,
        task: (u32, LogContext),
        connection: Option<Token>,
        what: fmt::Arguments<'_>,
    ) {
        let (number, log_context) = task;
        let x = connection.and_then(|x| self.connections.get(x));
        self.turn.connection = connection;
        self.turn.transaction = x.and_then(|x| x.works_for(number));
        self.turn.say(level, &log_context, x, what);
    }

    /// Adds a task that stands alone.
    pub(super) fn insert(&mut self, task: Box<dyn Task<W>>) -> Token {
        self.slots.insert(Slot::new(task, None))
    }

    /// Adds a task to a connection.
    pub(super) fn insert_own(&mut self, task: Box<dyn Task<W>>, x: Token) -> Token {
        let token = self.slots.insert(Slot::new(task, Some(x)));
        let has_room = self.connections.get_mut(x).is_some_and(|x| x.tasks.add(token.index));
        debug_assert!(has_room, "a connection is opened with {CONNECTION_TASKS} tasks");
        token
    }

    /// Adds a handler to a transaction. Does nothing if the connection or the transaction is gone.
    pub(super) fn insert_handler(&mut self, task: Box<dyn Task<W>>, x: Token, id: TransactionId) {
        let Some(connection) = self.connections.get_mut(x) else { return };
        let Some(transaction) = connection.transactions.find_mut(id) else { return };
        let token = self.slots.insert(Slot::new(task, Some(x)));
        if !transaction.handlers.add(token.index) {
            self.no_room(token, x, id);
        }
    }

    /// The transaction has the maximum number of handlers: tells the protocol that this one has failed.
    fn no_room(&mut self, token: Token, x: Token, id: TransactionId) {
        let Some(slot) = self.slots.get(token) else { return };
        let log_context = slot.task.log_context(self.connections.get(x));
        let what = format_args!("there are {HANDLERS_MAX} handlers already (a bug)");
        self.say(Level::Alert, (token.index, log_context), Some(x), what);
        self.remove(token);
        if let Some(transaction) = self.connections.get_mut(x).and_then(|x| x.transactions.find_mut(id)) {
            let kind = FailureKind::Internal;
            transaction.failed = Some(Failure { side: Side::Internal, kind, anything_sent: false });
        }
    }

    /// Carries out the orders of a turn; most turns have none. `connection` is the one that ordered tasks may join, if
    /// any.
    #[inline]
    pub(super) fn carry_out(&mut self, connection: Option<Token>) {
        if !self.turn.orders.is_empty() {
            self.carry_out_orders(connection);
        }
    }

    fn carry_out_orders(&mut self, connection: Option<Token>) {
        let mut orders = std::mem::take(&mut self.turn.orders);
        for order in orders.drain(..) {
            match order {
                Order::Join(id, task) => {
                    if let Some(x) = connection {
                        self.insert_handler(task, x, id);
                    }
                }
                Order::Adopt(id, task) => self.adopt(task, connection, id),
                Order::Alone(task) => self.start(task),
                Order::Open(opened, tasks, until) => self.open(opened, tasks, until),
                Order::Notify(task, notice) => self.notices.push(task, notice),
                Order::NotifyProtocol(number, notice) => self.notify_protocol(number, notice),
                Order::PassPlaceOn => self.offer_place(),
                Order::NotifyAll(notice) => self.notices.push_for_all(notice),
                Order::CancelHandlers(id) => {
                    if let Some(x) = connection {
                        self.cancel_handlers(x, id);
                    }
                }
            }
        }
        self.turn.orders = orders;
    }

    /// Makes a task that stands alone a handler of this transaction. If that is not possible, reports a failure.
    fn adopt(&mut self, task: Token, connection: Option<Token>, id: TransactionId) {
        let Some(x) = connection else { return };
        let transaction = self.connections.get_mut(x).and_then(|x| x.transactions.find_mut(id));
        let Some(transaction) = transaction else { return };
        let slot = self.slots.get_mut(task).filter(|slot| slot.stands_alone() && slot.queued == Queued::No);
        match slot {
            Some(slot) if transaction.handlers.add(task.index) => slot.join(task, x, &mut self.run_queue),
            _ => {
                let kind = FailureKind::Reset;
                transaction.failed = Some(Failure { side: Side::Upstream, kind, anything_sent: false });
            }
        }
    }

    fn notify_protocol(&mut self, connection: u32, notice: Notice) {
        let protocol = self.connections.at(connection).and_then(|x| x.tasks.get(0));
        if let Some(protocol) = protocol.and_then(|protocol| self.slots.token(protocol)) {
            self.notices.push(protocol, notice);
        }
    }

    fn open(&mut self, connection: Connection, tasks: [Box<dyn Task<W>>; CONNECTION_TASKS], until: Moment) {
        let x = self.connections.insert(connection);
        self.turn.connections_open = self.connections.len();
        let [protocol, ..] = tasks.map(|task| self.insert_own(task, x));
        if let Some(slot) = self.slots.get_mut(protocol) {
            slot.deadline.at = until;
            self.timers.file(protocol, &mut slot.deadline);
        }
        self.settle(protocol, Some(x)); // asks the reader early: most clients have sent something
    }

    /// Asks for the next task that has work after a change and queues it. `last` is the task that had the last turn.
    pub(super) fn settle(&mut self, last: Token, connection: Option<Token>) {
        let next = match connection {
            Some(x) => self.next_of(x, last),
            None => self.slots.get_mut(last).and_then(|slot| {
                self.callee = Callee::Wants(last);
                slot.schedule(last, Seen::default(), &mut self.run_queue).then_some(last)
            }),
        };
        if let Some(next) = next {
            self.enqueue(next);
        }
    }

    /// Returns the task of a connection that has the next turn. The members are asked in a circle: first the one after
    /// `last`, and `last` itself at the end. A member that waits for the kernel is listed for that. A connection that
    /// is over is closed.
    #[inline(always)] // together with turn_in, half of the cost of the loop
    pub(super) fn next_of(&mut self, x: Token, last: Token) -> Option<Token> {
        let connection = self.connections.get(x)?;
        if connection.is_over() {
            self.close(x);
            return None;
        }
        if connection.has_handlers() {
            return self.next_of_many(x, last);
        }
        let (seen, tasks) = (seen_by_own(connection), connection.tasks.as_slice());
        let mut at = connection.tasks.position(last.index).map_or(0, |at| at + 1);
        for _ in 0..tasks.len() {
            at = if at < tasks.len() { at } else { 0 };
            let member = tasks[at];
            at += 1;
            let Some((token, slot)) = self.slots.at_mut(member) else { continue };
            self.callee = Callee::Wants(token);
            if slot.schedule(token, seen, &mut self.run_queue) {
                return Some(token);
            }
        }
        debug_assert!(self.is_alive(x), "connection {} is stuck: none of its tasks waits for anything", x.index);
        None
    }

    /// The same for a connection that has handlers.
    #[inline(never)] // keeps the code for connections without handlers short
    fn next_of_many(&mut self, x: Token, last: Token) -> Option<Token> {
        let connection = self.connections.get(x)?;
        // If there is one transaction, all members see the same.
        let only = connection.transactions.only();
        let (alike, handlers) = (seen_by_own(connection), only.map_or(&[][..], |only| only.handlers.as_slice()));
        let (tasks, members) = (connection.tasks.as_slice(), connection.members());
        let mut at = connection.position(last.index).map_or(0, |at| at + 1);
        for _ in 0..members {
            at = if at < members { at } else { 0 };
            let near = tasks.get(at).or_else(|| handlers.get(at - tasks.len()));
            let Some(member) = near.copied().or_else(|| connection.member(at)) else { break };
            at += 1;
            let Some((token, slot)) = self.slots.at_mut(member) else { continue };
            self.callee = Callee::Wants(token);
            let seen = if only.is_some() { alike } else { seen(connection, member) };
            if slot.schedule(token, seen, &mut self.run_queue) {
                return Some(token);
            }
        }
        debug_assert!(self.is_alive(x), "connection {} is stuck: none of its tasks waits for anything", x.index);
        None
    }

    fn is_alive(&self, x: Token) -> bool {
        let Some(connection) = self.connections.get(x) else { return true };
        (0..connection.members()).any(|at| {
            let slot = connection.member(at).and_then(|member| Some((member, self.slots.at(member)?)));
            slot.is_some_and(|(member, slot)| slot.is_alive(seen(connection, member)))
        })
    }

    /// Removes a task that is done. If it is one of the connection's own tasks, the connection is over.
    fn done(&mut self, token: Token) {
        self.done_task = None;
        let owning_connection = self.owning_connection(token);
        self.remove(token);
        if let Some(x) = owning_connection {
            self.close(x);
        }
    }

    /// The connection, if this task is one of the connection's own tasks.
    fn owning_connection(&self, token: Token) -> Option<Token> {
        let x = self.slots.get(token)?.connection(&self.connections)?;
        self.connections.get(x)?.tasks.position(token.index).map(|_| x)
    }

    /// Removes a task. The kernel stops watching its descriptor before that is closed.
    pub(super) fn remove(&mut self, token: Token) {
        self.disarm(token);
        let Some(slot) = self.slots.remove(token) else { return };
        if let Some(x) = slot.connection(&self.connections).and_then(|x| self.connections.get_mut(x)) {
            x.remove_member(token.index);
        }
        self.callee = Callee::Dropping(slot.connection(&self.connections)); // the destructor of the task may panic, too
    }

    pub(super) fn disarm(&mut self, token: Token) {
        let Some(slot) = self.slots.get_mut(token) else { return };
        if slot.watched != Watched::Yes {
            return;
        }
        slot.watched = Watched::No;
        let connection = slot.connection_in(&self.connections);
        if let Err(error) = self.poller.disarm(slot.task.watch(connection)) {
            let log_context = slot.task.log_context(connection);
            self.say(Level::Alert, (token.index, log_context), None, format_args!("{error}"));
        }
    }

    /// Ends a task that has failed. A handler's failure is reported to the protocol; any other ends the connection.
    pub(super) fn fail(&mut self, token: Token, error: TaskError) {
        let Some(connection) = self.slots.get(token).map(|slot| slot.connection(&self.connections)) else { return };
        self.report(token, error);
        let id = connection.and_then(|x| self.connections.get(x)?.works_for(token.index));
        self.remove(token);
        let Some(x) = connection else { return };
        match id {
            Some(id) if error.side != Side::Client => {
                let transaction = self.connections.get_mut(x).and_then(|x| x.transactions.find_mut(id));
                if let Some(transaction) = transaction {
                    let anything_sent = transaction.body.taken_bytes() > 0;
                    transaction.failed = Some(Failure { side: error.side, kind: error.kind, anything_sent });
                }
            }
            _ => self.close(x),
        }
    }

    /// Logs why a task failed.
    fn report(&mut self, token: Token, error: TaskError) {
        let Some(slot) = self.slots.get(token) else { return };
        let connection = slot.connection(&self.connections);
        let log_context = slot.task.log_context(connection.and_then(|x| self.connections.get(x)));
        let level = if error.side == Side::Client { Level::Info } else { Level::Error };
        self.say(level, (token.index, log_context), connection, format_args!("{}", error.source));
    }

    /// Ends a connection: cancels all its tasks. A task that is not done when cancelled goes on alone.
    pub(super) fn close(&mut self, x: Token) {
        if let Some(connection) = self.connections.get_mut(x) {
            connection.phase = Phase::Closed; // the cancelled tasks can see that the connection is over
        }
        while let Some(member) = self.connections.get(x).and_then(|x| x.member(0)) {
            self.cancel_member(x, member);
        }
        if self.connections.remove(x).is_some() {
            self.turn.connections_open = self.connections.len();
            self.offer_place();
        }
    }

    /// Tells the first live task that waits for a place that there is one.
    fn offer_place(&mut self) {
        while let Some(waiting) = self.turn.waiting.pop_front() {
            if self.slots.get(waiting).is_some() {
                return self.notices.push(waiting, Notice::Place);
            }
        }
    }

    fn cancel(&mut self, token: Token, x: Token) -> Result<Flow, TaskError> {
        let Some(slot) = self.slots.get_mut(token) else { return Ok(Flow::Done) };
        self.callee = Callee::Turn(token);
        let connection = self.connections.get_mut(x);
        (self.turn.connection, self.turn.token) = (Some(x), token);
        self.turn.transaction = connection.as_ref().and_then(|x| x.works_for(token.index));
        let outcome = slot.turn(Cause::Event(Event::Cancel), connection, &mut self.worker, &mut self.turn);
        self.timers.file(token, &mut slot.deadline);
        outcome
    }

    /// A task goes on alone: it has work left, for example a child process to reap, or another request to wait for.
    fn detach(&mut self, token: Token, x: Token) {
        if let Some(connection) = self.connections.get_mut(x) {
            connection.remove_member(token.index);
        }
        if let Some(slot) = self.slots.get_mut(token) {
            slot.detach();
            self.settle(token, None);
        }
    }

    fn cancel_handlers(&mut self, x: Token, id: TransactionId) {
        while let Some(member) = self.connections.get(x).and_then(|x| x.transactions.find(id)?.handlers.get(0)) {
            self.cancel_member(x, member);
        }
    }

    fn cancel_member(&mut self, x: Token, member: u32) {
        let Some(token) = self.slots.token(member) else { return };
        match self.cancel(token, x) {
            Ok(Flow::Blocked | Flow::Progress | Flow::Yield | Flow::Alone) => self.detach(token, x),
            Ok(Flow::Done) => self.remove(token),
            Err(error) => {
                self.report(token, error);
                self.remove(token);
            }
        }
        self.carry_out(None);
    }
}
