//! The request fields of WebDAV that COPY, MOVE and DELETE need: Depth, Overwrite, Destination (RFC 4918 section 10).

use super::fields::{Fields, Known};
use super::host;
use super::method::Method;
use super::request::Request;
use super::target::TargetForm;
use super::target::{self, TargetError};
use std::borrow::Cow;

/// How many levels below a collection a method reaches (RFC 4918 section 10.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Only the collection itself.
    Zero,
    /// The collection and its direct members.
    One,
    /// The collection and everything below it; the default without the field.
    Infinity,
}

/// Parses Depth. Returns None if the value is invalid.
pub fn depth(fields: &Fields) -> Option<Depth> {
    match fields.get_only(Known::Depth) {
        None if !fields.has(Known::Depth) => Some(Depth::Infinity),
        Some(b"0") => Some(Depth::Zero),
        Some(b"1") => Some(Depth::One),
        Some(text) if text.eq_ignore_ascii_case(b"infinity") => Some(Depth::Infinity),
        _ => None,
    }
}

/// Parses Overwrite: whether the destination may be replaced (RFC 4918 section 10.6; true if the field is absent).
/// Returns None if the value is invalid.
pub fn overwrite(fields: &Fields) -> Option<bool> {
    match fields.get_only(Known::Overwrite) {
        None if !fields.has(Known::Overwrite) => Some(true),
        Some(b"T" | b"t") => Some(true),
        Some(b"F" | b"f") => Some(false),
        _ => None,
    }
}

/// Why a Destination cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DestinationError {
    /// The field is missing, or there are several: 400.
    Missing,
    /// The value breaks a rule: 400.
    Bad(&'static str),
    /// Its path cannot name a file: 400.
    Path(TargetError),
    /// It names another server; this server only copies to itself: 502 (RFC 4918 section 9.8.5).
    Elsewhere,
}

impl DestinationError {
    /// The status of the answer.
    pub const fn status(self) -> u16 {
        if matches!(self, DestinationError::Elsewhere) { 502 } else { 400 }
    }

    /// What is wrong, for the error log.
    pub const fn reason(self) -> &'static str {
        match self {
            DestinationError::Missing => "no Destination field, or several (RFC 4918 section 10.3)",
            DestinationError::Bad(reason) => reason,
            DestinationError::Path(error) => error.reason(),
            DestinationError::Elsewhere => "a Destination on another host",
        }
    }
}

/// The path in Destination (RFC 4918 section 10.3), decoded and normalized like the path of a request. The value is a
/// path, or an absolute URI whose host and port are those of the request. `own_port` is the port of the listener: if
/// only one of the two names a port, it may be this one, because a proxy may have removed it from Host or added it. The
/// scheme may be https, because the client may connect through a proxy that ends TLS. A query is ignored: a file's name
/// has none.
///
/// # Errors
/// See [`DestinationError`].
pub fn destination(
    request: &Request,
    own_port: Option<u16>,
    merge_slashes: bool,
) -> Result<Cow<'_, [u8]>, DestinationError> {
    let text = request.fields.get_only(Known::Destination).ok_or(DestinationError::Missing)?;
    if text.contains(&b'#') {
        return Err(DestinationError::Bad("a fragment in the Destination (RFC 4918 section 8.3)"));
    }
    let path_end = memchr::memchr(b'?', text).unwrap_or(text.len());
    let target = target::split(Method::Get, text, path_end).map_err(DestinationError::Bad)?;
    if let Some(authority) = target.authority {
        let there = host::parse(authority.of(text)).map_err(|error| DestinationError::Bad(error.reason()))?;
        let usual = if target.https { 443 } else { 80 };
        let same_name = request.host().is_some_and(|host| there.name.eq_ignore_ascii_case(host));
        let same_port = match (there.port, request.port()) {
            (Some(there), Some(here)) => there == here,
            (Some(port), None) | (None, Some(port)) => port == usual || Some(port) == own_port,
            (None, None) => true,
        };
        if !same_name || !same_port {
            return Err(DestinationError::Elsewhere);
        }
    }
    let path = match (target.path.len(), target.form) {
        (0, TargetForm::Absolute) => b"/",
        _ => target.path.of(text),
    };
    target::normalize(path, merge_slashes).map_err(DestinationError::Path)
}

#[cfg(test)]
mod tests {
    use super::super::HeadLimits;
    use super::super::head::{Scan, request};
    use super::*;
    use std::rc::Rc;

