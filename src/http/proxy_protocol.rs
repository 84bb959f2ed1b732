//! The PROXY protocol, versions 1 and 2: what a load balancer sends before the bytes of its client, so that the server
//! knows the client's address (haproxy's proxy-protocol.txt).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest header of version 1, with its CRLF (section 2.1).
pub const LINE_BYTES_MAX: usize = 107;

/// The longest header of version 2 that is accepted, as in nginx. The format has room for 65,551 bytes.
pub const HEADER_BYTES_MAX: usize = 4096;

/// What a header of version 1 begins with.
const WORD: &[u8] = b"PROXY ";

/// What a header of version 2 begins with (section 2.2).
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The part of a header of version 2 that has always the same length.
const FIXED_BYTES: usize = 16;

/// The type of the TLV that describes the client's TLS (PP2_TYPE_SSL, section 2.2.6).
const SSL: u8 = 0x20;

/// In the TLV of the client's TLS: the bytes before the TLVs inside it, one of flags and four of the result of the
/// certificate's verification.
const SSL_FIXED_BYTES: usize = 5;

/// A whole header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parsed {
    /// The client's connection. `None` if the header does not name it: the proxy checks the server's health (LOCAL),
    /// or does not know the addresses (UNKNOWN), or they are of another family than IP.
    pub proxied: Option<Proxied>,
    /// The length of the header in bytes. The client's bytes follow.
    pub used: usize,
}

/// The client's connection to the proxy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proxied {
    /// The client's address.
    pub source: SocketAddr,
    /// The address that the client has connected to.
    pub destination: SocketAddr,
    /// Further facts (version 2): type, length in two bytes, value, and so on.
    tlvs: Box<[u8]>,
}

/// The name of a further fact of a header of version 2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tlv {
    /// The value of this type.
    Type(u8),
    /// Inside the description of the client's TLS: the value of this type.
    Ssl(u8),
    /// The result of the verification of the client's certificate, as a decimal number; 0 is success.
    SslVerify,
}

/// Looks for a header at the front of `bytes`. Returns `None` if more bytes are needed.
///
/// # Errors
/// What is wrong, for the log. The connection cannot be used: nobody knows where its client's bytes begin.
pub fn parse(bytes: &[u8]) -> Result<Option<Parsed>, &'static str> {
    let begins = |with: &[u8]| with.iter().zip(bytes).all(|(a, b)| a == b);
    match bytes.len() {
        0 => Ok(None),
        _ if begins(WORD) => line(bytes),
        _ if begins(SIGNATURE) => block(bytes),
        _ => Err("there is no PROXY protocol header"),
    }
}

/// Version 1: `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` and CRLF.
fn line(bytes: &[u8]) -> Result<Option<Parsed>, &'static str> {
    let most = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(end) = memchr::memchr(b'\n', most) else {
        let is_cut = bytes.len() < LINE_BYTES_MAX;
        return if is_cut { Ok(None) } else { Err("the line of the PROXY protocol is too long") };
    };
    let text = most[..end].strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok());
    let text = text.ok_or("the line of the PROXY protocol does not end with CRLF, or is no text")?;
    let words: Vec<&str> = text.split(' ').collect();
    let proxied = match words[1..] {
        ["UNKNOWN", ..] => None,
        ["TCP4", source, destination, source_port, destination_port] => {
            Some((end_of::<Ipv4Addr>(source, source_port), end_of::<Ipv4Addr>(destination, destination_port)))
        }
        ["TCP6", source, destination, source_port, destination_port] => {
            Some((end_of::<Ipv6Addr>(source, source_port), end_of::<Ipv6Addr>(destination, destination_port)))
        }
        _ => return Err("the line of the PROXY protocol is malformed"),
    };
    let proxied = match proxied {
        None => None,
        Some((Some(source), Some(destination))) => Some(Proxied { source, destination, tlvs: Box::default() }),
        Some(_) => return Err("an address or port in the line of the PROXY protocol is malformed"),
    };
    Ok(Some(Parsed { proxied, used: end + 1 }))
}

/// An address and a port of the line.
fn end_of<Ip: std::str::FromStr + Into<IpAddr>>(ip: &str, port: &str) -> Option<SocketAddr> {
    let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let port = port.parse().ok().filter(|_| is_number)?;
    Some(SocketAddr::new(ip.parse::<Ip>().ok()?.into(), port))
}

