//! Whom and what a log line is about.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::net::Address;

/// What the log tells of a connection: "client: 127.0.0.1, server: example.org, request: "GET / HTTP/1.1"".
#[derive(Default)]
pub struct Subject {
    /// The client's address.
    pub client: Option<Address>,
    /// The virtual server's name.
    pub server: Option<Arc<dyn fmt::Display + Send + Sync>>,
    /// The request, in the words of its protocol.
    pub request: Option<Rc<dyn fmt::Display>>,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.client {
            Some(Address::Inet(address)) => write!(f, "client: {}", address.ip())?,
            Some(Address::Unix(_)) => f.write_str("client: unix:")?,
            None => return Ok(()),
        }
        // A server may have no name.
        if let Some(server) = self.server.as_ref().map(|s| s.to_string()).filter(|name| !name.is_empty()) {
            write!(f, ", server: {server}")?;
        }
        if let Some(request) = &self.request {
            write!(f, ", request: \"{request}\"")?;
        }
        Ok(())
    }
}
