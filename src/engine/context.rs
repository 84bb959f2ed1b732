//! What a task may see and do during its turn.

use super::timers::Deadline;
use super::{Control, Flow, Notice, Seen, Task, TaskError};
use crate::connection::{Connection, Identity, Subject, Transaction, TransactionId};
use crate::limits::CONNECTION_TASKS;
use crate::log::{ErrorLog, Level, Line};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;
use webserv_sys::{Moment, Token};

/// What a task sees and may ask for during its turn. It borrows the engine's fields one by one, so that no task can
/// reach another.
pub struct Context<'a, W> {
    /// The task's connection; `None` for a task that stands alone.
    pub connection: Option<&'a mut Connection>,
    /// What all tasks of this worker share.
    pub worker: &'a mut W,
    /// The time of this round of the loop.
    pub now: Moment,
    pub(super) log_context: LogContext,
    pub(super) deadline: &'a mut Deadline,
    pub(super) turn: &'a mut TurnState<W>,
}

/// The same for one transaction: what a handler or the protocol may use while it works on a request.
pub struct Work<'a, W> {
    /// The request and its response.
    pub t: &'a mut Transaction,
    /// The connection of the transaction.
    pub identity: &'a Identity,
    /// What all tasks of this worker share.
    pub worker: &'a mut W,
    /// The time of this round of the loop.
    pub now: Moment,
    log_context: &'a mut LogContext,
    turn: &'a mut TurnState<W>,
}

/// What the engine knows about the turn that a task has now.
pub struct TurnState<W> {
    /// The time of this round.
    pub(super) now: Moment,
    pub(super) connections_open: usize,
    /// The connection of the task that has its turn.
    pub(super) connection: Option<Token>,
    /// The task that has its turn.
    pub(super) token: Token,
    /// Tasks that wait for a connection to close, in the order in which they came.
    pub(super) waiting: VecDeque<Token>,
    /// The transaction that the task works for. `None` for a task of the connection itself.
    pub(super) transaction: Option<TransactionId>,
    pub(super) orders: Vec<Order<W>>,
    pub(super) control: Control,
    pub(super) log: ErrorLog,
}

/// How a task is named in log lines.
#[derive(Clone, Copy)]
pub struct LogContext {
    pub(super) kind: &'static str,
    pub(super) doing: &'static str,
    pub(super) fd: Option<i32>,
}

/// What a task asked the engine to do after its turn.
pub(super) enum Order<W> {
    /// A new handler for this transaction of the connection.
    Join(TransactionId, Box<dyn Task<W>>),
    /// A new task that stands alone.
    Alone(Box<dyn Task<W>>),
    /// A new connection with its tasks, and the first deadline of the first of them.
    Open(Connection, [Box<dyn Task<W>>; CONNECTION_TASKS], Moment),
    /// A task that stands alone becomes a handler of this transaction.
    Adopt(TransactionId, Token),
    /// A notice for one task.
    Notify(Token, Notice),
    /// A notice for the protocol of the connection with this number.
    NotifyProtocol(u32, Notice),
    /// [`Notice::Place`] for the next task that waits for a place.
    PassPlaceOn,
    /// A notice for all tasks.
    NotifyAll(Notice),
    /// The handlers of this transaction are cancelled.
    CancelHandlers(TransactionId),
}

