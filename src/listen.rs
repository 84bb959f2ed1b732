//! The sockets that the server listens on.

use crate::config::{Address, Listener};
use std::collections::VecDeque;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use webserv_sys::net::{self, ListenOptions};
use webserv_sys::{Error, Result};

/// For each listener one socket per worker.
pub struct Sockets {
    listeners: Vec<(Listener, VecDeque<Option<OwnedFd>>)>,
}

impl Sockets {
    /// This worker's socket of each listener; each can be taken once.
    pub fn take(&mut self, worker: usize) -> Vec<(Listener, OwnedFd)> {
        let mine = |(listener, sockets): &mut (Listener, VecDeque<Option<OwnedFd>>)| {
            Some((listener.clone(), sockets.get_mut(worker)?.take()?))
        };
        self.listeners.iter_mut().filter_map(mine).collect()
    }

    /// The addresses that are listened on, with the numbers that the kernel gave for port 0.
    pub fn addresses(&self) -> Vec<Address> {
        let first = self.listeners.iter().filter_map(|(_, sockets)| sockets.front()?.as_ref());
        first.filter_map(|s| net::local_address(s.as_fd()).ok()).collect()
    }
}

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct Refused {
    address: Address,
    error: Error,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.address, self.error)?;
        match self.error.kind() {
            std::io::ErrorKind::AddrInUse => {
                f.write_str("; another program listens there: stop it, or choose another port")
            }
            std::io::ErrorKind::PermissionDenied => f.write_str("; ports below 1024 need root, others do not"),
            std::io::ErrorKind::AddrNotAvailable => f.write_str("; this machine has no such address"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Refused {}

/// Opens all sockets of these listeners, for so many workers.
///
/// # Errors
/// The first address that is refused, and why.
pub fn open(listeners: &[Listener], workers: usize) -> std::result::Result<Sockets, Refused> {
    let mut opened = Vec::with_capacity(listeners.len());
    for listener in listeners {
        let sockets =
            open_one(listener, workers).map_err(|error| Refused { address: listener.address.clone(), error })?;
        let inherited = listener.hosts.servers[0].settings.tcp_nodelay;
        for socket in sockets.iter().flatten().filter(|_| matches!(listener.address, Address::Inet(_))) {
            // Accepted sockets inherit it: one call here instead of one for each connection.
            let _ = net::set_nodelay(socket.as_fd(), inherited);
        }
        opened.push((listener.clone(), sockets));
    }
    Ok(Sockets { listeners: opened })
}

fn open_one(listener: &Listener, workers: usize) -> Result<VecDeque<Option<OwnedFd>>> {
    let alone = ListenOptions { backlog: listener.backlog, reuse_port: false, ipv6_only: listener.ipv6only };
    let first = net::listen(&listener.address, &alone)?;
    let Address::Inet(_) = listener.address else {
        // A path has one socket, which all workers share.
        let mut sockets = VecDeque::new();
        for _ in 1..workers {
            sockets.push_back(Some(first.try_clone().map_err(|_| Error::last("dup"))?));
        }
        sockets.push_back(Some(first));
        return Ok(sockets);
    };
    if workers == 1 && !listener.reuseport {
        return Ok(VecDeque::from([Some(first)]));
    }
    // The socket that did not share has shown that nobody else is there. Now one for each worker.
    let address = net::local_address(first.as_fd())?;
    drop(first);
    let shared = ListenOptions { reuse_port: true, ..alone };
    (0..workers).map(|_| net::listen(&address, &shared).map(Some)).collect()
}
