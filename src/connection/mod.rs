//! What the tasks of one client connection share: data only, no task and no system call.
//!
//! A [`Connection`] is the socket with its two pipes. A [`Transaction`] is one request and its response. Tasks do not
//! know each other: one puts bytes into a pipe, and another wants a turn because the pipe has bytes. The engine asks
//! each task after every change.

mod buffers;
mod cached;
mod client;
mod failure;
mod http;
mod identity;
mod limited;
mod members;
mod on_demand;
mod outcome;
mod passing;
mod pipe;
mod program;
mod queue;
mod reply;
mod request_body;
mod response;
mod segment;
mod slots;
mod subject;
mod transaction;

pub use buffers::Buffers;
pub use cached::CachedFile;
pub use client::Client;
pub use failure::{Failure, FailureKind, Side};
pub use http::{Answered, Arrival, Chosen, Http, Path, Rewriting, Stage, SubrequestAnswer, Suspended};
pub use identity::Identity;
pub use limited::{LimitStatus, Limited, PhaseWait};
pub use members::Members;
pub use on_demand::{Fresh, OnDemand, Pipes};
pub use outcome::{AccessVerdict, Answer, Outcome, Probed, StoredBody, To};
pub use passing::{Attempt, NamedServer, Passed, PassedBody, Passing, Servers, unlimited};
pub use pipe::{Front, Pipe};
pub use program::{GivenUp, Program, ProgramClock};
pub use reply::{DocumentSource, Reply};
pub use request_body::{BodySink, RequestBody};
pub use response::{Content, Made, RangePart, Response};
pub use segment::Segment;
pub use slots::{SlotValue, Slots, Value};
pub use subject::Subject;
pub use transaction::{SpareTransactions, Transaction, TransactionId, Transactions};

use crate::config::Settings;
use crate::limits::{CONNECTION_TASKS, INPUT_BYTES_MAX, OUTPUT_BYTES_MAX};
use crate::route::Route;
use bitflags::bitflags;
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// The state of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Requests are read and answered.
    Open,
    /// Nothing more is put into the output. When it has been sent, the sending direction is shut down, and what the
    /// client still sends is read and dropped for a while, so that the client gets the response and no reset (RFC 9112
    /// section 9.6).
    Lingering,
    /// Nothing more is put into the output. When it has been sent, the connection is closed.
    Closing,
    /// The connection is closed at once.
    Closed,
}

bitflags! {
    /// The state of ClientRead.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct ReadState: u8 {
        /// The last read filled its buffer: more bytes are coming.
        const FULL_READ = 1;
        /// SO_RCVLOWAT is set: while a long body comes fast, the kernel reports many bytes at once instead of each
        /// segment.
        const LOW_WATER = 2;
        /// While lingering: bytes were read and dropped since the protocol cleared this flag.
        const DROPPED = 4;
    }
}

bitflags! {
    /// The state of ClientWrite.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct WriteState: u8 {
        /// The sending direction has been shut down (shutdown(2)).
        const SHUT = 1;
        /// The socket sends whole segments only (TCP_CORK, TCP_NOPUSH).
        const CORKED = 2;
        /// sendfile(2) was refused: what is left of the output is read and written.
        const READS = 4;
        /// The connection was in the list of idle connections, and will be again when all of the output is sent.
        const PARKED = 8;
    }
}

/// One client connection, as its tasks see it.
pub struct Connection {
    /// Bytes from the client.
    pub input: OnDemand<Pipe, INPUT_BYTES_MAX>,
    /// Bytes to the client.
    pub output: OnDemand<Pipe, OUTPUT_BYTES_MAX>,
    /// Bytes that have been sent on this connection.
    pub sent_bytes: u64,
    /// The route of the last request. Its settings are used between requests.
    pub route: Rc<Route>,
    /// Requests that have not ended.
    pub transactions: Transactions,
    /// The last request whose response is not completely sent, for log lines.
    pub subject: Option<Rc<dyn fmt::Display>>,
    /// The connection's listener, number and client.
    pub identity: Identity,
    /// The client's socket, which ClientRead and ClientWrite share. `None` in tests.
    pub socket: Option<OwnedFd>,
    /// The connection's own tasks: the protocol, ClientWrite, ClientRead. The engine keeps this list.
    pub tasks: Members<CONNECTION_TASKS>,
    /// The state; the protocol changes it.
    pub phase: Phase,
    /// ClientRead's state.
    pub reading: ReadState,
    /// ClientWrite's state.
    pub writing: WriteState,
}