impl<W> Context<'_, W> {
    /// The connection of a task that always has one.
    pub fn connection(&mut self) -> &mut Connection {
        self.connection.as_deref_mut().expect("this task is only made inside a connection")
    }

    /// The transaction of a task that always has one.
    pub fn transaction(&mut self) -> &mut Transaction {
        let id = self.turn.transaction;
        self.connection().transaction_mut(id).expect("this task is only made for a transaction")
    }

    /// The transaction that this task works for, if there is one, with all that may be done for it. For a task of the
    /// connection itself: the current one.
    #[inline]
    pub fn work(&mut self) -> Option<Work<'_, W>> {
        let Connection { transactions, identity, .. } = self.connection.as_deref_mut()?;
        let t = match self.turn.transaction {
            None => transactions.current_mut()?,
            Some(id) => transactions.find_mut(id)?,
        };
        let (worker, now, log_context) = (&mut *self.worker, self.now, &mut self.log_context);
        Some(Work { t, identity, worker, now, log_context, turn: self.turn })
    }

    /// What this task sees, as for [`Task::wants`].
    pub fn seen(&self) -> Seen<'_> {
        let connection = self.connection.as_deref();
        Seen { connection, transaction: connection.and_then(|x| x.transaction(self.turn.transaction)) }
    }

    /// Gives this task [`Event::Deadline`](super::Event::Deadline) after `wait`. Replaces an earlier deadline.
    pub fn wake_after(&mut self, wait: Duration) {
        self.deadline.at = self.now.after(wait);
    }

    /// Gives this task [`Event::Deadline`](super::Event::Deadline) at this time. Replaces an earlier deadline.
    pub fn wake_at(&mut self, at: Moment) {
        self.deadline.at = at;
    }

    /// Removes the deadline.
    pub fn no_deadline(&mut self) {
        self.deadline.at = Moment::NEVER;
    }

    /// Whether a deadline is set.
    pub fn has_deadline(&self) -> bool {
        self.deadline.is_set()
    }

    /// Adds a handler to the transaction that this task works for.
    pub fn join(&mut self, task: Box<dyn Task<W>>) {
        if let Some(mut work) = self.work() {
            work.join(task);
        }
    }

    /// Adds a task that belongs to no connection.
    pub fn start(&mut self, task: Box<dyn Task<W>>) {
        self.turn.orders.push(Order::Alone(task));
    }

    /// Opens a connection with its tasks: the protocol, the task that writes to the client, the task that reads from
    /// it. The engine asks them in a circle in this order what they want. The protocol gets
    /// [`Event::Deadline`](super::Event::Deadline) at `until`, unless it sets another deadline first: so it needs no
    /// first turn.
    pub fn open(&mut self, connection: Connection, tasks: [Box<dyn Task<W>>; CONNECTION_TASKS], until: Moment) {
        self.turn.orders.push(Order::Open(connection, tasks, until));
    }

    /// Makes a task that stands alone a handler of this task's transaction. Its first turn there has the cause
    /// [`Notice::Adopted`]. If the task is gone, belongs to a connection, or is queued for a turn, the transaction gets
    /// a failure with [`Side::Upstream`](crate::connection::Side::Upstream).
    pub fn adopt(&mut self, task: Token) {
        if let Some(mut work) = self.work() {
            work.adopt(task);
        }
    }

    /// The token of the task that has its turn. Other tasks use it with [`notify`](Self::notify).
    pub fn token(&self) -> Token {
        self.turn.token
    }

    /// Sends a notice to one task, after the turns of this round. Does nothing if the task is gone by then.
    pub fn notify(&mut self, token: Token, notice: Notice) {
        self.turn.orders.push(Order::Notify(token, notice));
    }

    /// The number of this task's connection. It is unique among the connections that are open.
    pub fn connection_number(&self) -> Option<u32> {
        self.turn.connection.map(|x| x.index)
    }

    /// Sends a notice to the protocol of the connection with this number, after the turns of this round.
    pub fn notify_protocol(&mut self, connection: u32, notice: Notice) {
        self.turn.orders.push(Order::NotifyProtocol(connection, notice));
    }

    /// Sends [`Notice::Place`] to this task when a connection of this worker has closed or a task has passed a place
    /// on. Waiting tasks are served in the order in which they came, one for each place.
    pub fn wait_for_place(&mut self) {
        self.turn.waiting.push_back(self.turn.token);
    }

    /// Offers a place to the next task that waits for one: this task does not need it, or will give it up.
    pub fn pass_place_on(&mut self) {
        if !self.turn.waiting.is_empty() {
            self.turn.orders.push(Order::PassPlaceOn);
        }
    }

    /// Sends a notice to all tasks of this worker, this one included: first to the tasks that stand alone, and to a
    /// bounded number of tasks in each round. A task that is added after this round does not get it.
    pub fn notify_all(&mut self, notice: Notice) {
        self.turn.orders.push(Order::NotifyAll(notice));
    }

    /// Ends the loop after this round.
    pub fn stop(&mut self) {
        self.turn.control = Control::Stop;
    }

    /// Ends the loop when the last connection is closed.
    pub fn stop_when_idle(&mut self) {
        if self.turn.control == Control::Run {
            self.turn.control = Control::Drain;
        }
    }

    /// The number of open connections of this worker.
    pub fn connections_open(&self) -> usize {
        self.turn.connections_open
    }

    /// Sets the "while ..." of this turn's log lines from here on.
    pub fn doing(&mut self, doing: &'static str) {
        self.log_context.doing = doing;
    }

    /// Writes a line to the error log, with this task, its client and its request.
    pub fn log(&mut self, level: Level, what: fmt::Arguments<'_>) {
        let connection = self.connection.as_deref();
        self.turn.say(level, &self.log_context, connection, what);
    }

    /// The client and the request as log lines show them; empty for a task that stands alone.
    pub fn subject(&self) -> String {
        let id = self.turn.transaction;
        self.connection.as_deref().map_or(String::new(), |x| x.about(x.transaction(id)).to_string())
    }

    /// Logs the turn at level debug.
    #[cold]
    pub(super) fn trace(&mut self, cause: &dyn fmt::Debug, outcome: &Result<Flow, TaskError>) {
        match outcome {
            Ok(flow) => self.log(Level::Debug, format_args!("{cause:?} -> {flow:?}")),
            Err(error) => self.log(Level::Debug, format_args!("{cause:?} -> {}", error.source)),
        }
    }

    /// The error log itself, for a command that opens its file again.
    pub fn error_log(&mut self) -> &mut ErrorLog {
        &mut self.turn.log
    }
}

