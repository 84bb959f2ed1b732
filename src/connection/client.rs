//! The client of a connection.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use webserv_sys::net::Address;

/// The client's address in 20 bytes (an [`Address`] is longer): each idle connection has one.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Client {
    /// No client, in tests.
    #[default]
    Unknown,
    /// IPv4 or IPv6, with the port.
    Inet(IpAddr, u16),
    /// A unix socket. (Client sockets have no names.)
    Unix,
}

impl Client {
    /// The address. Returns `None` in tests.
    pub fn address(self) -> Option<Address> {
        match self {
            Client::Unknown => None,
            Client::Inet(ip, port) => Some(Address::Inet(SocketAddr::new(ip, port))),
            Client::Unix => Some(Address::Unix(PathBuf::new())),
        }
    }
}

impl From<&Address> for Client {
    fn from(address: &Address) -> Self {
        match address {
            Address::Inet(inet) => Client::Inet(inet.ip(), inet.port()),
            Address::Unix(_) => Client::Unix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_returns_the_address_that_it_was_made_of() {
        for address in ["192.0.2.7:40000", "[2001:db8::1]:5"] {
            let address = Address::Inet(address.parse().expect("an address"));
            assert_eq!(Client::from(&address).address(), Some(address));
        }
        let unix = Address::Unix(PathBuf::new());
        assert_eq!(Client::from(&unix).address(), Some(unix));
        assert_eq!(Client::default().address(), None);
    }
}
