//! What the engine keeps for each task.

use super::Task;
use super::timers::Deadline;
use std::collections::VecDeque;
use webserv_sys::{Token, Watch};

/// A task and how it stands with the kernel and the queue.
pub(super) struct Slot<W> {
    pub task: Box<dyn Task<W>>,
    pub exchange: Option<Token>,
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
}

impl<W> Slot<W> {
    pub fn new(task: Box<dyn Task<W>>, exchange: Option<Token>) -> Self {
        let deadline = Deadline::default();
        Self { task, exchange, deadline, armed: false, queued: false, blocked: false, listed: false, hangup: false }
    }

    /// Puts it at the end of the queue, once.
    pub fn enqueue(&mut self, token: Token, queue: &mut VecDeque<Token>) {
        if !self.queued {
            self.queued = true;
            queue.push_back(token);
        }
    }

    /// It wants its system call: now, or when the kernel says so.
    pub fn call_or_wait(
        &mut self,
        token: Token,
        try_first: bool,
        queue: &mut VecDeque<Token>,
        unarmed: &mut Vec<Token>,
    ) {
        let try_now = match self.task.watch() {
            Watch::Always => true,
            Watch::Read(_) | Watch::Write(_) => try_first && !self.blocked,
            Watch::Exit(_) | Watch::Signal(_) | Watch::Change(_) => false, // the event itself is the news
        };
        if try_now {
            return self.enqueue(token, queue);
        }
        self.blocked = true;
        if !self.armed && !self.listed {
            self.listed = true;
            unarmed.push(token);
        }
    }
}
