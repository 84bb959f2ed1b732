//! Signals, as kqueue(2) tells them: each queue counts those that are sent to the process while it has a knote for
//! them. A signal that was pending before the knote is not told, and neither is one that is sent to a thread (as on
//! macOS). Each stays pending until [`take_pending`].
//!
//! signalfd(2) removes a signal from the kernel's pending ones: so a set here has those that the program still finds
//! pending, and each knote has a counter of its own (eventfd(2)).

use crate::Result;
use crate::poller::ffi::linux::{SFD_CLOEXEC, SFD_NONBLOCK, SIGINFO_BYTES, read_some, signalfd};
use crate::signal::Signal;
use std::collections::BTreeSet;
use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// The signals of this process.
struct Signals {
    /// The counter of each knote of each queue.
    counters: Vec<(c_int, Weak<OwnedFd>)>,
    /// The signals that were read from the kernel, and that the program has not taken yet.
    pending: BTreeSet<c_int>,
}

static SIGNALS: Mutex<Signals> = Mutex::new(Signals { counters: Vec::new(), pending: BTreeSet::new() });

fn signals() -> MutexGuard<'static, Signals> {
    SIGNALS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Signals {
    /// Reads the signals that have arrived, and counts them for each knote.
    fn collect(&mut self, source: BorrowedFd<'_>) {
        let mut info = [0; SIGINFO_BYTES];
        while read_some(source, &mut info) == Some(SIGINFO_BYTES) {
            let number = |at: usize| c_int::from_ne_bytes(info[at..at + 4].try_into().expect("4 bytes"));
            let (signal, code) = (number(0), number(8));
            self.pending.insert(signal);
            if code == libc::SI_TKILL {
                continue; // raise(3), pthread_kill(3)
            }
            self.counters.retain(|(_, counter)| counter.strong_count() > 0);
            for counter in self.counters.iter().filter(|(of, _)| *of == signal).filter_map(|(_, it)| it.upgrade()) {
                let one = 1u64;
                // SAFETY: the call reads the 8 bytes.
                let n = unsafe { libc::write(counter.as_raw_fd(), (&raw const one).cast(), 8) };
                assert_eq!(n, 8, "an eventfd counts further than a test sends signals");
            }
        }
    }
}

/// A descriptor that is readable when this signal arrives ([`collect`]), and the counter of a new knote.
pub fn open(signal: Signal) -> Result<(OwnedFd, Arc<OwnedFd>)> {
    let source = signalfd(signal, SFD_CLOEXEC | SFD_NONBLOCK)?;
    // SAFETY: takes no pointer, and the new descriptor has no other owner.
    let counter = unsafe { OwnedFd::from_raw_fd(syscall!(eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK))?) };
    let (mut signals, counter) = (signals(), Arc::new(counter));
    signals.collect(source.as_fd()); // those that are pending are not for this knote
    signals.counters.push((signal.raw(), Arc::downgrade(&counter)));
    Ok((source, counter))
}

/// Counts the signals that have arrived.
pub fn collect(source: BorrowedFd<'_>) {
    signals().collect(source);
}

/// Reads the number of signals of a knote that were not told yet.
pub fn take(counter: BorrowedFd<'_>) -> Option<i64> {
    let mut count = [0; 8];
    read_some(counter, &mut count).map(|_| i64::from_ne_bytes(count))
}

/// What sigpending(2) and sigwait(3) are on systems with kqueue(2): takes this signal if it is pending.
pub fn take_pending(number: c_int) -> bool {
    let Some(signal) = Signal::from_raw(number) else { return false };
    let mut signals = signals();
    if let Ok(source) = signalfd(signal, SFD_CLOEXEC | SFD_NONBLOCK) {
        signals.collect(source.as_fd());
    }
    signals.pending.remove(&number)
}
