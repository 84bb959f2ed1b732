//! poll(2): passes the whole list of descriptors to the kernel at each wait.
//!
//! The index in the list is the descriptor: entry 7 has descriptor 7, or -1, which the kernel skips. An inner poller
//! watches children, signals and files; its own descriptor is in the list, too. It also watches the descriptors for
//! which the list would be longer than the kernel takes.

use super::ffi::posix::*;
use super::table::{Side, Table};
use super::{EVENTS_MAX, Inner, Poller, Ready, Token, Watch, millis, woken};
use crate::Result;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// The longest list. macOS refuses a longer one with `EINVAL` (`OPEN_MAX`); other systems take one entry for each
/// descriptor that a process may have.
const LIST_MAX: usize = if cfg!(target_vendor = "apple") { 10_240 } else { usize::MAX };

/// The list for poll(2), and the tokens of its watches.
pub(super) struct Poll {
    list: Vec<PollFd>,
    table: Table,
    /// The index where the next wait starts. If more descriptors are ready than fit into one wait, all get their turn.
    start: usize,
    inner: Box<dyn Inner>,
    list_max: usize,
}

impl Poll {
    /// A list that contains only `inner`.
    pub fn new(inner: Box<dyn Inner>) -> Result<Self> {
        Self::with_list_max(inner, LIST_MAX)
    }

    /// The same, with a list of at most this length; `inner` must fit into it.
    pub fn with_list_max(inner: Box<dyn Inner>, list_max: usize) -> Result<Self> {
        let mut new = Self { list: Vec::new(), table: Table::default(), start: 0, inner, list_max };
        new.set(new.inner.as_fd().as_raw_fd(), Side::READ);
        Ok(new)
    }

    /// The descriptor and the direction of `watch`. Returns `None` if `inner` watches it.
    fn listed(&self, watch: Watch<'_>) -> Option<(RawFd, Side)> {
        Side::of(watch).filter(|(fd, _)| (*fd as usize) < self.list_max)
    }

    /// Sets the directions of `fd` in the list; without any, removes it.
    fn set(&mut self, fd: RawFd, sides: Side) {
        let index = fd as usize;
        if index >= self.list.len() {
            self.list.resize(index + 1, PollFd { fd: -1, events: 0, revents: 0 });
        }
        let mut events = 0;
        if sides.contains(Side::READ) {
            events |= POLLIN;
        }
        if sides.contains(Side::WRITE) {
            events |= POLLOUT;
        }
        self.list[index] = PollFd { fd: if sides.is_empty() { -1 } else { fd }, events, revents: 0 };
    }

    fn fire(&self, entry: PollFd, out: &mut Vec<Ready>) {
        let hangup = entry.revents & (POLLHUP | POLLERR | POLLNVAL) != 0;
        let mut sides = Side::empty();
        sides.set(Side::READ, hangup || entry.revents & POLLIN != 0);
        sides.set(Side::WRITE, hangup || entry.revents & POLLOUT != 0);
        self.table.fire(entry.fd, sides, hangup, out);
    }
}

impl Poller for Poll {
    fn name(&self) -> &'static str {
        "poll"
    }

    fn arm(&mut self, watch: Watch<'_>, token: Token) -> Result<()> {
        let Some((fd, side)) = self.listed(watch) else { return self.inner.arm(watch, token) };
        self.table.arm(fd, side, token);
        self.set(fd, self.table.armed(fd));
        Ok(())
    }

    fn disarm(&mut self, watch: Watch<'_>) -> Result<()> {
        let Some((fd, side)) = self.listed(watch) else { return self.inner.disarm(watch) };
        self.table.disarm(fd, side);
        if self.list.get(fd as usize).is_some() {
            self.set(fd, self.table.armed(fd));
        }
        Ok(())
    }

    fn wait(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> Result<()> {
        out.clear();
        let sleep = self.inner.before_sleep(timeout)?;
        let mut left = woken(poll(&mut self.list, millis(sleep.timeout)))?;
        let inner = self.list[self.inner.as_fd().as_raw_fd() as usize];
        if sleep.check_inner || (left > 0 && inner.revents != 0) {
            self.inner.wait(Some(Duration::ZERO), out)?;
        }
        let of_inner = out.len();
        let (start, end) = (self.start.min(self.list.len()), self.list.len());
        for index in (start..end).chain(0..start) {
            if left == 0 || out.len() - of_inner >= EVENTS_MAX {
                self.start = index;
                break;
            }
            let entry = self.list[index];
            if entry.fd >= 0 && entry.revents != 0 {
                left -= 1;
                self.fire(entry, out);
            }
        }
        Ok(())
    }
}
