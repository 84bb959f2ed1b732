//! The event loop: waits for the kernel and gives tasks their turns. It does not know what the tasks do.
//!
//! One round: wait; find the tasks of the events (stale events are dropped); a bounded number of turns; then deadlines.
//! After each turn the members of the connection are asked in a circle what they want now, until one has work: so a
//! request goes from the task that reads it to the task that answers it and to the task that writes the response.
//!
//! Only the engine arms and disarms the kernel. A task that wants its system call is run at once ("try first"). The
//! kernel watches a task only after its call would have blocked, and goes on watching until an event comes that the
//! task does not want.

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

/// The heap may hold this number of deadlines of removed tasks more than there are slots, before it is swept.
const SPARE_DEADLINES: usize = 64;

/// How long a task that stands alone is paused after the kernel refused to watch for it, or after a panic.
const PAUSE: Duration = Duration::from_secs(1);

/// A token that no task has.
pub(crate) const NO_TOKEN: Token = Token { index: u32::MAX, generation: u32::MAX };

/// Whether the loop continues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Control {
    /// It continues.
    Run,
    /// It ends when no connection is open.
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
    /// Timer entries that are due in this round.
    due: Vec<(Moment, Token)>,
    run_queue: RunQueue,
    /// The number of turns that are left in this round.
    turns_left: usize,
    /// Paused tasks that stand alone, with the end of the pause; the earliest end first.
    paused: VecDeque<(Moment, Token)>,
    notices: Notices,
    ready: Vec<Ready>,
    callee: Callee,
    /// A task that is done and no member of its connection any more, while its last orders are carried out.
    done_task: Option<Token>,
    /// Returns the current time; tests have their own clock.
    clock: fn() -> Moment,
    turn: TurnState<W>,
    /// What all tasks of this worker share.
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
            paused: VecDeque::new(),
            notices: Notices::default(),
            ready: Vec::new(),
            callee: Callee::NoTask,
            done_task: None,
            clock: Moment::now,
            turn: TurnState {
                now: Moment::now(),
                connections_open: 0,
                connection: None,
                transaction: None,
                token: NO_TOKEN,
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

    /// The number of open connections.
    pub fn connections_open(&self) -> usize {
        self.connections.len()
    }

    /// Runs until a task stops it.
    ///
    /// # Errors
    /// The errors of [`Poller::wait`]. The server cannot run without it.
    pub fn run(&mut self) -> Result<()> {
        while self.is_running() {
            self.round()?;
        }
        Ok(())
    }

    fn is_running(&self) -> bool {
        match self.turn.control {
            Control::Run => true,
            Control::Drain => !self.connections.is_empty(),
            Control::Stop => false,
        }
    }

    /// Runs one round of the loop.
    ///
    /// # Errors
    /// The errors of [`Poller::wait`].
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
        // Deadlines come after the turns: an event in the same wait as its deadline is in time.
        if self.next_moment() <= self.turn.now {
            self.find_due();
            self.guarded(Self::run_due);
        }
        if !self.notices.are_empty() {
            self.queue_notices();
            self.guarded(Self::deliver_notices);
        }
        self.sweep_deadlines();
        Ok(())
    }

    fn look_at_clock(&mut self) {
        self.turn.now = (self.clock)();
    }

    /// How long the kernel may wait. Zero while tasks are queued or notices are pending, and at the end. It is computed
    /// with the time of the last wait, since the clock is read once a round: a deadline may be late by the duration of
    /// one round.
    fn timeout(&self) -> Option<Duration> {
        if !self.run_queue.are_empty() || !self.notices.are_empty() || !self.is_running() {
            return Some(Duration::ZERO);
        }
        match self.next_moment() {
            Moment::NEVER => None,
            next => Some(next.since(self.turn.now)),
        }
    }

    /// The earliest time at which a deadline or the end of a pause may be due.
    fn next_moment(&self) -> Moment {
        let pause_end = self.paused.front().map_or(Moment::NEVER, |(until, _)| *until);
        self.timers.next().min(pause_end)
    }

    /// Arms the tasks that still wait for the kernel. A failure may let other tasks of the connection wait, too.
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

    /// The kernel refuses to watch for this task. A task that stands alone tries again later: the server needs Accept.
    fn refused(&mut self, token: Token, error: webserv_sys::Error) {
        let Some(slot) = self.slots.get(token) else { return };
        let Some(x) = slot.connection(&self.connections) else {
            let (log_context, secs) = (slot.task.log_context(None), PAUSE.as_secs());
            self.say(Level::Crit, (token.index, log_context), None, format_args!("{error}; tried again in {secs} s"));
            return self.pause(token);
        };
        self.fail(token, TaskError::internal(error));
        self.settle(token, Some(x));
    }

    /// Pauses a task that stands alone.
    fn pause(&mut self, token: Token) {
        if let Some(slot) = self.slots.get_mut(token) {
            slot.blocked = true;
            self.paused.push_back((self.turn.now.after(PAUSE), token));
            self.disarm(token);
        }
    }

    /// A task that stands alone has panicked in its turn. It has no turn before its next event or deadline.
    fn wait_for_event(&mut self, token: Token) {
        if let Some(slot) = self.slots.get_mut(token) {
            slot.blocked = true;
            self.timers.file(token, &mut slot.deadline);
            self.settle(token, None);
        }
    }

    /// Queues the tasks for which the kernel has events.
    fn take_ready(&mut self) {
        for &Ready { token, hangup } in &self.ready {
            // The event is stale if the task has been removed or its watch was disarmed.
            if let Some(slot) = self.slots.get_mut(token).filter(|slot| slot.watched == Watched::Yes) {
                slot.on_ready(token, hangup, &mut self.run_queue);
            }
        }
    }

    /// Gives queued tasks their turns, a bounded number.
    fn take_turns(&mut self) {
        while self.turns_left > 0 {
            let Some(token) = self.run_queue.queue.pop_front() else { return };
            let Some(slot) = self.slots.get_mut(token) else { continue };
            let (cause, connection) = (slot.dequeue(), slot.connection(&self.connections));
            // Another task may have changed what it wants since it was queued.
            let want = slot.ask(token, &self.connections, &mut self.callee);
            if want != Want::Kernel {
                self.disarm(token); // level-triggered: the event would come again at once
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

    /// Gives a task of a connection its turn, then the members that have work: a bounded number of turns in a row.
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

    /// Collects the timer entries that are due. A task that sets its deadline to now gets it in the next round.
    fn find_due(&mut self) {
        self.due.extend(std::iter::from_fn(|| self.timers.pop(self.turn.now)));
        self.due.reverse(); // entries are taken from the end
    }

    /// Removes deadlines of removed tasks from the heap when there are many.
    fn sweep_deadlines(&mut self) {
        if self.timers.len() > 2 * self.slots.len() + SPARE_DEADLINES {
            let slots = &self.slots;
            self.timers.sweep(|token| slots.get(token).map(|slot| &slot.deadline));
        }
    }

    fn run_due(&mut self) {
        while let Some((at, token)) = self.due.pop() {
            let Some(slot) = self.slots.get_mut(token) else { continue };
            if self.timers.is_due(token, at, &mut slot.deadline, self.turn.now) {
                self.turn(token, Cause::Event(Event::Deadline));
            }
        }
        while let Some(&(until, token)) = self.paused.front()
            && until <= self.turn.now
        {
            self.paused.pop_front();
            let adopted = self.slots.get(token).and_then(|slot| slot.connection(&self.connections));
            self.settle(token, adopted);
        }
    }
}

#[cfg(test)]
mod tests;
