//! What the engine keeps for each task.

use super::timers::Deadline;
use super::{Task, Want};
use crate::exchange::Exchange;
use std::collections::VecDeque;
use webserv_sys::{Token, Watch};

/// In the place of an exchange's token: none. (An `Option` would make every slot eight bytes larger.)
const NONE: Token = Token { index: u32::MAX, generation: u32::MAX };

/// A task and how it stands with the kernel and the queue.
pub(super) struct Slot<W> {
    pub task: Box<dyn Task<W>>,
    exchange: Token,
    pub deadline: Deadline,
    /// The kernel watches for it.
    pub armed: bool,
    /// It is in the queue.
    pub queued: bool,
    /// The kernel had no more for it: no use in trying before an event.
    pub blocked: bool,
    /// It is on the list of those to be armed.
    pub listed: bool,
    /// The next event it is told of is a hangup.
    pub hangup: bool,
    /// Its next turn is one of the next round.
    pub yields: bool,
}

/// Where tasks stand that want something.
pub(super) struct Lines {
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

impl Lines {
    /// Nobody is to have a turn.
    pub fn are_empty(&self) -> bool {
        self.queue.is_empty() && self.later.is_empty()
    }
}

impl<W> Slot<W> {
    pub fn new(task: Box<dyn Task<W>>, exchange: Option<Token>) -> Self {
        Self {
            task,
            exchange: exchange.unwrap_or(NONE),
            deadline: Deadline::NONE,
            armed: false,
            queued: false,
            blocked: false,
            listed: false,
            hangup: false,
            yields: false,
        }
    }

    /// The exchange that it belongs to.
    #[inline]
    pub fn exchange(&self) -> Option<Token> {
        (self.exchange != NONE).then_some(self.exchange)
    }

    /// It stands alone from now on.
    pub fn leave(&mut self) {
        self.exchange = NONE;
    }

    /// Puts it at the end of the queue, once.
    #[inline]
    pub fn enqueue(&mut self, token: Token, lines: &mut Lines) {
        if !self.queued {
            self.queued = true;
            let line = if self.yields { &mut lines.later } else { &mut lines.queue };
            line.push_back(token);
        }
    }

    /// Asks it what it wants now: true if that is a turn at once. If it is to wait, for the next round or for the kernel,
    /// it is put into line for that.
    #[inline]
    pub fn goes_on(&mut self, token: Token, exchange: Option<&Exchange>, lines: &mut Lines) -> bool {
        if self.queued {
            return false; // it is asked when its turn comes
        }
        if self.blocked && self.armed {
            // The kernel will say. Should it want nothing by then, it is disarmed when its event comes.
            debug_assert_ne!(self.task.wants(exchange), Want::Turn, "{} waits for the kernel", self.task.kind());
            return false;
        }
        let goes_on = match self.task.wants(exchange) {
            Want::Nothing => false,
            Want::Turn => true,
            Want::Kernel => self.tries(token, exchange, lines),
        };
        if goes_on && self.yields {
            self.enqueue(token, lines);
            return false;
        }
        goes_on
    }

    /// The kernel has an event for it. Whether it wants that is asked when its turn comes.
    pub fn on_ready(&mut self, token: Token, hangup: bool, lines: &mut Lines) {
        self.hangup |= hangup;
        self.blocked = false;
        self.enqueue(token, lines);
    }

    /// Whether it waits for anything at all.
    pub fn is_alive(&self, exchange: &Exchange) -> bool {
        self.hangup || self.deadline.is_set() || self.task.wants(Some(exchange)) != Want::Nothing
    }

    /// It wants its system call: true if that may be tried now. If not, the kernel will be asked to say when.
    fn tries(&mut self, token: Token, exchange: Option<&Exchange>, lines: &mut Lines) -> bool {
        let tries = match self.task.watch(exchange) {
            Watch::Always => true,
            Watch::Read(_) | Watch::Write(_) => lines.try_first && !self.blocked,
            Watch::Exit(_) | Watch::Signal(_) | Watch::Change(_) => false, // the event itself is the news
        };
        if !tries {
            self.blocked = true;
            if !self.armed && !self.listed {
                self.listed = true;
                lines.unarmed.push_back(token);
            }
        }
        tries
    }
}
