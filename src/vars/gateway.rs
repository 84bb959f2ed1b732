//! What is known of a server behind: the variables of `proxy_pass`, `fastcgi_pass` and so on.

use super::View;
use super::address::push_address;
use super::attempts;
use super::escape::push_escaped;
use crate::config::{Escape, FastcgiRules, GatewayVariable};
use crate::http::Known;
use std::borrow::Cow;

/// Appends the value of one of these variables.
#[inline(never)]
pub(super) fn push_gateway(out: &mut Vec<u8>, view: &View<'_>, which: &GatewayVariable, how: Escape) {
    let gateway = || view.settings().gateway.as_deref();
    let made = || view.transaction.http.passed.as_ref()?.made_target.as_deref();
    let written = || gateway().map(|it| (&it.host, &it.port));
    let target = || made().map(|(host, port)| (host, port)).or_else(written);
    match which {
        GatewayVariable::ProxyHost => push_escaped(out, target().map_or("", |(host, _)| host).as_bytes(), how),
        GatewayVariable::ProxyPort => push_escaped(out, target().map_or("", |(_, port)| port).as_bytes(), how),
        GatewayVariable::ProxyAddXForwardedFor => push_escaped(out, &forwarded_for(view), how),
        GatewayVariable::FastcgiScriptName => push_escaped(out, &script(view).0, how),
        GatewayVariable::FastcgiPathInfo => push_escaped(out, script(view).1, how),
        _ => push_escaped(out, &attempts::value(view, which), how),
    }
}

/// All X-Forwarded-For fields of the request as one list, with the client's address at its end.
fn forwarded_for(view: &View<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for value in view.request().into_iter().flat_map(|request| request.fields.get_all(Known::XForwardedFor)) {
        out.extend_from_slice(value);
        out.extend_from_slice(b", ");
    }
    if let Some(client) = view.client() {
        push_address(&mut out, Some(&client));
    }
    out
}

/// `$fastcgi_script_name` and `$fastcgi_path_info`.
fn script<'v>(view: &View<'v>) -> (Cow<'v, [u8]>, &'v [u8]) {
    match view.settings().gateway.as_deref() {
        Some(gateway) => split(&gateway.rules.fastcgi, view.path()),
        None => (Cow::Borrowed(view.path()), b""),
    }
}

/// The script's name in a path, and the rest: as `fastcgi_split_path_info` splits them. A name with a slash at its end
/// gets the `fastcgi_index`.
fn split<'p>(rules: &FastcgiRules, path: &'p [u8]) -> (Cow<'p, [u8]>, &'p [u8]) {
    let groups = rules.split_path_info.as_ref().and_then(|regex| regex.pattern.captures(path));
    let part = |group| {
        let range = groups.as_ref().map(|groups| groups.range(group).unwrap_or((0, 0)));
        range.map(|(start, end)| &path[start..end])
    };
    let (name, rest) = (part(1).unwrap_or(path), part(2).unwrap_or(b""));
    match (&rules.index, name.last()) {
        (Some(index), Some(b'/')) => ([name, index.as_bytes()].concat().into(), rest),
        _ => (name.into(), rest),
    }
}
