//! The error of a failed system call.

use std::{fmt, io};

/// The name of a failed call, and its `errno`.
///
/// Displays as `accept4: Too many open files (os error 24)`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error {
    call: &'static str,
    errno: i32,
}

/// The result of a system call.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `call` with this `errno` value.
    pub const fn new(call: &'static str, errno: i32) -> Self {
        Self { call, errno }
    }

    /// An error of `call` with the current `errno`. Must be called right after the failed call.
    #[cold]
    pub fn last(call: &'static str) -> Self {
        Self { call, errno: io::Error::last_os_error().raw_os_error().unwrap_or(0) }
    }

    /// `EIO`: a file has become shorter since its length was announced.
    pub const fn shrunk(call: &'static str) -> Self {
        Self::new(call, libc::EIO)
    }

    /// `ENOENT`: the name exists, but it is not what `call` looks for.
    pub const fn not_found(call: &'static str) -> Self {
        Self::new(call, libc::ENOENT)
    }

    /// `ELOOP`: the path has a symbolic link that must not be followed.
    pub const fn link_refused(call: &'static str) -> Self {
        Self::new(call, libc::ELOOP)
    }

    /// `EEXIST`: the new name exists already.
    pub const fn taken(call: &'static str) -> Self {
        Self::new(call, libc::EEXIST)
    }

    /// `EBUSY`: another file system is mounted there, and `call` must stay on one file system.
    pub const fn mounted(call: &'static str) -> Self {
        Self::new(call, libc::EBUSY)
    }

    /// `ESTALE`: the file that `call` found is not the one that was there before.
    pub const fn replaced(call: &'static str) -> Self {
        Self::new(call, libc::ESTALE)
    }

    /// `EMLINK`: the directories are nested deeper than `call` may go.
    pub const fn too_deep(call: &'static str) -> Self {
        Self::new(call, libc::EMLINK)
    }

    /// `ENOTSUP`: the kernel does not report all changes of the file that `call` should watch.
    pub const fn not_watched(call: &'static str) -> Self {
        Self::new(call, libc::ENOTSUP)
    }

    /// `ECANCELED`: `call` was cancelled.
    pub const fn cancelled(call: &'static str) -> Self {
        Self::new(call, libc::ECANCELED)
    }

    /// `ETIMEDOUT`: the other side took too long.
    pub const fn timed_out(call: &'static str) -> Self {
        Self::new(call, libc::ETIMEDOUT)
    }

    /// `EPIPE`: the other side has ended.
    pub const fn closed(call: &'static str) -> Self {
        Self::new(call, libc::EPIPE)
    }

    /// The name of the failed call, as in its man page.
    pub fn call(&self) -> &'static str {
        self.call
    }

    /// The error number, as in errno(3).
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// The portable kind of this error number.
    pub fn kind(&self) -> io::ErrorKind {
        io::Error::from_raw_os_error(self.errno).kind()
    }

    /// `EAGAIN` or `EWOULDBLOCK`: the call cannot go on now; wait until the poller reports the descriptor.
    pub fn would_block(&self) -> bool {
        self.errno == libc::EAGAIN || self.errno == libc::EWOULDBLOCK
    }

    /// `EMFILE`, `ENFILE`, `ENOBUFS` or `ENOMEM`: the process or the system has no free descriptors or memory now.
    pub fn is_exhaustion(&self) -> bool {
        [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM].contains(&self.errno)
    }

    /// `EMFILE` or `ENFILE`: the process or the system has no free descriptor now.
    pub fn lacks_descriptors(&self) -> bool {
        [libc::EMFILE, libc::ENFILE].contains(&self.errno)
    }

    /// `ENOSPC`, `EDQUOT` or `EFBIG`: the disk is full, or a quota or the limit of the file size is reached.
    pub fn is_disk_full(&self) -> bool {
        [libc::ENOSPC, libc::EDQUOT, libc::EFBIG].contains(&self.errno)
    }

    /// `ENOTEMPTY`, or `EEXIST` on some systems: the directory is not empty.
    pub fn is_not_empty(&self) -> bool {
        [libc::ENOTEMPTY, libc::EEXIST].contains(&self.errno)
    }

    /// `EEXIST`: the name exists already.
    pub fn is_taken(&self) -> bool {
        self.errno == libc::EEXIST
    }

    /// `EISDIR`, `ENOTDIR`: a directory is where a file is expected, or the reverse.
    pub fn is_wrong_kind(&self) -> bool {
        [libc::EISDIR, libc::ENOTDIR].contains(&self.errno)
    }

    /// `EBUSY`, `ESTALE`: a file system is mounted there, or the file was replaced in the meantime.
    pub fn is_busy(&self) -> bool {
        [libc::EBUSY, libc::ESTALE].contains(&self.errno)
    }

    /// `EXDEV`: the two names are on different file systems.
    pub fn is_cross_device(&self) -> bool {
        self.errno == libc::EXDEV
    }

    /// The system or the file system may not support the call, so that the caller must use another one: `ENOSYS`,
    /// `EOPNOTSUPP`, `EINVAL`, `ENOTTY`, and `EISDIR` from kernels without O_TMPFILE. A seccomp(2) filter, as
    /// containers and service managers have, refuses calls with `EPERM`. If such an error has another reason, the other
    /// call fails, too.
    pub fn is_unsupported(&self) -> bool {
        let errnos =
            [libc::ENOSYS, libc::EOPNOTSUPP, libc::ENOTSUP, libc::EINVAL, libc::ENOTTY, libc::EISDIR, libc::EPERM];
        errnos.contains(&self.errno)
    }

    /// `ENOEXEC`: the file is neither a program nor a script with a `#!` line.
    pub fn is_no_program(&self) -> bool {
        self.errno == libc::ENOEXEC
    }

    /// `EPIPE`: the other end is closed.
    pub fn is_broken_pipe(&self) -> bool {
        self.errno == libc::EPIPE
    }

    /// ECONNRESET: the other side has given up the connection.
    pub fn is_connection_reset(&self) -> bool {
        self.errno == libc::ECONNRESET
    }

    /// `ECHILD`: there is no such child of this process.
    pub fn is_no_child(&self) -> bool {
        self.errno == libc::ECHILD
    }

    /// `ESRCH`: there is no such process.
    pub fn is_no_process(&self) -> bool {
        self.errno == libc::ESRCH
    }

    /// `ETIMEDOUT`.
    pub fn is_timed_out(&self) -> bool {
        self.errno == libc::ETIMEDOUT
    }

    /// `ENOENT`, `ENOTDIR`, `ENAMETOOLONG`: the file does not exist, or its path is not valid.
    pub fn is_not_found(&self) -> bool {
        [libc::ENOENT, libc::ENOTDIR, libc::ENAMETOOLONG].contains(&self.errno)
    }

    /// `EACCES`, `EPERM`, `EROFS` (a read-only file system): access is denied. Also `ELOOP` or `EMLINK` if symbolic
    /// links must not be followed.
    pub fn is_forbidden(&self) -> bool {
        [libc::EACCES, libc::EPERM, libc::EROFS, libc::ELOOP, libc::EMLINK].contains(&self.errno)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, io::Error::from_raw_os_error(self.errno))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(e: Error) -> Self {
        io::Error::from_raw_os_error(e.errno)
    }
}

