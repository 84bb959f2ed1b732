//! epoll(7): the kernel keeps a set of descriptors, and reports those that are ready.
//!
//! A descriptor is in the kernel's set only while one of its directions is armed, because the kernel reports `EPOLLHUP`
//! even for an empty event mask. The user data of an event is the descriptor, and [`Table`] has its tokens. So arming
//! an armed watch again only changes the table. [`Notices`] has descriptors for children, signals and changes of files.

use super::ffi::linux::*;
use super::notices::{Notices, Source};
use super::table::{Side, Table};
use super::{EVENTS_MAX, Inner, Poller, Ready, Sleep, Token, Watch, millis, woken};
use crate::Result;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

/// An epoll instance, and the tokens of its watches.
pub(super) struct Epoll {
    epoll: OwnedFd,
    table: Table,
    notices: Notices,
    events: Vec<EpollEvent>,
}

impl Epoll {
    /// Opens an instance without watches. Errors: those of epoll_create1(2).
    pub fn new() -> Result<Self> {
        Ok(Self {
            epoll: epoll_create1(EPOLL_CLOEXEC)?,
            table: Table::default(),
            notices: Notices::default(),
            events: vec![EpollEvent::NONE; EVENTS_MAX],
        })
    }

    /// Sets the armed directions of `fd` in the kernel, if they differ from the present ones: epoll_ctl(2).
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
        let result = self.control(fd, self.table.armed(fd) - side, Source::Plain);
        self.table.disarm(fd, side);
        result
    }

    /// Handles an event of a descriptor of [`Notices`].
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

/// The directions that these epoll events fire, and whether they include an error or a hangup.
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
    fn before_sleep(&mut self, timeout: Option<Duration>) -> Result<Sleep> {
        Ok(self.notices.before_sleep(timeout))
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
        if self.notices.has_polled() {
            self.notices.take_polled(out);
            timeout = if out.is_empty() { self.notices.before_sleep(timeout).timeout } else { Some(Duration::ZERO) };
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

    /// There was no event for the end of such a child, so it was not reaped; and its pidfd stayed open.
    #[test]
    fn a_child_whose_pidfd_epoll_refuses_is_polled() {
        let token = Token { index: 1, generation: 0 };
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let watch = Watch::Exit(child.id() as i32);
        let mut epoll = Epoll::new().unwrap();
        // epoll refuses regular files with EPERM.
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
                poller.wait(None, &mut out).unwrap(); // would block for ever without polling
            }
            assert_eq!(out, [Ready { token, hangup: false }], "{}", poller.name());
        }
        child.wait().unwrap();
    }
}
