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

pub(super) use answer::{answered, redirected, switched};
pub use early::{has_interim, take_interim};
pub(super) use retry::failed;

use super::next::Next;
use super::page;
use super::stored_body::{await_body, note_body_file, spool};
use crate::balance::Ask;
use crate::config::{Balance, Gateway, GatewayProtocol, ProxyVersion};
use crate::connection::{Attempt, BodySink, Client, PassedBody, Passing, Servers, Stage, StoredBody, unlimited};
use crate::dns::{HostAddresses, ResolveError};
use crate::http::Framing;
use crate::log::Level;
use crate::task::Work;
use crate::task::upstream::Connect;
use crate::upstreams::{NoPeer, Peer};
use crate::vars;
use request::PassedHead;
use std::rc::Rc;
use std::sync::Arc;
use target::{Destination, TargetState};
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
    if gateway.rules.request_buffering || needs_length(w, &gateway) {
        return spool(w);
    }
    w.t.body.release();
    w.t.http.passed_mut().body = PassedBody::Stream;
    pass(w, &gateway)
}

/// Whether the head must have the length of the body, and only all of the body says it.
fn needs_length(w: &Work<'_>, gateway: &Gateway) -> bool {
    let is_chunked = w.t.http.request.as_ref().is_some_and(|request| request.framing == Framing::Chunked);
    is_chunked
        && match gateway.protocol {
            GatewayProtocol::Fastcgi => false,
            GatewayProtocol::Http => gateway.rules.proxy.version == ProxyVersion::Http10,
            GatewayProtocol::Scgi | GatewayProtocol::Uwsgi => true,
        }
}

/// All of the body has been stored.
pub(super) fn stored(w: &mut Work<'_>, stored: StoredBody) -> Next {
    let Some(gateway) = w.t.settings().gateway.as_ref().map(Arc::clone) else { return page::refuse(w, 500) };
    note_body_file(w, &stored);
    let body = match stored.file {
        Some(file) => PassedBody::File(Rc::new(file), stored.bytes),
        None => PassedBody::Memory(Rc::from(w.t.body.contiguous())),
    };
    w.t.body.clear();
    w.t.http.passed_mut().body = body;
    pass(w, &gateway)
}

/// Finds the servers, and passes the request to the first one.
fn pass(w: &mut Work<'_>, gateway: &Arc<Gateway>) -> Next {
    match target::find(w, gateway) {
        Ok(TargetState::Found(found)) => pass_to(w, gateway, found),
        Ok(TargetState::Asked) => Next::Go(Stage::Handler),
        Err(status) => page::refuse(w, status),
    }
}

/// Goes on when the host has been looked for.
pub(super) fn resolved(w: &mut Work<'_>, result: Result<HostAddresses, ResolveError>) -> Next {
    let Some(named) = w.t.http.passed_mut().named.take() else { return page::refuse(w, 500) };
    match result {
        Ok(addresses) => {
            let gateway = Arc::clone(&named.gateway);
            pass_to(w, &gateway, Destination::of_named(*named, &addresses))
        }
        Err(error) => {
            let host = named.host.escape_debug();
            w.log(Level::Error, format_args!("\"{host}\" could not be resolved ({error})"));
            page::refuse(w, 502)
        }
    }
}

/// Makes the request and passes it to the first of these servers.
fn pass_to(w: &mut Work<'_>, gateway: &Arc<Gateway>, mut target: Destination) -> Next {
    w.t.http.passed_mut().made_target = None;
    if let Some(host) = &mut target.made_host {
        let made = gateway.protocol.host_and_port(&String::from_utf8_lossy(host));
        *host = made.0.clone().into_bytes();
        w.t.http.passed_mut().made_target = Some(Box::new(made));
    }
    let PassedHead { head, is_chunked, asks_upgrade, closes } = match request::make(w, gateway, &target) {
        Ok(made) => made,
        Err(status) => return page::refuse(w, status),
    };
    let keeps = !closes && may_keep(gateway, &target.servers);
    let passing = Passing::new(gateway, target.servers, w.now);
    let passed = w.t.http.passed_mut();
    passed.now = Some(Passing { is_chunked, asks_upgrade, keeps, ..passing });
    passed.head = head;
    next_server(w, true)
}

