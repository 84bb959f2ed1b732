//! What is spoken on an address.

use super::Settings;
use crate::password::Users;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What is spoken on an address. Its servers beside HTTP have a block of their own at the top level.
#[derive(Clone, Debug)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// The directory protocol (docs/directory.md).
    Directory(Arc<DirectoryServer>),
}

impl Protocol {
    /// Its name, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Protocol::Http => "HTTP",
            Protocol::Directory(_) => "the directory protocol",
        }
    }

    /// Whether several servers may have one address: a request of HTTP names the server that it is for.
    pub fn names_servers(&self) -> bool {
        matches!(self, Protocol::Http)
    }

    /// What a user opens, or types, to reach a server at this address.
    pub fn example(&self, address: &SocketAddr) -> String {
        match self {
            Protocol::Http => format!("http://{address}/"),
            Protocol::Directory(_) => format!("webserv dir {address}"),
        }
    }
}

/// A `server` in `directory`.
#[derive(Clone, Debug)]
pub struct DirectoryServer {
    /// How files are read: below `root`, and not through symbolic links.
    pub settings: Arc<Settings>,
    /// `users`: the users that may log in; None: no login is needed.
    pub users: Option<Arc<Users>>,
    /// `timeout`: the longest time for a line, and the longest pause while an answer is sent. Default 60 s.
    pub timeout: Duration,
}
