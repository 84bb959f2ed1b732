//! The variables of log formats, `return` and `error_page`, for one request.

use super::address::{push_address, push_port};
use super::escape::push_escaped;
use super::{document_root, file_path, request_id};
use crate::config::{Escape, Part, Server, Settings, Template, UseridMode, Variable};
use crate::http::fields::Field;
use crate::http::number::{push_decimal, push_start};
use crate::http::userid::UserId;
use crate::http::{Known, Request};
use crate::log::time;
use memchr::memchr;
use std::sync::OnceLock;
use std::time::Duration;
use webserv_sys::clock::Wall;
use webserv_sys::net::Address;

/// What variables are made of. What is not known yet is empty.
pub struct View<'a> {
    /// The request, unless its head was bad.
    pub request: Option<&'a Request>,
    /// The query in force: it changes with internal redirects.
    pub query: Option<&'a [u8]>,
    /// The request line, as far as it was understood.
    pub request_line: &'a [u8],
    /// The path, decoded and normalized; it changes with internal redirects.
    pub path: &'a [u8],
    /// The server that answers.
    pub server: &'a Server,
    /// The settings in force.
    pub settings: &'a Settings,
    /// The client's address.
    pub client: Option<Address>,
    /// Our own address.
    pub local: &'a Address,
    /// Time of day.
    pub wall: Wall,
    /// The response's status; 0: none yet.
    pub status: u16,
    /// Bytes of the response's body that have been sent.
    pub body_bytes_sent: u64,
    /// Bytes of the whole response that have been sent.
    pub bytes_sent: u64,
    /// Bytes of the request that have been read.
    pub request_bytes: u64,
    /// How long ago the first byte of the request came.
    pub elapsed: Duration,
    /// The worker's number.
    pub worker: usize,
    /// The connection's serial number.
    pub connection: u64,
    /// The request's number on its connection, from 1.
    pub connection_requests: u64,
    /// The request came before the answer to the one before it had left.
    pub pipelined: bool,
    /// The head of the response as sent.
    pub sent_head: &'a [u8],
    /// The file that the request's body is stored in, by `client_body_in_file_only`.
    pub request_body_file: &'a [u8],
    /// The identifier that the client is given with this response.
    pub userid: Option<UserId>,
}

/// Fills in a template as it is.
pub fn expand(template: &Template, view: &View<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    fill_in(template, view, Escape::None, &mut out);
    out
}

/// Appends a log format filled in, with its escapes and a newline.
pub fn push_log_line(out: &mut Vec<u8>, format: &Template, view: &View<'_>) {
    fill_in(format, view, format.escape, out);
    out.push(b'\n');
}

fn fill_in(template: &Template, view: &View<'_>, how: Escape, out: &mut Vec<u8>) {
    for part in &template.parts {
        match part {
            Part::Text(text) => text.push(out),
            Part::Variable(variable) => view.push(out, variable, how),
        }
    }
}

