//! Waiting for events: one trait for epoll(7), kqueue(2), poll(2) and select(2).
//!
//! [`open`] returns one of them by its name. Only the engine arms and disarms watches. It assigns the tokens, and
//! discards events with a stale token.

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

/// Identifies a waiting task: a slot and its generation. The generation shows if an event is for an earlier task in the
/// same slot, and so is stale.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Token {
    /// The slot.
    pub index: u32,
    /// The number of tasks that had this slot before.
    pub generation: u32,
}

/// A process id.
pub type Pid = i32;

/// The event that a task waits for.
#[derive(Clone, Copy, Debug)]
pub enum Watch<'fd> {
    /// The descriptor is readable: bytes, a new connection or EOF.
    Read(BorrowedFd<'fd>),
    /// The descriptor is writable, or a connection attempt has ended.
    Write(BorrowedFd<'fd>),
    /// This child process has ended. The poller does not reap it. Fires at once if the child has ended already.
    ///
    /// It may fire early: kqueue(2) reports an exit when it begins, and waitpid(2) may still say that the child runs.
    /// So it fires again, some 20 ms later, until it is disarmed.
    Exit(Pid),
    /// This signal was sent to the process; it must be blocked ([`crate::signal::block`]), and no other thread may take
    /// it. The poller takes it: with signalfd(2), or sigwait(3) after kqueue(2) has told it. Fires at once if the
    /// signal is pending already.
    Signal(Signal),
    /// This file or directory has changed: written, renamed, deleted, entries added or removed, attributes changed.
    /// (inotify(7) does not report the removal of an open directory.)
    Change(BorrowedFd<'fd>),
    /// The task never waits: it reads a regular file, or works in memory. A poller cannot arm this: `EINVAL`.
    Always,
}

/// A watch that fired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ready {
    /// The token that the watch was armed with.
    pub token: Token,
    /// The descriptor has an error (a reset connection, a pipe whose read ends are closed), or both directions are
    /// closed. There may still be bytes to read: read until 0.
    ///
    /// It is not set if the other side has only stopped sending (a half-close); that is a read of 0. It is a hint:
    /// select(2) never sets it, kqueue(2) does not set it for the end of a pipe, and the next call on the descriptor
    /// shows the state.
    pub hangup: bool,
}

/// One kernel interface for waiting.
///
/// [`Watch::Read`] and [`Watch::Write`] are level-triggered: they fire at each wait while the descriptor is ready,
/// until they are disarmed. An error or hangup fires every armed direction of its descriptor. [`Watch::Exit`] fires
/// again and again, too, until it is disarmed. [`Watch::Signal`] and [`Watch::Change`] fire once per arrival; several
/// arrivals between two waits may fire once. At most one watch of each kind and direction may be armed for a
/// descriptor, child, signal or file.
pub trait Poller {
    /// The name for `use NAME;`: "epoll", "kqueue", "poll" or "select".
    fn name(&self) -> &'static str;

    /// Arms `watch`: it fires with `token`. If it is armed already, this only replaces the token.
    ///
    /// Errors: `EINVAL` for [`Watch::Always`] and for descriptors that are too large for select(2), and those of the
    /// kernel. epoll(7) refuses regular files and directories (`EPERM`). For poll(2) and select(2) they are always
    /// ready, for kqueue(2) while there are bytes to read. kqueue(2) sends a direction or a child to the kernel with
    /// the next wait. If the kernel refuses it, the watch fires at once with a hangup, and again every 20 ms: the
    /// task's next call on the descriptor gets the error, or shows that there was none.
    fn arm(&mut self, watch: Watch<'_>, token: Token) -> Result<()>;

    /// Disarms `watch`. Must be called before its descriptor is closed. It is not an error if the watch is not armed.
    fn disarm(&mut self, watch: Watch<'_>) -> Result<()>;

    /// Sleeps until a watch fires or `timeout` has passed (rounded up; `None`: no timeout). Clears `out` and puts the
    /// fired watches into it, at most about a thousand; the next wait returns the others.
    ///
    /// The wait can end early without events: after a caught signal, if the poller must check a child process, or if
    /// the timeout is longer than 24 days. So the caller must read its clock and wait again.
    fn wait(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> Result<()>;
}

/// The names of the pollers of this system; the first one is the best.
pub fn names() -> &'static [&'static str] {
    #[cfg(all(has_epoll, any(test, feature = "kqueue-shim")))]
    return &["epoll", "poll", "select", "kqueue"];
    #[cfg(all(has_epoll, not(any(test, feature = "kqueue-shim"))))]
    return &["epoll", "poll", "select"];
    #[cfg(not(has_epoll))]
    return &["kqueue", "poll", "select"];
}

/// Opens the poller with this name; with `None`, the best one of this system. Call it in the thread that will use it,
/// and after [`crate::process::daemonize`]: a forked child does not inherit a kqueue(2).
///
/// Errors: `EINVAL` for a name that is not in [`names`], and those of the kernel.
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

/// The poller inside [`poll::Poll`] and [`select::Select`], for the watches that poll(2) and select(2) do not support:
/// children, signals and files. Its descriptor is readable while one of its watches fires.
trait Inner: Poller + AsFd {
    /// Must be called before the owner sleeps for `timeout`. Returns how to sleep.
    fn before_sleep(&mut self, timeout: Option<Duration>) -> Result<Sleep>;
}

fn best() -> Result<Box<dyn Inner>> {
    #[cfg(has_epoll)]
    return Ok(Box::new(epoll::Epoll::new()?));
    #[cfg(not(has_epoll))]
    return Ok(Box::new(kqueue::Kqueue::new()?));
}

/// How the owner of an inner poller must sleep.
struct Sleep {
    /// The maximum time.
    timeout: Option<Duration>,
    /// The owner must call `wait` of the inner poller afterwards, even if its descriptor is not readable.
    check_inner: bool,
}

/// How often a watch fires that the kernel does not watch: a child without a pidfd (Linux before 5.3), a child whose
/// exit kqueue(2) has told already, a watch that it has refused.
const RECHECK: Duration = Duration::from_millis(20);

/// The maximum number of events from one system call.
const EVENTS_MAX: usize = 1024;

/// The longest timeout that every kernel takes, as an `int` of milliseconds: 24 days.
const TIMEOUT_MAX: Duration = Duration::from_millis(i32::MAX as u64);

/// Converts a timeout for poll(2) and epoll_wait(2): milliseconds rounded up, or -1 for no timeout.
fn millis(timeout: Option<Duration>) -> i32 {
    timeout.map_or(-1, |t| {
        let t = t.min(TIMEOUT_MAX);
        t.as_secs() as i32 * 1000 + t.subsec_nanos().div_ceil(1_000_000) as i32
    })
}

/// Turns `EINTR` into 0 events: a caught signal ended the wait.
fn woken(result: Result<usize>) -> Result<usize> {
    match result {
        Err(error) if error.errno() == libc::EINTR => Ok(0),
        result => result,
    }
}
