//! What a system call says when it fails.

use std::{fmt, io};

/// A failed call: which one, and its `errno`.
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

    /// The current thread's `errno`, said of `call`. Call it right after the failure.
    #[cold]
    pub fn last(call: &'static str) -> Self {
        Self { call, errno: io::Error::last_os_error().raw_os_error().unwrap_or(0) }
    }

    /// `EIO`: a file has become shorter than it was when its length was promised.
    pub const fn shrunk(call: &'static str) -> Self {
        Self::new(call, libc::EIO)
    }

    /// `ENOENT`: there is something of that name, and it is not what `call` was to find.
    pub const fn not_found(call: &'static str) -> Self {
        Self::new(call, libc::ENOENT)
    }

    /// `ELOOP`: a symbolic link stands where none may be followed.
    pub const fn link_refused(call: &'static str) -> Self {
        Self::new(call, libc::ELOOP)
    }

    /// `EEXIST`: the name that `call` was to give is taken.
    pub const fn taken(call: &'static str) -> Self {
        Self::new(call, libc::EEXIST)
    }

    /// `EBUSY`: another file system is mounted here, and `call` may not leave the one that it is on.
    pub const fn mounted(call: &'static str) -> Self {
        Self::new(call, libc::EBUSY)
    }

    /// `ESTALE`: what `call` has found is not what was there before.
    pub const fn replaced(call: &'static str) -> Self {
        Self::new(call, libc::ESTALE)
    }

    /// `EMLINK`: directories lie deeper in each other than `call` may go.
    pub const fn too_deep(call: &'static str) -> Self {
        Self::new(call, libc::EMLINK)
    }

    /// `ENOTSUP`: what `call` was to watch can change without a word.
    pub const fn not_watched(call: &'static str) -> Self {
        Self::new(call, libc::ENOTSUP)
    }

    /// `ECANCELED`: what `call` worked for has been ended by force.
    pub const fn cancelled(call: &'static str) -> Self {
        Self::new(call, libc::ECANCELED)
    }

    /// `ETIMEDOUT`: the other side took too long to let `call` go on.
    pub const fn timed_out(call: &'static str) -> Self {
        Self::new(call, libc::ETIMEDOUT)
    }

    /// The call that failed, by its man page's name.
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

    /// `EAGAIN` or `EWOULDBLOCK`: nothing is there now, wait for the kernel.
    pub fn would_block(&self) -> bool {
        self.errno == libc::EAGAIN || self.errno == libc::EWOULDBLOCK
    }

    /// `EMFILE`, `ENFILE`, `ENOBUFS` or `ENOMEM`: the process or the system has no more to give, for now.
    pub fn is_exhaustion(&self) -> bool {
        [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM].contains(&self.errno)
    }

    /// `ENOSPC`, `EDQUOT` or `EFBIG`: the disk, or the part of it that we may fill, is full.
    pub fn is_disk_full(&self) -> bool {
        [libc::ENOSPC, libc::EDQUOT, libc::EFBIG].contains(&self.errno)
    }

    /// `ENOTEMPTY`, or `EEXIST` for it: there are files in the directory.
    pub fn is_not_empty(&self) -> bool {
        [libc::ENOTEMPTY, libc::EEXIST].contains(&self.errno)
    }

    /// `EEXIST`: the name is taken.
    pub fn is_taken(&self) -> bool {
        self.errno == libc::EEXIST
    }

    /// `EISDIR`, `ENOTDIR`: a directory stands where a file should, or the other way round.
    pub fn is_wrong_kind(&self) -> bool {
        [libc::EISDIR, libc::ENOTDIR].contains(&self.errno)
    }

    /// `EBUSY`, `ESTALE`: something is mounted there, or it is not what it was a moment ago.
    pub fn is_busy(&self) -> bool {
        [libc::EBUSY, libc::ESTALE].contains(&self.errno)
    }

    /// `EXDEV`: the two names are not on one file system.
    pub fn is_cross_device(&self) -> bool {
        self.errno == libc::EXDEV
    }

    /// This system, or this file system, has not what was asked of it, and another way is to be found: `ENOSYS`,
    /// `EOPNOTSUPP`, `EINVAL`, and `EISDIR` from kernels that do not know O_TMPFILE.
    pub fn is_unsupported(&self) -> bool {
        [libc::ENOSYS, libc::EOPNOTSUPP, libc::ENOTSUP, libc::EINVAL, libc::EISDIR].contains(&self.errno)
    }

    /// `EPIPE`: nobody reads what is written.
    pub fn is_broken_pipe(&self) -> bool {
        self.errno == libc::EPIPE
    }

    /// `ESRCH`: there is no such process.
    pub fn is_no_process(&self) -> bool {
        self.errno == libc::ESRCH
    }

    /// `ETIMEDOUT`.
    pub fn is_timed_out(&self) -> bool {
        self.errno == libc::ETIMEDOUT
    }

    /// The file is not there, or its path leads nowhere: `ENOENT`, `ENOTDIR`, `ENAMETOOLONG`.
    pub fn is_not_found(&self) -> bool {
        [libc::ENOENT, libc::ENOTDIR, libc::ENAMETOOLONG].contains(&self.errno)
    }

    /// The file is there and not for us: `EACCES`, `EPERM`, `EROFS` (nobody may write there), and `ELOOP` or `EMLINK`
    /// where links are not followed.
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
