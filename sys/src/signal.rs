//! Signals. The server blocks them in all threads, and the poller of the event loop reports them.

use crate::{Error, Result};
use std::mem;
#[cfg(target_os = "linux")]
use std::sync::OnceLock;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicU64, Ordering};

/// The signals that the server uses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(i32)]
pub enum Signal {
    /// Reload the configuration.
    Hup = libc::SIGHUP,
    /// Stop at once.
    Int = libc::SIGINT,
    /// Finish open responses, then stop.
    Quit = libc::SIGQUIT,
    /// Stop at once.
    Term = libc::SIGTERM,
    /// Reopen the logs.
    Usr1 = libc::SIGUSR1,
    /// Blocked by the server, which has no use for it.
    Usr2 = libc::SIGUSR2,
    /// A child ended.
    Chld = libc::SIGCHLD,
    /// A write to a closed pipe or socket. The server blocks it, since the call fails with EPIPE.
    Pipe = libc::SIGPIPE,
    /// A write of more than RLIMIT_FSIZE allows. The server blocks it, since the call fails with EFBIG.
    Xfsz = libc::SIGXFSZ,
    /// Ends a process that does not react to SIGTERM.
    Kill = libc::SIGKILL,
}

impl Signal {
    /// Every signal above.
    pub const ALL: [Signal; 10] = {
        use Signal::{Chld, Hup, Int, Kill, Pipe, Quit, Term, Usr1, Usr2, Xfsz};
        [Hup, Int, Quit, Term, Usr1, Usr2, Chld, Pipe, Xfsz, Kill]
    };

    /// The name, as in signal(7): "SIGTERM".
    pub const fn name(self) -> &'static str {
        match self {
            Signal::Hup => "SIGHUP",
            Signal::Int => "SIGINT",
            Signal::Quit => "SIGQUIT",
            Signal::Term => "SIGTERM",
            Signal::Usr1 => "SIGUSR1",
            Signal::Usr2 => "SIGUSR2",
            Signal::Chld => "SIGCHLD",
            Signal::Pipe => "SIGPIPE",
            Signal::Xfsz => "SIGXFSZ",
            Signal::Kill => "SIGKILL",
        }
    }

    /// The number of the signal on this system.
    pub const fn raw(self) -> i32 {
        self as i32
    }

    /// The signal with this number; `None` if it is not one of these.
    pub fn from_raw(raw: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.raw() == raw)
    }
}

/// The name of a signal that may end a process, as in signal(7); `None` for other numbers.
pub fn name_of(raw: i32) -> Option<&'static str> {
    let others = [
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGALRM, "SIGALRM"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGSYS, "SIGSYS"),
        (libc::SIGTRAP, "SIGTRAP"),
        (libc::SIGXCPU, "SIGXCPU"),
    ];
    let other = || others.into_iter().find_map(|(number, name)| (number == raw).then_some(name));
    Signal::from_raw(raw).map(Signal::name).or_else(other)
}

/// Blocks these signals in this thread and in threads that it starts later; they stay pending until a poller reads
/// them: pthread_sigmask(3). SIGKILL cannot be blocked; it is ignored here without an error.
pub fn block(signals: &[Signal]) -> Result<()> {
    change_mask(libc::SIG_BLOCK, signals)
}

/// Unblocks these signals in this thread: pending ones are delivered at once.
pub fn unblock(signals: &[Signal]) -> Result<()> {
    change_mask(libc::SIG_UNBLOCK, signals)
}

/// Waits until one of these signals is pending, takes it, and returns it: sigwait(3). They must be blocked. A signal
/// that is ignored by default, such as SIGCHLD, also needs [`notice`].
pub fn wait(signals: &[Signal]) -> Result<Signal> {
    let set = set_of(signals.iter().map(|signal| signal.raw()));
    let mut raw: libc::c_int = 0;
    // SAFETY: the set is initialised, and the call writes the one number; both outlive the call.
    let errno = unsafe { libc::sigwait(&raw const set, &raw mut raw) };
    match Signal::from_raw(raw) {
        Some(signal) if errno == 0 => Ok(signal),
        _ => Err(Error::new("sigwait", if errno == 0 { libc::EINVAL } else { errno })),
    }
}

/// Blocks the signals that would end the process by default, and that it has no use for: SIGUSR2, SIGIO, timers,
/// real-time signals. Programs that it starts begin with no blocked signals.
pub fn block_unused() -> Result<()> {
    let real_time: std::ops::RangeInclusive<libc::c_int>;
    #[cfg(target_os = "linux")]
    let others = [libc::SIGIO, libc::SIGPWR, libc::SIGSTKFLT];
    #[cfg(not(target_os = "linux"))]
    let others = [libc::SIGEMT];
    #[cfg(target_os = "linux")]
    {
        real_time = libc::SIGRTMIN()..=libc::SIGRTMAX();
    }
    #[cfg(target_os = "freebsd")]
    {
        real_time = 65..=126; // SIGRTMIN and SIGRTMAX of signal.h
    }
    #[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
    {
        real_time = 1..=0; // there are none
    }
    let common = [libc::SIGUSR2, libc::SIGALRM, libc::SIGVTALRM, libc::SIGPROF];
    change_mask_of(libc::SIG_BLOCK, set_of(common.into_iter().chain(others).chain(real_time)))
}

