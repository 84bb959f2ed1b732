//! One turn of one task, and what follows from it.

use super::slot::Slot;
use super::task::{Order, Speaker};
use super::{Context, Engine, Event, Flow, Side, Task, TaskError, Want};
use crate::exchange::Phase;
use crate::exchange::limits::MEMBERS_MAX;
use crate::log::Level;
use std::fmt;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use webserv_sys::{Token, Watch};

/// What a turn came to.
enum Outcome {
    Flow(Flow),
    Failed(TaskError),
    Panicked,
}

/// Tasks that an exchange is opened with: the protocol and the client's two sides. Those after them are workers.
const FOUNDERS: usize = 3;

impl<W> Engine<W> {
    /// Gives a task its turn, carries out what it ordered, and settles its exchange.
    pub(super) fn turn(&mut self, token: Token, event: Event) {
        let Some(slot) = self.slots.get(token) else { return };
        let exchange = slot.exchange;
        let outcome = self.call(token, exchange, event);
        if !self.orders.is_empty() {
            self.carry_out(exchange);
        }
        match outcome {
            Outcome::Flow(Flow::Done) => self.done(token),
            Outcome::Flow(_) => {}
            Outcome::Failed(error) => self.fail(token, error),
            Outcome::Panicked => self.panicked(token),
        }
        match exchange {
            Some(x) => self.settle(x),
            None => self.settle_alone(token),
        }
    }

    /// Calls a task's `handle` with everything that it may use.
    fn call(&mut self, token: Token, exchange: Option<Token>, event: Event) -> Outcome {
        let exchanges_open = self.exchanges.len();
        let Some(slot) = self.slots.get_mut(token) else { return Outcome::Flow(Flow::Done) };
        let speaker = Speaker::new(slot);
        let mut cx = Context {
            exchange: exchange.and_then(|x| self.exchanges.get_mut(x)).map(|x| &mut **x),
            worker: &mut self.worker,
            now: self.now,
            exchanges_open,
            deadline: &mut slot.deadline.at,
            orders: &mut self.orders,
            control: &mut self.control,
            log: &mut self.log,
            speaker,
        };
        let outcome = match catch_unwind(AssertUnwindSafe(|| slot.task.handle(event, &mut cx))) {
            Ok(Ok(flow)) => Outcome::Flow(flow),
            Ok(Err(error)) => Outcome::Failed(error),
            Err(_) => Outcome::Panicked,
        };
        slot.blocked = match outcome {
            Outcome::Flow(Flow::Blocked) => true,
            Outcome::Panicked => true, // it needs a reason to try again: the loop must not do nothing but panic
            _ if matches!(event, Event::Ready | Event::Hangup) => false,
            _ => slot.blocked, // it was told something, and has not made its call
        };
        self.timers.file(token, &mut slot.deadline);
        if self.log_level(exchange) >= Level::Debug {
            self.trace(speaker, exchange, event, &outcome);
        }
        outcome
    }

    /// The level that the error log has for this exchange.
    fn log_level(&self, exchange: Option<Token>) -> Level {
        exchange.and_then(|x| self.exchanges.get(x)).map_or(self.log.level(), |x| x.log_level)
    }

    /// One line for each event, at level debug.
    fn trace(&mut self, speaker: Speaker, exchange: Option<Token>, event: Event, outcome: &Outcome) {
        match outcome {
            Outcome::Flow(flow) => self.say(Level::Debug, speaker, exchange, format_args!("{event:?} -> {flow:?}")),
            Outcome::Failed(e) => self.say(Level::Debug, speaker, exchange, format_args!("{event:?} -> {}", e.source)),
            Outcome::Panicked => self.say(Level::Debug, speaker, exchange, format_args!("{event:?} -> panic")),
        }
    }

