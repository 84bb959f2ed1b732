//! The common behaviour of all pollers. Each test runs for each poller; a failure shows the test and, in its output,
//! the poller.
//!
//! The tests run in parallel threads of one process. So those with signals run in separate processes ([`signals`]), and
//! so does the test with thousands of descriptors ([`limits`]): else select(2) could not open descriptors below 1024.
//! No test depends on a sleep: it waits for events that must come (at most ten seconds), and can check at once that no
//! others come, since pipes and socket pairs deliver bytes and hangups at once.

mod descriptors;
mod limits;
mod notices;
mod signals;

use super::*;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

/// Runs `behaviour` for each poller of this system, and for poll(2) and select(2) with a kqueue inside, as on the BSDs.
fn each(behaviour: impl Fn(&mut dyn Poller)) {
    for name in names() {
        println!("with {name}:");
        let mut poller = open(Some(name)).unwrap();
        assert_eq!(poller.name(), *name);
        behaviour(&mut *poller);
    }
    println!("with poll around a kqueue:");
    behaviour(&mut poll::Poll::new(Box::new(kqueue::Kqueue::new().unwrap())).unwrap());
    println!("with poll around a kqueue, and a list that is too short:");
    let inner = kqueue::Kqueue::new().unwrap();
    let list_max = inner.as_fd().as_raw_fd() as usize + 3;
    behaviour(&mut poll::Poll::with_list_max(Box::new(inner), list_max).unwrap());
    println!("with select around a kqueue:");
    behaviour(&mut select::Select::new(Box::new(kqueue::Kqueue::new().unwrap())).unwrap());
}

/// The first token of slot `index`.
fn token(index: u32) -> Token {
    Token { index, generation: 0 }
}

/// Waits for the next events.
#[track_caller]
fn fired(poller: &mut dyn Poller) -> Vec<Ready> {
    let mut out = Vec::new();
    let end = Instant::now() + Duration::from_secs(10);
    while out.is_empty() {
        let left = end.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "nothing fired in ten seconds");
        poller.wait(Some(left), &mut out).unwrap();
    }
    out
}

/// Waits for the next events; returns their tokens, sorted by slot.
#[track_caller]
fn tokens(poller: &mut dyn Poller) -> Vec<Token> {
    let mut tokens: Vec<Token> = fired(poller).iter().map(|ready| ready.token).collect();
    tokens.sort();
    tokens
}

/// Checks that nothing fires now.
#[track_caller]
fn assert_quiet(poller: &mut dyn Poller) {
    let mut out = vec![Ready { token: token(99), hangup: false }];
    poller.wait(Some(Duration::ZERO), &mut out).unwrap();
    assert_eq!(out, []);
}

/// A pipe: its read end and its write end.
fn pipe() -> (OwnedFd, OwnedFd) {
    let (read, write) = std::io::pipe().unwrap();
    (read.into(), write.into())
}

/// Reads once, up to 64 bytes.
#[track_caller]
fn read(fd: &impl AsRawFd) -> Vec<u8> {
    let mut buf = [0; 64];
    // SAFETY: the kernel writes at most 64 bytes into `buf`.
    let n = unsafe { libc::read(fd.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len()) };
    assert!(n >= 0, "read: {}", std::io::Error::last_os_error());
    buf[..n as usize].to_vec()
}

/// Writes `bytes`, all of which must fit.
#[track_caller]
fn write(fd: &impl AsRawFd, bytes: &[u8]) {
    // SAFETY: the kernel reads `bytes.len()` bytes of `bytes`.
    let n = unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
    assert_eq!(n, bytes.len() as isize, "write: {}", std::io::Error::last_os_error());
}
