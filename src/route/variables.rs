//! The variables of log formats, `return` and `error_page`, for one request.

use super::{document_root, file_path};
use crate::config::{Escape, Part, Server, Settings, Template, UseridMode, Variable};
use crate::http::number::{Digits, push_decimal};
use crate::http::userid::UserId;
use crate::http::{Known, Request};
use crate::log::time;
use std::io::Write;
use std::net::SocketAddr;
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
    /// Time since the first byte of the request.
    pub elapsed: Duration,
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
    /// See [`super::request_id`].
    pub request_id: u128,
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
                view.value(variable, out);
                match &out[start..] {
                    [] if how == Escape::Default => out.push(b'-'),
                    value if !is_plain(variable) && needs_escape(value, how) => {
                        let value = out.split_off(start);
                        escape(out, &value, how);
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Values that are digits and a few signs, whatever the client sends: nothing in them is escaped.
const fn is_plain(variable: &Variable) -> bool {
    use Variable as V;
    matches!(
        variable,
        V::RemoteAddr | V::TimeLocal | V::Status | V::BodyBytesSent | V::BytesSent | V::RequestLength | V::RequestTime
    )
}

/// Whether [`escape`] would change a value that is not empty. Most are plain, so all their bytes are looked at, without
/// an early end: the compiler takes many at once.
fn needs_escape(value: &[u8], how: Escape) -> bool {
    let is_special = |byte: u8| !(b' '..0x7f).contains(&byte) | (byte == b'"') | (byte == b'\\');
    match how {
        Escape::Default | Escape::Json => value.iter().fold(false, |any, &byte| any | is_special(byte)),
        Escape::None => false,
    }
}

/// Writes a value so that a client cannot break out of the log's line or quotes.
#[cold]
fn escape(out: &mut Vec<u8>, value: &[u8], how: Escape) {
    match how {
        Escape::Default => value.iter().for_each(|&byte| match byte {
            b'"' | b'\\' | ..=0x1f | 0x7f.. => {
                let _ = write!(out, "\\x{byte:02X}");
            }
            _ => out.push(byte),
        }),
        Escape::Json => value.iter().for_each(|&byte| match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            ..=0x1f => {
                let _ = write!(out, "\\u{byte:04X}");
            }
            _ => out.push(byte),
        }),
        Escape::None => out.extend_from_slice(value),
    }
}

impl View<'_> {
    /// Appends the value of a variable.
    fn value(&self, variable: &Variable, out: &mut Vec<u8>) {
        match variable {
            Variable::RemoteAddr => address(self.client.as_ref(), out),
            Variable::RemotePort => port(self.client.as_ref(), out),
            Variable::RemoteUser => {}
            Variable::ServerAddr => address(Some(self.local), out),
            Variable::ServerPort => port(Some(self.local), out),
            Variable::ServerName => out.extend_from_slice(self.server_name()),
            Variable::TimeLocal => time::push_common(out, self.wall),
            Variable::TimeIso8601 => out.extend_from_slice(time::iso8601(self.wall).as_bytes()),
            Variable::Msec => push_decimals(out, self.wall.secs.max(0) as u64, self.wall.nanos / 1_000_000),
            Variable::Status => push_three_digits(out, self.status.into()),
            Variable::BodyBytesSent => push_decimal(out, self.body_bytes_sent),
            Variable::BytesSent => push_decimal(out, self.bytes_sent),
            Variable::RequestLength => push_decimal(out, self.request_bytes),
            Variable::RequestTime => push_decimals(out, self.elapsed.as_secs(), self.elapsed.subsec_millis()),
            Variable::Connection => push_decimal(out, self.connection),
            Variable::ConnectionRequests => push_decimal(out, self.connection_requests),
            Variable::RequestBodyFile => out.extend_from_slice(self.request_body_file),
            Variable::RequestId => number(out, format_args!("{:032x}", self.request_id)),
            Variable::Pid => number(out, format_args!("{}", webserv_sys::process::pid())),
            Variable::Pipe => out.push(if self.pipelined { b'p' } else { b'.' }),
            Variable::Hostname => {
                out.extend_from_slice(&webserv_sys::process::hostname().unwrap_or_default().into_bytes());
            }
            Variable::ServerVersion => out.extend_from_slice(env!("CARGO_PKG_VERSION").as_bytes()),
            Variable::Scheme => out.extend_from_slice(b"http"),
            Variable::DocumentRoot => out.extend_from_slice(document_root(self.settings)),
            Variable::RequestFilename => {
                out.extend_from_slice(&file_path(self.settings, self.path).unwrap_or_default())
            }
            Variable::Uri => out.extend_from_slice(self.path),
            Variable::Request => out.extend_from_slice(self.request_line),
            Variable::SentHttp(name) => out.extend_from_slice(sent_field(self.sent_head, name.as_bytes())),
            Variable::Host => {
                let host = self.request.and_then(Request::host);
                out.extend_from_slice(host.unwrap_or_else(|| self.server_name()));
            }
            Variable::Args => out.extend_from_slice(self.query.unwrap_or_default()),
            Variable::IsArgs => {
                out.extend_from_slice(if self.query.is_some_and(|q| !q.is_empty()) { b"?" } else { b"" })
            }
            Variable::Arg(name) => {
                out.extend_from_slice(argument(self.query.unwrap_or_default(), name.as_bytes(), b'&'));
            }
            Variable::Http(name) => self.fields(name.as_bytes(), out),
            Variable::Cookie(name) => {
                let mut cookies = Vec::new();
                self.fields(b"cookie", &mut cookies);
                out.extend_from_slice(argument(&cookies, name.as_bytes(), b';'));
            }
            Variable::UidGot => self.userid(self.got_userid(), out),
            Variable::UidSet => self.userid(self.userid, out),
            of_request => {
                if let Some(request) = self.request {
                    out.extend_from_slice(request_value(of_request, request));
                }
            }
        }
    }

    /// All fields of this name as one list (RFC 9110 section 5.3); cookies have a separator of their own.
    fn fields(&self, name: &[u8], out: &mut Vec<u8>) {
        let known = Known::parse(name);
        let absent = |request: &Request| known.is_some_and(|known| !request.fields.has(known));
        let Some(request) = self.request.filter(|request| !absent(request)) else { return };
        let all = request.fields.iter();
        let separator: &[u8] = if known == Some(Known::Cookie) { b"; " } else { b", " };
        for (i, field) in all.filter(|field| field.name.eq_ignore_ascii_case(name)).enumerate() {
            out.extend_from_slice(if i > 0 { separator } else { b"" });
            out.extend_from_slice(field.value);
        }
    }

    /// The identifier that the client has sent, if `userid` looks at it.
    fn got_userid(&self) -> Option<UserId> {
        let request = self.request.filter(|_| self.settings.userid.mode != UseridMode::Off)?;
        UserId::find(&request.fields, &self.settings.userid.cookie.name)
    }

    /// As nginx has it: "uid=0100007F00BDE3650403020108070605".
    fn userid(&self, id: Option<UserId>, out: &mut Vec<u8>) {
        if let Some(id) = id {
            number(out, format_args!("{}={id}", self.settings.userid.cookie.name));
        }
    }

    fn server_name(&self) -> &[u8] {
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

/// The value of `name=value` in a list with this separator: arguments of a query, cookies. The first one counts.
fn argument<'a>(list: &'a [u8], name: &[u8], separator: u8) -> &'a [u8] {
    let mut pairs = list.split(|b| *b == separator).map(<[u8]>::trim_ascii_start);
    let value = |pair: &'a [u8]| pair.strip_prefix(name)?.strip_prefix(b"=");
    pairs.find_map(value).unwrap_or_default()
}