#[cfg(any(target_os = "android", target_os = "openbsd", target_os = "netbsd"))]
use libc::__errno as errno_location;
#[cfg(target_os = "linux")]
use libc::__errno_location as errno_location;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "openbsd", target_os = "netbsd")))]
use libc::__error as errno_location;

/// Sets the current thread's `errno`.
#[cfg_attr(not(test), allow(dead_code, reason = "some systems and features need it"))]
pub(crate) fn set_errno(errno: i32) {
    // SAFETY: the location is this thread's errno, always valid.
    unsafe { *errno_location() = errno };
}

/// What a call returns; with the feature `faults`, `-1` without calling it if it is to fail.
macro_rules! attempt {
    ($name:expr, $call:expr) => {{
        #[cfg(feature = "faults")]
        let result = if $crate::fault::fails($name) { -1 } else { $call };
        #[cfg(not(feature = "faults"))]
        let result = $call;
        result
    }};
}

/// Calls a function of libc and turns `-1` into an [`Error`] that carries the function's name.
///
/// `syscall!(listen(fd, backlog))` is `Result<c_int>`; `syscall!(gettid = syscall(SYS_gettid))` calls by number.
/// Repeats after `EINTR`. The caller writes the `unsafe` block around it and says why it is sound.
macro_rules! syscall {
    ($call:ident ( $($arg:expr),* $(,)? )) => {
        syscall!($call = $call($($arg),*))
    };
    ($name:ident = $call:ident ( $($arg:expr),* $(,)? )) => {
        loop {
            let result = attempt!(stringify!($name), libc::$call($($arg),*));
            if result != -1 {
                break Ok(result);
            }
            let error = $crate::Error::last(stringify!($name));
            if error.errno() != libc::EINTR {
                break Err(error);
            }
        }
    };
}
