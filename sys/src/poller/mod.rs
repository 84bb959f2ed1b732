//! Waiting for the kernel: one trait over epoll(7), kqueue(2), poll(2) and select(2).

use crate::Result;
use crate::signal::Signal;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Names who waits: a slot and its generation, so that an event for a former owner of the slot is known as stale.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Token {
    /// The slot.
    pub index: u32,
    /// How often the slot had been given out before.
    pub generation: u32,
}

/// A process number.
pub type Pid = i32;

/// What a task waits for.
#[derive(Clone, Copy, Debug)]
pub enum Watch<'fd> {
    /// Bytes, a connection or the end can be read.
    Read(BorrowedFd<'fd>),
    /// Bytes can be written, or a connection attempt has ended.
    Write(BorrowedFd<'fd>),
    /// This child of ours ends. It is not reaped by the poller. Fires at once if it has ended already.
    Exit(Pid),
    /// This signal arrives; it must be blocked ([`crate::signal::block`]).
    Signal(Signal),
    /// This file or directory changes: written, renamed, deleted, entries added, attributes changed.
    Change(BorrowedFd<'fd>),
    /// Never waits: a regular file, or work on memory. Not for a poller: arming it is `EINVAL`.
    Always,
}

/// A watch that fired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ready {
    /// The token that the watch was armed with.
    pub token: Token,
    /// The other side is gone or the descriptor has an error. Bytes may still be there: read until 0.
    pub hangup: bool,
}

/// One kernel interface for waiting. Level-triggered: a watch fires again at each wait until it is disarmed or its
/// cause is gone.
pub trait Poller {
    /// The name that `use NAME;` knows it by: "epoll", "kqueue", "poll" or "select".
    fn name(&self) -> &'static str;

    /// Lets `watch` fire as `token`. A watch that is armed already gets the new token.
    ///
    /// kqueue queues the change and sends it with the next wait. Errors: `EINVAL` for [`Watch::Always`] and for
    /// descriptors above what select(2) can hold, and those of the kernel (`EPERM` for regular files on epoll).
    fn arm(&mut self, watch: Watch<'_>, token: Token) -> Result<()>;

    /// Stops `watch`. Always called before its descriptor is closed. Not armed is no error.
    fn disarm(&mut self, watch: Watch<'_>) -> Result<()>;

    /// Sleeps until a watch fires or `timeout` has passed (rounded up, never down; `None`: for ever) and puts what
    /// fired into `out`, which is cleared first. A caught signal ends the wait early with nothing.
    fn wait(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> Result<()>;
}
