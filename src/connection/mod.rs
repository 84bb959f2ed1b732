//! What the tasks of one client connection share: data only, no task and no system call.
//!
//! Tasks do not know each other. One puts bytes into a pipe, another finds that it wants to run because the pipe has
//! bytes; the engine asks each of them after every change.

mod buffers;
pub mod limits;
mod on_demand;
mod pipe;
mod queue;
mod reply;
mod segment;
mod subject;

pub use buffers::Buffers;
pub use on_demand::{Fresh, OnDemand, Pipes};
pub use pipe::{Front, Pipe};
pub use reply::{Answer, Reply, Source};
pub use segment::Segment;
pub use subject::Client;

use crate::config::Level;
use crate::config::Settings;
use bitflags::bitflags;
use limits::{BODY_BYTES_MAX, INPUT_BYTES_MAX, MEMBERS_MAX, OUTPUT_BYTES_MAX, REPLY_BYTES_MAX};
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

/// On whose side something failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The client's: it went away, or it was too slow. The connection ends quietly.
    Client,
    /// A program or server that was asked on the client's behalf. The protocol answers, 502 or 504 in HTTP.
    Upstream,
    /// Ours. The protocol answers, 500 in HTTP.
    Internal,
}

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Requests are read and answered.
    Open,
    /// Nothing more will be put into the output. When it has left, our direction is shut down, and what the client
    /// still sends is read and thrown away for a while, so that it sees the answer and not a reset.
    Lingering,
    /// Nothing more will be put into the output. When it has left, the connection is closed.
    Closing,
    /// The connection is to be closed at once.
    Closed,
}

bitflags! {
    /// What is so or not of a connection.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Marks: u8 {
        /// Our direction of the socket has been shut down.
        const SHUT = 1;
        /// The last read has brought as much as one asks for at first: more is on its way.
        const MUCH_COMES = 2;
        /// While it lingers, something of the client's was read and dropped since that was last looked at.
        const DROPPED = 4;
        /// The program that was started last was too slow, or what it said was no answer: it works for nobody.
        const PROGRAM_FAILED = 8;
        /// While much of a body comes fast, the kernel tells of many bytes and not of each segment.
        const PATIENT = 16;
        /// The socket sends whole segments only.
        const CORKED = 32;
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
    /// The request's body, plain, for the handler that takes it.
    pub body: OnDemand<Pipe, BODY_BYTES_MAX>,
    /// What a handler answers, before the protocol has framed it.
    pub reply: OnDemand<Reply, REPLY_BYTES_MAX>,
    /// Where the connection stands; changed by the protocol.
    pub phase: Phase,
    /// A handler has failed, on this side, and the protocol has not seen it yet.
    pub failed: Option<Side>,
    /// What else is known of it.
    pub marks: Marks,
    /// What holds at the place of the present request, or of the last one.
    pub settings: Arc<Settings>,
    /// The client's socket, which its two sides share. `None` when it is only played.
    pub socket: Option<OwnedFd>,
    /// Who has connected.
    pub client: Client,
    /// The request, in the words of its protocol: for log lines.
    pub request: Option<Rc<dyn fmt::Display>>,
    /// The tasks, the protocol first. Cached by the engine.
    pub members: Members,
}

// Each idle connection has one, and the arena adds its generation.
const _: () = assert!(size_of::<Connection>() == 128);

impl Connection {
    /// A fresh connection, before its first request.
    pub fn new(socket: Option<OwnedFd>, client: Client, settings: Arc<Settings>) -> Self {
        Self {
            input: OnDemand::default(),
            output: OnDemand::default(),
            sent_bytes: 0,
            body: OnDemand::default(),
            reply: OnDemand::default(),
            phase: Phase::Open,
            failed: None,
            marks: Marks::empty(),
            settings,
            socket,
            client,
            request: None,
            members: Members::default(),
        }
    }

    /// The level of the error log for this connection.
    pub fn log_level(&self) -> Level {
        self.settings.error_level
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
}

/// A connection's tasks, by their numbers in the engine. It is told when one of them goes, so it needs no generations.
#[derive(Default)]
pub struct Members {
    /// Those behind the first `count` mean nothing.
    numbers: [u32; MEMBERS_MAX],
    count: u8,
}

impl Members {
    /// Adds a task; false when there is no room for it.
    pub fn add(&mut self, number: u32) -> bool {
        let Some(place) = self.numbers.get_mut(usize::from(self.count)) else { return false };
        *place = number;
        self.count += 1;
        true
    }

    /// Removes a task; the others keep their order.
    pub fn remove(&mut self, number: u32) {
        if let Some(at) = self.as_slice().iter().position(|member| *member == number) {
            self.numbers.copy_within(at + 1..usize::from(self.count), at);
            self.count -= 1;
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All of them in their order: the protocol is the first, the client's two sides follow.
    #[inline]
    pub fn as_slice(&self) -> &[u32] {
        &self.numbers[..usize::from(self.count)]
    }

    /// The task at this place.
    #[inline]
    pub fn get(&self, at: usize) -> Option<u32> {
        self.as_slice().get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_their_limit() {
        let mut members = Members::default();
        assert!((0..MEMBERS_MAX as u32).all(|i| members.add(i)));
        assert!(!members.add(99));
        members.remove(1);
        members.remove(77);
        assert_eq!((members.len(), members.get(0), members.get(1)), (MEMBERS_MAX - 1, Some(0), Some(2)));
        assert_eq!(members.get(MEMBERS_MAX - 1), None);
    }

    #[test]
    fn a_connection_that_closes_is_over_when_its_output_has_left() {
        let mut x = Connection::new(None, Client::Nobody, Arc::default());
        x.output.push_copy(b"bye");
        for (phase, over) in [(Phase::Open, false), (Phase::Closing, false), (Phase::Closed, true)] {
            x.phase = phase;
            assert_eq!(x.is_over(), over, "{phase:?}");
        }
        x.output.clear();
        x.phase = Phase::Closing;
        assert!(x.is_over());
        x.phase = Phase::Lingering;
        assert!(!x.is_over(), "the client may still send");
    }
}