    /// Writes a line about a task, if the level asks for it.
    fn say(&mut self, level: Level, speaker: Speaker, exchange: Option<Token>, what: fmt::Arguments<'_>) {
        if level <= self.log_level(exchange) {
            let x = exchange.and_then(|x| self.exchanges.get(x)).map(|x| &**x);
            self.log.write(level, &speaker.line(x, what));
        }
    }

    /// Adds a task, to an exchange or alone.
    pub(super) fn insert(&mut self, task: Box<dyn Task<W>>, exchange: Option<Token>) -> Token {
        let token = self.slots.insert(Slot::new(task, exchange));
        let joined = match exchange {
            Some(x) => self.exchanges.get_mut(x).is_some_and(|x| x.members.add(token)),
            None => true,
        };
        if !joined {
            self.no_room(token);
        }
        token
    }

    /// An exchange has as many tasks as it may have: the protocol is told that this one has failed.
    fn no_room(&mut self, token: Token) {
        let Some(slot) = self.slots.get(token) else { return };
        let (speaker, exchange) = (Speaker::new(slot), slot.exchange);
        self.say(Level::Alert, speaker, exchange, format_args!("there are {MEMBERS_MAX} tasks already (a bug)"));
        self.remove(token);
        if let Some(exchange) = exchange.and_then(|x| self.exchanges.get_mut(x)) {
            exchange.failed = Some(Side::Internal);
        }
    }

    /// Does what a task ordered; `exchange` is the one that tasks may join, if any.
    fn carry_out(&mut self, exchange: Option<Token>) {
        let mut orders = std::mem::take(&mut self.orders);
        for order in orders.drain(..) {
            match order {
                Order::Join(task) => {
                    if exchange.is_some() {
                        self.insert(task, exchange);
                    }
                }
                Order::Alone(task) => self.start(task),
                Order::Open(opened, tasks) => {
                    let x = self.exchanges.insert(opened);
                    for task in tasks {
                        self.insert(task, Some(x));
                    }
                    self.settle(x);
                }
                Order::Tell(event) => self.told.push(event),
                Order::CancelWorkers => {
                    if let Some(x) = exchange {
                        self.cancel_members(x, FOUNDERS);
                    }
                }
            }
        }
        self.orders = orders;
    }

    /// Asks every member of an exchange what it wants now, or ends the exchange when it is over.
    pub(super) fn settle(&mut self, x: Token) {
        let Some(exchange) = self.exchanges.get(x) else { return };
        if exchange.is_over() {
            return self.close(x);
        }
        let mut alive = false;
        for at in 0..exchange.members.len() {
            let Some(token) = exchange.members.get(at) else { continue };
            let Some(slot) = self.slots.get_mut(token) else { continue };
            let wants = slot.task.wants(Some(exchange));
            match wants {
                Want::Nothing => {}
                Want::Turn => slot.enqueue(token, &mut self.queue),
                Want::Kernel => slot.call_or_wait(token, self.try_first, &mut self.queue, &mut self.unarmed),
            }
            // Who is armed or queued and wants nothing now will be disarmed or passed over.
            alive |= wants != Want::Nothing || slot.hangup || slot.deadline.at.is_some();
        }
        debug_assert!(alive, "exchange {} is stuck: none of its tasks waits for anything", x.index);
    }

    /// The same for a task that stands alone.
    pub(super) fn settle_alone(&mut self, token: Token) {
        let Some(slot) = self.slots.get_mut(token) else { return };
        match slot.task.wants(None) {
            Want::Nothing => {}
            Want::Turn => slot.enqueue(token, &mut self.queue),
            Want::Kernel => slot.call_or_wait(token, self.try_first, &mut self.queue, &mut self.unarmed),
        }
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
        let x = self.slots.get(token)?.exchange?;
        let exchange = self.exchanges.get(x)?;
        (0..FOUNDERS).any(|at| exchange.members.get(at) == Some(token)).then_some(x)
    }

