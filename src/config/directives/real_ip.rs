//! Whose word is taken for the client's address.

use super::{Contexts, Directive, put, row};
use crate::config::lex::Word;
use crate::config::parse::Statement;
use crate::config::problem::Fault;
use crate::config::scope::Scope;
use crate::config::types::{Network, Networks, NoNetwork, Phases, RealIpHeader};
use crate::http::Known;
use crate::http::octets::all_token;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

pub(super) const TABLE: &[Directive] = &[
    row("set_real_ip_from", Contexts::REQUEST, 1..=1, "set_real_ip_from 10.0.0.0/8;")
        .syntax("ADDRESS|NETWORK|NAME|unix:")
        .without("the client is the other end of the connection")
        .help("Proxies that are believed when they name the client's address.")
        .repeat(from),
    row("real_ip_header", Contexts::REQUEST, 1..=1, "real_ip_header X-Forwarded-For;")
        .syntax("FIELD|proxy_protocol")
        .default("X-Real-IP")
        .help("Where such a proxy names the client's address.")
        .once(|scope, it| put(&mut scope.settings.real_ip.header, header(&it.args[0]))),
    row("real_ip_recursive", Contexts::REQUEST, 1..=1, "real_ip_recursive on;")
        .syntax("on|off")
        .default("off")
        .help("While the address is that of such a proxy, too, the one before it in the field is taken.")
        .once(|scope, it| put(&mut scope.settings.real_ip.recursive, it.args[0].flag())),
];

/// `set_real_ip_from ADDRESS|NETWORK|NAME|unix:;`
fn from(scope: &mut Scope<'_>, it: &Statement) -> Result<(), Fault> {
    let word = &it.args[0];
    let added = match network(scope, word) {
        Err(_) if is_name(&word.text) => resolve(word)?,
        network => vec![network?],
    };
    if scope.first {
        scope.settings.real_ip.from = Arc::default();
    }
    let from: &mut Networks = Arc::make_mut(&mut scope.settings.real_ip.from);
    added.into_iter().for_each(|network| from.add(network));
    scope.settings.phases.insert(Phases::POST_READ | Phases::PRE_ACCESS);
    Ok(())
}

/// A network; a warning says if its address has more bits than count.
pub(super) fn network(scope: &mut Scope<'_>, word: &Word) -> Result<Network, Fault> {
    match Network::parse(&word.text) {
        Ok((network, has_low_bits)) => {
            if has_low_bits {
                scope.warn(word, format!("the low bits of \"{}\" mean nothing: it is {network}", word.text));
            }
            Ok(network)
        }
        Err(NoNetwork::Address) => Err(word.fault(format!(
            "\"{}\" is no address or network; accepted: as in 192.0.2.1, 192.0.2.0/24, 2001:db8::/32, unix:",
            word.text
        ))),
        Err(NoNetwork::Bits) => Err(word.fault(format!(
            "\"{}\" has no number of bits behind \"/\": 0 to 32 for IPv4, 0 to 128 for IPv6",
            word.text
        ))),
    }
}

/// Whether a text may be the name of a machine; a mistyped address is not.
fn is_name(text: &str) -> bool {
    let in_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    text.bytes().all(in_name) && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// All addresses of a machine, as they are now.
fn resolve(word: &Word) -> Result<Vec<Network>, Fault> {
    let found = (&word.text[..], 0).to_socket_addrs();
    let found = found.map_err(|error| word.fault(format!("no address of \"{}\" is found: {error}", word.text)))?;
    Ok(found.map(|address: SocketAddr| Network::from(address.ip())).collect())
}

fn header(word: &Word) -> Result<RealIpHeader, Fault> {
    match &word.text[..] {
        "proxy_protocol" => Ok(RealIpHeader::ProxyProtocol),
        text if text.eq_ignore_ascii_case("X-Forwarded-For") => Ok(RealIpHeader::List(Known::XForwardedFor)),
        text if !text.is_empty() && all_token(text.as_bytes()) => Ok(RealIpHeader::Field(Arc::from(text))),
        text => Err(word.fault(format!("\"{text}\" is no field name; accepted: as in X-Real-IP, or proxy_protocol"))),
    }
}