/// Version 2: the signature, version and command, family and transport, a length, addresses, TLVs.
fn block(bytes: &[u8]) -> Result<Option<Parsed>, &'static str> {
    let Some(fixed) = bytes.first_chunk::<FIXED_BYTES>() else { return Ok(None) };
    let [.., version_command, family_transport, high, low] = *fixed;
    if version_command >> 4 != 2 {
        return Err("this version of the PROXY protocol is unknown");
    }
    let used = FIXED_BYTES + usize::from(u16::from_be_bytes([high, low]));
    if used > HEADER_BYTES_MAX {
        return Err("the header of the PROXY protocol is too long");
    }
    let Some(rest) = bytes.get(FIXED_BYTES..used) else { return Ok(None) };
    let proxied = match (version_command & 0xf, family_transport) {
        (0, _) => None,
        (1, 0x11) => Some(addresses::<4, 12>(rest).ok_or(SHORT)?),
        (1, 0x21) => Some(addresses::<16, 36>(rest).ok_or(SHORT)?),
        (1, _) => None,
        _ => return Err("this command of the PROXY protocol is unknown"),
    };
    Ok(Some(Parsed { proxied, used }))
}

const SHORT: &str = "the header of the PROXY protocol is too short for its addresses";

/// Both addresses, both ports, then the TLVs. An address has `N` bytes; all four have `ALL`.
fn addresses<const N: usize, const ALL: usize>(rest: &[u8]) -> Option<Proxied>
where
    [u8; N]: Into<IpAddr>,
{
    let (ends, tlvs) = rest.split_first_chunk::<ALL>()?;
    let ip = |at: usize| -> Option<IpAddr> { Some((*ends[at..].first_chunk::<N>()?).into()) };
    let port = |at: usize| Some(u16::from_be_bytes(*ends[at..].first_chunk::<2>()?));
    let source = SocketAddr::new(ip(0)?, port(2 * N)?);
    let destination = SocketAddr::new(ip(N)?, port(2 * N + 2)?);
    Some(Proxied { source, destination, tlvs: tlvs.into() })
}

impl Proxied {
    /// A further fact. Returns `None` if the header does not have it, or if its TLVs are malformed before that.
    pub fn tlv(&self, tlv: Tlv) -> Option<Cow<'_, [u8]>> {
        let ssl = || find(&self.tlvs, SSL)?.split_at_checked(SSL_FIXED_BYTES);
        match tlv {
            Tlv::Type(number) => find(&self.tlvs, number).map(Cow::Borrowed),
            Tlv::Ssl(number) => find(ssl()?.1, number).map(Cow::Borrowed),
            Tlv::SslVerify => {
                let verify = ssl()?.0.last_chunk::<4>()?;
                Some(Cow::Owned(u32::from_be_bytes(*verify).to_string().into_bytes()))
            }
        }
    }
}

/// The value of the first TLV of this type.
fn find(mut tlvs: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let (&[number, high, low], rest) = tlvs.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(u16::from_be_bytes([high, low]).into())?;
        if number == wanted {
            return Some(value);
        }
        tlvs = rest;
    }
}

impl Tlv {
    /// The names of types, as nginx has them.
    const NAMES: [(&str, Tlv); 11] = [
        ("alpn", Tlv::Type(0x01)),
        ("authority", Tlv::Type(0x02)),
        ("unique_id", Tlv::Type(0x05)),
        ("ssl", Tlv::Type(SSL)),
        ("netns", Tlv::Type(0x30)),
        ("ssl_verify", Tlv::SslVerify),
        ("ssl_version", Tlv::Ssl(0x21)),
        ("ssl_cn", Tlv::Ssl(0x22)),
        ("ssl_cipher", Tlv::Ssl(0x23)),
        ("ssl_sig_alg", Tlv::Ssl(0x24)),
        ("ssl_key_alg", Tlv::Ssl(0x25)),
    ];

    /// The fact with nginx's name: `alpn`, `ssl_cn`, a type in hexadecimal as `0xea`, or one inside the description of
    /// the client's TLS as `ssl_0x21`.
    pub fn named(name: &str) -> Option<Tlv> {
        let hex = |digits: &str| {
            let digits = digits.strip_prefix("0x").filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            u8::from_str_radix(digits, 16).ok()
        };
        let known = Tlv::NAMES.iter().find(|(known, _)| *known == name).map(|(_, tlv)| *tlv);
        let known = known.or_else(|| hex(name).map(Tlv::Type));
        known.or_else(|| name.strip_prefix("ssl_").and_then(hex).map(Tlv::Ssl))
    }
}

#[cfg(test)]
mod tests;
