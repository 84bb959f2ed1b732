//! The listening sockets.

use crate::config::{Address, Listener, SocketFile};
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use webserv_sys::file;
use webserv_sys::net::{self, ListenOptions};
use webserv_sys::{Error, Result, process};

/// A listening socket. Workers can share one through an `Arc`; it is closed when the last of them drops it.
pub struct Socket {
    /// The file of a unix socket. It is dropped before `fd`: while the socket is open, no new file can get its inode
    /// number.
    _name: Option<Name>,
    fd: OwnedFd,
    /// The address it is bound to. If port 0 was configured, this has the port that the kernel chose.
    address: Address,
    ipv6_only: bool,
    one_socket: bool,
    file: SocketFile,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Socket {
    fn open(listener: &Listener, at: &Address, reuse_port: bool) -> Result<Self> {
        let (backlog, ipv6_only, socket) = (listener.backlog, listener.ipv6only, listener.socket.clone());
        let options = ListenOptions { backlog, reuse_port, ipv6_only, socket };
        let fd = net::listen(at, &options)?;
        let (address, name) = match at {
            Address::Inet(_) => (net::local_address(fd.as_fd())?, None),
            Address::Unix(path) => (at.clone(), Some(Name::of(path, &listener.file)?)),
        };
        let socket = Self::of(listener, fd, address, name);
        socket.set_nodelay(listener);
        Ok(socket)
    }

    /// A socket that the master process has opened for this listener.
    fn adopt(listener: &Listener, fd: OwnedFd) -> Result<Self> {
        let (address, name) = match &listener.address {
            Address::Inet(_) => (net::local_address(fd.as_fd())?, None),
            Address::Unix(path) => (listener.address.clone(), Name::at(path)),
        };
        Ok(Self::of(listener, fd, address, name))
    }

    fn of(listener: &Listener, fd: OwnedFd, address: Address, name: Option<Name>) -> Self {
        let (ipv6_only, one_socket, file) = (listener.ipv6only, listener.one_socket, listener.file);
        Self { _name: name, fd, address, ipv6_only, one_socket, file }
    }

    /// Accepted sockets inherit this option, so that it does not need a call for each connection.
    fn set_nodelay(&self, listener: &Listener) {
        if let Address::Inet(_) = self.address {
            let _ = net::set_nodelay(self.as_fd(), listener.hosts.servers[0].settings.tcp_nodelay);
        }
    }

    /// True if this socket and one at `other` conflict: the kernel then allows both only with `SO_REUSEPORT` on each.
    fn meets(&self, other: &Address, other_ipv6_only: bool) -> bool {
        let (Address::Inet(a), Address::Inet(b)) = (&self.address, other) else {
            return self.address == *other;
        };
        let covers = |wide: &SocketAddr, narrow: &SocketAddr, ipv6_only: bool| {
            let family = wide.is_ipv4() == narrow.is_ipv4() || (wide.is_ipv6() && !ipv6_only);
            wide.ip().is_unspecified() && family
        };
        a.port() == b.port() && (a.ip() == b.ip() || covers(a, b, self.ipv6_only) || covers(b, a, other_ipv6_only))
    }
}

/// The file of a unix socket. Dropping this removes the file, unless another file has its name by then.
struct Name {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

impl Name {
    /// For a socket that was bound just now. Sets its owner and mode.
    fn of(path: &Path, file: &SocketFile) -> Result<Self> {
        let &SocketFile { mode, owner, group } = file;
        let failed = |call| move |e: std::io::Error| Error::new(call, e.raw_os_error().unwrap_or(0));
        // The owner first: until then nobody else may connect, whatever the mode will allow the new group.
        if owner.is_some() || group.is_some() {
            lchown(path, owner, group).map_err(failed("lchown"))?;
        }
        // Others may write in the directory: they could have put a link there since bind(2). The call also says that it
        // is not supported if it finds a link, so root, who may change any file, does not follow the path then.
        match file::chmod_no_follow(&file::c_path("fchmodat", path.as_os_str().as_bytes())?, mode) {
            Err(error) if error.is_unsupported() && process::effective_user() != 0 && is_socket(path) => {
                std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).map_err(failed("chmod"))?;
            }
            outcome => outcome?,
        }
        let device_and_inode = identity(path).map_err(failed("lstat"))?;
        Ok(Self { path: path.to_owned(), device_and_inode })
    }

    /// For a socket that the master process has bound. Returns None if the file cannot be seen: the master process
    /// removes it, too.
    fn at(path: &Path) -> Option<Self> {
        let device_and_inode = identity(path).ok()?;
        Some(Self { path: path.to_owned(), device_and_inode })
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.device_and_inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket())
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|m| (m.dev(), m.ino()))
}

/// For each listener, the socket of each worker: one of its own, or one that all share ([`spreads`]).
#[derive(Default)]
pub struct Sockets {
    listeners: Vec<(Listener, VecDeque<Option<Arc<Socket>>>)>,
}

