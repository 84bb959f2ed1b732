//! What FastCGI, SCGI and uwsgi servers behind this one are told of a request.

use super::View;
use super::variables::{host, push_value};
use crate::config::{GatewayParam, GatewayRules};
use crate::http::fields::Field;
use crate::http::number::push_decimal;
use crate::http::{Known, Request};

/// How the names of parameters begin that have the value of a field.
const OF_FIELD: &[u8] = b"HTTP_";

/// Names and values, one behind the other in one buffer. A worker uses its own again and again.
#[derive(Default)]
pub struct Params {
    bytes: Vec<u8>,
    /// Where each name and each value ends.
    ends: Vec<(u32, u32)>,
}

impl Params {
    /// The names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(name_end, end)| {
            let (name_end, end) = (name_end as usize, end as usize);
            let pair = (&self.bytes[start..name_end], &self.bytes[name_end..end]);
            start = end;
            pair
        })
    }

    /// Sets the parameters of a FastCGI, SCGI or uwsgi request: those of `fastcgi_param` and its kind in their order,
    /// and then a parameter HTTP_NAME for each field of the request, unless `_pass_request_headers` is off.
    ///
    /// As in nginx, HTTP_HOST is the host that the request is for, and all other fields are passed on, those of the
    /// connection, too: a WebSocket needs them. A parameter with the name of a field replaces it, and hides it if the
    /// value is empty. Other than in nginx, Proxy is never passed on: many programs use HTTP_PROXY as their proxy
    /// (CVE-2016-5385).
    pub fn set(&mut self, rules: &GatewayRules, view: &View<'_>) {
        self.bytes.clear();
        self.ends.clear();
        let mut names_fields = false;
        for param in rules.params.iter() {
            if param.name.as_bytes().starts_with(OF_FIELD) {
                names_fields = true;
                if param.value.as_text() == Some("") {
                    continue;
                }
            }
            let name_end = self.push_name(param.name.as_bytes());
            push_value(&mut self.bytes, &param.value, view);
            self.end(name_end, param.if_not_empty);
        }
        let taken = if names_fields { &rules.params[..] } else { &[] };
        if !is_taken(taken, b"HTTP_HOST") {
            let name_end = self.push_name(b"HTTP_HOST");
            if let Some(request) = view.request() {
                push_host(&mut self.bytes, request, view);
            }
            self.end(name_end, true);
        }
        if let Some(request) = view.request().filter(|_| rules.pass_request_headers) {
            self.add_fields(taken, request, view);
        }
    }

    /// Appends a name. Returns where it ends.
    fn push_name(&mut self, name: &[u8]) -> u32 {
        self.bytes.extend_from_slice(name);
        self.bytes.len() as u32
    }

    /// Completes a parameter. One without a value is dropped if it is sent only with one.
    fn end(&mut self, name_end: u32, if_not_empty: bool) {
        let end = self.bytes.len() as u32;
        match if_not_empty && end == name_end {
            true => self.bytes.truncate(self.ends.last().map_or(0, |(_, end)| *end as usize)),
            false => self.ends.push((name_end, end)),
        }
    }

    /// Adds the fields that are not taken. Repeated ones are joined to a list (RFC 9110 section 5.3), where the first
    /// one stands; `max_headers` limits their number.
    fn add_fields(&mut self, taken: &[GatewayParam], request: &Request, view: &View<'_>) {
        let names = view.settings().field_names;
        let is_passed =
            |field: &Field<'_>| !matches!(field.known, Some(Known::Host | Known::Proxy)) && names.takes(field.name);
        for (number, field) in request.fields.iter().enumerate().filter(|(_, field)| is_passed(field)) {
            let is_it = |other: &Field<'_>| is_same(other.name, field.name) && is_passed(other);
            if request.fields.iter().take(number).any(|earlier| is_it(&earlier)) {
                continue;
            }
            let start = self.bytes.len();
            self.bytes.extend_from_slice(OF_FIELD);
            self.bytes.extend(field.name.iter().map(|byte| upper(*byte)));
            if is_taken(taken, &self.bytes[start..]) {
                self.bytes.truncate(start);
                continue;
            }
            let name_end = self.push_name(b"");
            self.bytes.extend_from_slice(field.value);
            let separator: &[u8] = if field.known == Some(Known::Cookie) { b"; " } else { b", " };
            for more in request.fields.iter().skip(number + 1).filter(is_it) {
                self.bytes.extend_from_slice(separator);
                self.bytes.extend_from_slice(more.value);
            }
            self.end(name_end, false);
        }
    }
}

/// Appends `$host$is_request_port$request_port`.
fn push_host(out: &mut Vec<u8>, request: &Request, view: &View<'_>) {
    out.extend_from_slice(host(view));
    if let Some(port) = request.port() {
        out.push(b':');
        push_decimal(out, port.into());
    }
}

/// Whether a parameter that is named after a field has this name.
fn is_taken(params: &[GatewayParam], name: &[u8]) -> bool {
    let is_it = |own: &[u8]| own.starts_with(OF_FIELD) && own.eq_ignore_ascii_case(name);
    params.iter().any(|param| is_it(param.name.as_bytes()))
}

/// Whether fields with these names have the same parameter.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| upper(*a) == upper(*b))
}

/// A byte of a field's name as it is in the parameter's name.
fn upper(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte.to_ascii_uppercase() }
}

#[cfg(test)]
mod tests;
