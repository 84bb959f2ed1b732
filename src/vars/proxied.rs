//! What proxies say of a client, and who has said it: the variables of the PROXY protocol and of `set_real_ip_from`.

use super::View;
use super::address::{push_address, push_port};
use super::escape::push_escaped;
use crate::config::{Escape, ProxiedVariable};
use std::net::SocketAddr;
use webserv_sys::net::Address;

/// Appends the value of one of these variables.
#[inline(never)]
pub(super) fn push_proxied(out: &mut Vec<u8>, view: &View<'_>, variable: ProxiedVariable, how: Escape) {
    let proxied = view.identity.proxied();
    let sender = || view.identity.client().address();
    let inet = |address: SocketAddr| Address::Inet(address);
    match variable {
        ProxiedVariable::Address => push_ip(out, proxied.map(|it| inet(it.source)), how),
        ProxiedVariable::Port => push_number(out, proxied.map(|it| inet(it.source)), how),
        ProxiedVariable::ServerAddress => push_ip(out, proxied.map(|it| inet(it.destination)), how),
        ProxiedVariable::ServerPort => push_number(out, proxied.map(|it| inet(it.destination)), how),
        ProxiedVariable::Tlv(tlv) => {
            let value = proxied.and_then(|it| it.tlv(tlv));
            push_escaped(out, value.as_deref().unwrap_or_default(), how);
        }
        ProxiedVariable::RealipRemoteAddr => push_ip(out, sender(), how),
        ProxiedVariable::RealipRemotePort => push_number(out, sender(), how),
    }
}

fn push_ip(out: &mut Vec<u8>, address: Option<Address>, how: Escape) {
    match address {
        Some(address) => push_address(out, Some(&address)),
        None => push_escaped(out, b"", how),
    }
}

/// Appends the port.
fn push_number(out: &mut Vec<u8>, address: Option<Address>, how: Escape) {
    match address {
        Some(Address::Inet(inet)) if inet.port() != 0 => push_port(out, Some(&Address::Inet(inet))),
        _ => push_escaped(out, b"", how),
    }
}
