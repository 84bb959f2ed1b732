//! Variables that are rarely logged: their values are made as a whole, and then escaped.

use super::View;
use crate::config::{NGINX_VERSION, Variable};
use crate::connection::PassedBody;
use crate::http::{Framing, Known, Request};
use crate::route::document_root;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use webserv_sys::net::Address;

/// The value of one of these variables; empty if the request has no such value.
pub(super) fn value<'a>(view: &View<'a>, variable: &Variable) -> Cow<'a, [u8]> {
    let field = |known| view.request().and_then(|request: &Request| request.fields.get(known)).unwrap_or_default();
    let port = view.request().and_then(Request::port);
    match variable {
        Variable::BinaryRemoteAddr => binary_address(view).into(),
        Variable::ContentLength => match field(Known::ContentLength) {
            b"" => chunked_bytes(view).into(),
            bytes => bytes.into(),
        },
        Variable::ContentType => field(Known::ContentType).into(),
        Variable::IsRequestPort => port.map_or(&b""[..], |_| b":").into(),
        Variable::NginxVersion => NGINX_VERSION.as_bytes().into(),
        Variable::RealpathRoot => realpath(document_root(view.settings())).into(),
        Variable::RequestCompletion => if view.is_complete() { &b"OK"[..] } else { b"" }.into(),
        Variable::RequestPort => port.map(|port| port.to_string().into_bytes()).unwrap_or_default().into(),
        Variable::RequestBody => match passed_body(view) {
            PassedBody::Memory(bytes) => (&**bytes).into(),
            PassedBody::Empty | PassedBody::File(..) | PassedBody::Stream => Cow::Borrowed(b""),
        },
        _ => Cow::Borrowed(b""), // $https: no TLS
    }
}

/// The body that is passed to a server behind.
fn passed_body<'a>(view: &View<'a>) -> &'a PassedBody {
    view.transaction.http.passed.as_ref().map_or(&PassedBody::Empty, |passed| &passed.body)
}

/// The length of a body that came in chunks, if all of it is there; otherwise nothing.
fn chunked_bytes(view: &View<'_>) -> Vec<u8> {
    let is_chunked = view.request().is_some_and(|request| request.framing == Framing::Chunked);
    let body = &view.transaction.http.request_body;
    if is_chunked && body.is_whole() { body.bytes.to_string().into_bytes() } else { Vec::new() }
}

/// The client's address in 4 or 16 bytes; empty for a unix socket.
fn binary_address(view: &View<'_>) -> Vec<u8> {
    match view.client() {
        Some(Address::Inet(SocketAddr::V4(client))) => client.ip().octets().to_vec(),
        Some(Address::Inet(SocketAddr::V6(client))) => match client.ip().to_canonical() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        },
        _ => Vec::new(),
    }
}

/// The path without symbolic links: realpath(3). Empty if there is no such path.
fn realpath(path: &[u8]) -> Vec<u8> {
    std::fs::canonicalize(OsStr::from_bytes(path)).map(|path| path.into_os_string().into_vec()).unwrap_or_default()
}
