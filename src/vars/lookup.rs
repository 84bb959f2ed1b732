//! The values of variables that the configuration defines: what was stored, and what is looked up in a `map` or `geo`.

use super::View;
use super::slots::{SlotText, matches};
use super::variables::{expand, plain};
use crate::config::{Address, Geo, Map, Source};
use crate::connection::SlotValue;
use crate::http::{Known, forwarded};
use std::borrow::Cow;
use std::net::IpAddr;
use std::rc::Rc;

/// The value of the variable in this slot.
pub fn value<'v>(view: &View<'v>, slot: u16) -> SlotText<'v> {
    let variables = &view.identity.listener.routes.config().variables;
    let source = variables.get(usize::from(slot)).map_or(&Source::Stored, |variable| &variable.source);
    match (source, view.slots().get(slot)) {
        (_, SlotValue::Made(value)) => SlotText::Made(value),
        (Source::Map(map, false), SlotValue::Chosen(index)) => {
            SlotText::Fixed(map.values.get(index as usize).and_then(|value| value.as_text()).unwrap_or("").as_bytes())
        }
        (Source::Geo(geo, false), SlotValue::Chosen(index)) => {
            SlotText::Fixed(geo.values.get(index as usize).map_or(b"", |value| value))
        }
        (Source::Map(map, is_volatile), _) => look_up(view, map, (!is_volatile).then_some(slot)),
        (Source::Geo(geo, is_volatile), _) => look_up_address(view, geo, (!is_volatile).then_some(slot)),
        (Source::Split(split), _) => {
            let value: Rc<[u8]> = Rc::from(split.value(&expand(&split.text, view)).as_bytes());
            view.slots().put(slot, Rc::clone(&value));
            SlotText::Made(value)
        }
        (Source::Stored, _) => SlotText::Fixed(b""),
    }
}

/// Looks up the value of a map. `slot` gets it, unless the map is volatile.
fn look_up<'v>(view: &View<'v>, map: &'v Map, slot: Option<u16>) -> SlotText<'v> {
    let text = match plain(&map.source, view) {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(expand(&map.source, view)),
    };
    let text = match text.strip_suffix(b".") {
        Some(text) if map.hostnames => text,
        _ => &text[..],
    };
    // An expression is not compared with an empty text, as in nginx.
    let by_regex = || map.regexes.iter().find(|(regex, _)| !text.is_empty() && matches(view, regex, text));
    let index = map.keys.find(text).or_else(|| by_regex().map(|(_, index)| *index)).unwrap_or(0);
    let Some(template) = map.values.get(index as usize) else { return SlotText::Fixed(b"") };
    if let Some(text) = template.as_text() {
        if let Some(slot) = slot {
            view.slots().choose(slot, index);
        }
        return SlotText::Fixed(text.as_bytes());
    }
    let value = Rc::from(expand(template, view));
    if let Some(slot) = slot {
        view.slots().put(slot, Rc::clone(&value));
    }
    SlotText::Made(value)
}

/// Looks up the value of a `geo`. `slot` gets it, unless the geo is volatile.
fn look_up_address<'v>(view: &View<'v>, geo: &'v Geo, slot: Option<u16>) -> SlotText<'v> {
    let index = geo.addresses.find(address(view, geo));
    if let Some(slot) = slot {
        view.slots().choose(slot, index);
    }
    SlotText::Fixed(geo.values.get(index as usize).map_or(b"", |value| value))
}

/// The address that is looked up.
fn address(view: &View<'_>, geo: &Geo) -> Option<IpAddr> {
    let address = match &geo.source {
        None => view.client()?,
        Some(source) => {
            let text = expand(source, view);
            let ip: IpAddr = std::str::from_utf8(&text).ok()?.parse().ok()?;
            Address::Inet((ip, 0).into())
        }
    };
    let forwarded = || {
        let lines: Vec<&[u8]> = view.request()?.fields.get_all(Known::XForwardedFor).collect();
        let trusts = |ip| geo.proxies.contain_ip(ip);
        forwarded::client(lines.into_iter().rev(), geo.proxies.contain(&address), geo.proxy_recursive, trusts)
    };
    match (if geo.proxies.is_empty() { None } else { forwarded() }, &address) {
        (Some(client), _) => Some(client.ip()),
        (None, Address::Inet(address)) => Some(address.ip()),
        (None, Address::Unix(_)) => None,
    }
}
