//! The client's address behind a proxy: `set_real_ip_from`.

use crate::config::RealIpHeader;
use crate::connection::Client;
use crate::http::forwarded;
use crate::task::Work;
use std::net::SocketAddr;

/// Replaces the request's client by the one that the proxy names, if the proxy is believed. This happens once for a
/// request: what a location says applies only if what its server says has changed nothing.
#[cold]
pub(super) fn apply(w: &mut Work<'_>) {
    let settings = &w.t.settings().real_ip;
    if settings.from.is_empty() || w.t.http.rare.client.is_some() {
        return;
    }
    let sender = w.identity.client().address();
    if let Some(client) = sender.filter(|sender| settings.from.contain(sender)).and_then(|_| named(w)) {
        w.t.http.rare.client = Some(Client::Inet(client.ip(), client.port()));
    }
}

/// The client that a proxy names, which is believed.
fn named(w: &Work<'_>) -> Option<SocketAddr> {
    let settings = &w.t.settings().real_ip;
    let request = w.t.http.request.as_ref()?;
    let trusts = |ip| settings.from.contain_ip(ip);
    match &settings.header {
        RealIpHeader::ProxyProtocol => w.identity.proxied().map(|proxied| proxied.source),
        RealIpHeader::Field(name) => {
            let value = request.fields.get_by_name(name.as_bytes());
            forwarded::client(value.into_iter(), true, settings.recursive, trusts)
        }
        RealIpHeader::List(known) => {
            let lines: Vec<&[u8]> = request.fields.get_all(*known).collect();
            forwarded::client(lines.into_iter().rev(), true, settings.recursive, trusts)
        }
    }
}
