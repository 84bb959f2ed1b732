//! Expands variables for one request.

use super::View;
use super::address::{push_address, push_port};
use super::escape::push_escaped;
use super::gateway::push_gateway;
use super::pairs::{argument, sent_field};
use super::proxied::push_proxied;
use super::rare;
use super::referer::push_invalid_referer;
use super::secure_link::{self, Link};
use super::userid::{push_got_userid, push_set_userid};
use crate::config::{Escape, Template, Variable};
use crate::connection::LimitStatus;
use crate::http::fields::Field;
use crate::http::number::{push_decimal, push_start};
use crate::http::{Known, Request, target};
use crate::local_time;
use crate::route::{document_root, file_path};
use std::sync::OnceLock;
use webserv_sys::net::Address;

/// Expands a template without escapes.
pub fn expand(template: &Template, view: &View<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    fill_in(template, view, Escape::None, &mut out);
    out
}

/// Expands the target of a `rewrite`. Groups of an expression and `$uri` are decoded: in a URL for the client (`quote`)
/// and in the query, they are encoded again. Other values may be URLs that were encoded as arguments: in a URL for the
/// client, they are decoded. Also returns where the query begins: at the first "?" that the configuration itself has.
pub fn expand_uri(template: &Template, view: &View<'_>, quote: bool) -> (Vec<u8>, Option<usize>) {
    let mut out = Vec::with_capacity(256);
    let mut mark = None;
    for part in &template.parts {
        let start = out.len();
        part.before.push(&mut out);
        mark = mark.or_else(|| memchr::memchr(b'?', &out[start..]).map(|at| start + at));
        let start = out.len();
        push(&mut out, view, &part.variable, Escape::None);
        let in_query = mark.is_some();
        let value = &out[start..];
        let formed = match part.variable {
            Variable::Capture(_) | Variable::Uri if in_query => target::escape_argument(value).into_owned(),
            Variable::Capture(_) | Variable::Uri if quote => target::escape_path(value).into_owned(),
            Variable::RequestUri | Variable::Args => continue,
            _ if quote && !in_query => target::decode_visible(value),
            _ => continue,
        };
        out.truncate(start);
        out.extend_from_slice(&formed);
    }
    let start = out.len();
    template.rest.push(&mut out);
    mark = mark.or_else(|| memchr::memchr(b'?', &out[start..]).map(|at| start + at));
    (out, mark)
}

/// The value of one variable.
pub fn expand_variable(variable: &Variable, view: &View<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, view, variable, Escape::None);
    out
}

/// Whether a condition holds: its value is neither empty nor "0".
pub fn is_true(condition: &Template, view: &View<'_>) -> bool {
    !matches!(&expand(condition, view)[..], b"" | b"0")
}

/// The value of a text that is one variable, if it stands in the request as it is: no copy is needed.
pub(super) fn plain<'v>(template: &Template, view: &View<'v>) -> Option<&'v [u8]> {
    let [part] = &template.parts[..] else { return None };
    if !part.before.as_str().is_empty() || !template.rest.as_str().is_empty() {
        return None;
    }
    match &part.variable {
        Variable::Host => Some(host(view)),
        Variable::Uri => Some(view.path()),
        Variable::Args => Some(view.query().unwrap_or_default()),
        Variable::RequestUri => Some(view.request_uri()),
        Variable::RequestMethod => Some(view.method()),
        Variable::HttpKnown(known) => {
            let fields = view.request().map(|request| &request.fields).filter(|fields| !fields.has_several(*known))?;
            Some(fields.get(*known).unwrap_or_default())
        }
        _ => None,
    }
}

/// Appends the value of a text without escapes.
pub(super) fn push_value(out: &mut Vec<u8>, template: &Template, view: &View<'_>) {
    fill_in(template, view, Escape::None, out);
}

/// Appends a line of an access log: the format with its variables expanded and escaped, and a newline.
pub fn push_log_line(out: &mut Vec<u8>, format: &Template, view: &View<'_>) {
    fill_in(format, view, format.escape, out);
    out.push(b'\n');
}

fn fill_in(template: &Template, view: &View<'_>, how: Escape, out: &mut Vec<u8>) {
    for part in &template.parts {
        part.before.push(out);
        push(out, view, &part.variable, how);
    }
    template.rest.push(out);
}

