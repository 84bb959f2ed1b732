//! The kernel of the tests: a clock that only the tests move, descriptors, the list of what is armed, and a journal of
//! all that happened. Each thread has one, and so each test.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;
use webserv_sys::poller::Pid;
use webserv_sys::{Moment, Token, Watch};

thread_local! {
    static KERNEL: RefCell<Kernel> = RefCell::new(Kernel::new());
}

/// A [`Watch`] that can be stored and compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    Read(RawFd),
    Write(RawFd),
    Change(RawFd),
    Exit(Pid),
    Signal(&'static str),
}

struct Kernel {
    now: Moment,
    /// Open descriptors, with the name and number of their owner.
    open: BTreeMap<RawFd, (&'static str, u32)>,
    opened: u32,
    armed: BTreeMap<Key, Token>,
    journal: Vec<String>,
}

impl Kernel {
    fn new() -> Self {
        let (open, armed, journal) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { now: Moment::now(), open, opened: 0, armed, journal }
    }
}

impl Key {
    pub fn of(watch: Watch<'_>) -> Self {
        match watch {
            Watch::Read(fd) => Key::Read(fd.as_raw_fd()),
            Watch::Write(fd) => Key::Write(fd.as_raw_fd()),
            Watch::Change(fd) => Key::Change(fd.as_raw_fd()),
            Watch::Exit(pid) => Key::Exit(pid),
            Watch::Signal(signal) => Key::Signal(signal.name()),
            Watch::Always => panic!("the kernel is asked to watch a task that never waits"),
        }
    }

    fn fd(self) -> Option<RawFd> {
        match self {
            Key::Read(fd) | Key::Write(fd) | Key::Change(fd) => Some(fd),
            Key::Exit(_) | Key::Signal(_) => None,
        }
    }
}

/// Drops the state of an earlier test of this thread.
pub fn reset() {
    KERNEL.set(Kernel::new());
}

/// The clock of the engines under test.
pub fn now() -> Moment {
    KERNEL.with_borrow(|k| k.now)
}

pub fn pass(time: Duration) {
    KERNEL.with_borrow_mut(|k| k.now = k.now.after(time));
}

pub fn note(what: String) {
    KERNEL.with_borrow_mut(|k| k.journal.push(what));
}

/// Returns and clears the journal.
pub fn journal() -> String {
    KERNEL.with_borrow_mut(|k| std::mem::take(&mut k.journal)).join(", ")
}

pub fn arm(key: Key, token: Token) {
    KERNEL.with_borrow_mut(|k| {
        assert!(key.fd().is_none_or(|fd| k.open.contains_key(&fd)), "{key:?} is armed and not open");
        assert_eq!(k.armed.insert(key, token), None, "{key:?} is armed twice");
    });
}

pub fn disarm(key: Key) {
    KERNEL.with_borrow_mut(|k| assert!(k.armed.remove(&key).is_some(), "{key:?} is disarmed and was not armed"));
}

/// The poller is closed: it watches nothing any more.
pub fn disarm_all() {
    KERNEL.with_borrow_mut(|k| k.armed.clear());
}

pub fn armed() -> BTreeMap<Key, Token> {
    KERNEL.with_borrow(|k| k.armed.clone())
}

/// The owner of a descriptor, by name and number.
pub fn owner(fd: RawFd) -> (&'static str, u32) {
    KERNEL.with_borrow(|k| k.open[&fd])
}

pub fn open_count() -> usize {
    KERNEL.with_borrow(|k| k.open.len())
}

/// A descriptor. Its number is used again after it was closed, as by a real kernel.
pub struct Fd {
    file: OwnedFd,
    /// A unique number.
    pub id: u32,
    journaled: bool,
}

impl Fd {
    /// `journaled`: closing it is written to the journal.
    pub fn new(name: &'static str, journaled: bool) -> Self {
        let file = OwnedFd::from(File::open("/dev/null").expect("/dev/null opens"));
        let id = KERNEL.with_borrow_mut(|k| {
            k.opened += 1;
            k.open.insert(file.as_raw_fd(), (name, k.opened));
            k.opened
        });
        Self { file, id, journaled }
    }
}

impl AsFd for Fd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        let fd = self.file.as_raw_fd();
        KERNEL.with_borrow_mut(|k| {
            let name = k.open.remove(&fd).map_or("?", |(name, _)| name);
            let armed = k.armed.keys().any(|key| key.fd() == Some(fd));
            assert!(!armed || std::thread::panicking(), "{name} is closed while it is armed");
            if self.journaled {
                k.journal.push(format!("close {name}"));
            }
        });
    }
}
