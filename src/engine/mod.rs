//! The loop: it waits for the kernel, gives tasks their turns, and knows nothing of what they do.
//!
//! One round: wait -> events to tokens (stale ones dropped) -> a bounded number of turns -> deadlines that have passed.
//! After each turn the members of the connection are asked in a circle what they want now, until one of them goes on:
//! so a request passes from who reads it to who answers it to who writes, and nobody is asked twice. Only the engine
//! arms and disarms the kernel. A task that wants its system call is simply run ("try first"); the kernel is asked to
//! watch only for a task that has been told to come back later, and stays armed until an event comes that nobody wants.

mod arena;
mod context;
mod notices;
mod panics;
mod slot;
mod task;
mod timers;
mod turn;

pub use arena::Arena;
pub use context::{Context, LogContext, TurnState, Work};
pub use task::{Event, Flow, Notice, Seen, Task, TaskError, Want};

pub use crate::connection::Side;

use crate::connection::Connection;
use crate::limits::{TURNS_IN_A_ROW, TURNS_PER_ROUND};
use crate::log::{ErrorLog, Level};
use notices::Notices;
use panics::Callee;
use slot::{RunQueue, Slot, Watched};
use std::collections::VecDeque;
use std::time::Duration;
use task::Cause;
use timers::Timers;
use webserv_sys::{Moment, Poller, Ready, Result, Token};

/// Deadlines of tasks that are gone may stand in the heap beside those of the living, and so many more, before it is
/// swept.
const SPARE_DEADLINES: usize = 64;

/// How long a task that stands alone is left alone after the kernel has refused to watch for it, or after a panic.
const REST: Duration = Duration::from_secs(1);

/// No task has this token.
pub(crate) const NOBODY: Token = Token { index: u32::MAX, generation: u32::MAX };

/// Whether the loop goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Control {
    /// It does.
    Run,
    /// Until no connection is left.
    Drain,
    /// It ends after this round.
    Stop,
}

/// A worker's loop with all its tasks, connections and deadlines. `W` is what the tasks share.
pub struct Engine<W> {
    poller: Box<dyn Poller>,
    slots: Arena<Slot<W>>,
    connections: Arena<Connection>,
    timers: Timers,
    /// Entries of the timers whose time has come in this round.
    due: Vec<(Moment, Token)>,
    run_queue: RunQueue,
    /// How many turns this round has left.
    turns_left: usize,
    /// Tasks that are left alone until then, the first one first.
    resting: VecDeque<(Moment, Token)>,
    notices: Notices,
    ready: Vec<Ready>,
    callee: Callee,
    /// A task that is done and no member any more, while its last orders are carried out.
    leaving: Option<Token>,
    /// What tells the time; tests have a clock of their own.
    clock: fn() -> Moment,
    turn: TurnState<W>,
    /// What the tasks share.
    pub worker: W,
}

impl<W> Engine<W> {
    /// An engine without tasks.
    pub fn new(poller: Box<dyn Poller>, try_first: bool, log: ErrorLog, worker: W) -> Self {
        Self {
            poller,
            slots: Arena::new(),
            connections: Arena::new(),
            timers: Timers::default(),
            due: Vec::new(),
            run_queue: RunQueue { try_first, queue: VecDeque::new(), later: VecDeque::new(), unarmed: VecDeque::new() },
            turns_left: 0,
            resting: VecDeque::new(),
            notices: Notices::default(),
            ready: Vec::new(),
            callee: Callee::Nobody,
            leaving: None,
            clock: Moment::now,
            turn: TurnState {
                now: Moment::now(),
                connections_open: 0,
                of: None,
                transaction: None,
                token: NOBODY,
                waiting: VecDeque::new(),
                orders: Vec::new(),
                control: Control::Run,
                log,
            },
            worker,
        }
    }

    /// Adds a task that belongs to no connection.
    pub fn start(&mut self, task: Box<dyn Task<W>>) {
        let token = self.insert(task);
        self.settle(token, None);
    }

    /// The error log of this engine.
    pub fn log(&mut self) -> &mut ErrorLog {
        &mut self.turn.log
    }

    /// Connections that are open.
    pub fn connections_open(&self) -> usize {
        self.connections.len()
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
        match self.turn.control {
            Control::Run => true,
            Control::Drain => !self.connections.is_empty(),
            Control::Stop => false,
        }
    }

    /// One round of the loop.
    ///
    /// # Errors
    /// Those of [`Poller::wait`].
    pub fn round(&mut self) -> Result<()> {
        if !self.run_queue.unarmed.is_empty() {
            self.guarded(Self::arm_waiting);
        }
        let timeout = self.timeout();
        let waited = self.poller.wait(timeout, &mut self.ready);
        self.look_at_clock();
        self.take_ready();
        waited?;
        self.run_queue.begin_round();
        self.turns_left = TURNS_PER_ROUND;
        self.guarded(Self::take_turns);
        // After those turns: what came together with its deadline came in time.
        if self.next_moment() <= self.turn.now {
            self.find_due();
            self.guarded(Self::tell_due);
        }
        if !self.notices.are_empty() {
            self.find_told();
            self.guarded(Self::tell);
        }
        self.sweep_deadlines();
        Ok(())
    }

    fn look_at_clock(&mut self) {
        self.turn.now = (self.clock)();
    }

