//! The variables of log formats, `return` and `error_page`, for one request.

use super::address::{push_address, push_port};
use super::{document_root, file_path, request_id};
use crate::config::{Escape, Part, Server, Settings, Template, UseridMode, Variable};
use crate::http::fields::Field;
use crate::http::number::push_decimal;
use crate::http::userid::UserId;
use crate::http::{Known, Request};
use crate::log::{push_escaped, time};
use memchr::memchr;
use std::io::Write;
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
            Part::Text(text) => out.extend_from_slice(text.as_bytes()),
            Part::Variable(variable) => {
                let start = out.len();
                match view.value(variable, out) {
                    Value::Text(text) => push_escaped(out, text, how),
                    Value::Made(text) => push_escaped(out, &text, how),
                    Value::Written if out.len() == start => push_escaped(out, b"", how),
                    Value::Written => {}
                }
            }
        }
    }
}

/// The value of a variable.
enum Value<'a> {
    /// A text that may hold anything.
    Text(&'a [u8]),
    /// One that had to be put together.
    Made(Vec<u8>),
    /// It stands in the output already: digits and a few signs, whatever the client sends. Nothing in it is escaped.
    Written,
}

impl<'a> View<'a> {
    /// The value of a variable; one of the plain kind is appended.
    fn value(&self, variable: &Variable, out: &mut Vec<u8>) -> Value<'a> {
        match variable {
            Variable::RemoteAddr => push_address(out, self.client.as_ref()),
            Variable::RemotePort => push_port(out, self.client.as_ref()),
            Variable::ServerAddr => push_address(out, Some(self.local)),
            Variable::ServerPort => push_port(out, Some(self.local)),
            Variable::TimeLocal => out.extend_from_slice(&time::common(self.wall)),
            Variable::TimeIso8601 => out.extend_from_slice(&time::iso8601(self.wall)),
            Variable::Msec => push_decimals(out, self.wall.secs.max(0) as u64, self.wall.nanos / 1_000_000),
            Variable::Status => push_three_digits(out, self.status.into()),
            Variable::BodyBytesSent => push_decimal(out, self.body_bytes_sent),
            Variable::BytesSent => push_decimal(out, self.bytes_sent),
            Variable::RequestLength => push_decimal(out, self.request_bytes),
            Variable::RequestTime => {
                push_decimals(out, self.elapsed.as_secs(), self.elapsed.subsec_millis());
            }
            Variable::Connection => push_decimal(out, self.connection),
            Variable::ConnectionRequests => push_decimal(out, self.connection_requests),
            Variable::RequestId => {
                push_hex_padded(out, request_id(self.worker, self.connection, self.connection_requests));
            }
            Variable::Pid => push_decimal(out, pid()),
            Variable::Pipe => out.push(if self.pipelined { b'p' } else { b'.' }),
            Variable::ServerVersion => out.extend_from_slice(env!("CARGO_PKG_VERSION").as_bytes()),
            Variable::Scheme => out.extend_from_slice(b"http"),
            _ => return self.text(variable),
        }
        Value::Written
    }

    /// The value of a variable that may hold anything.
    fn text(&self, variable: &Variable) -> Value<'a> {
        Value::Text(match variable {
            Variable::ServerName => self.server_name(),
            Variable::RequestBodyFile => self.request_body_file,
            Variable::Hostname => hostname(),
            Variable::DocumentRoot => document_root(self.settings),
            Variable::RequestFilename => return Value::Made(file_path(self.settings, self.path).unwrap_or_default()),
            Variable::Uri => self.path,
            Variable::Request => self.request_line,
            Variable::SentHttp(name) => sent_field(self.sent_head, name.as_bytes()),
            Variable::Host => self.request.and_then(Request::host).unwrap_or_else(|| self.server_name()),
            Variable::Args => self.query.unwrap_or_default(),
            Variable::IsArgs if self.query.is_some_and(|q| !q.is_empty()) => b"?",
            Variable::Arg(name) => argument(self.query.unwrap_or_default(), name.as_bytes(), b'&').unwrap_or_default(),
            Variable::Cookie(name) => {
                let mut cookies = self.request.into_iter().flat_map(|r| r.fields.get_all(Known::Cookie));
                cookies.find_map(|cookie| argument(cookie, name.as_bytes(), b';')).unwrap_or_default()
            }
            Variable::HttpKnown(known) => {
                let separator: &[u8] = if *known == Known::Cookie { b"; " } else { b", " };
                return self.request.map_or(Value::Text(b""), |r| joined(r.fields.get_all(*known), separator));
            }
            Variable::Http(name) => {
                let is_it = |field: &Field<'_>| field.name.eq_ignore_ascii_case(name.as_bytes());
                let values = self.request.into_iter().flat_map(|r| r.fields.iter()).filter(is_it);
                return joined(values.map(|field| field.value), b", ");
            }
            Variable::UidGot => return self.userid(self.got_userid()),
            Variable::UidSet => return self.userid(self.userid),
            of_request => self.request.map_or(b"", |request| request_value(of_request, request)),
        })
    }

    /// The identifier that the client has sent, if `userid` looks at it.
    fn got_userid(&self) -> Option<UserId> {
        let request = self.request.filter(|_| self.settings.userid.mode != UseridMode::Off)?;
        UserId::find(&request.fields, &self.settings.userid.cookie.name)
    }

    /// As nginx has it: "uid=0100007F00BDE3650403020108070605".
    fn userid(&self, id: Option<UserId>) -> Value<'a> {
        let shown = id.map(|id| format!("{}={id}", self.settings.userid.cookie.name));
        Value::Made(shown.unwrap_or_default().into_bytes())
    }

    fn server_name(&self) -> &'a [u8] {
        self.server.name().as_bytes()
    }
}

