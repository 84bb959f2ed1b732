//! `fastcgi_pass`: what a FastCGI application receives, and what becomes of its records (FastCGI 1.0).

#[path = "fastcgi/answers.rs"]
mod answers;
mod harness;
#[path = "fastcgi/params.rs"]
mod params;
#[path = "fastcgi/records.rs"]
mod records;

use harness::gateways::{Ask, Protocol};
use harness::upstream::Upstream;
use harness::{Response, Server, site};

/// An application, and a server that passes requests to it with these directives.
fn fastcgi(directives: &str) -> (Upstream, Server) {
    let up = Upstream::tcp(Protocol::Fastcgi);
    let s =
        site(&format!("location / {{ {} {directives} }} location = /ok.txt {{ }}", up.pass()), &[("ok.txt", b"ok")]);
    (up, s)
}

/// Sends a request and answers it with 200. Returns what the application has received.
#[track_caller]
fn reached(up: &Upstream, s: &Server, request: impl AsRef<[u8]>) -> Ask {
    let mut client = s.connect();
    client.send(&request);
    let (mut peer, ask) = up.asked();
    peer.ok(b"");
    drop(peer);
    client.response().expect(200, &String::from_utf8_lossy(request.as_ref()));
    ask
}

/// GET of /a, answered with these bytes and the end of the connection.
#[track_caller]
fn answered(up: &Upstream, s: &Server, answer: impl AsRef<[u8]>) -> Response {
    let mut client = s.connect();
    client.send_get("/a");
    let (mut peer, _) = up.asked();
    peer.send(answer);
    drop(peer);
    client.response()
}