    /// How long the kernel may wait: not at all while tasks are queued or to be told something, nor at the end. By the
    /// clock of the last wait: a deadline may be late by what was done since, and the clock is asked once a round.
    fn timeout(&self) -> Option<Duration> {
        if !self.run_queue.are_empty() || !self.notices.are_empty() || !self.goes_on() {
            return Some(Duration::ZERO);
        }
        match self.next_moment() {
            Moment::NEVER => None,
            next => Some(next.since(self.turn.now)),
        }
    }

    /// When a deadline may have passed, or a rest, at the earliest.
    fn next_moment(&self) -> Moment {
        let rested = self.resting.front().map_or(Moment::NEVER, |(until, _)| *until);
        self.timers.next().min(rested)
    }

    /// Tells the kernel of those tasks that still wait for it. Whom it refuses may leave others that begin to wait.
    fn arm_waiting(&mut self) {
        while let Some(token) = self.run_queue.unarmed.pop_front() {
            self.arm(token);
        }
    }

    fn arm(&mut self, token: Token) {
        let Some(slot) = self.slots.get_mut(token) else { return };
        slot.watched = Watched::No;
        if slot.ask(token, &self.connections, &mut self.callee) != Want::Kernel {
            return; // it does not wait any more
        }
        let connection = slot.connection_in(&self.connections);
        match self.poller.arm(slot.task.watch(connection), token) {
            Ok(()) => slot.watched = Watched::Yes,
            Err(error) => self.refused(token, error),
        }
    }

    /// The kernel will not watch for this task. One that stands alone tries again: without Accept there is no server.
    fn refused(&mut self, token: Token, error: webserv_sys::Error) {
        let Some(slot) = self.slots.get(token) else { return };
        let Some(x) = slot.connection(&self.connections) else {
            let (log_context, secs) = (slot.task.log_context(None), REST.as_secs());
            self.say(Level::Crit, (token.index, log_context), None, format_args!("{error}; tried again in {secs} s"));
            return self.rest(token);
        };
        self.fail(token, TaskError::internal(error));
        self.settle(token, Some(x));
    }

    /// Leaves a task that stands alone alone for a while.
    fn rest(&mut self, token: Token) {
        if let Some(slot) = self.slots.get_mut(token) {
            slot.blocked = true;
            self.resting.push_back((self.turn.now.after(REST), token));
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
        for &Ready { token, hangup } in &self.ready {
            // An event for a task that is gone is stale, as is one for a watch that was disarmed.
            if let Some(slot) = self.slots.get_mut(token).filter(|slot| slot.watched == Watched::Yes) {
                slot.on_ready(token, hangup, &mut self.run_queue);
            }
        }
    }

    /// Gives tasks their turns, a bounded number.
    fn take_turns(&mut self) {
        while self.turns_left > 0 {
            let Some(token) = self.run_queue.queue.pop_front() else { return };
            let Some(slot) = self.slots.get_mut(token) else { continue };
            let (cause, connection) = (slot.leave_queue(), slot.connection(&self.connections));
            // What it wanted may have been taken from it since it was queued.
            let want = slot.ask(token, &self.connections, &mut self.callee);
            if want != Want::Kernel {
                self.disarm(token); // level-triggered: its event would come again at once
            }
            match connection {
                _ if want == Want::Nothing && cause == Cause::Event(Event::Ready) => {}
                Some(x) => self.take_turns_of(x, token, cause),
                None => {
                    self.turns_left -= 1;
                    self.turn(token, cause);
                }
            }
        }
    }

    /// Gives this task of a connection its turn, and then those members who go on, a bounded number in a row.
    fn take_turns_of(&mut self, x: Token, mut token: Token, mut cause: Cause) {
        let turns_left_then = self.turns_left.saturating_sub(TURNS_IN_A_ROW);
        while self.turns_left > turns_left_then {
            self.turns_left -= 1;
            self.turn_in(Some(x), token, cause);
            let Some(next) = self.next_of(x, token) else { return };
            (token, cause) = (next, Cause::Event(Event::Ready));
        }
        self.enqueue(token);
    }

    fn enqueue(&mut self, token: Token) {
        if let Some(slot) = self.slots.get_mut(token) {
            slot.enqueue(token, &mut self.run_queue);
        }
    }

    /// Finds those whose time has come. A task that sets its next deadline to now is told in the next round.
    fn find_due(&mut self) {
        self.due.extend(std::iter::from_fn(|| self.timers.pop(self.turn.now)));
        self.due.reverse(); // they are taken from the end
    }

    /// Takes deadlines of tasks that are gone out of the heap when there are many.
    fn sweep_deadlines(&mut self) {
        if self.timers.len() > 2 * self.slots.len() + SPARE_DEADLINES {
            let slots = &self.slots;
            self.timers.sweep(|token| slots.get(token).map(|slot| &slot.deadline));
        }
    }

    fn tell_due(&mut self) {
        while let Some((at, token)) = self.due.pop() {
            let Some(slot) = self.slots.get_mut(token) else { continue };
            if self.timers.is_due(token, at, &mut slot.deadline, self.turn.now) {
                self.turn(token, Cause::Event(Event::Deadline));
            }
        }
        while let Some(&(until, token)) = self.resting.front()
            && until <= self.turn.now
        {
            self.resting.pop_front();
            let adopted = self.slots.get(token).and_then(|slot| slot.connection(&self.connections));
            self.settle(token, adopted);
        }
    }
}

#[cfg(test)]
mod tests;
