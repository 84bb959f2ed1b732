//! The sockets that the server listens on.

use crate::config::{Address, Listener};
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use webserv_sys::net::{self, ListenOptions};
use webserv_sys::{Error, Result};

/// A listening socket. Workers that share it hold it together; with the last of them it is closed.
pub struct Socket {
    /// The name of a unix socket. Dropped first: the open socket keeps its inode's number from being used anew.
    _name: Option<Name>,
    fd: OwnedFd,
    /// Where it listens; port 0 has become a number.
    address: Address,
    ipv6_only: bool,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Socket {
    fn open(listener: &Listener, at: &Address, reuse_port: bool) -> Result<Self> {
        let options = ListenOptions { backlog: listener.backlog, reuse_port, ipv6_only: listener.ipv6only };
        let fd = net::listen(at, &options)?;
        let (address, name) = match at {
            Address::Inet(_) => (net::local_address(fd.as_fd())?, None),
            Address::Unix(path) => (at.clone(), Some(Name::of(path)?)),
        };
        let socket = Self { _name: name, fd, address, ipv6_only: listener.ipv6only };
        socket.set_nodelay(listener);
        Ok(socket)
    }

    /// Accepted sockets inherit it: one call here instead of one for each connection.
    fn set_nodelay(&self, listener: &Listener) {
        if let Address::Inet(_) = self.address {
            let _ = net::set_nodelay(self.as_fd(), listener.hosts.servers[0].settings.tcp_nodelay);
        }
    }

    /// Whether the kernel lets this socket and one at `other` be only if both share their port.
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

/// A unix socket's file; removed with this value, unless another one stands there by then.
struct Name {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

impl Name {
    /// The name of a socket that was bound just now. Anyone may connect to it, as in nginx: who should not is kept out
    /// by the folder that it is in.
    fn of(path: &Path) -> Result<Self> {
        let failed = |call| move |e: std::io::Error| Error::new(call, e.raw_os_error().unwrap_or(0));
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o666)).map_err(failed("chmod"))?;
        let device_and_inode = identity(path).map_err(failed("lstat"))?;
        Ok(Self { path: path.to_owned(), device_and_inode })
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|now| now == self.device_and_inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|m| (m.dev(), m.ino()))
}

/// For each listener one socket per worker.
pub struct Sockets {
    listeners: Vec<(Listener, VecDeque<Option<Arc<Socket>>>)>,
}

impl Sockets {
    /// This worker's socket of each listener; each can be taken once.
    pub fn take(&mut self, worker: usize) -> Vec<(Listener, Arc<Socket>)> {
        let mine = |(listener, sockets): &mut (Listener, VecDeque<Option<Arc<Socket>>>)| {
            Some((listener.clone(), sockets.get_mut(worker)?.take()?))
        };
        self.listeners.iter_mut().filter_map(mine).collect()
    }

    /// The addresses of all listeners, with the numbers that the kernel gave for port 0.
    pub fn addresses(&self) -> Vec<(Address, &Listener)> {
        let first =
            self.listeners.iter().filter_map(|(listener, sockets)| Some((sockets.front()?.as_ref()?, listener)));
        first.map(|(socket, listener)| (socket.address.clone(), listener)).collect()
    }
}

/// All sockets of this process that are open, by listener. It keeps none of them open.
#[derive(Default)]
pub struct Open {
    sockets: Vec<(Address, Weak<Socket>)>,
}

impl Open {
    /// Opens all sockets of these listeners, for this number of workers.
    ///
    /// Sockets that share their port cannot show that another program listens there too. So each such address is first
    /// tried without sharing, before any of them is open for good.
    ///
    /// # Errors
    /// The first address that is refused, and why.
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
        for (listener, sockets) in &opened {
            let known = sockets.iter().flatten().map(|s| (listener.address.clone(), Arc::downgrade(s)));
            self.sockets.extend(known);
        }
        Ok(Sockets { listeners: opened })
    }

    /// Makes sure that the listener's sockets can share their port, or says that they need not.
    fn prepare(&self, listener: &Listener, workers: usize) -> Result<bool> {
        let Address::Inet(address) = &listener.address else { return Ok(false) };
        let mut shared = workers > 1 || listener.overlaps || listener.reuseport;
        let mut ours_alone = false;
        for ours in self.in_the_way(listener) {
            // Where the system cannot change an open socket, the next bind(2) says so.
            let _ = net::set_reuse_port(ours.as_fd(), true);
            (shared, ours_alone) = (true, true);
        }
        // A shared port is open to other processes that share it, too: only `reuseport` says that this is meant.
        if shared && !ours_alone && !listener.reuseport && address.port() != 0 {
            Socket::open(listener, &listener.address, false)?;
        }
        Ok(shared)
    }

    /// Sockets of ours that hold this listener's port: a reload is about to close them, or it is to stand beside them.
    fn in_the_way(&self, listener: &Listener) -> impl Iterator<Item = Arc<Socket>> {
        let open = self.sockets.iter().filter_map(|(_, socket)| socket.upgrade());
        open.filter(|socket| socket.meets(&listener.address, listener.ipv6only))
    }

    fn refused(&self, listener: &Listener, error: Error) -> Refused {
        let ours = self.in_the_way(listener).next().map(|socket| socket.address.clone());
        Refused { address: listener.address.clone(), error, ours }
    }

    /// Changes what can be changed of sockets that stay open. Returns what cannot, in words.
    pub fn adapt(&self, listeners: &[Listener]) -> Vec<String> {
        let mut fixed = Vec::new();
        for listener in listeners {
            let mut warned = false;
            let same = self.sockets.iter().filter(|(address, _)| *address == listener.address);
            for socket in same.filter_map(|(_, socket)| socket.upgrade()) {
                let _ = net::set_backlog(socket.as_fd(), listener.backlog);
                socket.set_nodelay(listener);
                if socket.ipv6_only != listener.ipv6only && !std::mem::replace(&mut warned, true) {
                    fixed.push(format!("\"ipv6only=\" of {}", listener.address));
                }
            }
        }
        fixed
    }
}

/// The sockets of one listener, one for each worker.
fn open_all(listener: &Listener, workers: usize, shared: bool) -> Result<VecDeque<Option<Arc<Socket>>>> {
    let first = Arc::new(Socket::open(listener, &listener.address, shared)?);
    let mut sockets = VecDeque::from([Some(Arc::clone(&first))]);
    for _ in 1..workers {
        sockets.push_back(Some(match first.address {
            Address::Inet(_) => Arc::new(Socket::open(listener, &first.address, shared)?),
            Address::Unix(_) => Arc::clone(&first), // a path has one socket
        }));
    }
    Ok(sockets)
}

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct Refused {
    address: Address,
    error: Error,
    /// Where this server itself listens, in the way of that.
    ours: Option<Address>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.error)?;
        match (self.error.kind(), &self.ours) {
            (std::io::ErrorKind::AddrInUse, Some(ours)) => {
                write!(f, "; this server itself still listens on {ours}: stop it and start it anew")
            }
            (std::io::ErrorKind::AddrInUse, None) => match &self.address {
                Address::Inet(_) => f.write_str("; another program listens there: stop it, or choose another port"),
                Address::Unix(_) => f.write_str("; another program listens there, or the file is no socket"),
            },
            (std::io::ErrorKind::PermissionDenied, _) => match &self.address {
                Address::Inet(_) => f.write_str("; ports below 1024 need root, others do not"),
                Address::Unix(_) => f.write_str("; the socket's folder must be writable"),
            },
            (std::io::ErrorKind::AddrNotAvailable, _) => f.write_str("; this machine has no such address"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests;
