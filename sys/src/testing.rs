//! Helpers for the tests of this crate.

use crate::Error;
use crate::file::{CWD, c_path};
use crate::signal::Signal;
use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A new, empty directory. Dropping it removes the directory and its content.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("webserv-sys-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Makes a `CString` from a path.
pub(crate) fn c(path: &Path) -> CString {
    c_path("test", path.as_os_str().as_encoded_bytes()).unwrap()
}

/// The name of the call that failed, and its errno.
pub(crate) fn failure<T>(result: Result<T, Error>) -> (&'static str, i32) {
    let error = result.err().expect("the call succeeded");
    (error.call(), error.errno())
}

/// Waits until this descriptor is readable (`POLLIN`) or writable (`POLLOUT`); fails the test after a minute.
pub(crate) fn wait_for(fd: BorrowedFd<'_>, events: libc::c_short) {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    // SAFETY: the kernel reads and writes the one pollfd.
    assert_eq!(unsafe { libc::poll(&raw mut poll, 1, 60_000) }, 1, "nothing happened within a minute");
}

/// The flags of a descriptor: `fcntl(fd, F_GETFD)` or `fcntl(fd, F_GETFL)`.
pub(crate) fn flags(fd: BorrowedFd<'_>, command: libc::c_int) -> libc::c_int {
    // SAFETY: both commands take no argument.
    unsafe { libc::fcntl(fd.as_raw_fd(), command) }
}

/// Checks that this descriptor is closed on exec, and non-blocking as expected.
pub(crate) fn assert_flags(fd: BorrowedFd<'_>, is_nonblocking: bool) {
    assert_ne!(fd.as_raw_fd(), CWD.as_raw_fd());
    assert_eq!(flags(fd, libc::F_GETFD) & libc::FD_CLOEXEC, libc::FD_CLOEXEC, "closed on exec");
    assert_eq!(flags(fd, libc::F_GETFL) & libc::O_NONBLOCK != 0, is_nonblocking, "non-blocking");
}

/// Limits the descriptors of this process. Only for a test in a separate process.
pub(crate) fn limit_descriptors(soft: libc::rlim_t, hard: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the call reads the one limit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

/// The environment variable that [`in_own_process`] sets to the test's name.
pub(crate) const OWN_PROCESS: &str = "WEBSERV_SYS_TEST";

/// Fails the test if it does not run in its own process. For tests that change their process.
pub(crate) fn assert_own_process(test: &str) {
    let own = std::env::var(OWN_PROCESS).unwrap_or_default();
    assert_eq!(own, test, "another test runs this one, in a separate process");
}

/// Runs the ignored test of this name (`module::tests::name`) alone in a separate process, on its main thread. For
/// tests that would disturb others: they change the process's time zone, user or limits.
pub(crate) fn in_own_process(test: &str, environment: &[(&str, &str)]) -> Output {
    own_process(test).envs(environment.iter().copied()).output().unwrap()
}

fn own_process(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--test-threads=1", "--nocapture"]).env(OWN_PROCESS, test);
    command
}

/// Runs [`in_own_process`] and checks that the test passes.
pub(crate) fn passes_in_own_process(test: &str, environment: &[(&str, &str)]) {
    assert_passed(&in_own_process(test, environment));
}

/// The same, and all threads of that process block these signals: for tests that send signals to their process.
pub(crate) fn passes_with_blocked(test: &str, signals: &'static [Signal]) {
    let mut command = own_process(test);
    // SAFETY: the function only makes a system call, which is allowed between fork and execve.
    unsafe {
        command.pre_exec(|| crate::signal::block(signals).map_err(|e| std::io::Error::from_raw_os_error(e.errno())))
    };
    assert_passed(&command.output().unwrap());
}

fn assert_passed(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
