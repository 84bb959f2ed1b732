//! The loop: it waits for the kernel, gives tasks their turns, and knows nothing of what they do.
//!
//! One round: wait -> events to tokens (stale ones dropped) -> a bounded number of turns -> deadlines that have passed.
//! After each turn the members of the exchange are asked in a circle what they want now, until one of them goes on: so a
//! request passes from who reads it to who answers it to who writes, and nobody is asked twice. Only the engine arms and
//! disarms the kernel. A task that wants its system call is simply run ("try first"); the kernel is asked to watch only
//! for a task that has been told to come back later, and stays armed until an event comes that nobody wants.

mod arena;
mod panics;
mod slot;
mod task;
mod timers;
mod turn;

pub use arena::Arena;
pub use task::{Context, Event, Flow, Speaker, Task, TaskError, Want};
pub use timers::Moment;

pub use crate::exchange::Side;

use crate::exchange::Exchange;
use crate::exchange::limits::{TURNS_IN_A_ROW, TURNS_PER_ROUND};
use crate::log::{ErrorLog, Level};
use panics::Asked;
use slot::{Lines, Queued, Slot, Watched};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use task::Order;
use timers::Timers;
use webserv_sys::{Poller, Ready, Result, Token};

/// Deadlines of tasks that are gone may stand in the heap beside those of the living, and so many more, before it is
/// swept.
const SPARE_DEADLINES: usize = 64;

/// Tasks that an exchange is opened with: the protocol and the client's two sides. Those after them are workers.
pub(crate) const FOUNDERS: usize = 3;

/// How long a task that stands alone is left alone after the kernel has refused to watch for it, or after a panic.
const REST: Duration = Duration::from_secs(1);

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
    slots: Arena<Slot<W>>,
    exchanges: Arena<Exchange>,
    timers: Timers,
    /// Entries of the timers whose time has come in this round.
    due: Vec<(Moment, Token)>,
    lines: Lines,
    /// How many turns this round has left.
    turns_left: usize,
    /// Tasks that are left alone until then, the first one first.
    resting: VecDeque<(Moment, Token)>,
    orders: Vec<Order<W>>,
    /// What all tasks are to be told, and who is still to be told.
    told: Vec<Event>,
    telling: VecDeque<(Event, Token)>,
    ready: Vec<Ready>,
    asked: Asked,
    control: Control,
    /// What tells the time; tests have a clock of their own.
    clock: fn() -> Instant,
    /// When the engine was made, and the time of this round, in both forms.
    start: Instant,
    now: Instant,
    moment: Moment,
    log: ErrorLog,
    /// What the tasks share.
    pub worker: W,
}

impl<W> Engine<W> {
    /// An engine without tasks.
    pub fn new(poller: Box<dyn Poller>, try_first: bool, log: ErrorLog, worker: W) -> Self {
        let start = Instant::now();
        Self {
            poller,
            slots: Arena::new(),
            exchanges: Arena::new(),
            timers: Timers::default(),
            due: Vec::new(),
            lines: Lines { try_first, queue: VecDeque::new(), later: VecDeque::new(), unarmed: VecDeque::new() },
            turns_left: 0,
            resting: VecDeque::new(),
            orders: Vec::new(),
            told: Vec::new(),
            telling: VecDeque::new(),
            ready: Vec::new(),
            asked: Asked::Nobody,
            control: Control::Run,
            clock: Instant::now,
            start,
            now: start,
            moment: Moment::of(start, start),
            log,
            worker,
        }
    }

    /// Adds a task that belongs to no exchange.
    pub fn start(&mut self, task: Box<dyn Task<W>>) {
        let token = self.insert(task, None);
        self.settle(token, None);
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
        self.guarded(Self::arm_waiting);
        let timeout = self.timeout();
        let waited = self.poller.wait(timeout, &mut self.ready);
        self.look_at_clock();
        self.take_ready();
        waited?;
        self.lines.queue.append(&mut self.lines.later);
        self.turns_left = TURNS_PER_ROUND;
        self.guarded(Self::take_turns);
        // After those turns: what came together with its deadline came in time.
        self.find_due();
        self.guarded(Self::tell_due);
        self.find_told();
        self.guarded(Self::tell);
        Ok(())
    }

    fn look_at_clock(&mut self) {
        self.now = (self.clock)();
        self.moment = Moment::of(self.now, self.start);
    }

    /// How long the kernel may wait: not at all while tasks are queued or to be told something, nor at the end. By the
    /// clock of the last wait: a deadline may be late by what was done since, and the clock is asked once a round.
    fn timeout(&self) -> Option<Duration> {
        if !self.lines.are_empty() || !self.told.is_empty() || !self.goes_on() {
            return Some(Duration::ZERO);
        }
        let rested = self.resting.front().map(|(until, _)| *until);
        let next = self.timers.next().into_iter().chain(rested).min();
        next.map(|at| at.since(self.moment))
    }

    /// Tells the kernel of those tasks that still wait for it. Whom it refuses may leave others that begin to wait.
    fn arm_waiting(&mut self) {
        while let Some(token) = self.lines.unarmed.pop_front() {
            self.arm(token);
        }
    }