/// A field's value in the head of our own response.
fn sent_field<'a>(head: &'a [u8], name: &[u8]) -> &'a [u8] {
    let mut lines = head.split(|b| *b == b'\n').skip(1);
    let value = |line: &'a [u8]| {
        let colon = line.iter().position(|b| *b == b':')?;
        line[..colon].eq_ignore_ascii_case(name).then(|| line[colon + 1..].trim_ascii())
    };
    lines.find_map(value).unwrap_or_default()
}

/// Appends the IP address; "unix:" for a socket that has none.
pub(super) fn address(address: Option<&Address>, out: &mut Vec<u8>) {
    match address {
        Some(Address::Inet(SocketAddr::V4(address))) => {
            for (i, byte) in address.ip().octets().into_iter().enumerate() {
                out.extend_from_slice(if i > 0 { b"." } else { b"" });
                push_decimal(out, byte.into());
            }
        }
        Some(Address::Inet(SocketAddr::V6(address))) => number(out, format_args!("{}", address.ip())),
        Some(Address::Unix(_)) => out.extend_from_slice(b"unix:"),
        None => {}
    }
}

/// Appends the port, if there is one.
pub(super) fn port(address: Option<&Address>, out: &mut Vec<u8>) {
    if let Some(Address::Inet(address)) = address {
        push_decimal(out, address.port().into());
    }
}

/// Three digits at least, as a status has them.
fn push_three_digits(out: &mut Vec<u8>, value: u64) {
    let digits = Digits::decimal(value);
    out.extend_from_slice(&b"000"[digits.as_bytes().len().min(3)..]);
    out.extend_from_slice(digits.as_bytes());
}

/// Seconds with three places.
fn push_decimals(out: &mut Vec<u8>, secs: u64, millis: u32) {
    push_decimal(out, secs);
    out.push(b'.');
    push_three_digits(out, millis.into());
}

fn number(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text); // a Vec takes everything
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_break_out_of_a_log_line() {
        let rows: [(Escape, &[u8], &str); 6] = [
            (Escape::Default, b"plain text", "plain text"),
            (Escape::Default, b"a\"b\\c\r\nd\xff\x7f", r"a\x22b\x5Cc\x0D\x0Ad\xFF\x7F"),
            (Escape::Json, b"a\"b\\c\r\n\t\x01", r#"a\"b\\c\r\n\t\u0001"#),
            (Escape::Json, b"", ""),
            (Escape::None, b"\"", "\""),
            (Escape::Default, b"\xc3\xa9", r"\xC3\xA9"),
        ];
        for (how, value, told) in rows {
            let mut out = Vec::new();
            escape(&mut out, value, how);
            assert_eq!(String::from_utf8_lossy(&out), told);
            assert!(needs_escape(value, how) || out == value);
            assert!(!needs_escape(b"", how));
        }
    }

    #[test]
    fn arguments_and_cookies_are_found_by_their_whole_name() {
        assert_eq!(argument(b"ab=1&b=2&b=3&c", b"b", b'&'), b"2");
        assert_eq!(argument(b"session=x; id=7", b"id", b';'), b"7");
        assert_eq!(argument(b"b&bb=1", b"b", b'&'), b"");
        assert_eq!(sent_field(b"HTTP/1.1 200 OK\r\nETag: \"a:b\"\r\n\r\n", b"etag"), b"\"a:b\"");
    }
}
