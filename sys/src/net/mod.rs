//! Sockets: IPv4, IPv6 and unix streams. Every socket made here is non-blocking and closed on exec.
//!
//! [`sendv`] without `more` is writev(2), and sendfile(2) has no flags either: a process that uses them ignores
//! SIGPIPE. Rust's runtime does so before `main`; `spawn` gives children the default back.

mod address;
mod options;
mod transfer;

pub use address::{Address, UNIX_PATH_BYTES_MAX};
pub use options::{set_nodelay, set_nopush, set_receive_low_water, set_reset_on_close, set_reuse_port, take_error};
pub use transfer::{recv, send, sendv, shutdown_write};

use crate::{Error, Result};
use address::Raw;
use libc::c_int;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// How to listen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenOptions {
    /// How many connections the kernel holds until they are accepted; it caps this itself (`somaxconn` on Linux).
    pub backlog: i32,
    /// Lets several sockets listen on one address, among which the kernel spreads the connections. No effect on unix
    /// sockets and on macOS's kernel, where one socket gets them all.
    pub reuse_port: bool,
    /// An IPv6 socket does not take IPv4 clients too.
    pub ipv6_only: bool,
}

impl Default for ListenOptions {
    /// As in nginx: a backlog of 511, `ipv6only=on`, no `reuseport`.
    fn default() -> Self {
        Self { backlog: 511, reuse_port: false, ipv6_only: true }
    }
}

/// Opens a listening stream socket: socket(2), its options, bind(2), listen(2).
///
/// A unix socket's file that nobody listens on is removed first. Errors: `EADDRINUSE` (also for a unix path where
/// someone listens, or where something else than a socket stands), `EACCES` (a port below 1024), `EADDRNOTAVAIL`,
/// `ENAMETOOLONG`.
pub fn listen(address: &Address, options: &ListenOptions) -> Result<OwnedFd> {
    let raw = Raw::new(address, "bind")?;
    let socket = socket(family(address))?;
    match address {
        Address::Inet(inet) => {
            options::set_flag(socket.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, true)?;
            if options.reuse_port {
                options::set_flag(socket.as_fd(), libc::SOL_SOCKET, options::REUSE_PORT, true)?;
            }
            if let SocketAddr::V6(_) = inet {
                options::set_flag(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, options.ipv6_only)?;
            }
        }
        Address::Unix(path) => remove_stale(address, path)?,
    }
    // SAFETY: the descriptor is open; `raw` holds an address of `raw.length` bytes and outlives the call.
    unsafe { syscall!(bind(socket.as_raw_fd(), raw.as_ptr(), raw.length)) }?;
    set_backlog(socket.as_fd(), options.backlog)?;
    Ok(socket)
}

/// Sets how many connections the kernel holds for a bound socket until they are accepted, and begins to listen unless
/// it listens already: listen(2).
pub fn set_backlog(socket: BorrowedFd<'_>, backlog: i32) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(listen(socket.as_raw_fd(), backlog)) }.map(drop)
}

/// Removes the file of a unix socket that a former process left behind, so that bind(2) can make it anew.
///
/// connect(2) says `ECONNREFUSED` of a stale socket, but on Linux of a regular file too: that one stays.
fn remove_stale(address: &Address, path: &Path) -> Result<()> {
    if !std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket()) {
        return Ok(());
    }
    match connect(address) {
        Err(e) if e.errno() == libc::ECONNREFUSED => {}
        _ => return Ok(()), // bind(2) will say EADDRINUSE
    }
    std::fs::remove_file(path).map_err(|e| Error::new("unlink", e.raw_os_error().unwrap_or(libc::EIO)))
}

/// Takes one connection off a listening socket: accept4(2). The peer of a unix socket is mostly unnamed.
///
/// Errors: `EAGAIN` (none waits), `ECONNABORTED` (it is gone already), `EMFILE` and `ENFILE` (no descriptor is free;
/// the connection keeps waiting).
pub fn accept(listener: BorrowedFd<'_>) -> Result<(OwnedFd, Address)> {
    let mut peer = Raw::empty();
    let socket = accept_raw(listener, &mut peer)?;
    Ok((socket, peer.address()))
}

