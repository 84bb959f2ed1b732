//! One turn of one task, and what follows from it.

use super::panics::Asked;
use super::slot::{Slot, Watched};
use super::task::{Order, Speaker};
use super::{Engine, Event, FOUNDERS, Flow, Side, Task, TaskError};
use crate::exchange::limits::MEMBERS_MAX;
use crate::exchange::{Exchange, Phase};
use crate::log::Level;
use std::fmt;
use webserv_sys::{Moment, Token};

impl<W> Engine<W> {
    /// Gives a task its turn, and settles its exchange.
    pub(super) fn turn(&mut self, token: Token, event: Event) {
        let Some(exchange) = self.slots.get(token).map(|slot| slot.exchange(&self.exchanges)) else { return };
        self.turn_in(exchange, token, event);
        self.settle(token, exchange);
    }

    /// Gives a task of this exchange its turn, and carries out what it ordered.
    #[inline(always)]
    pub(super) fn turn_in(&mut self, exchange: Option<Token>, token: Token, event: Event) {
        let Some(slot) = self.slots.get_mut(token) else { return };
        self.asked = Asked::Turn(token);
        self.lent.of = exchange;
        let x = exchange.and_then(|x| self.exchanges.get_mut(x));
        let outcome = slot.turn(event, x, &mut self.worker, &mut self.lent);
        self.timers.file(token, &mut slot.deadline);
        self.carry_out(exchange);
        match outcome {
            Ok(Flow::Blocked | Flow::Progress | Flow::Yield) => {}
            Ok(Flow::Done) => self.done(token),
            Err(error) => self.fail(token, error),
        }
    }

    /// The level that the error log has for this exchange.
    fn log_level(&self, exchange: Option<Token>) -> Level {
        exchange.and_then(|x| self.exchanges.get(x)).map_or(self.lent.log.level(), Exchange::log_level)
    }

    /// Writes a line about a task, if the level asks for it.
    pub(super) fn say(&mut self, level: Level, speaker: Speaker, of: Option<Token>, what: fmt::Arguments<'_>) {
        if level <= self.log_level(of) {
            let x = of.and_then(|x| self.exchanges.get(x));
            self.lent.log.write(level, &speaker.line(of, x, what));
        }
    }

    /// Adds a task, to an exchange or alone.
    pub(super) fn insert(&mut self, task: Box<dyn Task<W>>, exchange: Option<Token>) -> Token {
        let token = self.slots.insert(Slot::new(task, exchange));
        let joined = match exchange {
            Some(x) => self.exchanges.get_mut(x).is_some_and(|x| x.members.add(token.index)),
            None => true,
        };
        if !joined {
            self.no_room(token, exchange);
        }
        token
    }

    /// An exchange has as many tasks as it may have: the protocol is told that this one has failed.
    fn no_room(&mut self, token: Token, exchange: Option<Token>) {
        let Some(slot) = self.slots.get(token) else { return };
        let speaker = slot.task.introduce(exchange.and_then(|x| self.exchanges.get(x)));
        self.say(Level::Alert, speaker, exchange, format_args!("there are {MEMBERS_MAX} tasks already (a bug)"));
        self.remove(token);
        if let Some(exchange) = exchange.and_then(|x| self.exchanges.get_mut(x)) {
            exchange.failed = Some(Side::Internal);
        }
    }

    /// Does what a task ordered, which is mostly nothing; `exchange` is the one that tasks may join, if any.
    #[inline]
    pub(super) fn carry_out(&mut self, exchange: Option<Token>) {
        if !self.lent.orders.is_empty() {
            self.carry_out_orders(exchange);
        }
    }

    fn carry_out_orders(&mut self, exchange: Option<Token>) {
        let mut orders = std::mem::take(&mut self.lent.orders);
        for order in orders.drain(..) {
            match order {
                Order::Join(task) => {
                    if exchange.is_some() {
                        self.insert(task, exchange);
                    }
                }
                Order::Alone(task) => self.start(task),
                Order::Open(opened, tasks, until) => self.open(opened, tasks, until),
                Order::Tell(event) => self.told.push(event),
                Order::CancelWorkers => {
                    if let Some(x) = exchange {
                        self.cancel_members(x, FOUNDERS);
                    }
                }
            }
        }
        self.lent.orders = orders;
    }

    fn open(&mut self, exchange: Exchange, tasks: [Box<dyn Task<W>>; FOUNDERS], until: Moment) {
        let x = self.exchanges.insert(exchange);
        self.lent.exchanges_open = self.exchanges.len();
        let [protocol, .., last] = tasks.map(|task| self.insert(task, Some(x)));
        if let Some(slot) = self.slots.get_mut(protocol) {
            slot.deadline.at = until;
            self.timers.file(protocol, &mut slot.deadline);
        }
        self.settle(last, Some(x));
    }

    /// Queues who goes on after something has changed; `last` had the last turn.
    pub(super) fn settle(&mut self, last: Token, exchange: Option<Token>) {
        let next = match exchange {
            Some(x) => self.next_of(x, last),
            None => self.slots.get_mut(last).and_then(|slot| {
                self.asked = Asked::Wants(last);
                slot.goes_on(last, None, &mut self.lines).then_some(last)
            }),
        };
        if let Some(next) = next {
            self.enqueue(next);
        }
    }

