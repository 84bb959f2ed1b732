//! Passes requests to servers behind this one: `proxy_pass`, `fastcgi_pass`, `scgi_pass`, `uwsgi_pass`.
//!
//! [`begin`] waits for the body if that is stored first. [`pass`] makes the request, and [`next_server`] chooses who
//! gets it. The tasks of `task/upstream` send it and read the answer, or report a failure: [`retry`] decides
//! whether another server is asked. [`answer`] takes the head of the answer.

mod accel;
mod answer;
mod cookies;
mod early;
mod ranges;
mod request;
mod retry;
mod rewrite;
mod store;
mod target;

pub(super) use answer::{answered, switched};
pub use early::{has_interim, take_interim};
pub(super) use retry::failed;

use super::next::Next;
use super::store::await_body;
use super::{choose, page};
use crate::balance::Ask;
use crate::config::{Balance, Gateway, GatewayProtocol, GatewayTarget, ProxyVersion};
use crate::connection::{Attempt, BodySink, Client, PassedBody, Passing, Servers, Stage, StoredBody, unlimited};
use crate::log::Level;
use crate::task::Work;
use crate::task::upstream::Connect;
use crate::upstreams::Peer;
use crate::vars;
use request::Made;
use std::rc::Rc;
use std::sync::Arc;
use webserv_sys::net::Address;

/// Begins to pass the request on.
pub(super) fn begin(w: &mut Work<'_>) -> Next {
    let Some(gateway) = w.t.settings().gateway.as_ref().map(Arc::clone) else { return page::refuse(w, 500) };
    let has_body = w.t.http.request_body.sink == BodySink::Handler && !w.t.http.as_get;
    let is_stored = !matches!(w.t.http.passed_mut().body, PassedBody::Empty | PassedBody::Stream);
    if !has_body || is_stored {
        return pass(w, &gateway);
    }
    if w.t.body.taken_bytes() > 0 {
        w.log(Level::Error, format_args!("a part of the request's body has been sent to another server already"));
        return page::refuse(w, 502);
    }
    await_body(w);
    if gateway.rules.request_buffering || needs_length(&gateway) && w.t.http.request_body.is_chunked() {
        return choose::spool(w);
    }
    w.t.body.release();
    w.t.http.passed_mut().body = PassedBody::Stream;
    pass(w, &gateway)
}

/// Whether the length of a body is said before it: one without a length is stored first, as in nginx, whatever
/// `_request_buffering` says.
fn needs_length(gateway: &Gateway) -> bool {
    match gateway.protocol {
        GatewayProtocol::Fastcgi => false,
        GatewayProtocol::Scgi | GatewayProtocol::Uwsgi => true,
        GatewayProtocol::Http => gateway.rules.proxy.version == ProxyVersion::Http10,
    }
}

/// All of the body has been stored.
pub(super) fn stored(w: &mut Work<'_>, stored: StoredBody) -> Next {
    let Some(gateway) = w.t.settings().gateway.as_ref().map(Arc::clone) else { return page::refuse(w, 500) };
    choose::note_body_file(w, &stored);
    let body = match stored.file {
        Some(file) => PassedBody::File(Rc::new(file), stored.bytes),
        None => PassedBody::Memory(Rc::from(w.t.body.contiguous())),
    };
    w.t.body.clear();
    w.t.http.passed_mut().body = body;
    pass(w, &gateway)
}

/// Makes the request and passes it to the first server.
fn pass(w: &mut Work<'_>, gateway: &Arc<Gateway>) -> Next {
    w.t.http.passed_mut().made_target = None;
    let mut target = match target::find(w, gateway) {
        Ok(found) => found,
        Err(status) => return page::refuse(w, status),
    };
    if matches!(gateway.target, GatewayTarget::Made(_)) {
        let made = gateway.protocol.host_and_port(&String::from_utf8_lossy(&target.host));
        target.host = made.0.clone().into_bytes();
        w.t.http.passed_mut().made_target = Some(made);
    }
    let Made { head, is_chunked, asks_upgrade, closes } = match request::make(w, gateway, &target) {
        Ok(made) => made,
        Err(status) => return page::refuse(w, status),
    };
    let keeps = !closes && may_keep(gateway, &target.servers);
    let passing = Passing::new(gateway, target.servers, w.now);
    w.t.http.passed_mut().now = Some(Passing { head: head.into(), is_chunked, asks_upgrade, keeps, ..passing });
    next_server(w, true)
}

