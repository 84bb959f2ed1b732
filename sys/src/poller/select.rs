//! select(2): the oldest and simplest interface. It takes sets of descriptors as bits, and leaves the bits of those
//! that are ready.
//!
//! It supports descriptors 0 to 1023, and does not report hangups: [`Ready::hangup`] is always false. An inner poller
//! watches children, signals and files; its own descriptor is in the set for reading, too.

use super::ffi::posix::*;
use super::table::{Side, Table};
use super::{Inner, Poller, Ready, TIMEOUT_MAX, Token, Watch, woken};
use crate::{Error, Result};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// The sets for select(2), and the tokens of their watches.
pub(super) struct Select {
    read: FdSet,
    write: FdSet,
    /// One more than the highest descriptor ever armed.
    end: RawFd,
    table: Table,
    inner: Box<dyn Inner>,
}

impl Select {
    /// Sets that contain only `inner`. Errors: `EINVAL` if its descriptor is above 1023.
    pub fn new(inner: Box<dyn Inner>) -> Result<Self> {
        let (read, write) = (FdSet::EMPTY, FdSet::EMPTY);
        let mut new = Self { read, write, end: 0, table: Table::default(), inner };
        new.set(new.inner.as_fd().as_raw_fd(), Side::READ)?;
        Ok(new)
    }

    /// Adds `fd` to the sets of these directions, and removes it from the others.
    fn set(&mut self, fd: RawFd, sides: Side) -> Result<()> {
        let index = fd as usize;
        if index >= FD_SETSIZE {
            return Err(Error::new("select", libc::EINVAL));
        }
        self.end = self.end.max(fd + 1);
        for (set, side) in [(&mut self.read, Side::READ), (&mut self.write, Side::WRITE)] {
            if sides.contains(side) { set.insert(index) } else { set.remove(index) }
        }
        Ok(())
    }
}

impl Poller for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn arm(&mut self, watch: Watch<'_>, token: Token) -> Result<()> {
        let Some((fd, side)) = Side::of(watch) else { return self.inner.arm(watch, token) };
        self.set(fd, self.table.armed(fd) | side)?;
        self.table.arm(fd, side, token);
        Ok(())
    }

    fn disarm(&mut self, watch: Watch<'_>) -> Result<()> {
        let Some((fd, side)) = Side::of(watch) else { return self.inner.disarm(watch) };
        self.table.disarm(fd, side);
        if (fd as usize) < FD_SETSIZE { self.set(fd, self.table.armed(fd)) } else { Ok(()) }
    }

    fn wait(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> Result<()> {
        out.clear();
        let sleep = self.inner.before_sleep(timeout)?;
        let (mut read, mut write) = (self.read, self.write);
        let timeout = sleep.timeout.map(|t| t.min(TIMEOUT_MAX));
        // After an error or a signal, the content of the sets is undefined.
        let ready = woken(select(self.end, &mut read, &mut write, timeout))?;
        let inner = self.inner.as_fd().as_raw_fd();
        if sleep.check_inner || (ready > 0 && read.contains(inner as usize)) {
            self.inner.wait(Some(Duration::ZERO), out)?;
        }
        if ready == 0 {
            return Ok(());
        }
        for fd in 0..self.end {
            let mut sides = Side::empty();
            sides.set(Side::READ, read.contains(fd as usize));
            sides.set(Side::WRITE, write.contains(fd as usize));
            self.table.fire(fd, sides, false, out);
        }
        Ok(())
    }
}
