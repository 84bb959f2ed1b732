//! Stream sockets, and datagram sockets that only send: IPv4, IPv6 and unix. Every socket from here is non-blocking and
//! closed on exec.
//!
//! [`sendv`] without `more` is writev(2), which cannot suppress SIGPIPE, and neither can sendfile(2). So the process
//! must ignore or block SIGPIPE: Rust's runtime ignores it before `main`, and `spawn` resets it to the default in
//! children.

mod address;
mod options;
mod rights;
mod transfer;

pub use address::{Address, UNIX_PATH_BYTES_MAX};
pub use options::{
    SocketOptions, can_defer_accept, reuseport_spreads, set_keepalive, set_nodelay, set_nopush, set_options,
    set_receive_low_water, set_reset_on_close, set_reuse_port, take_error,
};
pub use rights::{Passed, Readiness, receive_descriptor, send_descriptor, wait_ready};
pub use transfer::{recv, send, sendv, shutdown_write};

use crate::{Error, Result};
use address::Raw;
use libc::c_int;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
#[cfg(not(target_os = "macos"))]
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Options of a listening socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenOptions {
    /// The maximum number of connections that wait for accept(2). The kernel may lower it (`somaxconn` on Linux).
    pub backlog: i32,
    /// Allows several sockets to listen on one address; the kernel distributes the connections among them. It has no
    /// effect on unix sockets. Not all kernels do that: see [`reuseport_spreads`].
    pub reuse_port: bool,
    /// An IPv6 socket does not accept IPv4 clients.
    pub ipv6_only: bool,
    /// What accepted sockets inherit.
    pub socket: SocketOptions,
}

impl Default for ListenOptions {
    /// nginx's defaults: a backlog of 511, `ipv6only=on`, no `reuseport`.
    fn default() -> Self {
        Self { backlog: 511, reuse_port: false, ipv6_only: true, socket: SocketOptions::default() }
    }
}

/// Opens a listening stream socket: socket(2), its options, bind(2), listen(2).
///
/// Removes the file of a unix socket first if no process listens on it. Errors: `EADDRINUSE` (also for a unix path with
/// a listening socket or another file), `EACCES` (a port below 1024), `EADDRNOTAVAIL`, `ENAMETOOLONG`.
pub fn listen(address: &Address, options: &ListenOptions) -> Result<OwnedFd> {
    let raw = Raw::new(address, "bind")?;
    let socket = socket(family(address), libc::SOCK_STREAM)?;
    match address {
        Address::Inet(inet) => {
            // Only a restart needs it: bind(2) tells if it does.
            let _ = options::set_flag(socket.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, true);
            if options.reuse_port {
                options::set_flag(socket.as_fd(), libc::SOL_SOCKET, options::REUSE_PORT, true)?;
            }
            if let SocketAddr::V6(_) = inet {
                options::set_flag(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, options.ipv6_only)?;
            }
        }
        Address::Unix(path) => remove_stale(address, path)?,
    }
    // Before listen(2): the size of the receive buffer decides what the handshake says.
    set_options(socket.as_fd(), &options.socket)?;
    // SAFETY: the descriptor is open; `raw` holds an address of `raw.length` bytes and outlives the call.
    unsafe { syscall!(bind(socket.as_raw_fd(), raw.as_ptr(), raw.length)) }?;
    set_backlog(socket.as_fd(), options.backlog)?;
    Ok(socket)
}

/// Sets the maximum number of connections that wait for accept(2), and starts to listen if the bound socket does not
/// listen yet: listen(2).
pub fn set_backlog(socket: BorrowedFd<'_>, backlog: i32) -> Result<()> {
    // SAFETY: the call takes no pointers.
    unsafe { syscall!(listen(socket.as_raw_fd(), backlog)) }.map(drop)
}

/// Removes the file of a unix socket that an earlier process left behind, so that bind(2) can create it again.
///
/// connect(2) fails with `ECONNREFUSED` for a stale socket, but on Linux also for a regular file, so the type is
/// checked first.
fn remove_stale(address: &Address, path: &Path) -> Result<()> {
    if !std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket()) {
        return Ok(());
    }
    match connect(address) {
        Err(e) if e.errno() == libc::ECONNREFUSED => {}
        _ => return Ok(()), // bind(2) will fail with EADDRINUSE
    }
    std::fs::remove_file(path).map_err(|e| Error::new("unlink", e.raw_os_error().unwrap_or(libc::EIO)))
}

/// Accepts one connection, with the client's address: accept4(2), or accept(2) and fcntl(2) if the kernel refuses that.
/// The client of a unix socket usually has no address.
///
/// Errors: `EAGAIN` (no connection waits), `ECONNABORTED` (the client has closed it already), `EMFILE` and `ENFILE` (no
/// free descriptor; the connection continues to wait).
pub fn accept(listener: BorrowedFd<'_>) -> Result<(OwnedFd, Address)> {
    let mut peer = Raw::empty();
    let socket = accept_raw(listener, &mut peer)?;
    Ok((socket, peer.address()))
}

/// The kernel has no accept4(2), or refuses it.
#[cfg(not(target_os = "macos"))]
static ACCEPT4_REFUSED: AtomicBool = AtomicBool::new(false);

#[cfg(not(target_os = "macos"))]
fn accept_raw(listener: BorrowedFd<'_>, peer: &mut Raw) -> Result<OwnedFd> {
    if !ACCEPT4_REFUSED.load(Relaxed) {
        match accept4_raw(listener, peer) {
            Err(error) if error.is_unsupported() => {}
            outcome => return outcome,
        }
    }
    let socket = accept_plain(listener, peer)?;
    ACCEPT4_REFUSED.store(true, Relaxed);
    crate::pipe::set_close_on_exec(socket.as_fd())?;
    crate::pipe::set_nonblocking(socket.as_fd(), true)?;
    Ok(socket)
}

