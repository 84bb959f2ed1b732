//! The addresses that the server listens on, and the servers behind them.

use super::{Address, NameMap, Protocol, Regex, Server};
use std::sync::Arc;
use webserv_sys::net::SocketOptions;

/// An address and the virtual hosts behind it.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The address.
    pub address: Address,
    /// `backlog=`: the number of completed connections that the kernel queues before accept(2). Default 511.
    pub backlog: i32,
    /// `reuseport`: other processes of the same user may listen here too, and the kernel distributes the connections.
    pub reuseport: bool,
    /// `reuseport=off`: all workers wait for connections on one socket, so that none waits for a busy worker. Default:
    /// each worker has its own, over which the kernel distributes the connections, if it does that
    /// ([`reuseport_spreads`](webserv_sys::net::reuseport_spreads)).
    pub one_socket: bool,
    /// A wildcard address and a specific one share the port; the kernel allows that only if both sockets have
    /// `SO_REUSEPORT`.
    pub overlaps: bool,
    /// `ipv6only=`: an IPv6 socket accepts no IPv4 connections. Default on; other addresses ignore it.
    pub ipv6only: bool,
    /// `sndbuf=`, `so_keepalive=` and the other options that connections inherit.
    pub socket: SocketOptions,
    /// `mode=`, `owner=`, `group=`: the file of a unix socket.
    pub file: SocketFile,
    /// `proxy_protocol`: each connection begins with a header of the PROXY protocol. Default off.
    pub proxy_protocol: bool,
    /// The servers behind the address. Shared, because each connection keeps the hosts that it was accepted with.
    pub hosts: Arc<Hosts>,
    /// What is spoken there.
    pub protocol: Protocol,
}

/// The file of a unix socket: who may write to it may connect (unix(7)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketFile {
    /// `mode=`: the permissions, whatever the umask is. Default 0666, as in nginx.
    pub mode: u32,
    /// `owner=`: the user's number. Default the user that starts the server.
    pub owner: Option<u32>,
    /// `group=`: the group's number. Default the group of the user that starts the server.
    pub group: Option<u32>,
}

impl Default for SocketFile {
    fn default() -> Self {
        Self { mode: 0o666, owner: None, group: None }
    }
}

/// The virtual hosts of one address.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// All servers; the first is the default server, in whatever order the file has them.
    pub servers: Vec<Arc<Server>>,
    /// Exact names in lower case, with the index in `servers`.
    pub exact: NameMap<usize>,
    /// `*.example.org` as ".example.org", the longest first.
    pub suffixes: Vec<(String, usize)>,
    /// `www.example.*` as "www.example.", the longest first.
    pub prefixes: Vec<(String, usize)>,
    /// `~EXPRESSION`, in the order of the files.
    pub regexes: Vec<(Regex, usize)>,
}