/// Appends the value of a variable. Numbers, times and addresses contain nothing that a client chooses: they are not
/// escaped.
///
/// This function only dispatches and does what needs no call. Most variables are a few bytes: saving registers for a
/// larger function would cost more than they do.
#[inline(never)] // inlined into the loop, the compiler would compute all values first
fn push(out: &mut Vec<u8>, view: &View<'_>, variable: &Variable, how: Escape) {
    match variable {
        Variable::RemoteAddr => push_client_address(out, view, how),
        Variable::RemotePort => push_client_port(out, view, how),
        Variable::RemoteUser => push_remote_user(out, view, how),
        Variable::ServerAddr => push_address(out, Some(view.local())),
        Variable::ServerPort => push_port_of(out, Some(view.local()), how),
        Variable::ServerName => push_escaped(out, server_name(view), how),
        Variable::ServerProtocol => push_escaped(out, view.request().map_or(b"", protocol), how),
        Variable::TimeLocal => push_common_time(out, view),
        Variable::TimeIso8601 => push_iso8601_time(out, view),
        Variable::Msec => push_msec(out, view),
        Variable::Request => push_escaped(out, view.request_line(), how),
        Variable::RequestMethod => push_escaped(out, view.method(), how),
        Variable::RequestUri => push_escaped(out, view.request_uri(), how),
        Variable::Uri => push_uri(out, view, how),
        Variable::Args => push_escaped(out, view.query().unwrap_or_default(), how),
        Variable::IsArgs => push_escaped(out, if has_arguments(view) { b"?" } else { b"" }, how),
        Variable::Host => push_escaped(out, host(view), how),
        Variable::Hostname => push_hostname(out, how),
        Variable::Scheme => push_escaped(out, b"http", how),
        Variable::Status => push_three_digits(out, view.status().into()),
        Variable::BodyBytesSent => push_number(out, view.body_bytes_sent()),
        Variable::BytesSent => push_number(out, view.bytes_sent()),
        Variable::RequestLength => push_number(out, view.request_bytes()),
        Variable::RequestTime => push_elapsed(out, view),
        Variable::Connection => push_number(out, view.connection()),
        Variable::ConnectionRequests => push_number(out, view.connection_requests()),
        Variable::ConnectionTime => push_connection_time(out, view),
        Variable::Pid => push_pid(out),
        Variable::Pipe => push_escaped(out, if view.is_pipelined() { b"p" } else { b"." }, how),
        Variable::DocumentRoot => push_escaped(out, document_root(view.settings()), how),
        Variable::RequestFilename => push_filename(out, view, how),
        Variable::ServerVersion => push_escaped(out, env!("CARGO_PKG_VERSION").as_bytes(), how),
        Variable::RequestBodyFile => push_escaped(out, view.request_body_file(), how),
        Variable::RequestId => push_request_id(out, view, how),
        Variable::BinaryRemoteAddr
        | Variable::ContentLength
        | Variable::ContentType
        | Variable::Https
        | Variable::IsRequestPort
        | Variable::NginxVersion
        | Variable::RealpathRoot
        | Variable::RequestBody
        | Variable::RequestCompletion
        | Variable::RequestPort => push_escaped(out, &rare::value(view, variable), how),
        Variable::HttpKnown(known) => push_field(out, view, *known, how),
        Variable::Http(name) => push_other_field(out, view, name, how),
        Variable::SentHttp(name) => push_sent_field(out, view, name, how),
        Variable::InvalidReferer => push_invalid_referer(out, view, how),
        Variable::SecureLink => push_secure_link(out, view, how),
        Variable::SecureLinkExpires => push_link_expires(out, view, how),
        Variable::SentTrailer(name) => push_sent_trailer(out, view, name, how),
        Variable::Arg(name) => push_argument(out, view, name, how),
        Variable::Cookie(name) => push_cookie(out, view, name, how),
        Variable::Capture(group) => push_capture(out, view, *group, how),
        Variable::Slot(slot) => push_found(out, &super::lookup::value(view, *slot), how),
        Variable::LimitConnStatus => push_limit_status(out, view.limited().place, how),
        Variable::LimitRate => push_number(out, view.limit_rate()),
        Variable::LimitReqStatus => push_limit_status(out, view.limited().request, how),
        Variable::Connections(stat) => push_number(out, view.totals().get(*stat)),
        Variable::Proxied(which) => push_proxied(out, view, *which, how),
        Variable::UidGot => push_got_userid(out, view, how),
        Variable::UidSet => push_set_userid(out, view, how),
        Variable::Gateway(which) => push_gateway(out, view, which, how),
    }
}

#[inline(never)]
fn push_client_address(out: &mut Vec<u8>, view: &View<'_>, how: Escape) {
    match view.client() {
        Some(client) => push_address(out, Some(&client)),
        None => push_escaped(out, b"", how),
    }
}

/// Appends what `limit_req` or `limit_conn` has decided.
#[inline(never)]
fn push_limit_status(out: &mut Vec<u8>, status: Option<LimitStatus>, how: Escape) {
    push_escaped(out, status.map_or("", LimitStatus::name).as_bytes(), how);
}