impl<'a> View<'a> {
    /// Appends the value of a variable. Numbers, times and addresses are digits and a few signs, whatever the client
    /// sends: nothing in them is escaped.
    ///
    /// It only says who is to do it: most variables are a few bytes, which registers to be saved would cost more than.
    #[inline(never)] // into the loop over a template, before which the compiler would prepare all values
    fn push(&self, out: &mut Vec<u8>, variable: &Variable, how: Escape) {
        match variable {
            Variable::RemoteAddr if self.client.is_none() => push_escaped(out, b"", how),
            Variable::RemoteAddr => push_address(out, self.client.as_ref()),
            Variable::RemotePort => self.push_port(out, self.client.as_ref(), how),
            Variable::RemoteUser => push_escaped(out, b"", how),
            Variable::ServerAddr => push_address(out, Some(self.local)),
            Variable::ServerPort => self.push_port(out, Some(self.local), how),
            Variable::ServerName => push_escaped(out, self.server_name(), how),
            Variable::ServerProtocol => push_escaped(out, self.request.map_or(b"", protocol), how),
            Variable::TimeLocal => push_common_time(out, self.wall),
            Variable::TimeIso8601 => push_iso8601_time(out, self.wall),
            Variable::Msec => push_decimals(out, self.wall.secs.max(0) as u64, self.wall.nanos / 1_000_000),
            Variable::Request => push_escaped(out, self.request_line, how),
            Variable::RequestMethod => push_escaped(out, self.request.map_or(b"", Request::method_text), how),
            Variable::RequestUri => push_escaped(out, self.request.map_or(b"", Request::target), how),
            Variable::Uri => push_escaped(out, self.path, how),
            Variable::Args => push_escaped(out, self.query.unwrap_or_default(), how),
            Variable::IsArgs => push_escaped(out, if self.has_arguments() { b"?" } else { b"" }, how),
            Variable::Host => push_escaped(out, self.host(), how),
            Variable::Hostname => push_hostname(out, how),
            Variable::Scheme => push_escaped(out, b"http", how),
            Variable::Status => push_three_digits(out, self.status.into()),
            Variable::BodyBytesSent => push_number(out, self.body_bytes_sent),
            Variable::BytesSent => push_number(out, self.bytes_sent),
            Variable::RequestLength => push_number(out, self.request_bytes),
            Variable::RequestTime => self.push_elapsed(out),
            Variable::Connection => push_number(out, self.connection),
            Variable::ConnectionRequests => push_number(out, self.connection_requests),
            Variable::Pid => push_pid(out),
            Variable::Pipe => push_escaped(out, if self.pipelined { b"p" } else { b"." }, how),
            Variable::DocumentRoot => push_escaped(out, document_root(self.settings), how),
            Variable::RequestFilename => self.push_filename(out, how),
            Variable::ServerVersion => push_escaped(out, env!("CARGO_PKG_VERSION").as_bytes(), how),
            Variable::RequestBodyFile => push_escaped(out, self.request_body_file, how),
            Variable::RequestId => self.push_request_id(out),
            Variable::HttpKnown(known) => self.push_field(out, *known, how),
            Variable::Http(name) => self.push_other_field(out, name, how),
            Variable::SentHttp(name) => self.push_sent_field(out, name, how),
            Variable::Arg(name) => self.push_argument(out, name, how),
            Variable::Cookie(name) => self.push_cookie(out, name, how),
            Variable::UidGot => self.push_got_userid(out, how),
            Variable::UidSet => self.push_userid(out, self.userid, how),
        }
    }

    #[inline(never)]
    fn push_port(&self, out: &mut Vec<u8>, address: Option<&Address>, how: Escape) {
        match address {
            Some(Address::Inet(_)) => push_port(out, address),
            _ => push_escaped(out, b"", how),
        }
    }

    #[inline(never)]
    fn push_elapsed(&self, out: &mut Vec<u8>) {
        push_decimals(out, self.elapsed.as_secs(), self.elapsed.subsec_millis());
    }

    /// 32 hexadecimal digits.
    #[inline(never)]
    fn push_request_id(&self, out: &mut Vec<u8>) {
        let id = request_id(self.worker, self.connection, self.connection_requests);
        let digit = |at: usize| b"0123456789abcdef"[(id >> (4 * at)) as usize % 16];
        out.extend((0..32).rev().map(digit));
    }

    /// All field lines of this name as one list (RFC 9110 section 5.3); cookies have a separator of their own.
    #[inline(never)]
    fn push_field(&self, out: &mut Vec<u8>, known: Known, how: Escape) {
        match self.request.map(|request| &request.fields) {
            Some(fields) if fields.has_several(known) => {
                let separator: &[u8] = if known == Known::Cookie { b"; " } else { b", " };
                push_joined(out, fields.get_all(known), separator, how);
            }
            Some(fields) => push_escaped(out, fields.get(known).unwrap_or_default(), how),
            None => push_escaped(out, b"", how),
        }
    }

    /// The same for a name in lower case that the parser does not know.
    #[inline(never)]
    fn push_other_field(&self, out: &mut Vec<u8>, name: &str, how: Escape) {
        let is_it = |field: &Field<'_>| field.name.eq_ignore_ascii_case(name.as_bytes());
        let fields = self.request.into_iter().flat_map(|request| request.fields.iter());
        push_joined(out, fields.filter(is_it).map(|field| field.value), b", ", how);
    }

    #[inline(never)]
    fn push_cookie(&self, out: &mut Vec<u8>, name: &str, how: Escape) {
        let mut all = self.request.into_iter().flat_map(|request| request.fields.get_all(Known::Cookie));
        let value = all.find_map(|cookies| argument(cookies, name, b';'));
        push_escaped(out, value.unwrap_or_default(), how);
    }

    #[inline(never)]
    fn push_argument(&self, out: &mut Vec<u8>, name: &str, how: Escape) {
        push_escaped(out, argument(self.query.unwrap_or_default(), name, b'&').unwrap_or_default(), how);
    }

