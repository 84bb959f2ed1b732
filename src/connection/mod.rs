//! What the tasks of one client connection share: data only, no task and no system call.
//!
//! A [`Connection`] is the socket with its two pipes. A [`Transaction`] is one request and its response. Tasks do not
//! know each other: one puts bytes into a pipe, another finds that it wants to run because the pipe has bytes. The
//! engine asks each of them after every change.

mod buffers;
mod cached;
mod client;
mod failure;
mod http;
mod members;
mod on_demand;
mod outcome;
mod pipe;
mod program;
mod queue;
mod reply;
mod request_body;
mod response;
mod segment;
mod subject;
mod transaction;

pub use buffers::Buffers;
pub use cached::CachedFile;
pub use client::Client;
pub use failure::{Failure, FailureKind, Side};
pub use http::{Answered, Arrival, Http, Path, Stage};
pub use members::Members;
pub use on_demand::{Fresh, OnDemand, Pipes};
pub use outcome::{Answer, Outcome, StoredBody, To};
pub use pipe::{Front, Pipe};
pub use program::Program;
pub use reply::{DocumentSource, Reply};
pub use request_body::{BodySink, RequestBody};
pub use response::{Content, Made, RangePart, Response};
pub use segment::Segment;
pub use subject::Subject;
pub use transaction::{SpareTransactions, Transaction, TransactionId, Transactions};

use crate::config::Settings;
use crate::limits::{CONNECTION_TASKS, INPUT_BYTES_MAX, OUTPUT_BYTES_MAX};
use crate::route::{ListenerState, Route};
use bitflags::bitflags;
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Requests are read and answered.
    Open,
    /// Nothing more is put into the output. When it has left, our direction is shut down, and what the client still
    /// sends is read and thrown away for a while, so that it sees the answer and not a reset.
    Lingering,
    /// Nothing more is put into the output. When it has left, the connection is closed.
    Closing,
    /// The connection is closed at once.
    Closed,
}

bitflags! {
    /// What ClientRead knows of the bytes that come.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct ReadState: u8 {
        /// The last read has brought as much as one asks for at first: more is on its way.
        const MUCH_COMES = 1;
        /// While a long body comes fast, the kernel reports many bytes at once and not each segment (SO_RCVLOWAT).
        const LOW_WATER = 2;
        /// The connection lingers, and bytes were read and dropped since this was last looked at.
        const DROPPED = 4;
    }
}

bitflags! {
    /// What ClientWrite has done to the socket.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct WriteState: u8 {
        /// Our direction has been shut down.
        const SHUT = 1;
        /// The socket sends whole segments only (TCP_CORK, TCP_NOPUSH).
        const CORKED = 2;
    }
}

/// Which connection this is: it never changes, but that a reload gives its listener a new configuration.
pub struct Identity {
    /// Where the client has come in, by the configuration that the next request is answered by.
    pub listener: Rc<ListenerState>,
    /// The connection's serial number in its worker.
    pub number: u64,
    /// The other end.
    pub client: Client,
}

#[cfg(test)]
impl Identity {
    /// That of a connection which is only played.
    pub fn played() -> Self {
        Self { listener: Rc::new(ListenerState::played()), number: 1, client: Client::Nobody }
    }
}

/// One client connection, as its tasks see it.
pub struct Connection {
    /// Bytes from the client.
    pub input: OnDemand<Pipe, INPUT_BYTES_MAX>,
    /// Bytes to the client.
    pub output: OnDemand<Pipe, OUTPUT_BYTES_MAX>,
    /// Bytes that have left on this connection.
    pub sent_bytes: u64,
    /// What holds while no request is under way: the place of the last one.
    pub route: Rc<Route>,
    /// Requests that are under way.
    pub transactions: Transactions,
    /// The last request whose answer has not left yet: for log lines.
    pub subject: Option<Rc<dyn fmt::Display>>,
    /// Which connection this is.
    pub identity: Identity,
    /// The client's socket, which its two sides share. `None` when it is only played.
    pub socket: Option<OwnedFd>,
    /// Its own tasks: the protocol first, then the client's two sides. Kept by the engine.
    pub tasks: Members<CONNECTION_TASKS>,
    /// Where the connection stands; changed by the protocol.
    pub phase: Phase,
    /// ClientRead's.
    pub reading: ReadState,
    /// ClientWrite's.
    pub writing: WriteState,
}

// Each idle connection has one, and the arena adds its generation.
const _: () = assert!(size_of::<Connection>() <= 128);

impl Connection {
    /// A fresh connection, before its first request.
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

    /// What holds now: at the place of the request that is under way, or of the last one.
    pub fn settings(&self) -> &Settings {
        self.transactions.settings_or(&self.route)
    }

    /// The transaction with this number; the current one for `None`, which a task of the connection itself works for.
    pub fn transaction(&self, id: Option<TransactionId>) -> Option<&Transaction> {
        match id {
            None => self.transactions.current(),
            Some(id) => self.transactions.find(id),
        }
    }

    /// The same, to be changed.
    pub fn transaction_mut(&mut self, id: Option<TransactionId>) -> Option<&mut Transaction> {
        match id {
            None => self.transactions.current_mut(),
            Some(id) => self.transactions.find_mut(id),
        }
    }

    /// Where the output ends, counted from the connection's first byte.
    pub fn output_end(&self) -> u64 {
        self.sent_bytes + self.output.len()
    }

    /// Whether nothing is left to be done for this client.
    pub fn is_over(&self) -> bool {
        match self.phase {
            Phase::Open | Phase::Lingering => false,
            Phase::Closing => self.output.is_empty(),
            Phase::Closed => true,
        }
    }

    /// Whether a task other than its own works for it.
    #[inline]
    pub fn has_handlers(&self) -> bool {
        self.transactions.iter().any(|transaction| !transaction.handlers.is_empty())
    }

    /// The transaction that the task with this number works for; `None` for a task of the connection itself.
    #[inline]
    pub fn works_for(&self, number: u32) -> Option<TransactionId> {
        if self.transactions.is_empty() { None } else { self.transactions.of_handler(number) }
    }

    /// How many tasks it has, the handlers of its transactions included.
    pub fn members(&self) -> usize {
        self.tasks.len() + self.transactions.iter().map(|transaction| transaction.handlers.len()).sum::<usize>()
    }

    /// The number of the task at this place: its own tasks come first, then the handlers.
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

    /// The place of the task with this number.
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

    /// Forgets the task with this number.
    pub fn remove_member(&mut self, number: u32) {
        if !self.tasks.remove(number) {
            self.transactions.remove_handler(number);
        }
    }
}

#[cfg(test)]
mod tests;
