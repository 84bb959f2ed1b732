//! epoll(7): the kernel keeps the set of descriptors, and tells which of them are ready.
//!
//! A descriptor is in the kernel's set only while a direction of it is armed, because one with an empty mask still
//! reports `EPOLLHUP`. The event's user data is the descriptor, by which [`Table`] finds the tokens; arming what is
//! armed changes the table alone. What is no descriptor by nature (children, signals, files) becomes one in
//! [`Notices`].

use super::ffi::linux::*;
use super::notices::{Notices, Source};
use super::table::{Side, Table};
use super::{EVENTS_MAX, Inner, Nap, Poller, Ready, Token, Watch, millis, woken};
use crate::Result;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

/// An epoll instance and who waits in it.
pub(super) struct Epoll {
    epoll: OwnedFd,
    table: Table,
    notices: Notices,
    events: Vec<EpollEvent>,
}

impl Epoll {
    /// An instance that waits for nothing yet. Errors: those of epoll_create1(2).
    pub fn new() -> Result<Self> {
        Ok(Self {
            epoll: epoll_create1(EPOLL_CLOEXEC)?,
            table: Table::default(),
            notices: Notices::default(),
            events: vec![EpollEvent::NONE; EVENTS_MAX],
        })
    }

    /// Tells the kernel that we want `armed` of `fd` now, unless it already knows.
    fn control(&self, fd: RawFd, armed: Side, source: Source) -> Result<()> {
        let before = self.table.armed(fd);
        let op = match (before.is_empty(), armed.is_empty()) {
            _ if before == armed => return Ok(()),
            (true, _) => EPOLL_CTL_ADD,
            (_, true) => EPOLL_CTL_DEL,
            _ => EPOLL_CTL_MOD,
        };
        let mut events = 0;
        if armed.contains(Side::READ) {
            events |= EPOLLIN;
        }
        if armed.contains(Side::WRITE) {
            events |= EPOLLOUT;
        }
        epoll_ctl(&self.epoll, op, fd, EpollEvent { events, data: source.tag(fd) })
    }

    fn add(&mut self, fd: RawFd, side: Side, source: Source, token: Token) -> Result<()> {
        self.control(fd, self.table.armed(fd) | side, source)?;
        self.table.arm(fd, side, token);
        Ok(())
    }

    fn remove(&mut self, fd: RawFd, side: Side) -> Result<()> {
        let told = self.control(fd, self.table.armed(fd) - side, Source::Plain);
        self.table.disarm(fd, side);
        told
    }

    /// An event of a descriptor that stands for something else.
    #[cold]
    fn notice(&mut self, source: Source, fd: RawFd, out: &mut Vec<Ready>) {
        match source {
            Source::Plain => {}
            Source::Signal => {
                if self.notices.take_signal(fd) {
                    self.table.fire(fd, Side::READ, false, out);
                }
            }
            Source::Change => self.notices.take_changes(out),
        }
    }
}

/// The sides of a descriptor that an event is for, and whether the descriptor is past use.
fn sides(events: u32) -> (Side, bool) {
    let hangup = events & (EPOLLHUP | EPOLLERR) != 0;
    let mut sides = Side::empty();
    sides.set(Side::READ, hangup || events & EPOLLIN != 0);
    sides.set(Side::WRITE, hangup || events & EPOLLOUT != 0);
    (sides, hangup)
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl Inner for Epoll {
    fn nap(&mut self, timeout: Option<Duration>) -> Result<Nap> {
        Ok(self.notices.nap(timeout))
    }
}

impl Poller for Epoll {
    fn name(&self) -> &'static str {
        "epoll"
    }

    fn arm(&mut self, watch: Watch<'_>, token: Token) -> Result<()> {
        if let Some((fd, side)) = Side::of(watch) {
            return self.add(fd, side, Source::Plain, token);
        }
        match self.notices.open(watch, token)? {
            Some((fd, source)) => {
                self.add(fd, Side::READ, source, token).or_else(|error| self.notices.refused(watch, token, error))
            }
            None => Ok(()),
        }
    }

    fn disarm(&mut self, watch: Watch<'_>) -> Result<()> {
        if let Some((fd, side)) = Side::of(watch) {
            return self.remove(fd, side);
        }
        match self.notices.close(watch) {
            Some(fd) => self.remove(fd.as_raw_fd(), Side::READ),
            None => Ok(()),
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> Result<()> {
        out.clear();
        let mut timeout = timeout;
        if self.notices.asks() {
            self.notices.take_exits(out);
            timeout = if out.is_empty() { self.notices.nap(timeout).timeout } else { Some(Duration::ZERO) };
        }
        let ready = woken(epoll_wait(&self.epoll, &mut self.events, millis(timeout)))?;
        for i in 0..ready {
            let event = self.events[i];
            match Source::of(event.data) {
                (Source::Plain, fd) => {
                    let (sides, hangup) = sides(event.events);
                    self.table.fire(fd, sides, hangup, out);
                }
                (source, fd) => self.notice(source, fd, out),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::poller::{poll::Poll, select::Select};

    /// Who is not told of its child's end does not reap it; and the pidfd stayed open.
    #[test]
    fn a_child_whose_pidfd_the_kernel_would_not_watch_was_nobodys() {
        let token = Token { index: 1, generation: 0 };
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let watch = Watch::Exit(child.id() as i32);
        let mut epoll = Epoll::new().unwrap();
        // EPERM: nobody waits for files.
        let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        epoll.notices.put_exit(child.id() as i32, file.into());
        epoll.arm(watch, token).unwrap();
        let mut out = Vec::new();
        while out.is_empty() {
            epoll.wait(None, &mut out).unwrap();
        }
        assert_eq!(out, [Ready { token, hangup: false }]);
        assert!(epoll.notices.close(watch).is_none(), "the descriptor is closed already");
        child.wait().unwrap();
    }

    #[test]
    fn a_child_without_pidfd_fires_without_the_kernel() {
        let token = Token { index: 1, generation: 0 };
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let epoll = || {
            let mut epoll = Epoll::new().unwrap();
            let unknown = |_| Err(Error::new("pidfd_open", libc::ENOSYS));
            assert!(epoll.notices.open_exit(child.id() as i32, token, unknown).is_none());
            epoll
        };
        let pollers: [Box<dyn Poller>; 3] = [
            Box::new(epoll()),
            Box::new(Poll::new(Box::new(epoll())).unwrap()),
            Box::new(Select::new(Box::new(epoll())).unwrap()),
        ];
        for mut poller in pollers {
            let mut out = Vec::new();
            while out.is_empty() {
                poller.wait(None, &mut out).unwrap(); // would sleep for ever if it left that to the kernel
            }
            assert_eq!(out, [Ready { token, hangup: false }], "{}", poller.name());
        }
        child.wait().unwrap();
    }
}