#[inline(never)]
fn push_client_port(out: &mut Vec<u8>, view: &View<'_>, how: Escape) {
    push_port_of(out, view.client().as_ref(), how);
}

#[inline(never)]
fn push_port_of(out: &mut Vec<u8>, address: Option<&Address>, how: Escape) {
    match address {
        // A client that a proxy has named may have no port.
        Some(Address::Inet(inet)) if inet.port() != 0 => push_port(out, address),
        _ => push_escaped(out, b"", how),
    }
}

/// Appends the user's name that the client has sent.
#[inline(never)]
fn push_remote_user(out: &mut Vec<u8>, view: &View<'_>, how: Escape) {
    match view.credentials() {
        Some(credentials) => push_escaped(out, credentials.user(), how),
        None => push_escaped(out, b"", how),
    }
}

#[inline(never)]
fn push_elapsed(out: &mut Vec<u8>, view: &View<'_>) {
    let elapsed = view.elapsed();
    push_decimals(out, elapsed.as_secs(), elapsed.subsec_millis());
}

#[inline(never)]
fn push_connection_time(out: &mut Vec<u8>, view: &View<'_>) {
    let age = view.ages.age(view.connection(), view.now);
    push_decimals(out, age.as_secs(), age.subsec_millis());
}

/// Appends 32 hexadecimal digits, or what stands for an unknown value.
#[inline(never)]
fn push_request_id(out: &mut Vec<u8>, view: &View<'_>, how: Escape) {
    let Some(id) = view.request_id() else { return push_escaped(out, b"", how) };
    let digit = |at: usize| b"0123456789abcdef"[(id >> (4 * at)) as usize % 16];
    out.extend((0..32).rev().map(digit));
}

/// Appends all field lines of this name as one list (RFC 9110 section 5.3). Cookies have their own separator.
#[inline(never)]
fn push_field(out: &mut Vec<u8>, view: &View<'_>, known: Known, how: Escape) {
    match view.request().map(|request| &request.fields) {
        Some(fields) if fields.has_several(known) => {
            let separator: &[u8] = if known == Known::Cookie { b"; " } else { b", " };
            push_joined(out, fields.get_all(known), separator, how);
        }
        Some(fields) => push_escaped(out, fields.get(known).unwrap_or_default(), how),
        None => push_escaped(out, b"", how),
    }
}

/// Appends the fields with a name (in lower case) that the parser does not know.
#[inline(never)]
fn push_other_field(out: &mut Vec<u8>, view: &View<'_>, name: &str, how: Escape) {
    let names = view.settings().field_names;
    let is_equal = |(a, b): (&u8, &u8)| a.eq_ignore_ascii_case(b) || (*a == b'_' && *b == b'-');
    let is_it = |field: &Field<'_>| {
        field.name.len() == name.len()
            && field.name.iter().zip(name.as_bytes()).all(is_equal)
            && names.takes(field.name)
    };
    let fields = view.request().into_iter().flat_map(|request| request.fields.iter());
    push_joined(out, fields.filter(is_it).map(|field| field.value), b", ", how);
}

#[inline(never)]
fn push_cookie(out: &mut Vec<u8>, view: &View<'_>, name: &str, how: Escape) {
    let mut all = view.request().into_iter().flat_map(|request| request.fields.get_all(Known::Cookie));
    let value = all.find_map(|cookies| argument(cookies, name, b';'));
    push_escaped(out, value.unwrap_or_default(), how);
}

#[inline(never)]
fn push_argument(out: &mut Vec<u8>, view: &View<'_>, name: &str, how: Escape) {
    push_escaped(out, argument(view.query().unwrap_or_default(), name, b'&').unwrap_or_default(), how);
}

#[inline(never)]
fn push_sent_field(out: &mut Vec<u8>, view: &View<'_>, name: &str, how: Escape) {
    push_joined(out, sent_field(view.sent_head(), name.as_bytes()), b", ", how);
}

#[inline(never)]
fn push_secure_link(out: &mut Vec<u8>, view: &View<'_>, how: Escape) {
    let links = &view.settings().links;
    if let Some(secret) = &links.secret {
        let target = view.request().map_or(&b""[..], Request::target);
        return push_escaped(out, secure_link::by_secret(target, secret), how);
    }
    let link = links.secure.as_ref().map(|link| expand(link, view)).unwrap_or_default();
    let value = match (Link::parse(&link), &links.md5) {
        (Some(link), Some(text)) => link.value(&expand(text, view), view.wall().secs),
        _ => b"",
    };
    push_escaped(out, value, how);
}

