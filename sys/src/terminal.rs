//! A line that is typed without being shown: termios(3).

use crate::{Error, Result};
use libc::c_int;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

/// The signals that end or stop a process which waits for its terminal. Without a handler, the terminal would stay
/// without echo. SIGTTOU is not among them: it stops a process in the background before tcsetattr(3) changes anything.
const SIGNALS: [c_int; 6] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGTSTP, libc::SIGTTIN];

/// The longest line, in bytes: what a terminal takes (`MAX_CANON` is at most 4096).
const LINE_BYTES_MAX: usize = 4096;

/// The signal that has come since the terminal was changed; 0: none.
static CAUGHT: AtomicI32 = AtomicI32::new(0);

extern "C" fn catch(signal: c_int) {
    CAUGHT.store(signal, Ordering::Relaxed);
}

/// A terminal that does not show what is typed. Dropping it lets the terminal show it again. One at a time, since
/// handlers of signals belong to the process.
#[must_use]
pub struct HiddenInput<'fd> {
    // The order of fields matters: the terminal is restored before the handlers.
    echo: EchoOff<'fd>,
    _handlers: Handlers,
}

impl<'fd> HiddenInput<'fd> {
    /// Switches the echo off, and drops what has been typed already. Errors: `ENOTTY` (not a terminal), `EINTR`.
    pub fn new(terminal: BorrowedFd<'fd>) -> Result<Self> {
        CAUGHT.store(0, Ordering::Relaxed);
        let handlers = Handlers::install()?;
        Ok(Self { echo: EchoOff::new(terminal)?, _handlers: handlers })
    }

    /// Reads a line, without its end. Returns None at the end of the input.
    ///
    /// Errors: those of read(2). If a signal comes, the terminal is restored, and the signal has its usual effect: it
    /// ends the process, or stops it. `EINTR`: the process goes on after that; ask again.
    pub fn read_line(self) -> Result<Option<Vec<u8>>> {
        let line = read_line(self.echo.terminal);
        drop(self);
        match CAUGHT.swap(0, Ordering::Relaxed) {
            0 => line,
            signal => {
                // SAFETY: the call takes no pointers; the process may send itself any signal.
                unsafe { libc::kill(libc::getpid(), signal) };
                Err(Error::new("read", libc::EINTR))
            }
        }
    }
}

/// A signal ends it with `EINTR`, unlike [`crate::file::read`].
fn read_line(terminal: BorrowedFd<'_>) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        if CAUGHT.load(Ordering::Relaxed) != 0 {
            return Err(Error::new("read", libc::EINTR)); // it came before read(2)
        }
        let mut byte = 0u8;
        // SAFETY: the call writes at most the one byte.
        match unsafe { libc::read(terminal.as_raw_fd(), (&raw mut byte).cast(), 1) } {
            -1 => return Err(Error::last("read")),
            0 if line.is_empty() => return Ok(None),
            0 => return Ok(Some(line)),
            _ if byte == b'\n' => return Ok(Some(line)),
            _ if line.len() < LINE_BYTES_MAX => line.push(byte),
            _ => {}
        }
    }
}

struct EchoOff<'fd> {
    terminal: BorrowedFd<'fd>,
    before: libc::termios,
}