#[cfg(not(target_os = "macos"))]
fn accept_raw(listener: BorrowedFd<'_>, peer: &mut Raw) -> Result<OwnedFd> {
    let (address, length) = peer.as_mut_ptrs();
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the kernel writes at most `*length` bytes to `address`, which has as many; both outlive the call.
    let fd = unsafe { syscall!(accept4(listener.as_raw_fd(), address, length, flags)) }?;
    // SAFETY: the call has just opened this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(target_os = "macos")]
fn accept_raw(listener: BorrowedFd<'_>, peer: &mut Raw) -> Result<OwnedFd> {
    let (address, length) = peer.as_mut_ptrs();
    // SAFETY: the kernel writes at most `*length` bytes to `address`, which has as many; both outlive the call.
    let fd = unsafe { syscall!(accept(listener.as_raw_fd(), address, length)) }?;
    // SAFETY: the call has just opened this descriptor, nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    prepare(socket.as_fd())?;
    Ok(socket)
}

/// Begins a connection: connect(2) on a new socket. `EINPROGRESS` is no error: wait until the socket can be written,
/// then ask [`take_error`] how it ended.
///
/// Errors: at once for unix sockets (`ECONNREFUSED`, `ENOENT`, `EACCES`, `EAGAIN`: its backlog is full), later for
/// others.
pub fn connect(address: &Address) -> Result<OwnedFd> {
    let raw = Raw::new(address, "connect")?;
    let socket = socket(family(address))?;
    // SAFETY: the descriptor is open; `raw` holds an address of `raw.length` bytes and outlives the call.
    if attempt!("connect", unsafe { libc::connect(socket.as_raw_fd(), raw.as_ptr(), raw.length) }) == -1 {
        let error = Error::last("connect");
        // After EINTR the attempt goes on by itself, and calling again would be EALREADY.
        if error.errno() != libc::EINPROGRESS && error.errno() != libc::EINTR {
            return Err(error);
        }
    }
    Ok(socket)
}

/// Two unnamed unix stream sockets that are connected: socketpair(2).
pub fn pair() -> Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    // SAFETY: the call writes two descriptors to the array of two.
    unsafe { syscall!(socketpair(libc::AF_UNIX, libc::SOCK_STREAM | SOCKET_FLAGS, 0, fds.as_mut_ptr())) }?;
    // SAFETY: the call has just opened both descriptors, nobody else owns them.
    let ends = unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) };
    prepare(ends.0.as_fd())?;
    prepare(ends.1.as_fd())?;
    Ok(ends)
}

/// The address that this socket is bound to: getsockname(2).
pub fn local_address(socket: BorrowedFd<'_>) -> Result<Address> {
    let mut raw = Raw::empty();
    let (address, length) = raw.as_mut_ptrs();
    // SAFETY: the kernel writes at most `*length` bytes to `address`, which has as many; both outlive the call.
    unsafe { syscall!(getsockname(socket.as_raw_fd(), address, length)) }?;
    Ok(raw.address())
}

/// The address of the other side: getpeername(2). Errors: `ENOTCONN` (also: it has reset the connection).
pub fn peer_address(socket: BorrowedFd<'_>) -> Result<Address> {
    let mut raw = Raw::empty();
    let (address, length) = raw.as_mut_ptrs();
    // SAFETY: the kernel writes at most `*length` bytes to `address`, which has as many; both outlive the call.
    unsafe { syscall!(getpeername(socket.as_raw_fd(), address, length)) }?;
    Ok(raw.address())
}

fn family(address: &Address) -> c_int {
    match address {
        Address::Inet(SocketAddr::V4(_)) => libc::AF_INET,
        Address::Inet(SocketAddr::V6(_)) => libc::AF_INET6,
        Address::Unix(_) => libc::AF_UNIX,
    }
}

/// Flags that socket(2) takes beside the type; [`prepare`] does the rest.
#[cfg(not(target_os = "macos"))]
const SOCKET_FLAGS: c_int = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
#[cfg(target_os = "macos")]
const SOCKET_FLAGS: c_int = 0;

fn socket(family: c_int) -> Result<OwnedFd> {
    // SAFETY: the call takes no pointers.
    let fd = unsafe { syscall!(socket(family, libc::SOCK_STREAM | SOCKET_FLAGS, 0)) }?;
    // SAFETY: the call has just opened this descriptor, nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    prepare(socket.as_fd())?;
    Ok(socket)
}

/// Gives a new socket what the call that made it could not: nothing, where the kernel takes [`SOCKET_FLAGS`].
#[cfg(not(target_os = "macos"))]
fn prepare(_: BorrowedFd<'_>) -> Result<()> {
    Ok(())
}

/// Gives a new socket what the call that made it could not: the flags, and no SIGPIPE.
#[cfg(target_os = "macos")]
fn prepare(socket: BorrowedFd<'_>) -> Result<()> {
    crate::pipe::set_close_on_exec(socket)?;
    crate::pipe::set_nonblocking(socket, true)?;
    options::set_flag(socket, libc::SOL_SOCKET, libc::SO_NOSIGPIPE, true)
}

#[cfg(test)]
mod tests;
