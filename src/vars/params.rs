//! What FastCGI, SCGI and uwsgi servers behind this one are told of a request.

use super::View;
use super::variables::{expand, plain};
use crate::config::{GatewayRules, Template};
use crate::http::{Known, Request};
use std::borrow::Cow;

/// A name and its value.
pub type Param<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// How the names of parameters begin that have the value of a field.
const OF_FIELD: &[u8] = b"HTTP_";

/// The parameters of a FastCGI, SCGI or uwsgi request: those of `fastcgi_param` and its kind in their order, and then a
/// parameter HTTP_NAME for each field of the request, unless `_pass_request_headers` is off.
///
/// As in nginx, HTTP_HOST is the host that the request is for, and all other fields are passed on, those of the
/// connection, too: a WebSocket needs them. A parameter with the name of a field replaces it, and hides it if the value
/// is empty. Other than in nginx, Proxy is never passed on: many programs use HTTP_PROXY as their proxy
/// (CVE-2016-5385).
pub fn params<'a>(rules: &'a GatewayRules, view: &View<'a>) -> Vec<Param<'a>> {
    let mut out = Vec::with_capacity(rules.params.len() + 16);
    let mut taken: Vec<&[u8]> = Vec::new(); // names behind HTTP_
    for param in rules.params.iter() {
        let name = param.name.as_bytes();
        if let Some(field) = name.strip_prefix(OF_FIELD) {
            taken.push(field);
            if param.value.as_text() == Some("") {
                continue;
            }
        }
        let value = value(&param.value, view);
        if !(param.if_not_empty && value.is_empty()) {
            out.push((Cow::Borrowed(name), value));
        }
    }
    let is_taken = |name: &[u8]| taken.iter().any(|taken| taken.eq_ignore_ascii_case(name));
    if !is_taken(b"HOST") {
        out.extend(host(view).map(|host| (Cow::Borrowed(&b"HTTP_HOST"[..]), Cow::Owned(host))));
    }
    if let Some(request) = view.request().filter(|_| rules.pass_request_headers) {
        add_fields(&mut out, request, view, is_taken);
    }
    out
}

/// Adds the fields that are not taken. Repeated ones are joined to a list (RFC 9110 section 5.3), where the first one
/// stands; `max_headers` limits their number.
fn add_fields<'a>(out: &mut Vec<Param<'a>>, request: &'a Request, view: &View<'_>, is_taken: impl Fn(&[u8]) -> bool) {
    let (start, names) = (out.len(), view.settings().field_names);
    for field in request.fields.iter() {
        let is_left_out = matches!(field.known, Some(Known::Host | Known::Proxy));
        if is_left_out || !names.takes(field.name) {
            continue;
        }
        let upper = field.name.iter().map(|b| if *b == b'-' { b'_' } else { b.to_ascii_uppercase() });
        let name: Vec<u8> = OF_FIELD.iter().copied().chain(upper).collect();
        if is_taken(&name[OF_FIELD.len()..]) {
            continue;
        }
        match out[start..].iter_mut().find(|(known, _)| known[..] == name[..]) {
            Some((_, value)) => {
                let separator: &[u8] = if field.known == Some(Known::Cookie) { b"; " } else { b", " };
                value.to_mut().extend([separator, field.value].concat());
            }
            None => out.push((Cow::Owned(name), Cow::Borrowed(field.value))),
        }
    }
}

/// The value of a text, which is copied only if it must be made.
fn value<'a>(template: &'a Template, view: &View<'a>) -> Cow<'a, [u8]> {
    match template.as_text() {
        Some(text) => Cow::Borrowed(text.as_bytes()),
        None => plain(template, view).map_or_else(|| Cow::Owned(expand(template, view)), Cow::Borrowed),
    }
}

/// `$host$is_request_port$request_port`
fn host(view: &View<'_>) -> Option<Vec<u8>> {
    let request = view.request()?;
    let mut host = request.host().unwrap_or(view.server().name().as_bytes()).to_vec();
    if let Some(port) = request.port() {
        host.extend(format!(":{port}").bytes());
    }
    Some(host).filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests;