impl<'fd> EchoOff<'fd> {
    fn new(terminal: BorrowedFd<'fd>) -> Result<Self> {
        let mut settings = MaybeUninit::<libc::termios>::uninit();
        // SAFETY: the call fills the settings, or fails.
        unsafe { syscall!(tcgetattr(terminal.as_raw_fd(), settings.as_mut_ptr())) }?;
        // SAFETY: the call has succeeded.
        let before = unsafe { settings.assume_init() };
        let mut hidden = before;
        hidden.c_lflag &= !(libc::ECHO | libc::ECHONL);
        set(terminal, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for EchoOff<'_> {
    fn drop(&mut self) {
        // In the background, the terminal belongs to another program, which has set it for itself.
        if !is_in_background(self.terminal) {
            let _ = set(self.terminal, &self.before); // the terminal is gone if it fails
        }
    }
}

/// Whether the terminal controls this process, and another process group is in its foreground: tcgetpgrp(3).
fn is_in_background(terminal: BorrowedFd<'_>) -> bool {
    // SAFETY: the calls take no pointers.
    let (foreground, ours) = unsafe { (libc::tcgetpgrp(terminal.as_raw_fd()), libc::getpgrp()) };
    foreground != -1 && foreground != ours
}

fn set(terminal: BorrowedFd<'_>, settings: &libc::termios) -> Result<()> {
    // SAFETY: the call reads the settings.
    unsafe { syscall!(tcsetattr(terminal.as_raw_fd(), libc::TCSAFLUSH, &raw const *settings)) }.map(drop)
}

/// The actions of [`SIGNALS`] before, which come back when this is dropped.
struct Handlers(Vec<(c_int, libc::sigaction)>);

impl Handlers {
    fn install() -> Result<Self> {
        let mut handlers = Self(Vec::with_capacity(SIGNALS.len()));
        for signal in SIGNALS {
            // SAFETY: sigaction consists of integers, a set of integers and an optional function pointer: all-zero
            // bytes are a value of it, without SA_RESTART, so that read(2) ends.
            let mut action: libc::sigaction = unsafe { mem::zeroed() };
            action.sa_sigaction = catch as extern "C" fn(c_int) as libc::sighandler_t;
            let mut before = MaybeUninit::<libc::sigaction>::uninit();
            // SAFETY: the call reads one struct and fills the other, or fails. The handler only stores a number in an
            // atomic, which is safe in a signal handler.
            unsafe { syscall!(sigaction(signal, &raw const action, before.as_mut_ptr())) }?;
            // SAFETY: the call has succeeded.
            handlers.0.push((signal, unsafe { before.assume_init() }));
        }
        Ok(handlers)
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        for (signal, before) in &self.0 {
            // SAFETY: the call reads the struct, which the system has filled.
            let _ = unsafe { libc::sigaction(*signal, &raw const *before, ptr::null_mut()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_own_process, in_own_process};
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::{AsFd, FromRawFd, OwnedFd};

    /// A pseudo-terminal: the side of the keyboard and screen, and the side of the program.
    fn pty() -> (File, OwnedFd) {
        let (mut outside, mut inside) = (0, 0);
        // SAFETY: the call writes two descriptors, which have no other owner; the other pointers may be null.
        let both = unsafe {
            let (name, settings, size) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            syscall!(openpty(&raw mut outside, &raw mut inside, name, settings, size)).unwrap();
            (OwnedFd::from_raw_fd(outside), OwnedFd::from_raw_fd(inside))
        };
        (File::from(both.0), both.1)
    }

    fn echoes(terminal: BorrowedFd<'_>) -> bool {
        let mut settings = MaybeUninit::<libc::termios>::uninit();
        // SAFETY: the call fills the settings, or fails, and then `unwrap` ends the test.
        let settings = unsafe {
            syscall!(tcgetattr(terminal.as_raw_fd(), settings.as_mut_ptr())).unwrap();
            settings.assume_init()
        };
        settings.c_lflag & libc::ECHO != 0
    }

    #[test]
    fn what_is_typed_is_read_and_not_shown() {
        let (mut outside, inside) = pty();
        assert!(echoes(inside.as_fd()));
        let hidden = HiddenInput::new(inside.as_fd()).unwrap();
        assert!(!echoes(inside.as_fd()));
        outside.write_all(b"secret\nrest").unwrap();
        assert_eq!(hidden.read_line(), Ok(Some(b"secret".to_vec())));
        assert!(echoes(inside.as_fd()));
        File::from(inside).write_all(b"shown").unwrap();
        let mut seen = [0; 100];
        let n = outside.read(&mut seen).unwrap();
        assert_eq!(String::from_utf8_lossy(&seen[..n]), "shown");
    }

    #[test]
    fn other_files_are_no_terminals() {
        let null = File::open("/dev/null").unwrap();
        assert_eq!(HiddenInput::new(null.as_fd()).err().map(|error| error.errno()), Some(libc::ENOTTY));
    }

    #[test]
    fn a_signal_left_the_terminal_without_echo() {
        let (_outside, inside) = pty();
        let path = format!("/proc/{}/fd/{}", std::process::id(), inside.as_raw_fd());
        if !std::path::Path::new(&path).exists() {
            return; // only Linux has the path for the other process
        }
        let test = "terminal::tests::waiting_for_a_password";
        let ended = in_own_process(test, &[("TERMINAL", &path)]);
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(libc::SIGTERM), "{ended:?}");
        assert!(echoes(inside.as_fd()));
    }

    #[test]
    #[cfg(target_os = "linux")] // setsid(1), and the state in /proc
    fn asking_in_the_background_used_a_whole_processor() {
        let (_outside, inside) = pty();
        let script = "set -m; \"$0\" --exact terminal::tests::waiting_for_a_password --ignored & echo $!; read end";
        let mut shell = std::process::Command::new("setsid");
        shell.args(["--ctty", "sh", "-c", script]).arg(std::env::current_exe().unwrap()).env("TERMINAL", "/dev/tty");
        shell.env(crate::testing::OWN_PROCESS, "terminal::tests::waiting_for_a_password");
        let mut shell = shell.stdin(inside).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut output = std::io::BufReader::new(shell.stdout.take().unwrap());
        let mut pid = String::new();
        std::io::BufRead::read_line(&mut output, &mut pid).unwrap();
        let pid: c_int = pid.trim().parse().unwrap();
        let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let state = || stat().rsplit(") ").next().unwrap()[..1].to_owned();
        let begin = std::time::Instant::now();
        while state() != "T" && begin.elapsed() < std::time::Duration::from_secs(10) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let last = state();
        // SAFETY: the call takes no pointers; both processes are children of this test.
        unsafe { (libc::kill(pid, libc::SIGKILL), libc::kill(shell.id() as c_int, libc::SIGKILL)) };
        shell.wait().unwrap();
        assert_eq!(last, "T", "SIGTTOU has not stopped it");
    }

    #[test]
    #[ignore = "run in a process of its own, by a_signal_left_the_terminal_without_echo"]
    fn waiting_for_a_password() {
        assert_own_process("terminal::tests::waiting_for_a_password");
        let terminal = File::options().read(true).write(true).open(std::env::var("TERMINAL").unwrap()).unwrap();
        let hidden = HiddenInput::new(terminal.as_fd()).unwrap();
        assert!(!echoes(terminal.as_fd()));
        // SAFETY: the call takes no pointers. It interrupts the read(2) of this very thread, now or when it begins.
        let this = unsafe { libc::pthread_self() } as usize;
        std::thread::spawn(move || {
            loop {
                // SAFETY: the thread is there as long as the process.
                unsafe { libc::pthread_kill(this as libc::pthread_t, libc::SIGTERM) };
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        let line = hidden.read_line();
        panic!("the signal had no effect: {line:?}");
    }
}