/// Passes the request to a server that has not been asked. `is_first`: it is the first of its group.
fn next_server(w: &mut Work<'_>, is_first: bool) -> Next {
    let begins_group = is_first && !w.t.http.passed_mut().attempts.is_empty();
    match choose_peer(w) {
        Some(peer) => ask(w, peer, begins_group, true),
        None => refuse_without_peer(w, begins_group),
    }
}

/// Passes the request to this server. `may_be_kept`: also over a connection that has carried other requests.
fn ask(w: &mut Work<'_>, peer: Peer, begins_group: bool, may_be_kept: bool) -> Next {
    let local = match bind_address(w) {
        Ok(local) => local,
        Err(status) => {
            w.t.http.passed_mut().now = None;
            return page::refuse(w, status);
        }
    };
    let idle = if local.is_none() && may_be_kept { w.worker.upstreams.take_idle(&peer) } else { None };
    let mut attempt = Attempt::new(Arc::clone(peer.name()), begins_group, w.now);
    match idle {
        Some(token) => {
            attempt.connected = Some(Default::default());
            w.adopt(token);
        }
        None => w.join(Box::new(Connect::new(Address::clone(peer.address()), local))),
    }
    let now = w.now;
    let passed = w.t.http.passed_mut();
    passed.attempts.push(attempt);
    if let Some(passing) = &mut passed.now {
        passing.peer = Some(peer);
        passing.is_kept = idle.is_some();
        passing.progress_at = now;
        (passing.is_sending, passing.anything_sent) = (false, false);
        passing.read_rate = unlimited(&passing.gateway.rules);
    }
    Next::Go(Stage::Handler)
}

/// No server can be asked.
#[cold]
fn refuse_without_peer(w: &mut Work<'_>, begins_group: bool) -> Next {
    let passed = w.t.http.passed_mut();
    let name: Arc<str> = match passed.now.take().map(|passing| passing.servers) {
        Some(Servers::Group(upstream)) => Arc::from(&upstream.name[..]),
        _ => Arc::from(passed.made_target.as_ref().map_or("", |made| &made.0)),
    };
    let attempt = Attempt { status: 502, ..Attempt::new(Arc::clone(&name), begins_group, w.now) };
    passed.attempts.push(attempt);
    w.log(Level::Error, format_args!("\"{name}\" has {NoPeer}"));
    page::refuse(w, 502)
}

/// Chooses a server that has not been asked.
fn choose_peer(w: &mut Work<'_>) -> Option<Peer> {
    let Passing { servers, tried, .. } = w.t.http.passing_mut()?;
    let upstream = match servers {
        Servers::Group(upstream) => Arc::clone(upstream),
        Servers::Made(made) => return made.choose(tried, w.now).ok(),
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
    let tried = &mut w.t.http.passing_mut()?.tried;
    w.worker.upstreams.choose(&upstream, &ask, tried, w.now).ok()
}

/// `_bind`: the local address of the connection.
fn bind_address(w: &mut Work<'_>) -> Result<Option<Address>, u16> {
    let gateway = w.t.http.passing().map(|passing| &passing.gateway);
    let Some((gateway, text)) = gateway.and_then(|it| Some((it, it.rules.bind.as_ref()?))) else { return Ok(None) };
    let prefix = gateway.protocol.prefix();
    let text = vars::expand(text, &w.worker.view(w.identity, w.t, w.now));
    let text = String::from_utf8_lossy(&text);
    if text.is_empty() || text == "off" {
        return Ok(None);
    }
    let ip = text.parse().map(|ip: std::net::IpAddr| (ip, 0).into());
    match text.parse().or(ip) {
        Ok(address) => Ok(Some(Address::Inet(address))),
        Err(_) => {
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

/// The body that is passed on.
fn passed_body<'a>(w: &'a Work<'_>) -> &'a PassedBody {
    w.t.http.passed.as_ref().map_or(&PassedBody::Empty, |passed| &passed.body)
}

/// The bytes of the body that is passed on; `None` if the length is not known before its end.
fn body_bytes(w: &Work<'_>) -> Option<u64> {
    match passed_body(w) {
        PassedBody::Empty => Some(0),
        PassedBody::Memory(bytes) => Some(bytes.len() as u64),
        PassedBody::File(_, bytes) => Some(*bytes),
        PassedBody::Stream => match w.t.http.request.as_ref().map(|request| request.framing) {
            Some(crate::http::Framing::Length(bytes)) => Some(bytes),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests;