/// The variables that are a part of the request.
fn request_value<'a>(variable: &Variable, request: &'a Request) -> &'a [u8] {
    match variable {
        Variable::ServerProtocol if request.version.minor == 0 => b"HTTP/1.0",
        Variable::ServerProtocol => b"HTTP/1.1",
        Variable::RequestMethod => request.method_text(),
        Variable::RequestUri => request.target(),
        _ => b"",
    }
}

/// All field lines of one name as one list (RFC 9110 section 5.3); cookies have a separator of their own.
fn joined<'a>(mut values: impl Iterator<Item = &'a [u8]>, separator: &[u8]) -> Value<'a> {
    let Some(first) = values.next() else { return Value::Text(b"") };
    let Some(second) = values.next() else { return Value::Text(first) };
    let mut all = [first, separator, second].concat();
    for value in values {
        all.extend_from_slice(separator);
        all.extend_from_slice(value);
    }
    Value::Made(all)
}

/// The value of `name=value` in a list with this separator: arguments of a query, cookies. The first one counts.
fn argument<'a>(list: &'a [u8], name: &[u8], separator: u8) -> Option<&'a [u8]> {
    let value = |pair: &'a [u8]| pair.trim_ascii_start().strip_prefix(name)?.strip_prefix(b"=");
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
fn hostname() -> &'static [u8] {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| webserv_sys::process::hostname().unwrap_or_default()).as_bytes()
}

/// This process's number, for which the kernel is asked once.
fn pid() -> u64 {
    static PID: OnceLock<u64> = OnceLock::new();
    *PID.get_or_init(|| webserv_sys::process::pid().unsigned_abs().into())
}

/// Three digits at least, as a status has them.
fn push_three_digits(out: &mut Vec<u8>, value: u32) {
    match value {
        ..=999 => out.extend_from_slice(&three_digits(value)),
        _ => push_decimal(out, value.into()),
    }
}

/// The last three digits.
fn three_digits(value: u32) -> [u8; 3] {
    [value / 100, value / 10, value].map(|digit| b'0' + (digit % 10) as u8)
}

/// Seconds with three places.
fn push_decimals(out: &mut Vec<u8>, secs: u64, millis: u32) {
    push_decimal(out, secs);
    let [a, b, c] = three_digits(millis);
    out.extend_from_slice(&[b'.', a, b, c]);
}

/// 32 digits.
fn push_hex_padded(out: &mut Vec<u8>, value: u128) {
    let _ = write!(out, "{value:032x}"); // a Vec takes everything
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_cookies_are_found_by_their_whole_name() {
        assert_eq!(argument(b"ab=1&b=2&b=3&c", b"b", b'&'), Some(&b"2"[..]));
        assert_eq!(argument(b"session=x; id=7", b"id", b';'), Some(&b"7"[..]));
        assert_eq!(argument(b"b&bb=1", b"b", b'&'), None);
        assert_eq!(sent_field(b"HTTP/1.1 200 OK\r\nETag: \"a:b\"\r\n\r\n", b"etag"), b"\"a:b\"");
    }
}