    #[inline(never)]
    fn push_sent_field(&self, out: &mut Vec<u8>, name: &str, how: Escape) {
        push_escaped(out, sent_field(self.sent_head, name.as_bytes()), how);
    }

    #[inline(never)]
    fn push_filename(&self, out: &mut Vec<u8>, how: Escape) {
        push_escaped(out, &file_path(self.settings, self.path).unwrap_or_default(), how);
    }

    fn has_arguments(&self) -> bool {
        self.query.is_some_and(|query| !query.is_empty())
    }

    fn host(&self) -> &'a [u8] {
        self.request.and_then(Request::host).unwrap_or(self.server_name())
    }

    /// The identifier that the client has sent, if `userid` looks at it.
    #[inline(never)]
    fn push_got_userid(&self, out: &mut Vec<u8>, how: Escape) {
        let request = self.request.filter(|_| self.settings.userid.mode != UseridMode::Off);
        let got = request.and_then(|request| UserId::find(&request.fields, &self.settings.userid.cookie.name));
        self.push_userid(out, got, how);
    }

    /// As nginx has it: "uid=0100007F00BDE3650403020108070605".
    #[inline(never)]
    fn push_userid(&self, out: &mut Vec<u8>, id: Option<UserId>, how: Escape) {
        let shown = id.map(|id| format!("{}={id}", self.settings.userid.cookie.name));
        push_escaped(out, shown.unwrap_or_default().as_bytes(), how);
    }

    fn server_name(&self) -> &'a [u8] {
        self.server.name().as_bytes()
    }
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

/// The value of `name=value` in a list with this separator: arguments of a query, cookies. The first one counts.
fn argument<'a>(list: &'a [u8], name: &str, separator: u8) -> Option<&'a [u8]> {
    let value = |pair: &'a [u8]| pair.trim_ascii_start().strip_prefix(name.as_bytes())?.strip_prefix(b"=");
    split(list, separator).find_map(value)
}

/// A field's value in the head of our own response.
fn sent_field<'a>(head: &'a [u8], name: &[u8]) -> &'a [u8] {
    let value = |line: &'a [u8]| match line.split_at_checked(name.len())? {
        (start, [b':', value @ ..]) if start.eq_ignore_ascii_case(name) => Some(value.trim_ascii()),
        _ => None,
    };
    split(head, b'\n').skip(1).find_map(value).unwrap_or_default()
}

/// What stands between these bytes: as `slice::split`, but many bytes at a time.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = memchr(separator, text);
        rest = end.map(|end| &text[end + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

/// This machine's name, as it was when it was first asked for.
#[inline(never)]
fn push_hostname(out: &mut Vec<u8>, how: Escape) {
    static NAME: OnceLock<String> = OnceLock::new();
    let name = NAME.get_or_init(|| webserv_sys::process::hostname().unwrap_or_default());
    push_escaped(out, name.as_bytes(), how);
}

/// This process's number, for which the kernel is asked once.
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
fn push_common_time(out: &mut Vec<u8>, wall: Wall) {
    push_start(out, &time::common(wall), time::COMMON_LEN);
}

#[inline(never)]
fn push_iso8601_time(out: &mut Vec<u8>, wall: Wall) {
    push_start(out, &time::iso8601(wall), time::ISO8601_LEN);
}

/// Three digits at least, as a status has them.
#[inline(never)]
fn push_three_digits(out: &mut Vec<u8>, value: u32) {
    match value {
        ..=999 => push_start(out, &three_digits(value), 3),
        _ => push_number(out, value.into()),
    }
}

/// The last three digits.
fn three_digits(value: u32) -> [u8; 3] {
    [value / 100, value / 10, value].map(|digit| b'0' + (digit % 10) as u8)
}

/// Seconds with three places.
#[inline(never)]
fn push_decimals(out: &mut Vec<u8>, secs: u64, millis: u32) {
    push_decimal(out, secs);
    let [a, b, c] = three_digits(millis);
    push_start(out, &[b'.', a, b, c], 4);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_cookies_are_found_by_their_whole_name() {
        assert_eq!(argument(b"ab=1&b=2&b=3&c", "b", b'&'), Some(&b"2"[..]));
        assert_eq!(argument(b"session=x; id=7", "id", b';'), Some(&b"7"[..]));
        assert_eq!(argument(b"b&bb=1", "b", b'&'), None);
        assert_eq!(sent_field(b"HTTP/1.1 200 OK\r\nETag: \"a:b\"\r\n\r\n", b"etag"), b"\"a:b\"");
    }
}
