//! The loop: it waits for the kernel, gives tasks their turns, and knows nothing of what they do.
//!
//! One round: wait -> events to tokens (stale ones dropped) -> a bounded number of turns -> deadlines that have passed,
//! and after each turn *settle* the exchange: ask every member what it wants now. Only the engine arms and disarms
//! the kernel. A task that wants its system call is simply run ("try first"); the kernel is asked to watch only for a
//! task that has been told to come back later, and stays armed until an event comes that nobody wants.

mod arena;
mod slot;
mod task;
mod timers;
mod turn;

pub use arena::Arena;
pub use task::{Context, Event, Flow, Task, TaskError, Want};

pub use crate::exchange::Side;

use crate::exchange::Exchange;
use crate::exchange::limits::TURNS_PER_ROUND;
use crate::log::ErrorLog;
use slot::Slot;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use task::Order;
use timers::Timers;
use webserv_sys::{Poller, Ready, Result, Token};

/// Deadlines of tasks that are gone may stand in the heap beside those of the living, and so many more, before it is
/// swept.
const SPARE_DEADLINES: usize = 64;

/// Whether the loop goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Control {
    /// It does.
    Run,
    /// Until no exchange is left.
    Drain,
    /// It ends after this round.
    Stop,
}

/// A worker's loop with all its tasks, exchanges and deadlines. `W` is what the tasks share.
pub struct Engine<W> {
    poller: Box<dyn Poller>,
    /// Try a call before asking the kernel whether it would block.
    try_first: bool,
    slots: Arena<Slot<W>>,
    exchanges: Arena<Box<Exchange>>,
    timers: Timers,
    /// Entries of the timers whose time has come in this round.
    due: Vec<(Instant, Token)>,
    /// Tasks that are to have a turn, in order.
    queue: VecDeque<Token>,
    /// Tasks that wait for the kernel and are not known to it yet. They are armed before the next wait: by then,
    /// most tasks of a short-lived connection are gone.
    unarmed: Vec<Token>,
    orders: Vec<Order<W>>,
    /// What all tasks are to be told.
    told: Vec<Event>,
    ready: Vec<Ready>,
    control: Control,
    /// What tells the time; tests have a clock of their own.
    clock: fn() -> Instant,
    /// The time of this round.
    now: Instant,
    log: ErrorLog,
    /// What the tasks share.
    pub worker: W,
}

impl<W> Engine<W> {
    /// An engine without tasks.
    pub fn new(poller: Box<dyn Poller>, try_first: bool, log: ErrorLog, worker: W) -> Self {
        Self {
            poller,
            try_first,
            slots: Arena::new(),
            exchanges: Arena::new(),
            timers: Timers::default(),
            due: Vec::new(),
            queue: VecDeque::new(),
            unarmed: Vec::new(),
            orders: Vec::new(),
            told: Vec::new(),
            ready: Vec::new(),
            control: Control::Run,
            clock: Instant::now,
            now: Instant::now(),
            log,
            worker,
        }
    }

    /// Adds a task that belongs to no exchange.
    pub fn start(&mut self, task: Box<dyn Task<W>>) {
        let token = self.insert(task, None);
        self.settle_alone(token);
    }

    /// The error log of this engine.
    pub fn log(&mut self) -> &mut ErrorLog {
        &mut self.log
    }

    /// Exchanges that are open.
    pub fn exchanges_open(&self) -> usize {
        self.exchanges.len()
    }

    /// Runs until a task stops it.
    ///
    /// # Errors
    /// Those of [`Poller::wait`]: without it there is no server.
    pub fn run(&mut self) -> Result<()> {
        while self.goes_on() {
            self.round()?;
        }
        Ok(())
    }

    fn goes_on(&self) -> bool {
        match self.control {
            Control::Run => true,
            Control::Drain => !self.exchanges.is_empty(),
            Control::Stop => false,
        }
    }

