//! Socket options: setsockopt(2) and getsockopt(2).

use crate::{Error, Result};
use libc::c_int;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The option that distributes connections over all sockets that listen on one address. On FreeBSD `SO_REUSEPORT` does
/// not do this.
#[cfg(target_os = "freebsd")]
pub(super) const REUSE_PORT: c_int = libc::SO_REUSEPORT_LB;
#[cfg(not(target_os = "freebsd"))]
pub(super) const REUSE_PORT: c_int = libc::SO_REUSEPORT;

/// True if the kernel distributes connections over all sockets of one address that have this option. On NetBSD, OpenBSD
/// and macOS one of them gets all connections, so that several threads need one socket together.
pub const fn reuseport_spreads() -> bool {
    cfg!(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly"))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const NO_PUSH: Option<c_int> = Some(libc::TCP_CORK);
#[cfg(target_os = "netbsd")]
const NO_PUSH: Option<c_int> = None;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "netbsd")))]
const NO_PUSH: Option<c_int> = Some(libc::TCP_NOPUSH);

/// Options of a listening socket. Accepted sockets inherit them, or they say when a connection is accepted. None and
/// false leave the default of the kernel.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct SocketOptions {
    /// The send buffer in bytes: `SO_SNDBUF` in socket(7). The kernel doubles it, and has limits.
    pub send_buffer: Option<i32>,
    /// The receive buffer in bytes: `SO_RCVBUF`.
    pub receive_buffer: Option<i32>,
    /// A connection is accepted when its first bytes have come: `TCP_DEFER_ACCEPT` in tcp(7). Linux only.
    pub deferred: bool,
    /// The number of connections that wait for the end of their handshake after they have sent data: `TCP_FASTOPEN`.
    pub fastopen: Option<i32>,
    /// Probes of idle connections: `SO_KEEPALIVE`.
    pub keepalive: Option<bool>,
    /// Seconds of silence before the first probe: `TCP_KEEPIDLE`.
    pub keepalive_idle_secs: Option<i32>,
    /// Seconds between two probes: `TCP_KEEPINTVL`.
    pub keepalive_interval_secs: Option<i32>,
    /// Probes without an answer before the connection is given up: `TCP_KEEPCNT`.
    pub keepalive_probes: Option<i32>,
}

/// Whether this system can defer accept(2) until a client has sent something.
pub const fn can_defer_accept() -> bool {
    cfg!(any(target_os = "linux", target_os = "android"))
}

/// Sets these options. Those that this system does not have, or not for this kind of socket, are left out.
pub fn set_options(socket: BorrowedFd<'_>, options: &SocketOptions) -> Result<()> {
    let level = libc::SOL_SOCKET;
    let keepalive = options.keepalive.map(c_int::from);
    for (option, value) in [
        (libc::SO_SNDBUF, options.send_buffer),
        (libc::SO_RCVBUF, options.receive_buffer),
        (libc::SO_KEEPALIVE, keepalive),
    ] {
        set_if_given(socket, level, Some(option), value)?;
    }
    for (option, value) in [
        (DEFER_ACCEPT, options.deferred.then_some(DEFER_SECS)),
        (FAST_OPEN, options.fastopen),
        (PROBES[0], options.keepalive_idle_secs),
        (PROBES[1], options.keepalive_interval_secs),
        (PROBES[2], options.keepalive_probes),
    ] {
        set_if_given(socket, libc::IPPROTO_TCP, option, value)?;
    }
    Ok(())
}

/// How long the kernel waits for a client's first bytes. It rounds this up to a whole number of its resent segments.
const DEFER_SECS: c_int = 1;

#[cfg(any(target_os = "linux", target_os = "android"))]
const DEFER_ACCEPT: Option<c_int> = Some(libc::TCP_DEFER_ACCEPT);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const DEFER_ACCEPT: Option<c_int> = None;

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
const FAST_OPEN: Option<c_int> = Some(libc::TCP_FASTOPEN);
#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
const FAST_OPEN: Option<c_int> = None;

/// The options for idle time, interval and number of probes.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "netbsd"))]
const PROBES: [Option<c_int>; 3] = [Some(libc::TCP_KEEPIDLE), Some(libc::TCP_KEEPINTVL), Some(libc::TCP_KEEPCNT)];
#[cfg(target_os = "macos")]
const PROBES: [Option<c_int>; 3] = [Some(libc::TCP_KEEPALIVE), Some(libc::TCP_KEEPINTVL), Some(libc::TCP_KEEPCNT)];
#[cfg(any(target_os = "openbsd", target_os = "dragonfly", target_os = "ios"))]
const PROBES: [Option<c_int>; 3] = [None; 3];