fn change_mask(how: libc::c_int, signals: &[Signal]) -> Result<()> {
    change_mask_of(how, set_of(signals.iter().map(|signal| signal.raw())))
}

fn change_mask_of(how: libc::c_int, set: libc::sigset_t) -> Result<()> {
    // SAFETY: the set is initialised and outlives the call; the pointer for the old mask is null.
    let errno = unsafe { libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut()) };
    if errno == 0 { Ok(()) } else { Err(Error::new("pthread_sigmask", errno)) }
}

/// Whether one of these blocked signals is pending for the process or this thread: sigpending(2).
pub fn is_pending(signals: &[Signal]) -> Result<bool> {
    let mut pending = set_of([]);
    // SAFETY: the set is initialised, and the calls write and read it.
    unsafe {
        syscall!(sigpending(&raw mut pending))?;
        Ok(signals.iter().any(|signal| libc::sigismember(&raw const pending, signal.raw()) == 1))
    }
}

/// Takes this blocked signal if it is pending for the process or this thread, without waiting: sigpending(2),
/// sigwait(3). (macOS and OpenBSD have no sigtimedwait(2).) Returns false if it is not pending.
///
/// No other thread may take the signal at the same time: this call would then wait for the next one.
pub(crate) fn take_pending(signal: i32) -> bool {
    let (mut pending, wanted, mut taken) = (set_of([]), set_of([signal]), 0);
    // SAFETY: the sets are initialised; the calls write the one set and the one number.
    unsafe {
        libc::sigpending(&raw mut pending) == 0
            && libc::sigismember(&raw const pending, signal) == 1
            && libc::sigwait(&raw const wanted, &raw mut taken) == 0
    }
}

/// Ignores this signal in the whole process: sigaction(2) with `SIG_IGN`. Errors: `EINVAL` for SIGKILL.
pub fn ignore(signal: Signal) -> Result<()> {
    set_disposition(signal, libc::SIG_IGN)
}

/// Sets this signal to its default action in the whole process: sigaction(2) with `SIG_DFL`.
pub fn reset(signal: Signal) -> Result<()> {
    set_disposition(signal, libc::SIG_DFL)
}

/// Gives this signal a handler that does nothing, so that a signal that is ignored by default becomes pending while it
/// is blocked: sigaction(2). POSIX lets a kernel drop it otherwise.
pub fn notice(signal: Signal) -> Result<()> {
    extern "C" fn on_signal(_: libc::c_int) {}
    set_disposition(signal, on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t)
}

/// The signals that this process ignores, as bits; bit 0 is signal 1. The first call reads them from the kernel; later
/// only [`ignore`] and [`reset`] change the set.
#[cfg(target_os = "linux")]
pub(crate) fn ignored() -> u64 {
    let is_ignored = |signal: libc::c_int| {
        let mut old = mem::MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: the pointer to a new disposition is null; the call writes the old one, or fails.
        let result = unsafe { libc::sigaction(signal, std::ptr::null(), old.as_mut_ptr()) };
        // SAFETY: the call succeeded.
        result == 0 && unsafe { old.assume_init() }.sa_sigaction == libc::SIG_IGN
    };
    let read = || AtomicU64::new((1..=64).filter(|s| is_ignored(*s)).fold(0, |set, signal| set | bit(signal)));
    IGNORED.get_or_init(read).load(Ordering::Relaxed)
}

#[cfg(target_os = "linux")]
static IGNORED: OnceLock<AtomicU64> = OnceLock::new();

#[cfg(target_os = "linux")]
const fn bit(signal: libc::c_int) -> u64 {
    1 << (signal - 1)
}

fn set_disposition(signal: Signal, disposition: libc::sighandler_t) -> Result<()> {
    // SAFETY: sigaction consists of integers, a set of integers and an optional function pointer: all-zero bytes are
    // valid.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = disposition;
    // SAFETY: the action is initialised and outlives the call; its handler, if any, does nothing; the pointer for the
    // old one is null.
    unsafe { syscall!(sigaction(signal.raw(), &raw const action, std::ptr::null_mut())) }?;
    #[cfg(target_os = "linux")]
    if let Some(ignored) = IGNORED.get() {
        match disposition {
            libc::SIG_IGN => ignored.fetch_or(bit(signal.raw()), Ordering::Relaxed),
            _ => ignored.fetch_and(!bit(signal.raw()), Ordering::Relaxed),
        };
    }
    Ok(())
}