    /// One round of the loop.
    ///
    /// # Errors
    /// Those of [`Poller::wait`].
    pub fn round(&mut self) -> Result<()> {
        self.arm_waiting();
        let timeout = self.timeout();
        let mut ready = std::mem::take(&mut self.ready);
        let waited = self.poller.wait(timeout, &mut ready);
        self.now = (self.clock)();
        for event in &ready {
            self.on_ready(*event);
        }
        self.ready = ready;
        waited?;
        for _ in 0..TURNS_PER_ROUND {
            let Some(token) = self.queue.pop_front() else { break };
            self.run_queued(token);
        }
        // After those turns: what came together with its deadline came in time.
        self.run_deadlines();
        self.tell();
        Ok(())
    }

    /// How long the kernel may wait: not at all while tasks are queued or to be told something, nor at the end.
    fn timeout(&self) -> Option<Duration> {
        if !self.queue.is_empty() || !self.told.is_empty() || !self.goes_on() {
            return Some(Duration::ZERO);
        }
        self.timers.next().map(|at| at.saturating_duration_since((self.clock)()))
    }

    /// Tells the kernel of those tasks that still wait for it. Whom it refuses may leave others that begin to wait.
    fn arm_waiting(&mut self) {
        let mut at = 0;
        while let Some(&token) = self.unarmed.get(at) {
            at += 1;
            self.arm(token);
        }
        self.unarmed.clear();
    }

    fn arm(&mut self, token: Token) {
        let Some(slot) = self.slots.get_mut(token) else { return };
        slot.listed = false;
        let exchange = slot.exchange.and_then(|x| self.exchanges.get(x)).map(|x| &**x);
        if slot.task.wants(exchange) != Want::Kernel {
            return; // it does not wait any more
        }
        match self.poller.arm(slot.task.watch(), token) {
            Ok(()) => slot.armed = true,
            Err(error) => self.refused(token, error),
        }
    }

    /// The kernel will not watch for this task.
    fn refused(&mut self, token: Token, error: webserv_sys::Error) {
        let exchange = self.slots.get(token).and_then(|s| s.exchange);
        self.fail(token, TaskError::internal(error));
        if let Some(x) = exchange {
            self.settle(x);
        }
    }

    /// Brings a kernel's event to the task that waits for it, if there is one.
    fn on_ready(&mut self, ready: Ready) {
        let Some(slot) = self.slots.get_mut(ready.token) else { return }; // its task is gone: stale
        if !slot.armed {
            return; // disarmed after the kernel had put the event into this batch
        }
        let exchange = slot.exchange.and_then(|x| self.exchanges.get(x)).map(|x| &**x);
        slot.hangup |= ready.hangup;
        slot.blocked = false;
        if slot.task.wants(exchange) == Want::Kernel || ready.hangup {
            slot.enqueue(ready.token, &mut self.queue);
        }
        if slot.task.wants(exchange) != Want::Kernel {
            self.disarm(ready.token); // level-triggered: it would come again at once
        }
    }

    /// Tells all tasks what one of them asked to be told.
    fn tell(&mut self) {
        for event in std::mem::take(&mut self.told) {
            for token in self.slots.tokens() {
                self.turn(token, event);
            }
        }
    }

    /// Tells those whose time has come. A task that sets its next deadline to now is told in the next round.
    fn run_deadlines(&mut self) {
        if self.timers.len() > 2 * self.slots.len() + SPARE_DEADLINES {
            let slots = &self.slots;
            self.timers.sweep(|token| slots.get(token).map(|slot| &slot.deadline));
        }
        let mut due = std::mem::take(&mut self.due);
        due.extend(std::iter::from_fn(|| self.timers.pop(self.now)));
        for (at, token) in due.drain(..) {
            let Some(slot) = self.slots.get_mut(token) else { continue };
            if self.timers.is_due(token, at, &mut slot.deadline, self.now) {
                self.turn(token, Event::Deadline);
            }
        }
        self.due = due;
    }

    fn run_queued(&mut self, token: Token) {
        let Some(slot) = self.slots.get_mut(token) else { return };
        slot.queued = false;
        let event = if std::mem::take(&mut slot.hangup) { Event::Hangup } else { Event::Ready };
        // What it wanted may have been taken from it since it was queued.
        let exchange = slot.exchange.and_then(|x| self.exchanges.get(x)).map(|x| &**x);
        if event == Event::Hangup || slot.task.wants(exchange) != Want::Nothing {
            self.turn(token, event);
        }
    }
}

#[cfg(test)]
mod tests;