// One per idle connection; the arena adds the generation.
const _: () = assert!(size_of::<Connection>() <= 128);

impl Connection {
    /// A new connection, before its first request.
    pub fn new(socket: Option<OwnedFd>, identity: Identity) -> Self {
        Self {
            input: OnDemand::default(),
            output: OnDemand::default(),
            sent_bytes: 0,
            route: Rc::clone(&identity.listener.route),
            transactions: Transactions::default(),
            subject: None,
            identity,
            socket,
            tasks: Members::default(),
            phase: Phase::Open,
            reading: ReadState::empty(),
            writing: WriteState::empty(),
        }
    }

    /// The settings of the current request's location, or of the last one's.
    pub fn settings(&self) -> &Settings {
        self.transactions.settings_or(&self.route)
    }

    /// The transaction with this number. For `None`, the current one: a task of the connection itself works for that.
    pub fn transaction(&self, id: Option<TransactionId>) -> Option<&Transaction> {
        match id {
            None => self.transactions.current(),
            Some(id) => self.transactions.find(id),
        }
    }

    /// The transaction with this number, or the current one; mutable.
    pub fn transaction_mut(&mut self, id: Option<TransactionId>) -> Option<&mut Transaction> {
        match id {
            None => self.transactions.current_mut(),
            Some(id) => self.transactions.find_mut(id),
        }
    }

    /// The position where the output ends, in bytes since the connection was opened.
    pub fn output_end(&self) -> u64 {
        self.sent_bytes + self.output.len()
    }

    /// Whether the connection can be closed now.
    pub fn is_over(&self) -> bool {
        match self.phase {
            Phase::Open | Phase::Lingering => false,
            Phase::Closing => self.output.is_empty(),
            Phase::Closed => true,
        }
    }

    /// Whether any transaction has handlers.
    #[inline]
    pub fn has_handlers(&self) -> bool {
        self.transactions.iter().any(|transaction| !transaction.handlers.is_empty())
    }

    /// The transaction that the task with this number works for. Returns `None` for one of the connection's own tasks.
    #[inline]
    pub fn works_for(&self, number: u32) -> Option<TransactionId> {
        if self.transactions.is_empty() { None } else { self.transactions.of_handler(number) }
    }

    /// The number of tasks, including the handlers of its transactions.
    pub fn members(&self) -> usize {
        self.tasks.len() + self.transactions.iter().map(|transaction| transaction.handlers.len()).sum::<usize>()
    }

    /// The number of the task at this position: first the connection's own tasks, then the handlers.
    #[inline]
    pub fn member(&self, at: usize) -> Option<u32> {
        match self.tasks.get(at) {
            Some(task) => Some(task),
            None => self.handler(at - self.tasks.len()),
        }
    }

    fn handler(&self, mut at: usize) -> Option<u32> {
        for transaction in self.transactions.iter() {
            match transaction.handlers.get(at) {
                Some(handler) => return Some(handler),
                None => at -= transaction.handlers.len(),
            }
        }
        None
    }

    /// The position of the task with this number.
    #[inline]
    pub fn position(&self, number: u32) -> Option<usize> {
        if let Some(at) = self.tasks.position(number) {
            return Some(at);
        }
        let mut before = self.tasks.len();
        for transaction in self.transactions.iter() {
            if let Some(at) = transaction.handlers.position(number) {
                return Some(before + at);
            }
            before += transaction.handlers.len();
        }
        None
    }

    /// Removes the task with this number.
    pub fn remove_member(&mut self, number: u32) {
        if !self.tasks.remove(number) {
            self.transactions.remove_handler(number);
        }
    }
}

#[cfg(test)]
mod tests;