    /// Who goes on in an exchange after the turn of `last`: the members are asked in a circle, those behind it first
    /// and itself at the end. Who is to wait for the kernel is listed for that; an exchange that is over is ended.
    #[inline(always)] // with turn_in, half of what the loop costs
    pub(super) fn next_of(&mut self, x: Token, last: Token) -> Option<Token> {
        let exchange = self.exchanges.get(x)?;
        if exchange.is_over() {
            self.close(x);
            return None;
        }
        let members = exchange.members.as_slice();
        let mut at = members.iter().position(|member| *member == last.index).map_or(0, |at| at + 1);
        for _ in 0..members.len() {
            at = if at < members.len() { at } else { 0 };
            let member = members[at];
            at += 1;
            let Some((token, slot)) = self.slots.at_mut(member) else { continue };
            self.asked = Asked::Wants(token);
            if slot.goes_on(token, Some(exchange), &mut self.lines) {
                return Some(token);
            }
        }
        debug_assert!(self.is_alive(x), "exchange {} is stuck: none of its tasks waits for anything", x.index);
        None
    }

    fn is_alive(&self, x: Token) -> bool {
        let Some(exchange) = self.exchanges.get(x) else { return true };
        let mut members =
            exchange.members.as_slice().iter().filter_map(|member| self.slots.get(self.slots.token(*member)?));
        members.any(|slot| slot.is_alive(exchange))
    }

    /// A task has said that it is done. When it is one of those that an exchange was opened with, so is the exchange.
    fn done(&mut self, token: Token) {
        let founded = self.founded(token);
        self.remove(token);
        if let Some(x) = founded {
            self.close(x);
        }
    }

    /// The exchange that was opened with this task, if one was.
    fn founded(&self, token: Token) -> Option<Token> {
        let x = self.slots.get(token)?.exchange(&self.exchanges)?;
        let exchange = self.exchanges.get(x)?;
        (0..FOUNDERS).any(|at| exchange.members.get(at) == Some(token.index)).then_some(x)
    }

    /// Takes a task out: the kernel forgets it before its descriptor is closed.
    pub(super) fn remove(&mut self, token: Token) {
        self.disarm(token);
        let Some(slot) = self.slots.remove(token) else { return };
        if let Some(x) = slot.exchange(&self.exchanges).and_then(|x| self.exchanges.get_mut(x)) {
            x.members.remove(token.index);
        }
        self.asked = Asked::ToGo(slot.exchange(&self.exchanges)); // its destructor may be wrong, too
    }

    pub(super) fn disarm(&mut self, token: Token) {
        let Some(slot) = self.slots.get_mut(token) else { return };
        if slot.watched != Watched::Yes {
            return;
        }
        slot.watched = Watched::No;
        let exchange = slot.exchange_in(&self.exchanges);
        if let Err(error) = self.poller.disarm(slot.task.watch(exchange)) {
            let speaker = slot.task.introduce(exchange);
            self.say(Level::Alert, speaker, None, format_args!("{error}"));
        }
    }

    /// A task could not go on. A worker's failure is told to the protocol, any other ends the exchange.
    pub(super) fn fail(&mut self, token: Token, error: TaskError) {
        let Some(exchange) = self.slots.get(token).map(|slot| slot.exchange(&self.exchanges)) else { return };
        self.report(token, error);
        let ends = self.founded(token).is_some() || error.side == Side::Client;
        self.remove(token);
        let Some(x) = exchange else { return };
        if ends {
            self.close(x);
        } else if let Some(exchange) = self.exchanges.get_mut(x) {
            exchange.failed = Some(error.side);
        }
    }

    /// Says in the log what went wrong with a task.
    fn report(&mut self, token: Token, error: TaskError) {
        let Some(slot) = self.slots.get(token) else { return };
        let exchange = slot.exchange(&self.exchanges);
        let speaker = slot.task.introduce(exchange.and_then(|x| self.exchanges.get(x)));
        let level = if error.side == Side::Client { Level::Info } else { Level::Error };
        self.say(level, speaker, exchange, format_args!("{}", error.source));
    }

    /// Ends an exchange: all its tasks are cancelled, and those that are not done with that stay on alone.
    pub(super) fn close(&mut self, x: Token) {
        if let Some(exchange) = self.exchanges.get_mut(x) {
            exchange.phase = Phase::Closed; // those who are cancelled see why
        }
        self.cancel_members(x, 0);
        self.exchanges.remove(x);
        self.lent.exchanges_open = self.exchanges.len();
    }

    fn cancel(&mut self, token: Token, x: Token) -> Result<Flow, TaskError> {
        let Some(slot) = self.slots.get_mut(token) else { return Ok(Flow::Done) };
        self.asked = Asked::Turn(token);
        self.lent.of = Some(x);
        let exchange = self.exchanges.get_mut(x);
        let outcome = slot.turn(Event::Cancel, exchange, &mut self.worker, &mut self.lent);
        self.timers.file(token, &mut slot.deadline);
        outcome
    }

    /// A cancelled task stays on alone: it has something to see to, such as a child to be reaped.
    fn leave(&mut self, token: Token, x: Token) {
        if let Some(exchange) = self.exchanges.get_mut(x) {
            exchange.members.remove(token.index);
        }
        if let Some(slot) = self.slots.get_mut(token) {
            slot.leave();
            self.settle(token, None);
        }
    }

    fn cancel_members(&mut self, x: Token, from: usize) {
        while let Some(member) = self.exchanges.get(x).and_then(|x| x.members.get(from)) {
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