/// A set of signals from their numbers. Invalid numbers are ignored.
pub(crate) fn set_of(signals: impl IntoIterator<Item = i32>) -> libc::sigset_t {
    let mut set = mem::MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the whole set and cannot fail; sigaddset then changes it, or fails.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// True if this thread blocks the signal.
    fn is_blocked(signal: Signal) -> bool {
        let mut mask = set_of([]);
        // SAFETY: the call writes the one mask; the pointer to a new one is null.
        let errno = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut mask) };
        assert_eq!(errno, 0);
        // SAFETY: the mask is initialised.
        unsafe { libc::sigismember(&raw const mask, signal.raw()) == 1 }
    }

    #[test]
    fn numbers_and_names_are_one_to_one() {
        for signal in Signal::ALL {
            assert_eq!(Signal::from_raw(signal.raw()), Some(signal));
            assert_eq!(signal.name(), format!("SIG{}", format!("{signal:?}").to_uppercase()));
        }
        for raw in [0, -1, libc::SIGSEGV, 4096] {
            assert_eq!(Signal::from_raw(raw), None);
        }
    }

    #[test]
    fn blocking_is_for_this_thread_and_those_that_it_starts() {
        assert!(!is_blocked(Signal::Usr2));
        block(&[Signal::Usr2]).unwrap();
        block(&[Signal::Hup]).unwrap();
        assert!(is_blocked(Signal::Usr2) && is_blocked(Signal::Hup) && !is_blocked(Signal::Term));
        assert!(std::thread::spawn(|| is_blocked(Signal::Usr2)).join().unwrap());
        unblock(&[Signal::Usr2]).unwrap();
        assert!(!is_blocked(Signal::Usr2) && is_blocked(Signal::Hup));
    }

    #[test]
    fn a_pending_signal_is_taken_once() {
        block(&[Signal::Usr2]).unwrap();
        assert!(!take_pending(Signal::Usr2.raw()), "would wait for ever if it called sigwait");
        for _ in 0..2 {
            // SAFETY: the call takes no pointers; this thread blocks the signal.
            assert_eq!(unsafe { libc::raise(Signal::Usr2.raw()) }, 0);
        }
        assert!(take_pending(Signal::Usr2.raw()));
        assert!(!take_pending(Signal::Usr2.raw()));
    }

    #[test]
    fn signals_without_a_use_ended_the_process() {
        crate::testing::passes_in_own_process("signal::tests::getting_all_signals_without_a_use", &[]);
    }

    #[test]
    #[ignore = "run in a process of its own, by signals_without_a_use_ended_the_process"]
    fn getting_all_signals_without_a_use() {
        crate::testing::assert_own_process("signal::tests::getting_all_signals_without_a_use");
        block_unused().unwrap();
        // raise(3) sends to this thread; the test's runner waits in another one.
        let faults =
            [libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGBUS, libc::SIGFPE, libc::SIGSEGV, libc::SIGSYS];
        let used = Signal::ALL.into_iter().filter(|signal| *signal != Signal::Usr2).map(Signal::raw);
        // SIGXCPU tells of a limit, SIGSTOP and its like stop a process, and the C library uses 32 and 33.
        let wanted = [libc::SIGXCPU, libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU, 32, 33];
        let kept: Vec<i32> = faults.into_iter().chain(used).chain(wanted).collect();
        for raw in (1..=64).filter(|raw| !kept.contains(raw)) {
            // SAFETY: the call takes no pointers.
            assert_eq!(unsafe { libc::raise(raw) }, 0, "signal {raw}");
        }
    }

    #[test]
    fn sigkill_can_neither_be_blocked_nor_ignored() {
        block(&[Signal::Kill]).unwrap();
        assert!(!is_blocked(Signal::Kill));
        let error = ignore(Signal::Kill).unwrap_err();
        assert_eq!((error.call(), error.errno()), ("sigaction", libc::EINVAL));
    }

    #[test]
    fn an_ignored_signal_does_nothing_and_a_reset_one_ends_the_process() {
        ignore(Signal::Usr2).unwrap();
        // SAFETY: the call takes no pointers; the signal is ignored.
        assert_eq!(unsafe { libc::raise(Signal::Usr2.raw()) }, 0);
        // The default action would end the tests, so the signal is not raised.
        reset(Signal::Usr2).unwrap();
        // SAFETY: all-zero bytes are a valid sigaction, which the call then fills; the pointer to a new one is null.
        let now = unsafe {
            let mut now: libc::sigaction = mem::zeroed();
            assert_eq!(libc::sigaction(Signal::Usr2.raw(), std::ptr::null(), &raw mut now), 0);
            now.sa_sigaction
        };
        assert_eq!(now, libc::SIG_DFL);
    }
}
