//! What servers behind this one can do wrong: what the client sees, what the log says, and that nothing is left over.
//!
//! Before the first byte of the answer has left, the client gets 502 or 504. After it, the answer is cut: it never
//! looks whole.

#[path = "upstream_faults/cut.rs"]
mod cut;
#[path = "upstream_faults/early.rs"]
mod early;
mod harness;
#[path = "upstream_faults/kept.rs"]
mod kept;
#[path = "upstream_faults/restart.rs"]
mod restart;

use harness::gateways::Protocol;
pub(crate) use harness::upstream::Fds;
use harness::upstream::{Peer, Upstream};
use harness::{Server, host, server, wait_for};

/// How a server behind ends, after its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// It closes.
    Close,
    /// It resets the connection.
    Reset,
    /// It keeps the connection open and is silent.
    Stay,
}

impl End {
    /// Ends so. The connection that stays is returned.
    fn of(self, peer: Peer) -> Option<Peer> {
        match self {
            End::Close => None,
            End::Reset => {
                peer.reset();
                None
            }
            End::Stay => Some(peer),
        }
    }
}

/// A server behind that the test plays, and a server that passes all requests below / to it, with these directives.
/// "PREFIX" in them stands for the family.
fn passing(protocol: Protocol, directives: &str) -> (Upstream, Server) {
    let up = Upstream::tcp(protocol);
    let s = to(&up, "", directives);
    (up, s)
}

/// A server that passes requests to a group with this one server, and these directives in the group and the location.
fn to(up: &Upstream, group: &str, directives: &str) -> Server {
    let directives = directives.replace("PREFIX", up.protocol.prefix());
    let location = format!("location / {{ {} {directives} }} location = /ok.txt {{ }}", up.protocol.pass("app"));
    let upstream = format!("upstream app {{ server {}; {group} }}", up.address);
    server(&(upstream + &host(&location)), &[("ok.txt", b"ok")])
}

/// The error log has a line on this request that names the server behind.
#[track_caller]
fn assert_logged(s: &Server, up: &str, request: &str) {
    let is_it = |line: &str| line.contains(request) && line.contains(up) && line.contains("[error]");
    wait_for(&format!("a line on {request:?} and {up}"), || s.said().lines().any(is_it).then_some(()));
}
