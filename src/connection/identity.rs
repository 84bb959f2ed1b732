//! What is known of a connection besides its bytes.

use super::Client;
use crate::http::proxy_protocol::Proxied;
use crate::route::ListenerState;
use std::rc::Rc;

/// The facts of a connection that do not change, except that a reload replaces the listener's state, and that the PROXY
/// protocol's header comes with the first bytes.
pub struct Identity {
    /// The listener that accepted the connection, with the configuration for the next request.
    pub listener: Rc<ListenerState>,
    /// The connection's serial number in its worker.
    pub number: u64,
    peer: Peer,
}

/// The other end of the socket.
enum Peer {
    Direct(Client),
    /// A proxy that has sent a header of the PROXY protocol. Few connections have one, so it is in a box.
    Proxy(Box<(Client, Proxied)>),
}

// Each idle connection has one.
const _: () = assert!(size_of::<Identity>() <= 40);

impl Identity {
    /// The facts of a connection that has just been accepted.
    pub fn new(listener: Rc<ListenerState>, number: u64, client: Client) -> Self {
        Self { listener, number, peer: Peer::Direct(client) }
    }

    /// An identity for tests, without a socket.
    #[cfg(test)]
    pub fn for_tests() -> Self {
        Self::new(Rc::new(ListenerState::for_tests()), 1, Client::Unknown)
    }

    /// The address of the other end of the socket. A request may have another client: see
    /// [`Transaction::client`](super::Transaction::client).
    #[inline]
    pub fn client(&self) -> Client {
        match &self.peer {
            Peer::Direct(client) => *client,
            Peer::Proxy(proxy) => proxy.0,
        }
    }

    /// What the PROXY protocol's header says. `None` if the listener expects none, or if it names no client.
    pub fn proxied(&self) -> Option<&Proxied> {
        match &self.peer {
            Peer::Direct(_) => None,
            Peer::Proxy(proxy) => Some(&proxy.1),
        }
    }

    /// The PROXY protocol's header has come.
    pub fn set_proxied(&mut self, proxied: Proxied) {
        self.peer = Peer::Proxy(Box::new((self.client(), proxied)));
    }
}