impl Sockets {
    /// Takes this worker's socket of each listener. A second call for the same worker returns none.
    pub fn take(&mut self, worker: usize) -> Vec<(Listener, Arc<Socket>)> {
        let mine = |(listener, sockets): &mut (Listener, VecDeque<Option<Arc<Socket>>>)| {
            Some((listener.clone(), sockets.get_mut(worker)?.take()?))
        };
        self.listeners.iter_mut().filter_map(mine).collect()
    }

    /// Each socket, with the configured address of its listener: one for each worker.
    pub fn descriptors(&self) -> impl Iterator<Item = (&Address, BorrowedFd<'_>)> {
        self.listeners.iter().flat_map(|(listener, sockets)| {
            sockets.iter().flatten().map(move |socket| (&listener.address, socket.as_fd()))
        })
    }

    /// Continues with these listeners: keeps the sockets of their addresses, takes those of `fresh`, and closes the
    /// others.
    pub fn change(&mut self, listeners: &[Listener], fresh: Sockets) {
        let mut known = std::mem::take(&mut self.listeners);
        known.extend(fresh.listeners);
        for listener in listeners {
            if let Some(at) = known.iter().position(|(old, _)| old.address == listener.address) {
                self.listeners.push((listener.clone(), known.swap_remove(at).1));
            }
        }
    }

    /// The bound addresses, with the ports that the kernel chose for port 0, and their listeners.
    pub fn addresses(&self) -> Vec<(Address, &Listener)> {
        let first =
            self.listeners.iter().filter_map(|(listener, sockets)| Some((sockets.front()?.as_ref()?, listener)));
        first.map(|(socket, listener)| (socket.address.clone(), listener)).collect()
    }
}

/// All open listening sockets of this process, with the configured address of each. The references are weak, so that
/// this does not keep sockets open.
#[derive(Default)]
pub struct Open {
    sockets: Vec<(Address, Weak<Socket>)>,
}

impl Open {
    /// Opens the sockets of these listeners, for `workers` workers.
    ///
    /// With `SO_REUSEPORT`, bind(2) does not fail if another program of the same user listens with it, too. So each
    /// such address is first opened without the option, and closed again, before any socket is opened for use.
    ///
    /// # Errors
    /// The first address that cannot be opened, and why.
    pub fn open(&mut self, listeners: &[Listener], workers: usize) -> std::result::Result<Sockets, Refused> {
        self.sockets.retain(|(_, socket)| socket.strong_count() > 0);
        let mut shared = Vec::with_capacity(listeners.len());
        for listener in listeners {
            shared.push(self.prepare(listener, workers).map_err(|error| self.refused(listener, error))?);
        }
        let mut opened = Vec::with_capacity(listeners.len());
        for (listener, shared) in listeners.iter().zip(shared) {
            let sockets = open_all(listener, workers, shared).map_err(|error| self.refused(listener, error))?;
            opened.push((listener.clone(), sockets));
        }
        self.remember(&opened);
        Ok(Sockets { listeners: opened })
    }

    /// Takes the sockets that the master process has opened for these listeners, one for each worker. Of those that are
    /// the same socket, the workers share the first: the file of a unix socket is removed with its last owner.
    ///
    /// # Errors
    /// A socket is missing, or is not what it should be.
    pub fn adopt(
        &mut self,
        listeners: &[Listener],
        workers: usize,
        mut handed: Vec<(String, OwnedFd)>,
    ) -> std::result::Result<Sockets, Refused> {
        let mut opened = Vec::with_capacity(listeners.len());
        for listener in listeners {
            let name = listener.address.to_string();
            let mut sockets: VecDeque<Option<Arc<Socket>>> = VecDeque::with_capacity(workers);
            for _ in 0..workers {
                let at = handed.iter().position(|(address, _)| *address == name);
                let fd = at.map(|at| handed.remove(at).1).ok_or(Error::not_found("recvmsg"));
                if let (Ok(_), Some(first), false) = (&fd, sockets.front().cloned(), spreads(listener)) {
                    sockets.push_back(first);
                    continue;
                }
                let socket = fd.and_then(|fd| Socket::adopt(listener, fd));
                sockets.push_back(Some(Arc::new(socket.map_err(|error| self.refused(listener, error))?)));
            }
            opened.push((listener.clone(), sockets));
        }
        self.remember(&opened);
        Ok(Sockets { listeners: opened })
    }

    fn remember(&mut self, opened: &[(Listener, VecDeque<Option<Arc<Socket>>>)]) {
        for (listener, sockets) in opened {
            let known = sockets.iter().flatten().map(|s| (listener.address.clone(), Arc::downgrade(s)));
            self.sockets.extend(known);
        }
    }

