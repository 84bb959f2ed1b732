//! The head of a request to a server behind. It is printed anew from values: nothing of the client's framing is passed
//! on, so that both servers see the same request.

use super::target::Destination;
use super::{body_bytes, may_keep, passed_body};
use crate::config::{Gateway, GatewayParam, GatewayProtocol, ProxyVersion};
use crate::connection::PassedBody;
use crate::gateway::http1::{HopByHop, RequestPrinter};
use crate::gateway::{GatewayFault, fastcgi, scgi, uwsgi};
use crate::http::{Framing, Request, Version, target};
use crate::log::Level;
use crate::task::Work;
use crate::vars;
use std::borrow::Cow;
use std::rc::Rc;

/// A head and what it says.
pub(super) struct PassedHead {
    pub head: Vec<u8>,
    /// The body is sent in chunks.
    pub is_chunked: bool,
    /// The request asks for another protocol.
    pub asks_upgrade: bool,
    /// The connection cannot be used again.
    pub closes: bool,
}

/// Makes the head.
///
/// # Errors
/// The status of a refusal: the request cannot be said in the protocol of the server behind.
pub(super) fn make(w: &mut Work<'_>, gateway: &Gateway, found: &Destination) -> Result<PassedHead, u16> {
    match gateway.protocol {
        GatewayProtocol::Http => http(w, gateway, found),
        protocol => {
            let mut head = empty_head(w);
            let mut params = std::mem::take(&mut w.worker.params);
            params.set(&gateway.rules, &w.worker.view(w.identity, w.t, w.now));
            let made = match protocol {
                GatewayProtocol::Scgi => scgi::head(params.iter(), body_bytes(w).unwrap_or(0), &mut head),
                GatewayProtocol::Uwsgi => {
                    let (modifier1, modifier2) = gateway.rules.uwsgi_modifiers;
                    uwsgi::head(modifier1, modifier2, params.iter(), &mut head)
                }
                GatewayProtocol::Fastcgi | GatewayProtocol::Http => {
                    fastcgi::begin(gateway.rules.fastcgi.keep_conn, params.iter(), &mut head)
                }
            };
            w.worker.params = params;
            if protocol == GatewayProtocol::Fastcgi && passed_body(w).is_empty() {
                head.extend_from_slice(&fastcgi::END_OF_STDIN); // the whole request leaves in one piece
            }
            if let Err(fault) = made {
                w.log(Level::Error, format_args!("the request cannot be passed on: {}", fault.reason));
                return Err(500);
            }
            Ok(PassedHead { head, is_chunked: false, asks_upgrade: false, closes: false })
        }
    }
}

/// Memory for the head: that of an earlier one, if there is one.
fn empty_head(w: &mut Work<'_>) -> Vec<u8> {
    let mut head = std::mem::take(&mut w.t.http.passed_mut().head);
    head.clear();
    head
}

/// HTTP/1.0 or HTTP/1.1.
fn http(w: &mut Work<'_>, gateway: &Gateway, found: &Destination) -> Result<PassedHead, u16> {
    set_body(w, gateway);
    let is_11 = gateway.rules.proxy.version == ProxyVersion::Http11;
    let bytes = body_bytes(w);
    if bytes.is_none() && !is_11 {
        let why = "a body of unknown length cannot be sent by HTTP/1.0: see proxy_http_version";
        w.log(Level::Error, format_args!("{why}"));
        return Err(411);
    }
    let head = empty_head(w);
    match print(w, gateway, found, bytes, head) {
        Ok(made) => Ok(made),
        Err(fault) => {
            w.log(Level::Error, format_args!("the request cannot be passed on: {}", fault.reason));
            Err(400)
        }
    }
}

