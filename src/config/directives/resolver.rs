//! `resolver`: the name servers that are asked while the server runs.

use super::{Contexts, Directive, MANY, put, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::Resolver;
use crate::config::value::digits;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// RFC 1035, section 4.2.
const PORT: u16 = 53;

/// Where name servers may be named.
const LEVELS: Contexts = Contexts::REQUEST.union(Contexts::UPSTREAM);

pub(super) const TABLE: &[Directive] = &[
    row("resolver", LEVELS, 1..=MANY, "resolver 127.0.0.1 valid=30s;")
        .syntax("ADDRESS[:PORT] ... [valid=TIME] [ipv4=on|off] [ipv6=on|off]")
        .without("there is no name server")
        .help("The name servers that are asked while the server runs.")
        .once(resolver),
    row("resolver_timeout", LEVELS, 1..=1, "resolver_timeout 5s;")
        .syntax("TIME")
        .default("30s")
        .help("How long a request waits for one name.")
        .once(|scope, it| put(&mut scope.settings.resolver.timeout, it.args[0].time())),
];

/// `resolver ADDRESS ... [valid=TIME] [ipv4=on|off] [ipv6=on|off] [status_zone=NAME];`
fn resolver(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let mut resolver = Resolver { timeout: scope.settings.resolver.timeout, ..Resolver::default() };
    let mut servers = Vec::new();
    for word in &it.args {
        if let Some(time) = word.option("valid") {
            resolver.valid = Some(time.time()?).filter(|time| !time.is_zero());
        } else if let Some(flag) = word.option("ipv4") {
            resolver.ipv4 = flag.flag()?;
        } else if let Some(flag) = word.option("ipv6") {
            resolver.ipv6 = flag.flag()?;
        } else if word.text.contains('=') {
            return Err(word.unknown("option", &["valid=30s", "ipv4=off", "ipv6=off"]));
        } else {
            servers.extend(addresses(word)?);
        }
    }
    if servers.is_empty() {
        return Err(it.name.fault("\"resolver\" needs the address of a name server, as in: resolver 127.0.0.1;"));
    }
    if !resolver.ipv4 && !resolver.ipv6 {
        return Err(it.name.fault("with ipv4=off and ipv6=off no address is left to look for"));
    }
    scope.settings.resolver = Resolver { servers: servers.into(), ..resolver };
    Ok(())
}

/// The addresses of a name server: `127.0.0.1`, `127.0.0.1:5353`, `[::1]`, `[::1]:5353`, or a name, which the system
/// looks up now.
fn addresses(word: &Word) -> Result<Vec<SocketAddr>, Fault> {
    let text = word.plain()?;
    let wrong = || word.fault(format!("\"{text}\" is no address of a name server, as in 127.0.0.1 or [::1]:5353"));
    let (ip, host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (ip, port) = rest.split_once(']').ok_or_else(wrong)?;
        let ip = ip.parse::<Ipv6Addr>().map_err(|_| wrong())?;
        let port = if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(wrong)?) };
        (Some(IpAddr::V6(ip)), "", port)
    } else {
        let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
        (host.parse().ok().map(IpAddr::V4), host, port)
    };
    let port = port.map(|port| digits(port).and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0));
    let port = port.unwrap_or(Some(PORT)).ok_or_else(wrong)?;
    if let Some(ip) = ip {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    if !is_name || host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(wrong());
    }
    let found = (host, port).to_socket_addrs();
    let found = found.map_err(|error| word.fault(format!("no address of \"{host}\" is found: {error}")))?;
    Ok(found.collect())
}