    fn copy(host: &str, lines: &str) -> Rc<Request> {
        let head = format!("COPY /a HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
        request(head.as_bytes(), &mut Scan::default(), &HeadLimits::default()).unwrap().unwrap().0
    }

    #[test]
    fn depths() {
        let table = [
            ("", Some(Depth::Infinity)),
            ("Depth: 0\r\n", Some(Depth::Zero)),
            ("Depth: 1\r\n", Some(Depth::One)),
            ("Depth: infinity\r\n", Some(Depth::Infinity)),
            ("depth: INFINITY\r\n", Some(Depth::Infinity)),
            ("Depth:\r\n", None),
            ("Depth: 2\r\n", None),
            ("Depth: 00\r\n", None),
            ("Depth: 1, noroot\r\n", None),
            ("Depth: 0\r\nDepth: 0\r\n", None),
        ];
        for (lines, expected) in table {
            assert_eq!(depth(&copy("h", lines).fields), expected, "{lines}");
        }
    }

    #[test]
    fn overwriting() {
        let table = [
            ("", Some(true)),
            ("Overwrite: T\r\n", Some(true)),
            ("Overwrite: F\r\n", Some(false)),
            ("overwrite: f\r\n", Some(false)),
            ("Overwrite:\r\n", None),
            ("Overwrite: true\r\n", None),
            ("Overwrite: T\r\nOverwrite: F\r\n", None),
        ];
        for (lines, expected) in table {
            assert_eq!(overwrite(&copy("h", lines).fields), expected, "{lines}");
        }
    }

    #[test]
    fn destinations() {
        use DestinationError::*;
        let table: [(&str, &str, Result<&str, u16>); 39] = [
            ("h", "/b", Ok("/b")),
            ("h", "/b/", Ok("/b/")),
            ("h", "/b/c%20d?query", Ok("/b/c d")),
            ("h", "/a/./../b//c", Ok("/b/c")),
            ("h", "/gr\u{fc}n", Ok("/gr\u{fc}n")),
            ("h", "http://h/b", Ok("/b")),
            ("h", "HTTP://H/b", Ok("/b")),
            ("h", "http://h./b", Ok("/b")),
            ("h", "http://h", Ok("/")),
            ("h", "http://h?b", Ok("/")),
            ("h", "http://h:80/b", Ok("/b")),
            ("h:80", "http://h/b", Ok("/b")),
            ("h:81", "http://h:81/b", Ok("/b")),
            ("h", "https://h/b", Ok("/b")),
            ("h", "https://h:443/b", Ok("/b")),
            ("[::1]:81", "http://[::1]:81/b", Ok("/b")),
            ("h", "http://h:8080/b", Ok("/b")), // the listener's own port
            ("h", "https://h:8080/b", Ok("/b")),
            ("h:8080", "http://h/b", Ok("/b")),
            ("h:81", "http://h:8080/b", Err(502)),
            ("h:80", "http://h:8080/b", Err(502)),
            ("h", "http://h:81/b", Err(502)),
            ("h:81", "http://h/b", Err(502)),
            ("h", "http://other/b", Err(502)),
            ("h", "http://h.other/b", Err(502)),
            ("h", "//other/b", Ok("/other/b")), // RFC 4918 section 8.3 knows no reference to another host
            ("h", "http://user@h/b", Err(400)),
            ("h", "http:///b", Err(400)),
            ("h", "ftp://h/b", Err(400)),
            ("h", "b", Err(400)),
            ("h", "", Err(400)),
            ("h", "*", Err(400)),
            ("h", "/../b", Err(400)),
            ("h", "/%2e%2e/b", Err(400)),
            ("h", "/a/../../b", Err(400)),
            ("h", "http://h/../b", Err(400)),
            ("h", "/b%00", Err(400)),
            ("h", "/b%", Err(400)),
            ("h", "/b#c", Err(400)),
        ];
        for (host, text, expected) in table {
            let request = copy(host, &format!("Destination: {text}\r\n"));
            let found = destination(&request, Some(8080), true);
            let shown = found.as_ref().map(|path| String::from_utf8_lossy(path).into_owned());
            assert_eq!(shown.as_deref().map_err(|error| error.status()), expected, "{host} {text}: {found:?}");
            assert!(found.is_ok_and(|path| path.starts_with(b"/")) || expected.is_err());
        }
        for lines in ["", "Destination: /a\r\nDestination: /a\r\n"] {
            assert_eq!(destination(&copy("h", lines), None, true), Err(Missing));
        }
        let old = b"MOVE /a HTTP/1.0\r\nDestination: http://h/b\r\n\r\n";
        let (old, _) = request(old, &mut Scan::default(), &HeadLimits::default()).unwrap().unwrap();
        assert_eq!(destination(&old, None, true), Err(Elsewhere), "a client that has not said whom it asks");
    }
}