    /// Takes a task out: the kernel forgets it before its descriptor is closed.
    fn remove(&mut self, token: Token) {
        self.disarm(token);
        let Some(slot) = self.slots.remove(token) else { return };
        if let Some(x) = slot.exchange.and_then(|x| self.exchanges.get_mut(x)) {
            x.members.remove(token);
        }
    }

    pub(super) fn disarm(&mut self, token: Token) {
        let Some(slot) = self.slots.get_mut(token) else { return };
        if std::mem::take(&mut slot.armed)
            && let Err(error) = self.poller.disarm(slot.task.watch())
        {
            let speaker = Speaker::new(slot);
            self.say(Level::Alert, speaker, None, format_args!("{error}"));
        }
    }

    /// A task could not go on. A worker's failure is told to the protocol, any other ends the exchange.
    pub(super) fn fail(&mut self, token: Token, error: TaskError) {
        let Some(exchange) = self.slots.get(token).map(|slot| slot.exchange) else { return };
        self.report(token, &Outcome::Failed(error));
        let ends = self.founded(token).is_some() || error.side == Side::Client;
        self.remove(token);
        let Some(x) = exchange else { return };
        if ends {
            self.close(x);
        } else if let Some(exchange) = self.exchanges.get_mut(x) {
            exchange.failed = Some(error.side);
        }
    }

    /// A bug in a task costs its exchange, not the server. A task that stands alone is kept: the server leans on it.
    fn panicked(&mut self, token: Token) {
        self.report(token, &Outcome::Panicked);
        if let Some(x) = self.slots.get(token).and_then(|slot| slot.exchange) {
            self.remove(token);
            self.close(x);
        }
    }

    /// Says in the log what went wrong with a task.
    fn report(&mut self, token: Token, outcome: &Outcome) {
        let Some(slot) = self.slots.get(token) else { return };
        let (speaker, exchange) = (Speaker::new(slot), slot.exchange);
        match outcome {
            Outcome::Flow(_) => {}
            Outcome::Failed(error) => {
                let level = if error.side == Side::Client { Level::Info } else { Level::Error };
                self.say(level, speaker, exchange, format_args!("{}", error.source));
            }
            Outcome::Panicked => {
                let then = if exchange.is_some() { "its connection is closed" } else { "it goes on" };
                self.say(Level::Alert, speaker, exchange, format_args!("panicked (a bug); {then}"));
            }
        }
    }

    /// Ends an exchange: all its tasks are cancelled, and those that are not done with that stay on alone.
    fn close(&mut self, x: Token) {
        if let Some(exchange) = self.exchanges.get_mut(x) {
            exchange.phase = Phase::Closed; // those who are cancelled see why
        }
        self.cancel_members(x, 0);
        self.exchanges.remove(x);
    }

    fn cancel_members(&mut self, x: Token, from: usize) {
        while let Some(token) = self.exchanges.get(x).and_then(|x| x.members.get(from)) {
            let outcome = self.call(token, Some(x), Event::Cancel);
            self.report(token, &outcome);
            if let Some(exchange) = self.exchanges.get_mut(x) {
                exchange.members.remove(token);
                if let Outcome::Panicked = outcome {
                    exchange.phase = Phase::Closed;
                }
            }
            if let Outcome::Flow(Flow::Blocked | Flow::Progress) = outcome
                && let Some(slot) = self.slots.get_mut(token)
            {
                slot.exchange = None; // it has something to see to, such as a child to be reaped
                self.settle_alone(token);
            } else {
                self.remove(token);
            }
            self.carry_out(None);
        }
    }
}

impl Speaker {
    fn new<W>(slot: &Slot<W>) -> Self {
        let fd = match slot.task.watch() {
            Watch::Read(fd) | Watch::Write(fd) | Watch::Change(fd) => Some(fd.as_raw_fd()),
            Watch::Exit(_) | Watch::Signal(_) | Watch::Always => None,
        };
        Self { exchange: slot.exchange, kind: slot.task.kind(), doing: slot.task.doing(), fd }
    }
}
