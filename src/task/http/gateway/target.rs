//! Which servers a request is passed to: a group, an address, or what variables say.

use crate::config::{Address, Gateway, GatewayProtocol, GatewayTarget};
use crate::connection::Servers;
use crate::log::Level;
use crate::task::Work;
use crate::upstreams::MadeUpstream;
use crate::vars;
use std::sync::Arc;

/// The servers that may get the request.
pub(super) struct Destination {
    pub servers: Servers,
    /// The path and query that variables have made, with all of the URL.
    pub uri: Option<Vec<u8>>,
    /// `$proxy_host`
    pub host: Vec<u8>,
}

/// Finds the servers.
///
/// # Errors
/// The status of a refusal: the variables make no address, or no name server knows the name.
pub(super) fn find(w: &mut Work<'_>, gateway: &Gateway) -> Result<Destination, u16> {
    match &gateway.target {
        GatewayTarget::Upstream(upstream) => {
            let (servers, host) = (Servers::Group(Arc::clone(upstream)), gateway.host.clone().into_bytes());
            Ok(Destination { servers, uri: None, host })
        }
        GatewayTarget::Made(text) => {
            let made = vars::expand(text, &w.worker.view(w.identity, w.t, w.now));
            let made = String::from_utf8_lossy(&made).into_owned();
            of_text(w, gateway.protocol, &made)
        }
    }
}

/// The servers that a text names.
fn of_text(w: &mut Work<'_>, protocol: GatewayProtocol, text: &str) -> Result<Destination, u16> {
    let Some((authority, uri)) = split(protocol, text) else {
        let prefix = protocol.prefix();
        w.log(Level::Error, format_args!("{prefix}_pass: \"{}\" names no server", text.escape_debug()));
        return Err(500);
    };
    let (uri, host) = (uri.map(|uri| uri.as_bytes().to_vec()), authority.as_bytes().to_vec());
    let listener = &w.identity.listener;
    let groups = &listener.routes.config().upstreams;
    if let Some(upstream) = groups.iter().find(|group| group.name.eq_ignore_ascii_case(authority)) {
        return Ok(Destination { servers: Servers::Group(Arc::clone(upstream)), uri, host });
    }
    let default_port = if protocol == GatewayProtocol::Http { Some(80) } else { None };
    match address(authority, default_port) {
        Some(address) => {
            let servers = Servers::Made(MadeUpstream::new(authority, vec![address]));
            Ok(Destination { servers, uri, host })
        }
        None => by_name(w, authority, default_port, uri, host),
    }
}

/// Splits what `_pass` makes of variables into the server and the path.
fn split(protocol: GatewayProtocol, text: &str) -> Option<(&str, Option<&str>)> {
    let rest = match protocol {
        GatewayProtocol::Http => text.strip_prefix("http://")?,
        _ => text,
    };
    if rest.is_empty() {
        return None;
    }
    if protocol != GatewayProtocol::Http {
        return Some((rest, None));
    }
    if let Some(path) = rest.strip_prefix("unix:") {
        return match path.split_once(':') {
            Some((_, uri)) => Some((&rest[..rest.len() - uri.len() - 1], Some(uri).filter(|uri| !uri.is_empty()))),
            None => Some((rest, None)),
        };
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, uri) = rest.split_at(end);
    (!authority.is_empty()).then_some((authority, Some(uri).filter(|uri| !uri.is_empty())))
}

/// The address that a text is, if it is no name.
fn address(text: &str, default_port: Option<u16>) -> Option<Address> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Some(Address::Unix(path.into()));
    }
    let ip = || text.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>().ok();
    match text.parse::<std::net::SocketAddr>() {
        Ok(address) => Some(Address::Inet(address)),
        Err(_) => Some(Address::Inet((ip()?, default_port?).into())),
    }
}

/// A name that is known only while the server runs: `resolver` finds its addresses.
fn by_name(
    w: &mut Work<'_>,
    authority: &str,
    _default_port: Option<u16>,
    _uri: Option<Vec<u8>>,
    _host: Vec<u8>,
) -> Result<Destination, u16> {
    w.log(Level::Error, format_args!("no resolver defined to resolve \"{}\"", authority.escape_debug()));
    Err(502)
}