fn set_if_given(socket: BorrowedFd<'_>, level: c_int, option: Option<c_int>, value: Option<c_int>) -> Result<()> {
    let (Some(option), Some(value)) = (option, value) else { return Ok(()) };
    match set(socket, level, option, value) {
        Err(error) if error.is_unsupported() => Ok(()),
        outcome => outcome,
    }
}

/// Sends small segments at once (disables Nagle's algorithm): `TCP_NODELAY` in tcp(7). On Linux and FreeBSD, accepted
/// sockets inherit it from the listening socket. Errors: `EOPNOTSUPP` (or `EINVAL`) on unix sockets.
pub fn set_nodelay(socket: BorrowedFd<'_>, on: bool) -> Result<()> {
    set_flag(socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, on)
}

/// Sends probes on a connection that is silent, so that one whose other side has gone is found: `SO_KEEPALIVE` in
/// socket(7).
pub fn set_keepalive(socket: BorrowedFd<'_>) -> Result<()> {
    set_flag(socket, libc::SOL_SOCKET, libc::SO_KEEPALIVE, true)
}

/// Delays partial segments until the option is off again: `TCP_CORK` (Linux) or `TCP_NOPUSH` (BSDs) in tcp(7), tcp(4).
/// Errors: `EOPNOTSUPP` (or `EINVAL`) on unix sockets; `ENOSYS` on NetBSD, which has no such option.
pub fn set_nopush(socket: BorrowedFd<'_>, on: bool) -> Result<()> {
    let option = NO_PUSH.ok_or(Error::new("setsockopt", libc::ENOSYS))?;
    set_flag(socket, libc::IPPROTO_TCP, option, on)
}

/// Sets the number of bytes that must arrive before a poller reports the socket as readable: `SO_RCVLOWAT` in
/// socket(7), default 1. The receive buffer grows to twice this number. EOF, errors and a full buffer are always
/// reported, and reads return the bytes that are there. Errors: `ENOSYS` on other systems than Linux, since they do not
/// report a buffer that is full of small segments.
pub fn set_receive_low_water(socket: BorrowedFd<'_>, bytes: usize) -> Result<()> {
    if cfg!(not(any(target_os = "linux", target_os = "android"))) {
        return Err(Error::new("setsockopt", libc::ENOSYS));
    }
    set(socket, libc::SOL_SOCKET, libc::SO_RCVLOWAT, c_int::try_from(bytes).unwrap_or(c_int::MAX))
}

/// Allows other sockets of this user with the same option to listen on the same address, or on a wildcard or specific
/// address with the same port: `SO_REUSEPORT` in socket(7). On Linux this also works while the socket listens.
pub fn set_reuse_port(socket: BorrowedFd<'_>, on: bool) -> Result<()> {
    set_flag(socket, libc::SOL_SOCKET, REUSE_PORT, on)
}

/// Makes close(2) discard unsent bytes and send RST: `SO_LINGER` with 0 s in socket(7). For clients that time out.
pub fn set_reset_on_close(socket: BorrowedFd<'_>) -> Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_LINGER, libc::linger { l_onoff: 1, l_linger: 0 })
}

/// Returns and clears the pending error of a socket, for example of a connection attempt: `SO_ERROR` in socket(7).
///
/// The error names connect(2), since it usually comes from there.
pub fn take_error(socket: BorrowedFd<'_>) -> Result<()> {
    let mut errno: c_int = 0;
    let mut length = mem::size_of::<c_int>() as libc::socklen_t;
    let to = (&raw mut errno).cast();
    // SAFETY: the kernel writes at most `length` bytes, the size of `errno`; both outlive the call.
    unsafe { syscall!(getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ERROR, to, &raw mut length)) }?;
    if errno == 0 { Ok(()) } else { Err(Error::new("connect", errno)) }
}

pub(super) fn set_flag(socket: BorrowedFd<'_>, level: c_int, option: c_int, on: bool) -> Result<()> {
    set(socket, level, option, c_int::from(on))
}

fn set<T: Copy>(socket: BorrowedFd<'_>, level: c_int, option: c_int, value: T) -> Result<()> {
    let (from, length) = ((&raw const value).cast(), mem::size_of::<T>() as libc::socklen_t);
    // SAFETY: the kernel reads `length` bytes from `value`, which has as many and outlives the call.
    unsafe { syscall!(setsockopt(socket.as_raw_fd(), level, option, from, length)) }.map(drop)
}
