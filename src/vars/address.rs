//! Formats addresses for variables and a program's environment. Each line of an access log has one.

use crate::http::number::{push_decimal, push_hex, push_start};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use webserv_sys::net::Address;

/// Appends the IP address; "unix:" for a unix socket.
pub(super) fn push_address(out: &mut Vec<u8>, address: Option<&Address>) {
    match address {
        Some(Address::Inet(SocketAddr::V4(address))) => push_v4(out, *address.ip()),
        Some(Address::Inet(SocketAddr::V6(address))) => push_v6(out, *address.ip()),
        Some(Address::Unix(_)) => out.extend_from_slice(b"unix:"),
        None => {}
    }
}

/// Appends the port, if there is one: a client that a proxy names may have none, which is 0.
pub(super) fn push_port(out: &mut Vec<u8>, address: Option<&Address>) {
    if let Some(Address::Inet(address)) = address
        && address.port() != 0
    {
        push_decimal(out, address.port().into());
    }
}

/// The numbers 0 to 255 as text, each with a dot.
const OCTETS: [[u8; 4]; 256] = {
    let mut octets = [[0; 4]; 256];
    let mut value = 0;
    while value < octets.len() {
        let [a, b, c] = [b'0' + (value / 100) as u8, b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
        octets[value] = match value {
            0..=9 => [c, b'.', 0, 0],
            10..=99 => [b, c, b'.', 0],
            _ => [a, b, c, b'.'],
        };
        value += 1;
    }
    octets
};

#[inline]
fn push_v4(out: &mut Vec<u8>, address: Ipv4Addr) {
    let (mut text, mut len) = ([0; 16], 0);
    for octet in address.octets() {
        // Four bytes are copied each time; the next ones overwrite those that are too many.
        text[len..len + 4].copy_from_slice(&OCTETS[usize::from(octet)]);
        len += 2 + usize::from(octet > 9) + usize::from(octet > 99);
    }
    push_start(out, &text, len - 1);
}

/// RFC 5952: the longest run of zeroes, or the first of several, becomes "::". A single zero does not.
#[inline(never)]
fn push_v6(out: &mut Vec<u8>, address: Ipv6Addr) {
    if let Some(mapped) = address.to_ipv4_mapped() {
        out.extend_from_slice(b"::ffff:");
        return push_v4(out, mapped);
    }
    let segments = address.segments();
    let run = |start: usize| segments[start..].iter().take_while(|segment| **segment == 0).count();
    let (mut left_out, mut at) = (0..0, 0);
    while at < segments.len() {
        let len = run(at);
        if len > left_out.len().max(1) {
            left_out = at..at + len;
        }
        at += len + 1;
    }
    for (at, &segment) in segments.iter().enumerate() {
        if left_out.contains(&at) {
            out.extend_from_slice(if at == left_out.start { b"::" } else { b"" });
            continue;
        }
        if at > 0 && at != left_out.end {
            out.push(b':');
        }
        push_hex(out, segment.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ip: impl Into<std::net::IpAddr>) -> String {
        let mut out = b"before ".to_vec();
        push_address(&mut out, Some(&SocketAddr::new(ip.into(), 80).into()));
        String::from_utf8_lossy(out.strip_prefix(b"before ").expect("nothing before it is touched")).into_owned()
    }

    #[test]
    fn every_number_at_every_place() {
        for value in 0..=u8::MAX {
            for octets in [[value, 0, 10, 255], [9, value, 99, 100], [1, 2, value, 3], [255, 255, 255, value]] {
                assert_eq!(shown(octets), Ipv4Addr::from(octets).to_string());
            }
        }
    }

    #[test]
    fn zeroes_at_all_places() {
        for zeroes in 0..=u8::MAX {
            for value in [1, 0x2f, 0xabc, 0xffff] {
                let segment = |at: u32| if zeroes >> at & 1 == 1 { 0 } else { value };
                let ip = Ipv6Addr::from([0, 1, 2, 3, 4, 5, 6, 7].map(segment));
                assert_eq!(shown(ip), ip.to_string());
            }
        }
        assert_eq!(shown(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped()), "::ffff:192.0.2.1");
    }
}
