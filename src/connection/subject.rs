//! The client and request of a log line.

use super::{Client, Connection, Identity, Transaction};
use crate::config::{ErrorLogDirective, Level, Settings};
use std::fmt;

/// What a log line says about its connection: the client, the server and the request.
pub struct Subject<'a> {
    settings: &'a Settings,
    client: Client,
    request: Option<&'a dyn fmt::Display>,
}

impl<'a> Subject<'a> {
    /// The least severe level that is logged.
    pub fn level(&self) -> Level {
        self.settings.error_level
    }

    /// The error logs of the location. `None` for those of the main level.
    pub fn logs(&self) -> Option<&'a [ErrorLogDirective]> {
        self.settings.error_logs.as_ref().map(|logs| &logs[..])
    }
}

impl Transaction {
    /// What log lines say about this transaction.
    pub fn about(&self, identity: &Identity) -> Subject<'_> {
        Subject { settings: self.settings(), client: self.client(identity), request: self.subject.as_deref() }
    }
}

impl Connection {
    /// What log lines say about a task of this connection that works for this transaction.
    pub fn about<'a>(&'a self, transaction: Option<&'a Transaction>) -> Subject<'a> {
        match transaction {
            Some(transaction) => transaction.about(&self.identity),
            None => {
                let (settings, request) = (&*self.route.settings, self.subject.as_deref());
                Subject { settings, client: self.identity.client(), request }
            }
        }
    }
}

/// For example: `client: 127.0.0.1, server: example.org, request: "GET / HTTP/1.1"`.
impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.client {
            Client::Inet(ip, _) => write!(f, "client: {ip}")?,
            Client::Unix => f.write_str("client: unix:")?,
            Client::Unknown => return Ok(()),
        }
        if !self.settings.server_name.is_empty() {
            write!(f, ", server: {}", self.settings.server_name)?;
        }
        if let Some(request) = self.request {
            write!(f, ", request: \"{request}\"")?;
        }
        Ok(())
    }
}
