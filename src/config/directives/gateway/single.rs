//! The servers that a `_pass` directive names: a group by its name, or a single server by its address.

use crate::config::lex::Word;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{Address, Upstream};
use crate::config::value::digits;
use std::net::ToSocketAddrs;
use std::sync::Arc;

/// The group of a name: that of an `upstream`, or one for `unix:FILE`, `HOST:PORT`, or `HOST` if the protocol has a
/// port of its own. `word` is the value of the directive, for messages.
pub(super) fn upstream(
    scope: &mut Scope<'_>,
    word: &Word,
    name: &str,
    default_port: Option<u16>,
) -> Result<Arc<Upstream>, Fault> {
    let group = |name: &str| scope.draft.upstreams.get(&name.to_ascii_lowercase());
    if let Some(group) = group(name) {
        return Ok(Arc::clone(&group.upstream));
    }
    if let Some((name, port, group)) = name.rsplit_once(':').and_then(|(name, port)| Some((name, port, group(name)?))) {
        let first = scope.first_at(group.place);
        return Err(word.fault(format!(
            "\"{name}\" is an upstream, {first}, whose servers have ports of their own; leave out \":{port}\""
        )));
    }
    if let Some(known) = scope.draft.config.upstreams.iter().find(|known| known.is_implicit && known.name == name) {
        return Ok(Arc::clone(known));
    }
    let upstream = Arc::new(Upstream::implicit(name, addresses(scope, word, name, default_port)?));
    scope.draft.config.upstreams.push(Arc::clone(&upstream));
    Ok(upstream)
}

/// The addresses of `unix:FILE`, `HOST:PORT`, or `HOST` if there is a default port. A name is looked up at once.
pub(in crate::config::directives) fn addresses(
    scope: &Scope<'_>,
    word: &Word,
    name: &str,
    default_port: Option<u16>,
) -> Result<Vec<Address>, Fault> {
    if let Some(path) = name.strip_prefix("unix:") {
        let path = scope.path(&Word { text: path.to_owned(), ..word.clone() })?;
        return Ok(vec![Address::Unix(path)]);
    }
    let (host, port) = split_port(word, name, default_port)?;
    let found = (host, port).to_socket_addrs();
    let found = found.map_err(|error| word.fault(format!("no address of \"{host}\" is found: {error}")))?;
    Ok(found.map(Address::Inet).collect())
}

/// Splits `HOST:PORT`, `[IPV6]:PORT`, or `HOST` if there is a default port. The host has no brackets then.
pub(in crate::config::directives) fn split_port<'a>(
    word: &Word,
    name: &'a str,
    default_port: Option<u16>,
) -> Result<(&'a str, u16), Fault> {
    let wrong = || word.fault(format!("\"{name}\" is no server; write HOST:PORT, as in 127.0.0.1:9000, or unix:FILE"));
    let end_of_ip = name.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match name[end_of_ip..].rfind(':').map(|at| name.split_at(end_of_ip + at)) {
        Some((host, port)) => {
            let port = digits(&port[1..]).and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
            (host, port.ok_or_else(wrong)?)
        }
        None => (name, default_port.ok_or_else(wrong)?),
    };
    let in_host = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    if host.is_empty() || !host.bytes().all(in_host) {
        return Err(wrong());
    }
    Ok((host.trim_matches(['[', ']']), port))
}