#[cfg(not(target_os = "macos"))]
fn accept4_raw(listener: BorrowedFd<'_>, peer: &mut Raw) -> Result<OwnedFd> {
    let (address, length) = peer.as_mut_ptrs();
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the kernel writes at most `*length` bytes to `address`, which has as many; both outlive the call.
    let fd = unsafe { syscall!(accept4(listener.as_raw_fd(), address, length, flags)) }?;
    // SAFETY: the call has just opened this descriptor; it has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(target_os = "macos")]
fn accept_raw(listener: BorrowedFd<'_>, peer: &mut Raw) -> Result<OwnedFd> {
    let socket = accept_plain(listener, peer)?;
    prepare(socket.as_fd())?;
    Ok(socket)
}

/// accept(2): the socket has no flags yet.
fn accept_plain(listener: BorrowedFd<'_>, peer: &mut Raw) -> Result<OwnedFd> {
    let (address, length) = peer.as_mut_ptrs();
    // SAFETY: the kernel writes at most `*length` bytes to `address`, which has as many; both outlive the call.
    let fd = unsafe { syscall!(accept(listener.as_raw_fd(), address, length)) }?;
    // SAFETY: the call has just opened this descriptor; it has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Starts a connection: connect(2) on a new socket. `EINPROGRESS` is not an error: wait until the socket is writable,
/// then call [`take_error`] for the result.
///
/// Errors: at once for unix sockets (`ECONNREFUSED`, `ENOENT`, `EACCES`, `EAGAIN`: the backlog is full); for others, by
/// [`take_error`].
pub fn connect(address: &Address) -> Result<OwnedFd> {
    connect_from(address, None).map(|(socket, _)| socket)
}

/// The same from this local address: bind(2) before connect(2). Also returns whether the connection is there already.
///
/// Errors: also those of bind(2), `EADDRNOTAVAIL` and `EADDRINUSE`.
pub fn connect_from(address: &Address, local: Option<&Address>) -> Result<(OwnedFd, bool)> {
    let raw = Raw::new(address, "connect")?;
    let socket = socket(family(address), libc::SOCK_STREAM)?;
    if let Some(local) = local {
        let raw = Raw::new(local, "bind")?;
        // SAFETY: the descriptor is open; `raw` holds an address of `raw.length` bytes and outlives the call.
        unsafe { syscall!(bind(socket.as_raw_fd(), raw.as_ptr(), raw.length)) }?;
    }
    // SAFETY: the descriptor is open; `raw` holds an address of `raw.length` bytes and outlives the call.
    if attempt!("connect", unsafe { libc::connect(socket.as_raw_fd(), raw.as_ptr(), raw.length) }) == -1 {
        let error = Error::last("connect");
        // After EINTR the attempt continues in the kernel; a second call would fail with EALREADY.
        if error.errno() != libc::EINPROGRESS && error.errno() != libc::EINTR {
            return Err(error);
        }
        return Ok((socket, false));
    }
    Ok((socket, true))
}

/// A datagram socket that sends to this address: socket(2), connect(2), with UDP for an IP address. Neither waits.
///
/// Errors: for unix sockets `ECONNREFUSED`, `ENOENT`, `EACCES`, `EPROTOTYPE` (a stream socket is there); for others
/// `ENETUNREACH`. Whether somebody receives the datagrams is not known.
pub fn datagram_to(address: &Address) -> Result<OwnedFd> {
    let raw = Raw::new(address, "connect")?;
    let socket = socket(family(address), libc::SOCK_DGRAM)?;
    // SAFETY: the descriptor is open; `raw` holds an address of `raw.length` bytes and outlives the call.
    unsafe { syscall!(connect(socket.as_raw_fd(), raw.as_ptr(), raw.length)) }?;
    Ok(socket)
}

/// Two connected unix stream sockets without addresses: socketpair(2).
pub fn pair() -> Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    // SAFETY: the call writes two descriptors to the array of two.
    unsafe { syscall!(socketpair(libc::AF_UNIX, libc::SOCK_STREAM | SOCKET_FLAGS, 0, fds.as_mut_ptr())) }?;
    // SAFETY: the call has just opened both descriptors; they have no other owner.
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

/// The address of the other side: getpeername(2). Errors: `ENOTCONN` (not connected, or reset by the other side).
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

/// Flags for the type argument of socket(2). On macOS it takes none, and [`prepare`] sets them later.
#[cfg(not(target_os = "macos"))]
const SOCKET_FLAGS: c_int = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
#[cfg(target_os = "macos")]
const SOCKET_FLAGS: c_int = 0;

fn socket(family: c_int, kind: c_int) -> Result<OwnedFd> {
    // SAFETY: the call takes no pointers.
    let fd = unsafe { syscall!(socket(family, kind | SOCKET_FLAGS, 0)) }?;
    // SAFETY: the call has just opened this descriptor; it has no other owner.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    prepare(socket.as_fd())?;
    Ok(socket)
}

/// Does nothing: the kernel has set [`SOCKET_FLAGS`] already.
#[cfg(not(target_os = "macos"))]
fn prepare(_: BorrowedFd<'_>) -> Result<()> {
    Ok(())
}

/// Sets the flags of a new socket, which macOS's socket(2) cannot set, and `SO_NOSIGPIPE`.
#[cfg(target_os = "macos")]
fn prepare(socket: BorrowedFd<'_>) -> Result<()> {
    crate::pipe::set_close_on_exec(socket)?;
    crate::pipe::set_nonblocking(socket, true)?;
    options::set_flag(socket, libc::SOL_SOCKET, libc::SO_NOSIGPIPE, true)
}

#[cfg(test)]
mod tests;
