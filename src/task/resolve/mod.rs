//! Names whose addresses are found while the server runs: `resolver`.
//!
//! A task that needs the addresses of a host waits: [`ResolveWait`] for a request, [`ResolveServer`] for a `server`
//! with `resolve`. The first one that waits for a host starts [`ResolveSend`], which opens a socket to a name server
//! and sends the questions; [`ResolveRead`] reads the answers from it. A socket carries one round of questions to one
//! name server. So each round has a port of its own, which an attacker has to guess as well as the ids, and the kernel
//! drops what comes from another address. For an answer that is cut off the next round is over TCP; for an alias, or
//! after a name server without an answer, it has another socket, too. Which names are known, and who waits, is in
//! [`HostNames`](crate::worker::HostNames).

mod host_query;
mod resolve_read;
mod resolve_send;
mod resolve_server;
mod resolve_wait;
mod wanted_host;

use host_query::HostQuery;
use resolve_read::ResolveRead;
use resolve_send::ResolveSend;
pub use resolve_server::ResolveServer;
pub use resolve_wait::ResolveWait;
use wanted_host::WantedHost;

#[cfg(test)]
mod tests;
