//! `resolver`: names that variables make are looked up while the server runs.
//!
//! The test plays the client, the name server and the server behind.

#[path = "resolver/faults.rs"]
mod faults;
#[path = "resolver/found.rs"]
mod found;
mod harness;
#[path = "resolver/servers.rs"]
mod servers;
#[path = "resolver/waiting.rs"]
mod waiting;

use harness::gateways::Protocol;
use harness::name_server::NameServer;
use harness::upstream::Upstream;
use harness::{Server, Setup, host};

/// A name server, a server behind, and a server that passes requests for /HOST there, by the name HOST. `options` are
/// those of `resolver`; more directives may follow behind a semicolon.
fn passing(options: &str) -> (NameServer, Upstream, Server) {
    let ns = NameServer::new();
    let (up, s) = passing_with(&ns.address().to_string(), options);
    (ns, up, s)
}

/// The same with these name servers.
fn passing_with(servers: &str, options: &str) -> (Upstream, Server) {
    let up = Upstream::tcp(Protocol::Http);
    let port = up.address.rsplit(':').next().expect("a port");
    let location = format!(
        "location ~ ^/(?<name>.*)$ {{ resolver {servers} {options}; proxy_pass http://$name:{port}/; \
         add_header X-To $upstream_addr always; }} location = /ok.txt {{ }}"
    );
    let s = Setup::new(&host(&location), &[("ok.txt", b"ok")]).main("error_log stderr info;").start();
    (up, s)
}

/// Answers the next request with 200, and returns the request's Host.
#[track_caller]
fn serve(up: &Upstream) -> String {
    let (mut peer, ask) = up.asked();
    peer.ok(b"well");
    ask.must("Host").split(':').next().expect("a host").to_owned()
}
