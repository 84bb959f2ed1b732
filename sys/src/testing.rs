//! What several tests of this crate need.

use crate::Error;
use crate::file::{CWD, c_path};
use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A new, empty directory, removed with all that is in it when this value is dropped.
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

/// A path as the kernel takes it.
pub(crate) fn c(path: &Path) -> CString {
    c_path("test", path.as_os_str().as_encoded_bytes()).unwrap()
}

/// Which call failed, and how.
pub(crate) fn failure<T>(result: Result<T, Error>) -> (&'static str, i32) {
    let error = result.err().expect("the call succeeded");
    (error.call(), error.errno())
}

/// Waits until this descriptor can be read (`POLLIN`) or written (`POLLOUT`); fails the test after a minute.
pub(crate) fn wait_for(fd: BorrowedFd<'_>, events: libc::c_short) {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    // SAFETY: the kernel reads and writes the one pollfd.
    assert_eq!(unsafe { libc::poll(&raw mut poll, 1, 60_000) }, 1, "nothing happened within a minute");
}

/// `fcntl(fd, F_GETFD or F_GETFL)`.
pub(crate) fn flags(fd: BorrowedFd<'_>, command: libc::c_int) -> libc::c_int {
    // SAFETY: both commands take no argument.
    unsafe { libc::fcntl(fd.as_raw_fd(), command) }
}

/// Whether this descriptor has what every descriptor of the server has: closed on exec, and as blocking as said.
pub(crate) fn assert_flags(fd: BorrowedFd<'_>, is_nonblocking: bool) {
    assert_ne!(fd.as_raw_fd(), CWD.as_raw_fd());
    assert_eq!(flags(fd, libc::F_GETFD) & libc::FD_CLOEXEC, libc::FD_CLOEXEC, "closed on exec");
    assert_eq!(flags(fd, libc::F_GETFL) & libc::O_NONBLOCK != 0, is_nonblocking, "non-blocking");
}

/// Limits the number of descriptors of this process. For a test with a process of its own.
pub(crate) fn limit_descriptors(soft: libc::rlim_t, hard: libc::rlim_t) {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the call reads the one limit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

/// Set to the test's name in the process that [`in_own_process`] makes.
const OWN_PROCESS: &str = "WEBSERV_SYS_TEST";

/// Fails a test that is about to change the process that other tests run in too.
pub(crate) fn assert_own_process(test: &str) {
    let own = std::env::var(OWN_PROCESS).unwrap_or_default();
    assert_eq!(own, test, "this test only runs in a process of its own, made by another test");
}

/// Runs the ignored test of this name (`module::tests::name`) alone, on the main thread of a process of its own, for
/// what a test would do to all others: changing the process's zone, user, or limits.
pub(crate) fn in_own_process(test: &str, environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--test-threads=1", "--nocapture"]);
    command.env(OWN_PROCESS, test).envs(environment.iter().copied()).output().unwrap()
}

/// As [`in_own_process`], and the test passes there.
pub(crate) fn passes_in_own_process(test: &str, environment: &[(&str, &str)]) {
    let output = in_own_process(test, environment);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