impl<W> Work<'_, W> {
    /// Adds a handler to this transaction. A connection that is being closed drops the handler.
    pub fn join(&mut self, task: Box<dyn Task<W>>) {
        self.turn.orders.push(Order::Join(self.t.id(), task));
    }

    /// Adds a task that belongs to no connection.
    pub fn start(&mut self, task: Box<dyn Task<W>>) {
        self.turn.orders.push(Order::Alone(task));
    }

    /// Makes a task that stands alone a handler of this transaction: see [`Context::adopt`].
    pub fn adopt(&mut self, task: Token) {
        self.turn.orders.push(Order::Adopt(self.t.id(), task));
    }

    /// Sends a notice to one task: see [`Context::notify`].
    pub fn notify(&mut self, token: Token, notice: Notice) {
        self.turn.orders.push(Order::Notify(token, notice));
    }

    /// Cancels the handlers of this transaction.
    pub fn cancel_handlers(&mut self) {
        if self.has_handlers() {
            self.turn.orders.push(Order::CancelHandlers(self.t.id()));
        }
    }

    /// Whether this transaction has handlers, or has when the orders of this turn are carried out.
    pub fn has_handlers(&self) -> bool {
        let id = self.t.id();
        let joins = |order: &Order<W>| matches!(order, Order::Join(to, _) | Order::Adopt(to, _) if *to == id);
        !self.t.handlers.is_empty() || self.turn.orders.iter().any(joins)
    }

    /// Writes a line to the error log, with this task, the client and the request.
    pub fn log(&mut self, level: Level, what: fmt::Arguments<'_>) {
        let subject = self.t.about(self.identity);
        if level <= subject.level() {
            let line = self.log_context.or_doing(Some(self.t)).line(self.turn.connection, Some(&subject), what);
            self.turn.log.write(level, &line);
        }
    }
}

impl<W> TurnState<W> {
    /// Writes a line about a task if the log takes this level.
    pub(super) fn say(
        &mut self,
        level: Level,
        log_context: &LogContext,
        connection: Option<&Connection>,
        what: fmt::Arguments<'_>,
    ) {
        let transaction = connection.and_then(|x| x.transaction(self.transaction));
        let about = connection.map(|x| x.about(transaction));
        if level <= about.as_ref().map_or(self.log.level(), Subject::level) {
            let log_context = connection.map_or(*log_context, |_| log_context.or_doing(transaction));
            self.log.write(level, &log_context.line(self.connection, about.as_ref(), what));
        }
    }
}

impl LogContext {
    /// The protocol does several things in one turn, so its [`Task::doing`] is empty: the transaction has the text.
    fn or_doing(mut self, transaction: Option<&Transaction>) -> Self {
        if self.doing.is_empty() {
            self.doing = transaction.map_or("waiting for a request", Transaction::doing);
        }
        self
    }

    pub(super) fn line<'l>(
        &self,
        connection: Option<Token>,
        about: Option<&'l Subject<'l>>,
        what: fmt::Arguments<'l>,
    ) -> Line<'l> {
        Line {
            logs: about.and_then(Subject::logs),
            connection: connection.map(|t| (t.index, t.generation)),
            task: Some((self.kind, self.fd)),
            what,
            doing: self.doing,
            subject: about.map(|subject| subject as &dyn fmt::Display),
        }
    }
}
