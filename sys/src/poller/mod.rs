//! Waiting for the kernel: one trait over epoll(7), kqueue(2), poll(2) and select(2).
//!
//! [`open`] gives one of them by its name. Only the engine arms and disarms; it holds the tokens and drops what fires
//! for a former owner.

#[cfg(has_epoll)]
mod epoll;
mod ffi;
#[cfg(any(has_kqueue, test, feature = "kqueue-shim"))]
mod kqueue;
#[cfg(all(has_epoll, any(test, feature = "kqueue-shim")))]
mod kqueue_shim;
#[cfg(has_epoll)]
mod notices;
mod poll;
mod select;
mod table;

#[cfg(test)]
mod behaviours;

use crate::signal::Signal;
use crate::{Error, Result};
use std::os::fd::{AsFd, BorrowedFd};
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
    /// This signal arrives; it must be blocked ([`crate::signal::block`]). On Linux firing takes it away (signalfd(2));
    /// kqueue(2) only looks on, and it stays pending.
    Signal(Signal),
    /// This file or directory changes: written, renamed, deleted, entries added or removed, attributes changed.
    /// (inotify(7) does not tell of an open directory that is removed itself.)
    Change(BorrowedFd<'fd>),
    /// Never waits: a regular file, or work on memory. Not for a poller: arming it is `EINVAL`.
    Always,
}

/// A watch that fired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ready {
    /// The token that the watch was armed with.
    pub token: Token,
    /// The descriptor is past use: it has an error (a reset connection, a pipe that nobody reads), or both directions
    /// are closed. Bytes may still be there: read until 0.
    ///
    /// It is never set just because the other side has stopped sending (a half-close); that is a read of 0. It is a
    /// hint: select(2) never sets it, kqueue(2) does not for the end of a pipe, and the call that follows tells.
    pub hangup: bool,
}

/// One kernel interface for waiting.
///
/// [`Watch::Read`] and [`Watch::Write`] are level-triggered: they fire again at each wait until they are disarmed or
/// their cause is gone. An error or hangup fires every armed direction of its descriptor. [`Watch::Exit`] fires at
/// least once; [`Watch::Signal`] and [`Watch::Change`] once for each arrival, of which several between two waits may
/// count as one. At most one watch of each kind and direction is armed on a descriptor, child, signal or file.
pub trait Poller {
    /// The name that `use NAME;` knows it by: "epoll", "kqueue", "poll" or "select".
    fn name(&self) -> &'static str;

    /// Lets `watch` fire as `token`. A watch that is armed already gets the new token.
    ///
    /// Errors: `EINVAL` for [`Watch::Always`] and for descriptors above what select(2) can hold, and those of the
    /// kernel. epoll(7) refuses regular files and directories (`EPERM`); poll(2) and select(2) find them always ready,
    /// kqueue(2) while there are bytes to read. kqueue(2) queues the change and sends it with the next wait; what it
    /// refuses then fires at once, as a hangup: the call that the task makes tells what is wrong.
    fn arm(&mut self, watch: Watch<'_>, token: Token) -> Result<()>;

    /// Stops `watch`. Always called before its descriptor is closed. Not armed is no error.
    fn disarm(&mut self, watch: Watch<'_>) -> Result<()>;

    /// Sleeps until a watch fires or `timeout` has passed (rounded up, never down; `None`: for ever) and puts what
    /// fired into `out`, which is cleared first; what does not fit into some thousand events comes with the next wait.
    ///
    /// A caught signal ends the wait early with nothing, and so may the poller for reasons of its own (a child that has
    /// to be asked for, a timeout of weeks): the caller looks at its clock again and waits again.
    fn wait(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> Result<()>;
}

/// The pollers of this platform by name, the best first.
pub fn names() -> &'static [&'static str] {
    #[cfg(all(has_epoll, any(test, feature = "kqueue-shim")))]
    return &["epoll", "poll", "select", "kqueue"];
    #[cfg(all(has_epoll, not(any(test, feature = "kqueue-shim"))))]
    return &["epoll", "poll", "select"];
    #[cfg(not(has_epoll))]
    return &["kqueue", "poll", "select"];
}

/// A poller by its name, or the platform's best. Make it in the thread that uses it: kqueue(2) is not inherited.
///
/// Errors: `EINVAL` for a name that is not among [`names`], and those of the kernel.
pub fn open(name: Option<&str>) -> Result<Box<dyn Poller>> {
    match name.unwrap_or(names()[0]) {
        #[cfg(has_epoll)]
        "epoll" => Ok(Box::new(epoll::Epoll::new()?)),
        #[cfg(any(has_kqueue, test, feature = "kqueue-shim"))]
        "kqueue" => Ok(Box::new(kqueue::Kqueue::new()?)),
        "poll" => Ok(Box::new(poll::Poll::new(best()?)?)),
        "select" => Ok(Box::new(select::Select::new(best()?)?)),
        _ => Err(Error::new("poller::open", libc::EINVAL)),
    }
}

/// What poll(2) and select(2) know nothing of (children, signals, files) is armed in an inner poller of the platform's
/// best kind. Its descriptor is readable while one of its watches fires.
trait Inner: Poller + AsFd {
    /// To be called before the owner sleeps for `timeout`.
    fn nap(&mut self, timeout: Option<Duration>) -> Result<Nap>;
}

fn best() -> Result<Box<dyn Inner>> {
    #[cfg(has_epoll)]
    return Ok(Box::new(epoll::Epoll::new()?));
    #[cfg(not(has_epoll))]
    return Ok(Box::new(kqueue::Kqueue::new()?));
}

/// How the owner of an inner poller has to sleep.
struct Nap {
    /// At most so long.
    timeout: Option<Duration>,
    /// The inner poller must be asked afterwards, even if its descriptor stays quiet.
    look: bool,
}

/// The most events that one call of the kernel reports.
const EVENTS_MAX: usize = 1024;

/// The longest timeout that every kernel takes, as an `int` of milliseconds: 24 days.
const TIMEOUT_MAX: Duration = Duration::from_millis(i32::MAX as u64);

/// A timeout in the form of poll(2) and epoll_wait(2): milliseconds rounded up, and -1 for ever.
fn millis(timeout: Option<Duration>) -> i32 {
    timeout.map_or(-1, |t| {
        let t = t.min(TIMEOUT_MAX);
        t.as_secs() as i32 * 1000 + t.subsec_nanos().div_ceil(1_000_000) as i32
    })
}

/// What a wait of the kernel returned; a caught signal ends it with no event.
fn woken(result: Result<usize>) -> Result<usize> {
    match result {
        Err(error) if error.errno() == libc::EINTR => Ok(0),
        result => result,
    }
}
