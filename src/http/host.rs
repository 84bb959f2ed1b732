//! `uri-host [ ":" port ]`: the Host field and the authority of a target (RFC 9110 section 7.2, RFC 3986 section 3.2).

use super::number::hex_digit;
use super::octets::{is_host, plain_host_len};
use std::borrow::Cow;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A valid host and port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Host<'a> {
    /// The name as it was sent, without a trailing dot; an address literal keeps its brackets. Never empty.
    pub name: &'a [u8],
    /// The port, if there is one.
    pub port: Option<u16>,
    /// The name has a capital letter; [`lower`] returns the name for comparisons.
    pub has_capitals: bool,
}

/// Why a host is not valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostError {
    /// The host is empty.
    Empty,
    /// A byte that a host must not contain, a bad `%XX`, or user information before "@".
    Byte,
    /// Two dots in a row. The grammar allows them, but no real name has them, and `$host` may become part of a path.
    Dots,
    /// `[...]` is not an IPv6 address, or there is text between "]" and the port.
    Address,
    /// The port is not a number, or is above 65535.
    Port,
}

impl HostError {
    /// What is wrong, for the error log.
    pub const fn reason(self) -> &'static str {
        match self {
            HostError::Empty => "an empty host (RFC 9110 section 4.2.1)",
            HostError::Byte => "a byte in the host that is not allowed there (RFC 3986 section 3.2.2)",
            HostError::Dots => "two dots in a row in the host",
            HostError::Address => "a bad address in brackets as the host (RFC 3986 section 3.2.2)",
            HostError::Port => "a bad port after the host (RFC 3986 section 3.2.3)",
        }
    }
}

/// Validates a host and splits it into name and port.
///
/// # Errors
/// The first rule of RFC 3986 section 3.2 that is broken. [`HostError`] tells the three rules that are stricter than
/// the RFC.
#[inline(always)] // the caller takes the result apart at once
pub fn parse(text: &[u8]) -> Result<Host<'_>, HostError> {
    let (name_len, has_capitals) = match text {
        [] => return Err(HostError::Empty),
        [b'[', ..] => literal(text)?,
        _ => reg_name(text)?,
    };
    let (name, rest) = text.split_at(name_len);
    let name = match name {
        [start @ .., b'.'] => start,
        _ => name,
    };
    if name.is_empty() {
        return Err(HostError::Empty);
    }
    Ok(Host { name, port: port(rest)?, has_capitals })
}

/// The host in lower case, borrowed if it has no capitals.
pub fn lower(name: &[u8]) -> Cow<'_, [u8]> {
    if name.iter().any(u8::is_ascii_uppercase) { name.to_ascii_lowercase().into() } else { name.into() }
}

/// Scans a registered name or an IPv4 address, up to ":" or the end. Returns its length, and whether it has capitals.
#[inline(always)]
fn reg_name(text: &[u8]) -> Result<(usize, bool), HostError> {
    let (mut at, mut has_capitals) = (plain_host_len(text), false);
    loop {
        while at < text.len() && is_host(text[at]) {
            at += 1;
        }
        match text[at..] {
            [] | [b':', ..] => return Ok((at, has_capitals)),
            [b'.', b'.', ..] => return Err(HostError::Dots),
            [b'.', ..] => {}
            [b'A'..=b'Z', ..] => has_capitals = true,
            [b'%', high, low, ..] if hex_digit(high).is_some() && hex_digit(low).is_some() => {}
            _ => return Err(HostError::Byte),
        }
        at += 1;
    }
}

/// The same for `[...]`: an IPv6 address, or `vHEX.TEXT` of a future version.
#[inline(never)]
fn literal(text: &[u8]) -> Result<(usize, bool), HostError> {
    let close = memchr::memchr(b']', text).ok_or(HostError::Address)?;
    let inside = std::str::from_utf8(&text[1..close]).map_err(|_| HostError::Address)?;
    if Ipv6Addr::from_str(inside).is_err() && !is_future_address(inside.as_bytes()) {
        return Err(HostError::Address);
    }
    match text.get(close + 1) {
        None | Some(b':') => Ok((close + 1, inside.bytes().any(|b| b.is_ascii_uppercase()))),
        Some(_) => Err(HostError::Address),
    }
}