    fn arm(&mut self, token: Token) {
        let Some(slot) = self.slots.get_mut(token) else { return };
        slot.watched = Watched::No;
        if self.ask(token) != Want::Kernel {
            return; // it does not wait any more
        }
        let Some(slot) = self.slots.get_mut(token) else { return };
        let exchange = slot.exchange(&self.exchanges).and_then(|x| self.exchanges.get(x));
        match self.poller.arm(slot.task.watch(exchange), token) {
            Ok(()) => slot.watched = Watched::Yes,
            Err(error) => self.refused(token, error),
        }
    }

    /// The kernel will not watch for this task. One that stands alone tries again: without Accept there is no server.
    fn refused(&mut self, token: Token, error: webserv_sys::Error) {
        let Some(slot) = self.slots.get(token) else { return };
        let Some(x) = slot.exchange(&self.exchanges) else {
            let (speaker, secs) = (slot.task.introduce(None), REST.as_secs());
            self.say(Level::Crit, speaker, None, format_args!("{error}; tried again in {secs} s"));
            return self.rest(token);
        };
        self.fail(token, TaskError::internal(error));
        self.settle(token, Some(x));
    }

    /// Leaves a task that stands alone alone for a while.
    fn rest(&mut self, token: Token) {
        if let Some(slot) = self.slots.get_mut(token) {
            slot.blocked = true;
            self.resting.push_back((self.moment.after(REST), token));
            self.disarm(token);
        }
    }

    /// A task that stands alone has not ended its turn well: it needs a reason to try again.
    fn wait_for_event(&mut self, token: Token) {
        if let Some(slot) = self.slots.get_mut(token) {
            slot.blocked = true;
            self.timers.file(token, &mut slot.deadline);
            self.settle(token, None);
        }
    }

    /// Puts the tasks into the queue that the kernel has events for.
    fn take_ready(&mut self) {
        for Ready { token, hangup } in self.ready.drain(..) {
            // An event for a task that is gone is stale, as is one that was in this batch before it was disarmed.
            if let Some(slot) = self.slots.get_mut(token).filter(|slot| slot.watched == Watched::Yes) {
                slot.on_ready(token, hangup, &mut self.lines);
            }
        }
    }

    /// Gives tasks their turns, a bounded number.
    fn take_turns(&mut self) {
        while self.turns_left > 0 {
            let Some(token) = self.lines.queue.pop_front() else { return };
            if let Some(event) = self.leave_queue(token) {
                self.take_turns_from(token, event);
            }
        }
    }

    /// A task's turn has come. What it wanted may have been taken from it since it was queued.
    fn leave_queue(&mut self, token: Token) -> Option<Event> {
        let slot = self.slots.get_mut(token)?;
        let event = match std::mem::replace(&mut slot.queued, Queued::No) {
            Queued::Hangup => Event::Hangup,
            Queued::Yes | Queued::No => Event::Ready,
        };
        let want = self.ask(token);
        if want != Want::Kernel {
            self.disarm(token); // level-triggered: its event would come again at once
        }
        (want != Want::Nothing || event == Event::Hangup).then_some(event)
    }

    /// Gives this task its turn, and then those of its exchange who want one, a bounded number before others have theirs.
    fn take_turns_from(&mut self, mut token: Token, mut event: Event) {
        let exchange = self.slots.get(token).and_then(|slot| slot.exchange(&self.exchanges));
        for _ in 0..TURNS_IN_A_ROW {
            self.turns_left = self.turns_left.saturating_sub(1);
            self.turn_in(exchange, token, event);
            let Some(next) = self.next_after(token, exchange) else { return };
            (token, event) = (next, Event::Ready);
            if exchange.is_none() || self.turns_left == 0 {
                break;
            }
        }
        self.enqueue(token);
    }

    fn enqueue(&mut self, token: Token) {
        if let Some(slot) = self.slots.get_mut(token) {
            slot.enqueue(token, &mut self.lines);
        }
    }

    /// Asks a task what it wants.
    fn ask(&mut self, token: Token) -> Want {
        let Some(slot) = self.slots.get(token) else { return Want::Nothing };
        self.asked = Asked::Wants(token);
        slot.task.wants(slot.exchange(&self.exchanges).and_then(|x| self.exchanges.get(x)))
    }

    /// What one of the tasks asked that all be told.
    fn find_told(&mut self) {
        if !self.told.is_empty() {
            let (events, tokens) = (std::mem::take(&mut self.told), self.slots.tokens());
            self.telling = events.iter().flat_map(|event| tokens.iter().map(|token| (*event, *token))).collect();
        }
    }

    fn tell(&mut self) {
        while let Some((event, token)) = self.telling.pop_front() {
            self.turn(token, event);
        }
    }

    /// Finds those whose time has come. A task that sets its next deadline to now is told in the next round.
    fn find_due(&mut self) {
        if self.timers.len() > 2 * self.slots.len() + SPARE_DEADLINES {
            let slots = &self.slots;
            self.timers.sweep(|token| slots.get(token).map(|slot| &slot.deadline));
        }
        self.due.extend(std::iter::from_fn(|| self.timers.pop(self.moment)));
        self.due.reverse(); // they are taken from the end
    }

    fn tell_due(&mut self) {
        while let Some((at, token)) = self.due.pop() {
            let Some(slot) = self.slots.get_mut(token) else { continue };
            if self.timers.is_due(token, at, &mut slot.deadline, self.moment) {
                self.turn(token, Event::Deadline);
            }
        }
        while let Some(&(until, token)) = self.resting.front()
            && until <= self.moment
        {
            self.resting.pop_front();
            self.settle(token, None);
        }
    }
}

#[cfg(test)]
mod tests;
