//! `proxy_pass`: requests are printed anew for the server behind, and its answers for the client.

#[path = "proxy/accel.rs"]
mod accel;
#[path = "proxy/bodies.rs"]
mod bodies;
#[path = "proxy/early.rs"]
mod early;
#[path = "proxy/fields.rs"]
mod fields;
mod harness;
#[path = "proxy/next.rs"]
mod next;
#[path = "proxy/paced.rs"]
mod paced;
#[path = "proxy/ranges.rs"]
mod ranges;
#[path = "proxy/request.rs"]
mod request;
#[path = "proxy/reuse.rs"]
mod reuse;
#[path = "proxy/rewritten.rs"]
mod rewritten;
#[path = "proxy/smuggling.rs"]
mod smuggling;
#[path = "proxy/store.rs"]
mod store;
#[path = "proxy/tunnel.rs"]
mod tunnel;
#[path = "proxy/uri.rs"]
mod uri;
#[path = "proxy/variables.rs"]
mod variables;

use harness::gateways::{Ask, Protocol};
use harness::upstream::Upstream;
use harness::{Response, Server, site};

/// A server behind, and one that passes all requests to it, with these directives in `location /`.
fn proxy(directives: &str) -> (Upstream, Server) {
    let up = Upstream::tcp(Protocol::Http);
    let s = site(&format!("location / {{ {} {directives} }}", up.pass()), &[("ok.txt", b"ok")]);
    (up, s)
}

/// Sends a request and answers it with 200 and no body. Returns what has reached the server behind.
#[track_caller]
fn reached(up: &Upstream, s: &Server, request: impl AsRef<[u8]>) -> Ask {
    let mut client = s.connect();
    client.send(&request);
    let (mut peer, ask) = up.asked();
    peer.ok(b"");
    client.response().expect(200, &String::from_utf8_lossy(request.as_ref()));
    ask
}

/// Sends a request and answers it with these bytes and the end of the connection. Returns what the client gets.
#[track_caller]
fn answered(up: &Upstream, s: &Server, request: &str, answer: impl AsRef<[u8]>) -> Response {
    let mut client = s.connect();
    client.send(request);
    let (mut peer, _) = up.asked();
    peer.send(answer);
    drop(peer);
    client.response()
}

const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
