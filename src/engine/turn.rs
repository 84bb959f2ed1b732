//! One turn of one task, and what follows from it.

use super::panics::Callee;
use super::slot::{Queued, Slot, Watched};
use super::task::{Cause, LogContext, Order};
use super::{CONNECTION_TASKS, Engine, Event, Flow, Notice, Side, Task, TaskError};
use crate::connection::limits::MEMBERS_MAX;
use crate::connection::{Connection, Phase};
use crate::log::Level;
use std::fmt;
use webserv_sys::{Moment, Token};

impl<W> Engine<W> {
    /// Gives a task its turn, and settles its connection.
    pub(super) fn turn(&mut self, token: Token, cause: Cause) {
        let Some(connection) = self.slots.get(token).map(|slot| slot.connection(&self.connections)) else { return };
        self.turn_in(connection, token, cause);
        self.settle(token, connection);
    }

    /// Gives a task of this connection its turn, and carries out what it ordered.
    #[inline(always)]
    pub(super) fn turn_in(&mut self, connection: Option<Token>, token: Token, cause: Cause) {
        let Some(slot) = self.slots.get_mut(token) else { return };
        self.callee = Callee::Turn(token);
        (self.turn.of, self.turn.token) = (connection, token);
        let x = connection.and_then(|x| self.connections.get_mut(x));
        let outcome = slot.turn(cause, x, &mut self.worker, &mut self.turn);
        self.timers.file(token, &mut slot.deadline);
        if !self.turn.orders.is_empty() {
            if matches!(outcome, Ok(Flow::Done)) {
                self.give_up_place(token);
            }
            self.carry_out_orders(connection);
        }
        match outcome {
            Ok(Flow::Blocked | Flow::Progress | Flow::Yield) => {}
            Ok(Flow::Done) => self.done(token),
            Err(error) => self.fail(token, error),
        }
    }

    /// A handler that is done leaves its place to those whom it has join. It keeps its slot until they have theirs: a
    /// slot that is free would be given to the first of them, and its number would then mean two tasks.
    fn give_up_place(&mut self, token: Token) {
        if self.founded(token).is_some() {
            return; // its connection ends with it
        }
        let Some(x) = self.slots.get(token).and_then(|slot| slot.connection(&self.connections)) else { return };
        if let Some(connection) = self.connections.get_mut(x) {
            connection.members.remove(token.index);
            self.leaving = Some(token);
        }
    }

    /// The level that the error log has for this connection.
    fn log_level(&self, connection: Option<Token>) -> Level {
        connection.and_then(|x| self.connections.get(x)).map_or(self.turn.log.level(), Connection::log_level)
    }

    /// Writes a line about a task, if the level asks for it.
    pub(super) fn say(&mut self, level: Level, log_context: LogContext, of: Option<Token>, what: fmt::Arguments<'_>) {
        if level <= self.log_level(of) {
            let x = of.and_then(|x| self.connections.get(x));
            self.turn.log.write(level, &log_context.line(of, x, what));
        }
    }

    /// Adds a task, to a connection or alone.
    pub(super) fn insert(&mut self, task: Box<dyn Task<W>>, connection: Option<Token>) -> Token {
        let token = self.slots.insert(Slot::new(task, connection));
        let joined = match connection {
            Some(x) => self.connections.get_mut(x).is_some_and(|x| x.members.add(token.index)),
            None => true,
        };
        if !joined {
            self.no_room(token, connection);
        }
        token
    }

    /// A connection has as many tasks as it may have: the protocol is told that this one has failed.
    fn no_room(&mut self, token: Token, connection: Option<Token>) {
        let Some(slot) = self.slots.get(token) else { return };
        let log_context = slot.task.log_context(connection.and_then(|x| self.connections.get(x)));
        self.say(Level::Alert, log_context, connection, format_args!("there are {MEMBERS_MAX} tasks already (a bug)"));
        self.remove(token);
        if let Some(connection) = connection.and_then(|x| self.connections.get_mut(x)) {
            connection.failed = Some(Side::Internal);
        }
    }

