//! Which servers a request is passed to: a group, an address, or what variables say.

use crate::config::{Address, Gateway, GatewayProtocol, GatewayTarget};
use crate::connection::{NamedServer, Servers};
use crate::dns::{self, HostAddresses};
use crate::log::Level;
use crate::task::Work;
use crate::task::resolve::ResolveWait;
use crate::upstreams::MadeUpstream;
use crate::vars;
use std::sync::Arc;

/// What a look for the servers has come to.
pub(super) enum TargetState {
    Found(Destination),
    /// The addresses of a host are looked for: `Outcome::Resolved` follows.
    Asked,
}

/// The servers that may get the request.
pub(super) struct Destination {
    pub servers: Servers,
    /// The path and query that variables have made, with all of the URL.
    pub uri: Option<Vec<u8>>,
    /// `$proxy_host`, if variables have made the target.
    pub made_host: Option<Vec<u8>>,
}

/// Finds the servers.
///
/// # Errors
/// The status of a refusal: the variables make no address, or no name server knows the name.
pub(super) fn find(w: &mut Work<'_>, gateway: &Arc<Gateway>) -> Result<TargetState, u16> {
    match &gateway.target {
        GatewayTarget::Upstream(upstream) => {
            let servers = Servers::Group(Arc::clone(upstream));
            Ok(TargetState::Found(Destination { servers, uri: None, made_host: None }))
        }
        GatewayTarget::Made(text) => {
            let made = vars::expand(text, &w.worker.view(w.identity, w.t, w.now));
            let made = String::from_utf8_lossy(&made).into_owned();
            of_text(w, gateway, &made)
        }
    }
}

/// The servers that a text names.
fn of_text(w: &mut Work<'_>, gateway: &Arc<Gateway>, text: &str) -> Result<TargetState, u16> {
    let protocol = gateway.protocol;
    let Some((authority, uri)) = split(protocol, text) else {
        let prefix = protocol.prefix();
        w.log(Level::Error, format_args!("{prefix}_pass: \"{}\" names no server", text.escape_debug()));
        return Err(500);
    };
    let uri = uri.map(|uri| uri.as_bytes().to_vec());
    let listener = &w.identity.listener;
    let groups = &listener.routes.config().upstreams;
    if let Some(upstream) = groups.iter().find(|group| group.name.eq_ignore_ascii_case(authority)) {
        let (servers, made_host) = (Servers::Group(Arc::clone(upstream)), Some(authority.as_bytes().to_vec()));
        return Ok(TargetState::Found(Destination { servers, uri, made_host }));
    }
    let default_port = if protocol == GatewayProtocol::Http { Some(80) } else { None };
    match address(authority, default_port) {
        Some(address) => Ok(TargetState::Found(Destination::of_addresses(authority, vec![address], uri))),
        None => by_name(w, gateway, authority, default_port, uri),
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
    match text.parse::<std::net::SocketAddr>() {
        Ok(address) => Some(Address::Inet(address)),
        Err(_) => Some(Address::Inet((dns::literal(text.as_bytes())?, default_port?).into())),
    }
}

/// A name that is known only while the server runs: `resolver` finds its addresses.
fn by_name(
    w: &mut Work<'_>,
    gateway: &Arc<Gateway>,
    authority: &str,
    default_port: Option<u16>,
    uri: Option<Vec<u8>>,
) -> Result<TargetState, u16> {
    let (host, port) = host_and_port(authority, default_port).map_err(|what| {
        w.log(Level::Error, format_args!("{what} in upstream \"{}\"", authority.escape_debug()));
        500_u16
    })?;
    // Also for a host without an address.
    w.t.http.passed_mut().made_target = Some(Box::new(gateway.protocol.host_and_port(authority)));
    let resolver = &w.t.settings().resolver;
    if resolver.servers.is_empty() {
        w.log(Level::Error, format_args!("no resolver defined to resolve \"{}\"", host.escape_debug()));
        return Err(502);
    }
    let named =
        NamedServer { gateway: Arc::clone(gateway), authority: authority.to_owned(), host: host.to_owned(), port, uri };
    if let Some(addresses) = w.worker.names.find(resolver, host.as_bytes(), w.now) {
        return Ok(TargetState::Found(Destination::of_named(named, &addresses)));
    }
    w.join(Box::new(ResolveWait::new(resolver.clone(), host.as_bytes())));
    w.t.http.passed_mut().named = Some(Box::new(named));
    Ok(TargetState::Asked)
}

/// Splits what is no address. The error says what is missing or wrong.
fn host_and_port(authority: &str, default_port: Option<u16>) -> Result<(&str, u16), &'static str> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0).ok_or("invalid port")?),
        None => (authority, default_port.ok_or("no port")?),
    };
    match host {
        "" => Err("no host"),
        _ if host.contains([':', '[', ']']) => Err("invalid host"),
        _ => Ok((host, port)),
    }
}

impl Destination {
    fn of_addresses(authority: &str, addresses: Vec<Address>, uri: Option<Vec<u8>>) -> Self {
        let servers = Servers::Made(MadeUpstream::new(authority, addresses));
        Self { servers, uri, made_host: Some(authority.as_bytes().to_vec()) }
    }

    /// The server of a name whose addresses are known now.
    pub fn of_named(named: NamedServer, addresses: &HostAddresses) -> Self {
        let addresses = addresses.iter().map(|ip| Address::Inet((ip, named.port).into())).collect();
        Self::of_addresses(&named.authority, addresses, named.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_ports() {
        let rows = [
            ("a.example", Some(80), Ok(("a.example", 80))),
            ("a.example:81", None, Ok(("a.example", 81))),
            ("a.example", None, Err("no port")),
            ("a.example:", Some(80), Err("invalid port")),
            ("a.example:0", Some(80), Err("invalid port")),
            ("a.example:65536", Some(80), Err("invalid port")),
            (":81", Some(80), Err("no host")),
            ("[::1", Some(80), Err("invalid host")),
            ("a:80:81", Some(80), Err("invalid host")),
        ];
        for (authority, default_port, expected) in rows {
            assert_eq!(host_and_port(authority, default_port), expected, "{authority}");
        }
    }
}