    /// Returns whether the listener's sockets need `SO_REUSEPORT`. If so, sets it on our open sockets at that port, and
    /// checks that no other program listens there.
    fn prepare(&self, listener: &Listener, workers: usize) -> Result<bool> {
        let Address::Inet(address) = &listener.address else { return Ok(false) };
        let mut shared = (workers > 1 && spreads(listener)) || listener.overlaps || listener.reuseport;
        let mut ours_alone = false;
        for ours in self.in_the_way(listener) {
            // If the system cannot change an open socket, the next bind(2) fails and reports it.
            let _ = net::set_reuse_port(ours.as_fd(), true);
            (shared, ours_alone) = (true, true);
        }
        // Another process with `SO_REUSEPORT` could share the port, too. Only `reuseport` in the configuration allows
        // this.
        if shared && !ours_alone && !listener.reuseport && address.port() != 0 {
            Socket::open(listener, &listener.address, false)?;
        }
        Ok(shared)
    }

    /// Our open sockets that conflict with this listener. After a reload they are closed, or they stay open beside it.
    fn in_the_way(&self, listener: &Listener) -> impl Iterator<Item = Arc<Socket>> {
        let open = self.sockets.iter().filter_map(|(_, socket)| socket.upgrade());
        open.filter(|socket| socket.meets(&listener.address, listener.ipv6only))
    }

    fn refused(&self, listener: &Listener, error: Error) -> Refused {
        let ours = self.in_the_way(listener).next().map(|socket| socket.address.clone());
        Refused { address: listener.address.clone(), error, ours }
    }

    /// Applies the options of these listeners to their open sockets.
    pub fn adapt(&self, listeners: &[Listener]) {
        for listener in listeners {
            for socket in self.at(listener) {
                let _ = net::set_backlog(socket.as_fd(), listener.backlog);
                let _ = net::set_options(socket.as_fd(), &listener.socket);
                socket.set_nodelay(listener);
            }
        }
    }

    /// Our open sockets at the address of this listener.
    fn at(&self, listener: &Listener) -> impl Iterator<Item = Arc<Socket>> {
        self.sockets.iter().filter(|(address, _)| *address == listener.address).filter_map(|(_, s)| s.upgrade())
    }

    /// The options of these listeners that differ from those of the open sockets and cannot be changed, for messages.
    pub fn fixed_options(&self, listeners: &[Listener]) -> Vec<String> {
        let mut fixed = Vec::new();
        for listener in listeners {
            let mut differ = (false, false, false);
            for socket in self.at(listener) {
                differ.0 |= socket.ipv6_only != listener.ipv6only;
                differ.1 |= socket.one_socket != listener.one_socket;
                differ.2 |= socket.file != listener.file;
            }
            let options = [("ipv6only=", differ.0), ("reuseport=", differ.1), ("mode=, owner=, group=", differ.2)];
            let options = options.into_iter().filter(|(_, differs)| *differs);
            fixed.extend(options.map(|(option, _)| format!("\"{option}\" of {}", listener.address)));
        }
        fixed
    }
}

/// Whether each worker has a socket of its own, over which the kernel distributes the connections. Else all workers'
/// pollers watch one socket: all that wait are woken for a connection, and those that come too late get `EAGAIN`.
fn spreads(listener: &Listener) -> bool {
    // Only one socket can be bound to the path of a unix socket.
    net::reuseport_spreads() && !listener.one_socket && matches!(listener.address, Address::Inet(_))
}

/// Opens the sockets of one listener, one for each worker.
fn open_all(listener: &Listener, workers: usize, shared: bool) -> Result<VecDeque<Option<Arc<Socket>>>> {
    let first = Arc::new(Socket::open(listener, &listener.address, shared)?);
    let mut sockets = VecDeque::from([Some(Arc::clone(&first))]);
    for _ in 1..workers {
        sockets.push_back(Some(match spreads(listener) {
            true => Arc::new(Socket::open(listener, &first.address, shared)?),
            false => Arc::clone(&first),
        }));
    }
    Ok(sockets)
}

/// The error of an address that cannot be opened.
#[derive(Debug)]
pub struct Refused {
    address: Address,
    error: Error,
    /// The address of one of our open sockets that conflicts with it.
    ours: Option<Address>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.error)?;
        match (self.error.kind(), &self.ours) {
            (std::io::ErrorKind::AddrInUse, Some(ours)) => {
                write!(f, "; this server itself still listens on {ours}: stop it and start it again")
            }
            (std::io::ErrorKind::AddrInUse, None) => match &self.address {
                Address::Inet(_) => f.write_str("; another program listens there: stop it, or choose another port"),
                Address::Unix(_) => f.write_str("; another program listens there, or the file is not a socket"),
            },
            (std::io::ErrorKind::PermissionDenied, _) => match &self.address {
                Address::Inet(_) => f.write_str("; ports below 1024 need root"),
                Address::Unix(_) if self.error.call() == "lchown" => {
                    f.write_str("; only root can give it to another user, and others only to a group of theirs")
                }
                Address::Unix(_) => f.write_str("; the socket's directory must be writable"),
            },
            (std::io::ErrorKind::AddrNotAvailable, _) => f.write_str("; this machine has no such address"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests;