/// Prints the head into an empty buffer. `bytes`: the length of the body, if it is known.
fn print(
    w: &Work<'_>,
    gateway: &Gateway,
    found: &Destination,
    bytes: Option<u64>,
    mut head: Vec<u8>,
) -> Result<PassedHead, GatewayFault> {
    let rules = &gateway.rules;
    let view = w.worker.view(w.identity, w.t, w.now);
    let method = match &rules.proxy.method {
        Some(method) => Cow::Owned(vars::expand(method, &view)),
        None => Cow::Borrowed(view.method()),
    };
    let version = match rules.proxy.version {
        ProxyVersion::Http10 => Version::HTTP_1_0,
        ProxyVersion::Http11 => Version::HTTP_1_1,
    };
    let mut printer = RequestPrinter::begin(&method, &request_target(w, gateway, found), version, &mut head)?;
    let (mut asks_upgrade, mut closes, mut hides_length) = (false, false, false);
    let (mut says_host, mut says_connection) = (false, false);
    for param in rules.params.iter() {
        let is = |name| param.name.eq_ignore_ascii_case(name);
        says_host |= is("Host");
        says_connection |= is("Connection");
        // The length and the framing are those of what is sent, whatever a text says.
        if is("Transfer-Encoding") {
            continue;
        }
        let value = vars::expand(&param.value, &view);
        if is("Content-Length") {
            hides_length = value.is_empty();
            continue;
        }
        if !value.is_empty() {
            asks_upgrade |= is("Upgrade");
            closes |= is("Connection") && has_close(&value);
            printer.field(param.name.as_bytes(), &value)?;
        }
    }
    if !says_host {
        printer.field(b"Host", found.made_host.as_deref().unwrap_or(gateway.host.as_bytes()))?;
    }
    if !says_connection && !may_keep(gateway, &found.servers) {
        printer.field(b"Connection", b"close")?;
    }
    match bytes {
        None => printer.chunked(),
        Some(0) if hides_length || !says_length(w) => {}
        Some(bytes) => printer.content_length(bytes),
    }
    if rules.pass_request_headers
        && let Some(request) = &w.t.http.request
    {
        push_client_fields(w, request, &rules.params, &mut printer)?;
    }
    printer.end();
    Ok(PassedHead { head, is_chunked: bytes.is_none(), asks_upgrade, closes })
}

/// Whether a length of 0 is said: if the client has sent a body, even an empty one.
fn says_length(w: &Work<'_>) -> bool {
    let has_length = |request: &Rc<Request>| request.framing != Framing::None;
    !w.t.http.as_get && w.t.http.request.as_ref().is_some_and(has_length)
}

/// `proxy_set_body`, `proxy_pass_request_body`.
fn set_body(w: &mut Work<'_>, gateway: &Gateway) {
    if let Some(body) = &gateway.rules.proxy.body {
        let bytes = vars::expand(body, &w.worker.view(w.identity, w.t, w.now));
        w.t.http.passed_mut().body = PassedBody::Memory(bytes.into());
    }
}

fn has_close(value: &[u8]) -> bool {
    value.split(|b| *b == b',').any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// The client's own fields, but not those of its connection, and those that the configuration sets.
fn push_client_fields(
    w: &Work<'_>,
    request: &Request,
    set: &[GatewayParam],
    printer: &mut RequestPrinter<'_>,
) -> Result<(), GatewayFault> {
    let names = w.t.settings().field_names;
    let hop_by_hop = HopByHop::of(&request.fields);
    for field in request.fields.iter() {
        let is_set = || set.iter().any(|param| field.name.eq_ignore_ascii_case(param.name.as_bytes()));
        if !hop_by_hop.stays_here(field.name, field.known) && names.takes(field.name) && !is_set() {
            printer.field(field.name, field.value)?;
        }
    }
    Ok(())
}

/// The target of the request line.
fn request_target(w: &Work<'_>, gateway: &Gateway, found: &Destination) -> Vec<u8> {
    let view = w.worker.view(w.identity, w.t, w.now);
    let mut out = Vec::with_capacity(256);
    match (&found.uri, &gateway.uri) {
        (Some(uri), _) => {
            if !uri.starts_with(b"/") {
                out.push(b'/');
            }
            out.extend_from_slice(&clean(uri));
        }
        // The path is as the client has sent it.
        (None, None) if !w.t.http.internal => out.extend_from_slice(&target::escape_high(view.request_uri())),
        (None, None) => {
            out.extend_from_slice(&target::escape_path(view.path()));
            push_query(view.query(), &mut out);
        }
        (None, Some(_)) if w.t.http.rare.left_prefix => {
            out.extend_from_slice(&target::escape_path(view.path()));
            push_query(view.query(), &mut out);
        }
        (None, Some(uri)) => {
            let path = view.path();
            let rest = path.get(uri.prefix_bytes.min(path.len())..).unwrap_or_default();
            out.extend_from_slice(uri.path.as_bytes());
            out.extend_from_slice(&target::escape_path(rest));
            push_query(view.query(), &mut out);
        }
    }
    out
}

fn push_query(query: Option<&[u8]>, head: &mut Vec<u8>) {
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        head.push(b'?');
        head.extend_from_slice(&target::escape_high(query));
    }
}

/// What variables make may hold any byte: blanks and controls would end the request line.
fn clean(uri: &[u8]) -> Cow<'_, [u8]> {
    let is_bad = |byte: &u8| *byte <= b' ' || *byte >= 0x7f;
    if !uri.iter().any(is_bad) {
        return Cow::Borrowed(uri);
    }
    let mut out = Vec::with_capacity(uri.len() + 8);
    for byte in uri {
        match is_bad(byte) {
            true => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            false => out.push(*byte),
        }
    }
    Cow::Owned(out)
}
