//! System calls that fail on command: the feature `faults`, for tests of what a failure does. No release has it.
//!
//! `WEBSERV_FAULTS` names a file of [`BYTES`] bytes that is shared with whoever tests, see [`Plan`]: the next failure
//! is written into it, and every call adds its name. So one process can be made to fail at one call after another, at
//! moments that its tester chooses.

use crate::error::set_errno;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering::SeqCst};

/// The bytes that hold the name of a call; the rest of them is zeros.
const NAME_BYTES: usize = 24;
/// How many names of calls are kept; what comes later is only counted.
const NAMES_MAX: usize = 1000;
/// The countdown with which each of the calls fails.
pub const EACH: u32 = u32::MAX;
/// What the file has, see [`Plan`].
pub const BYTES: usize = size_of::<Plan>();

/// The calls that wait for events.
const WAITS: [&str; 4] = ["epoll_wait", "kevent", "poll", "select"];

type Name = [AtomicU8; NAME_BYTES];

/// The file: whole numbers are 32 bits in the machine's order.
#[repr(C)]
struct Plan {
    /// The call that fails is the one that brings this from 1 to 0; with [`EACH`], each.
    countdown: AtomicU32,
    /// How it fails.
    errno: AtomicU32,
    /// How many calls there have been.
    made: AtomicU32,
    /// How many calls there have been since the poller was last called.
    since_wait: AtomicU32,
    /// The most calls that there have been between two calls of the poller.
    longest: AtomicU32,
    /// Whose calls are counted down.
    call: Name,
    /// What has been called, in order.
    names: [Name; NAMES_MAX],
}

impl Plan {
    fn open() -> Option<&'static Self> {
        let path = std::env::var_os("WEBSERV_FAULTS")?;
        let file = File::options().read(true).write(true).open(&path).ok()?;
        if file.metadata().ok()?.len() < BYTES as u64 {
            return None;
        }
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: a new mapping, at a place of the kernel's choice, of a file that is long enough.
        let place = unsafe { libc::mmap(std::ptr::null_mut(), BYTES, access, kind, file.as_raw_fd(), 0) };
        let place = NonNull::new(place.cast::<Self>()).filter(|_| place != libc::MAP_FAILED)?;
        // SAFETY: a page begins there, so it is aligned; it is never unmapped; it consists of atomic integers, for
        // which any bytes are values and changes by others are in order.
        Some(unsafe { place.as_ref() })
    }

    fn note(&self, call: &str) {
        if WAITS.contains(&call) {
            self.since_wait.store(0, SeqCst);
        } else {
            self.longest.fetch_max(self.since_wait.fetch_add(1, SeqCst) + 1, SeqCst);
        }
        let number = self.made.fetch_add(1, SeqCst) as usize;
        for (byte, to) in call.bytes().zip(self.names.get(number).into_iter().flatten()) {
            to.store(byte, SeqCst);
        }
    }

    fn counts(&self, call: &str) -> bool {
        let name = call.bytes().chain(std::iter::repeat(0));
        self.call.iter().zip(name).all(|(byte, of_call)| byte.load(SeqCst) == of_call)
    }
}

/// Whether this call is to fail; `errno` says then how.
pub(crate) fn fails(call: &str) -> bool {
    static PLAN: OnceLock<Option<&Plan>> = OnceLock::new();
    let Some(plan) = PLAN.get_or_init(Plan::open) else { return false };
    plan.note(call);
    let next = |n: u32| if n == EACH { Some(n) } else { n.checked_sub(1) };
    let fails = plan.counts(call) && matches!(plan.countdown.fetch_update(SeqCst, SeqCst, next), Ok(1 | EACH));
    if fails {
        set_errno(plan.errno.load(SeqCst) as i32);
    }
    fails
}
