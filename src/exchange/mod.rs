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
pub use on_demand::{Fresh, OnDemand};
pub use pipe::{Front, Pipe};
pub use reply::{Answer, Reply, Source};
pub use segment::Segment;
pub use subject::Subject;

use crate::log::{Level, LogTarget};
use limits::{INPUT_BYTES_MAX, MEMBERS_MAX, OUTPUT_BYTES_MAX, WRITE_BYTES_PER_TURN};
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::Token;

/// On whose side something failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The client's: it went away, or it was too slow. The exchange ends quietly.
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

/// One client connection, as its tasks see it.
pub struct Exchange {
    /// Bytes from the client.
    pub input: Pipe,
    /// Bytes to the client.
    pub output: Pipe,
    /// The request's body, plain, for the worker that takes it.
    pub body: OnDemand<Pipe>,
    /// Bytes of it that are announced and not in `body` yet: still to come, or in `input`.
    pub body_bytes_left: u64,
    /// What a worker answers, before the protocol has framed it.
    pub reply: OnDemand<Reply>,
    /// Where the connection stands; changed by the protocol.
    pub phase: Phase,
    /// A worker has failed, on this side, and the protocol has not seen it yet.
    pub failed: Option<Side>,
    /// How long the client may take none of the output.
    pub send_timeout: Duration,
    /// A client that was too slow gets a reset.
    pub reset_when_timed_out: bool,
    /// Bytes of the client that were read and dropped while the connection lingers.
    pub dropped_bytes: u64,
    /// The program that was started last was too slow, or what it said was no answer: it works for nobody.
    pub program_failed: bool,
    /// The level of the error log that holds for the present request.
    pub log_level: Level,
    /// The error log's file for the present request; `None`: the main one.
    pub error_log: Option<Arc<LogTarget>>,
    /// Bytes that one sendfile(2) may take.
    pub sendfile_bytes_max: u64,
    /// Every range of a file is sent in whole segments, not only a long one.
    pub nopush: bool,
    /// Whom log lines are about.
    pub subject: Subject,
    /// The tasks, the protocol first. Kept by the engine.
    pub members: Members,
}

impl Exchange {
    /// A fresh connection.
    pub fn new(subject: Subject, send_timeout: Duration, log_level: Level) -> Self {
        Self {
            input: Pipe::new(INPUT_BYTES_MAX),
            output: Pipe::new(OUTPUT_BYTES_MAX),
            body: OnDemand::default(),
            body_bytes_left: 0,
            reply: OnDemand::default(),
            phase: Phase::Open,
            failed: None,
            send_timeout,
            reset_when_timed_out: false,
            dropped_bytes: 0,
            program_failed: false,
            log_level,
            error_log: None,
            sendfile_bytes_max: WRITE_BYTES_PER_TURN,
            nopush: false,
            subject,
            members: Members::default(),
        }
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

/// The tokens of an exchange's tasks.
pub struct Members {
    /// Those behind the first `count` mean nothing.
    tokens: [Token; MEMBERS_MAX],
    count: u8,
}

impl Default for Members {
    fn default() -> Self {
        Self { tokens: [Token { index: 0, generation: 0 }; MEMBERS_MAX], count: 0 }
    }
}

impl Members {
    /// Adds a task; false when there is no room for it.
    pub fn add(&mut self, token: Token) -> bool {
        let Some(place) = self.tokens.get_mut(usize::from(self.count)) else { return false };
        *place = token;
        self.count += 1;
        true
    }

    /// Removes a task; the others keep their order.
    pub fn remove(&mut self, token: Token) {
        if let Some(at) = self.as_slice().iter().position(|t| *t == token) {
            self.tokens.copy_within(at + 1..usize::from(self.count), at);
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
    pub fn as_slice(&self) -> &[Token] {
        &self.tokens[..usize::from(self.count)]
    }

    /// The task at this place.
    #[inline]
    pub fn get(&self, at: usize) -> Option<Token> {
        self.as_slice().get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(index: u32) -> Token {
        Token { index, generation: 0 }
    }

    #[test]
    fn members_keep_their_order_and_their_limit() {
        let mut members = Members::default();
        assert!((0..MEMBERS_MAX as u32).all(|i| members.add(token(i))));
        assert!(!members.add(token(99)));
        members.remove(token(1));
        members.remove(token(77));
        assert_eq!((members.len(), members.get(0), members.get(1)), (MEMBERS_MAX - 1, Some(token(0)), Some(token(2))));
        assert_eq!(members.get(MEMBERS_MAX - 1), None);
    }

    #[test]
    fn an_exchange_that_closes_is_over_when_its_output_has_left() {
        let mut x = Exchange::new(Subject::default(), Duration::ZERO, Level::Error);
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