/// Passes the request to a server that has not been asked. `is_first`: it is the first of its group.
fn next_server(w: &mut Work<'_>, is_first: bool) -> Next {
    let Some(mut passing) = w.t.http.passed_mut().now.take() else { return page::refuse(w, 500) };
    let begins_group = is_first && !w.t.http.passed_mut().attempts.is_empty();
    let Some(peer) = choose_peer(w, &mut passing) else {
        let name: Arc<str> = match &passing.servers {
            Servers::Group(upstream) => Arc::from(&upstream.name[..]),
            Servers::Made(_) => {
                let made = w.t.http.rare.passed.as_ref().and_then(|passed| passed.made_target.as_ref());
                Arc::from(made.map_or("", |(host, _)| host))
            }
        };
        w.log(Level::Error, format_args!("no server of \"{name}\" can be asked now: all have failed, or are full"));
        let attempt = Attempt { status: 502, ..Attempt::new(name, begins_group, w.now) };
        w.t.http.passed_mut().attempts.push(attempt);
        return page::refuse(w, 502);
    };
    let local = match bind_address(w, &passing.gateway) {
        Ok(local) => local,
        Err(status) => return page::refuse(w, status),
    };
    let idle = if local.is_none() { w.worker.upstreams.take_idle(&peer) } else { None };
    passing.is_kept = idle.is_some();
    passing.progress_at = w.now;
    (passing.is_sending, passing.anything_sent) = (false, false);
    passing.read_rate = unlimited(&passing.gateway.rules);
    let address = Address::clone(peer.address());
    let attempt = Attempt::new(Arc::clone(peer.name()), begins_group, w.now);
    passing.peer = Some(peer);
    let passed = w.t.http.passed_mut();
    passed.attempts.push(attempt);
    passed.now = Some(passing);
    match idle {
        Some(token) => {
            if let Some(attempt) = passed.attempt() {
                attempt.connected = Some(Default::default());
            }
            w.adopt(token);
        }
        None => w.join(Box::new(Connect::new(address, local))),
    }
    Next::Go(Stage::Handler)
}

/// Chooses a server that has not been asked.
fn choose_peer(w: &mut Work<'_>, passing: &mut Passing) -> Option<Peer> {
    let upstream = match &passing.servers {
        Servers::Group(upstream) => upstream,
        Servers::Made(made) => return made.choose(&mut passing.tried, w.now).ok(),
    };
    let key = match &upstream.balance {
        Balance::Hash { key, .. } => vars::expand(key, &w.worker.view(w.identity, w.t, w.now)),
        _ => Vec::new(),
    };
    let random = match upstream.balance {
        Balance::Random { .. } => w.worker.random.draw().map_or(0, |bytes| u128::from_ne_bytes(bytes) as u64),
        _ => 0,
    };
    let client = match w.t.client(w.identity) {
        Client::Inet(ip, _) => Some(ip),
        Client::Unix | Client::Unknown => None,
    };
    let place = Arc::as_ptr(&w.t.route.settings) as usize;
    let ask = Ask { client, key: &key, random, place };
    w.worker.upstreams.choose(upstream, &ask, &mut passing.tried, w.now).ok()
}

/// `_bind`: the local address of the connection.
fn bind_address(w: &mut Work<'_>, gateway: &Gateway) -> Result<Option<Address>, u16> {
    let Some(text) = &gateway.rules.bind else { return Ok(None) };
    let text = vars::expand(text, &w.worker.view(w.identity, w.t, w.now));
    let text = String::from_utf8_lossy(&text);
    if text.is_empty() || text == "off" {
        return Ok(None);
    }
    let ip = text.parse().map(|ip: std::net::IpAddr| (ip, 0).into());
    match text.parse().or(ip) {
        Ok(address) => Ok(Some(Address::Inet(address))),
        Err(_) => {
            let prefix = gateway.protocol.prefix();
            w.log(Level::Error, format_args!("{prefix}_bind: \"{}\" is no address", text.escape_debug()));
            Err(500)
        }
    }
}

/// Whether the connection may carry another request, by what the directives and the protocol say. As in nginx, a single
/// address that HTTP requests are passed to is asked to close.
fn may_keep(gateway: &Gateway, servers: &Servers) -> bool {
    if servers.keepalive().is_none() {
        return false;
    }
    let is_address = matches!(servers, Servers::Group(upstream) if upstream.is_implicit);
    match gateway.protocol {
        GatewayProtocol::Fastcgi => gateway.rules.fastcgi.keep_conn,
        GatewayProtocol::Http => gateway.rules.proxy.version == ProxyVersion::Http11 && !is_address,
        GatewayProtocol::Scgi | GatewayProtocol::Uwsgi => false,
    }
}

/// The bytes of the body that is passed on; `None` if the length is not known before its end.
fn body_bytes(w: &Work<'_>) -> Option<u64> {
    let http = &w.t.http;
    match http.rare.passed.as_ref().map_or(&PassedBody::Empty, |passed| &passed.body) {
        PassedBody::Empty => Some(0),
        PassedBody::Memory(bytes) => Some(bytes.len() as u64),
        PassedBody::File(_, bytes) => Some(*bytes),
        PassedBody::Stream => match http.request.as_ref().map(|request| request.framing) {
            Some(crate::http::Framing::Length(bytes)) => Some(bytes),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests;