    /// Does what a task ordered, which is mostly nothing; `connection` is the one that tasks may join, if any.
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
                Order::Join(task) => {
                    if connection.is_some() {
                        self.insert(task, connection);
                    }
                }
                Order::Adopt(task) => self.adopt(task, connection),
                Order::Alone(task) => self.start(task),
                Order::Open(opened, tasks, until) => self.open(opened, tasks, until),
                Order::Tell(task, notice) => self.notices.tell(task, notice),
                Order::TellProtocol(number, notice) => self.tell_protocol(number, notice),
                Order::PassPlaceOn => self.give_place(),
                Order::TellAll(notice) => self.notices.tell_all(notice),
                Order::CancelHandlers => {
                    if let Some(x) = connection {
                        self.cancel_members(x, CONNECTION_TASKS);
                    }
                }
            }
        }
        self.turn.orders = orders;
    }

    /// Takes a task that stands alone into this connection, whose protocol is told if that cannot be done.
    fn adopt(&mut self, task: Token, connection: Option<Token>) {
        let Some(x) = connection.and_then(|x| self.connections.get_mut(x)) else { return };
        let slot = self.slots.get_mut(task).filter(|slot| slot.stands_alone() && slot.queued == Queued::No);
        match (connection, slot) {
            (Some(number), Some(slot)) if x.members.add(task.index) => slot.join(task, number, &mut self.run_queue),
            _ => x.failed = Some(Side::Upstream),
        }
    }

    fn tell_protocol(&mut self, connection: u32, notice: Notice) {
        let members = self.connections.at(connection).map(|x| &x.members);
        if let Some(protocol) = members.and_then(|members| self.slots.token(members.get(0)?)) {
            self.notices.tell(protocol, notice);
        }
    }

    fn open(&mut self, connection: Connection, tasks: [Box<dyn Task<W>>; CONNECTION_TASKS], until: Moment) {
        let x = self.connections.insert(connection);
        self.turn.connections_open = self.connections.len();
        let [protocol, ..] = tasks.map(|task| self.insert(task, Some(x)));
        if let Some(slot) = self.slots.get_mut(protocol) {
            slot.deadline.at = until;
            self.timers.file(protocol, &mut slot.deadline);
        }
        self.settle(protocol, Some(x)); // the others first: mostly the client has sent something already
    }

    /// Queues who goes on after something has changed; `last` had the last turn.
    pub(super) fn settle(&mut self, last: Token, connection: Option<Token>) {
        let next = match connection {
            Some(x) => self.next_of(x, last),
            None => self.slots.get_mut(last).and_then(|slot| {
                self.callee = Callee::Wants(last);
                slot.goes_on(last, None, &mut self.run_queue).then_some(last)
            }),
        };
        if let Some(next) = next {
            self.enqueue(next);
        }
    }

    /// Who goes on in a connection after the turn of `last`: the members are asked in a circle, those behind it first
    /// and itself at the end. Who is to wait for the kernel is listed for that; a connection that is over is ended.
    #[inline(always)] // with turn_in, half of what the loop costs
    pub(super) fn next_of(&mut self, x: Token, last: Token) -> Option<Token> {
        let connection = self.connections.get(x)?;
        if connection.is_over() {
            self.close(x);
            return None;
        }
        let members = connection.members.as_slice();
        let mut at = members.iter().position(|member| *member == last.index).map_or(0, |at| at + 1);
        for _ in 0..members.len() {
            at = if at < members.len() { at } else { 0 };
            let member = members[at];
            at += 1;
            let Some((token, slot)) = self.slots.at_mut(member) else { continue };
            self.callee = Callee::Wants(token);
            if slot.goes_on(token, Some(connection), &mut self.run_queue) {
                return Some(token);
            }
        }
        debug_assert!(self.is_alive(x), "connection {} is stuck: none of its tasks waits for anything", x.index);
        None
    }

    fn is_alive(&self, x: Token) -> bool {
        let Some(connection) = self.connections.get(x) else { return true };
        let mut members =
            connection.members.as_slice().iter().filter_map(|member| self.slots.get(self.slots.token(*member)?));
        members.any(|slot| slot.is_alive(connection))
    }

    /// A task has said that it is done. When it is one of those that a connection was opened with, so is the
    /// connection.
    fn done(&mut self, token: Token) {
        self.leaving = None;
        let founded = self.founded(token);
        self.remove(token);
        if let Some(x) = founded {
            self.close(x);
        }
    }

    /// The connection that was opened with this task, if one was.
    fn founded(&self, token: Token) -> Option<Token> {
        let x = self.slots.get(token)?.connection(&self.connections)?;
        let connection = self.connections.get(x)?;
        (0..CONNECTION_TASKS).any(|at| connection.members.get(at) == Some(token.index)).then_some(x)
    }

    /// Takes a task out: the kernel forgets it before its descriptor is closed.
    pub(super) fn remove(&mut self, token: Token) {
        self.disarm(token);
        let Some(slot) = self.slots.remove(token) else { return };
        if let Some(x) = slot.connection(&self.connections).and_then(|x| self.connections.get_mut(x)) {
            x.members.remove(token.index);
        }
        self.callee = Callee::ToGo(slot.connection(&self.connections)); // its destructor may be wrong, too
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
            self.say(Level::Alert, log_context, None, format_args!("{error}"));
        }
    }

    /// A task could not go on. A handler's failure is told to the protocol, any other ends the connection.
    pub(super) fn fail(&mut self, token: Token, error: TaskError) {
        let Some(connection) = self.slots.get(token).map(|slot| slot.connection(&self.connections)) else { return };
        self.report(token, error);
        let ends = self.founded(token).is_some() || error.side == Side::Client;
        self.remove(token);
        let Some(x) = connection else { return };
        if ends {
            self.close(x);
        } else if let Some(connection) = self.connections.get_mut(x) {
            connection.failed = Some(error.side);
        }
    }

    /// Says in the log what went wrong with a task.
    fn report(&mut self, token: Token, error: TaskError) {
        let Some(slot) = self.slots.get(token) else { return };
        let connection = slot.connection(&self.connections);
        let log_context = slot.task.log_context(connection.and_then(|x| self.connections.get(x)));
        let level = if error.side == Side::Client { Level::Info } else { Level::Error };
        self.say(level, log_context, connection, format_args!("{}", error.source));
    }

    /// Ends a connection: all its tasks are cancelled, and those that are not done with that stay on alone.
    pub(super) fn close(&mut self, x: Token) {
        if let Some(connection) = self.connections.get_mut(x) {
            connection.phase = Phase::Closed; // those who are cancelled see why
        }
        self.cancel_members(x, 0);
        if self.connections.remove(x).is_some() {
            self.turn.connections_open = self.connections.len();
            self.give_place();
        }
    }

    /// Tells the first task that waits for a place, and still lives, that there is one.
    fn give_place(&mut self) {
        while let Some(waiting) = self.turn.waiting.pop_front() {
            if self.slots.get(waiting).is_some() {
                return self.notices.tell(waiting, Notice::Place);
            }
        }
    }

    fn cancel(&mut self, token: Token, x: Token) -> Result<Flow, TaskError> {
        let Some(slot) = self.slots.get_mut(token) else { return Ok(Flow::Done) };
        self.callee = Callee::Turn(token);
        (self.turn.of, self.turn.token) = (Some(x), token);
        let connection = self.connections.get_mut(x);
        let outcome = slot.turn(Cause::Event(Event::Cancel), connection, &mut self.worker, &mut self.turn);
        self.timers.file(token, &mut slot.deadline);
        outcome
    }

    /// A cancelled task stays on alone: it has something to see to, such as a child to be reaped.
    fn leave(&mut self, token: Token, x: Token) {
        if let Some(connection) = self.connections.get_mut(x) {
            connection.members.remove(token.index);
        }
        if let Some(slot) = self.slots.get_mut(token) {
            slot.leave();
            self.settle(token, None);
        }
    }

    fn cancel_members(&mut self, x: Token, from: usize) {
        while let Some(member) = self.connections.get(x).and_then(|x| x.members.get(from)) {
            let Some(token) = self.slots.token(member) else { return };
            match self.cancel(token, x) {
                Ok(Flow::Blocked | Flow::Progress | Flow::Yield) => self.leave(token, x),
                Ok(Flow::Done) => self.remove(token),
                Err(error) => {
                    self.report(token, error);
                    self.remove(token);
                }
            }
            self.carry_out(None);
        }
    }
}