#[inline(never)]
fn push_link_expires(out: &mut Vec<u8>, view: &View<'_>, how: Escape) {
    let link = view.settings().links.secure.as_ref().map(|link| expand(link, view)).unwrap_or_default();
    push_escaped(out, Link::parse(&link).and_then(|link| link.expires).unwrap_or_default(), how);
}

#[inline(never)]
fn push_sent_trailer(out: &mut Vec<u8>, view: &View<'_>, name: &str, how: Escape) {
    push_joined(out, sent_field(view.sent_trailers(), name.as_bytes()), b", ", how);
}

#[inline(never)]
fn push_filename(out: &mut Vec<u8>, view: &View<'_>, how: Escape) {
    push_escaped(out, &file_path(view.settings(), view.path()).unwrap_or_default(), how);
}

fn has_arguments(view: &View<'_>) -> bool {
    view.query().is_some_and(|query| !query.is_empty())
}

pub(super) fn host<'a>(view: &View<'a>) -> &'a [u8] {
    view.request().and_then(Request::host).unwrap_or(server_name(view))
}

/// Appends a group of the last regular expression that matched.
#[inline(never)]
fn push_capture(out: &mut Vec<u8>, view: &View<'_>, group: u8, how: Escape) {
    let captures = view.slots().captures().unwrap_or_default();
    push_escaped(out, captures.get(group.into()), how);
}

/// Appends a value that exists. If it is empty, nothing stands for it in a log; "-" is for values that do not exist.
fn push_found(out: &mut Vec<u8>, value: &[u8], how: Escape) {
    if !value.is_empty() {
        push_escaped(out, value, how);
    }
}

/// Appends the path. A request whose path cannot be read has an empty one; one that cannot be read has none.
fn push_uri(out: &mut Vec<u8>, view: &View<'_>, how: Escape) {
    match view.request() {
        Some(_) => push_found(out, view.path(), how),
        None => push_escaped(out, b"", how),
    }
}

fn server_name<'a>(view: &View<'a>) -> &'a [u8] {
    view.server().name().as_bytes()
}

fn protocol(request: &Request) -> &'static [u8] {
    if request.version.minor == 0 { b"HTTP/1.0" } else { b"HTTP/1.1" }
}

#[inline(never)]
fn push_joined<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = &'a [u8]>, separator: &[u8], how: Escape) {
    let values: Vec<&[u8]> = values.collect();
    match values[..] {
        [] => push_escaped(out, b"", how),
        [value] => push_escaped(out, value, how),
        _ => push_escaped(out, &values.join(separator), how),
    }
}

/// Appends this machine's name. It is read once.
#[inline(never)]
fn push_hostname(out: &mut Vec<u8>, how: Escape) {
    static NAME: OnceLock<String> = OnceLock::new();
    let name = NAME.get_or_init(|| webserv_sys::process::hostname().unwrap_or_default());
    push_escaped(out, name.as_bytes(), how);
}

/// Appends the process's pid. It is read once.
#[inline(never)]
fn push_pid(out: &mut Vec<u8>) {
    static PID: OnceLock<u64> = OnceLock::new();
    push_number(out, *PID.get_or_init(|| webserv_sys::process::pid().unsigned_abs().into()));
}

#[inline(never)]
fn push_number(out: &mut Vec<u8>, value: u64) {
    push_decimal(out, value);
}

#[inline(never)]
fn push_common_time(out: &mut Vec<u8>, view: &View<'_>) {
    push_start(out, &local_time::common(view.wall()), local_time::COMMON_LEN);
}

#[inline(never)]
fn push_iso8601_time(out: &mut Vec<u8>, view: &View<'_>) {
    push_start(out, &local_time::iso8601(view.wall()), local_time::ISO8601_LEN);
}

#[inline(never)]
fn push_msec(out: &mut Vec<u8>, view: &View<'_>) {
    let wall = view.wall();
    push_decimals(out, wall.secs.max(0) as u64, wall.nanos / 1_000_000);
}

/// Appends at least three digits, as for a status.
#[inline(never)]
fn push_three_digits(out: &mut Vec<u8>, value: u32) {
    match value {
        ..=999 => push_start(out, &three_digits(value), 3),
        _ => push_number(out, value.into()),
    }
}

/// The digits of a number below 1000.
fn three_digits(value: u32) -> [u8; 3] {
    let (hundreds, tens) = (value / 100, value / 10);
    [hundreds, tens - 10 * hundreds, value - 10 * tens].map(|digit| b'0' + digit as u8)
}

/// Appends seconds with three decimal places.
#[inline(never)]
fn push_decimals(out: &mut Vec<u8>, secs: u64, millis: u32) {
    push_decimal(out, secs);
    let [a, b, c] = three_digits(millis);
    push_start(out, &[b'.', a, b, c], 4);
}

#[cfg(test)]
mod tests;