/// `"v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )`, without two dots in a row, as in every name.
fn is_future_address(text: &[u8]) -> bool {
    let Some(([b'v' | b'V', version @ ..], rest)) =
        memchr::memchr(b'.', text).map(|dot| (&text[..dot], &text[dot + 1..]))
    else {
        return false;
    };
    let version_ok = !version.is_empty() && version.iter().all(|&b| hex_digit(b).is_some());
    version_ok
        && !rest.is_empty()
        && !text.windows(2).any(|two| two == b"..")
        && rest.iter().all(|&b| is_host(b) || b.is_ascii_uppercase() || matches!(b, b'.' | b':'))
}

/// `[ ":" *DIGIT ]`; a colon without digits means no port.
#[inline(always)]
fn port(text: &[u8]) -> Result<Option<u16>, HostError> {
    let [_, digits @ ..] = text else { return Ok(None) };
    let mut port = 0;
    for digit in digits {
        let value = digit.wrapping_sub(b'0');
        if value > 9 {
            return Err(HostError::Port);
        }
        port = (port * 10 + u32::from(value)).min(1 << 16); // a port may have any number of leading zeros
    }
    match u16::try_from(port) {
        Ok(port) => Ok((!digits.is_empty()).then_some(port)),
        Err(_) => Err(HostError::Port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_hosts() {
        let table: [(&str, &str, Option<u16>); 18] = [
            ("example.org", "example.org", None),
            ("example.org:8080", "example.org", Some(8080)),
            ("Example.ORG.", "Example.ORG", None),
            ("example.org.:80", "example.org", Some(80)),
            ("example.org:", "example.org", None), // RFC 3986 section 3.2.3: port = *DIGIT
            ("localhost:0065535", "localhost", Some(65535)),
            ("127.0.0.1:1", "127.0.0.1", Some(1)),
            ("999.1", "999.1", None), // RFC 3986 section 3.2.2: a registered name
            ("a_b", "a_b", None),
            ("a%2Fb", "a%2Fb", None),
            ("a%20b", "a%20b", None),
            ("!$&'()*+,;=~", "!$&'()*+,;=~", None),
            ("[::1]", "[::1]", None),
            ("[::1]:80", "[::1]", Some(80)),
            ("[FE80::1:2]:", "[FE80::1:2]", None),
            ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", None),
            ("[v1F.a:b]:7", "[v1F.a:b]", Some(7)),
            (".a", ".a", None),
        ];
        for (text, name, port) in table {
            let has_capitals = name.bytes().any(|b| b.is_ascii_uppercase());
            assert_eq!(parse(text.as_bytes()), Ok(Host { name: name.as_bytes(), port, has_capitals }), "{text}");
        }
    }

    #[test]
    fn invalid_hosts() {
        use HostError::*;
        let table: [(&[u8], HostError); 30] = [
            (b"", Empty),
            (b".", Empty),
            (b":80", Empty),
            (b".:80", Empty),
            (b"a..b", Dots),
            (b"..", Dots),
            (b"a b", Byte),
            (b"a\tb", Byte),
            (b"a\0", Byte),
            (b"a/b", Byte),
            (b"a?b", Byte),
            (b"a#b", Byte),
            (b"a\\b", Byte),
            (b"user@a", Byte),
            (b"a<b>", Byte),
            (b"a\xc3\xa9", Byte),
            (b"a%2", Byte),
            (b"a%zz", Byte),
            (b"a]", Byte),
            (b"::1", Empty),
            (b"a:b", Port),
            (b"a:65536", Port),
            (b"a:-1", Port),
            (b"a:80:80", Port),
            (b"user:password@a", Port),
            (b"[::1", Address),
            (b"[]", Address),
            (b"[::1%25lo]", Address),
            (b"[::1]80", Address),
            (b"[1.2.3.4]", Address),
        ];
        for (text, error) in table {
            assert_eq!(parse(text), Err(error), "{}", text.escape_ascii());
        }
    }

    /// Found by fuzzing: the result was a `$host` with "..".
    #[test]
    fn no_dots_in_a_row_in_brackets_either() {
        for text in ["[v1..a]", "[v1.a..b]", "[v1F..a:b]:80", "[v1...]"] {
            assert_eq!(parse(text.as_bytes()), Err(HostError::Address), "{text}");
        }
        assert!(parse(b"[v1.a.b.]").is_ok());
    }

    #[test]
    fn lower_borrows_what_is_lower() {
        assert!(matches!(lower(b"a-b.[::f]"), Cow::Borrowed(_)));
        assert_eq!(lower(b"A.Example\xc9"), &b"a.example\xc9"[..]);
    }
}
