//! The addresses that proxies put in front of a request: `X-Forwarded-For: 192.0.2.1, 10.0.0.7`.

use std::net::{IpAddr, SocketAddr};

/// The client's address by the fields of the proxies, or `None` if no address of a field may be used.
///
/// Each proxy appends the address that the request came from to the list. So the last address is as true as the proxy
/// that has sent the request; `sender_is_trusted` says whether it is one of ours. `recursive`: if the last address is
/// one of our proxies, too (`trusts`), the one before it is taken, and so on.
///
/// `values` are the field values, the last line first. An address without a port has port 0.
pub fn client<'v>(
    values: impl Iterator<Item = &'v [u8]>,
    sender_is_trusted: bool,
    recursive: bool,
    trusts: impl Fn(IpAddr) -> bool,
) -> Option<SocketAddr> {
    let (mut found, mut is_trusted) = (None, sender_is_trusted);
    for value in values {
        let mut rest = value;
        loop {
            let Some((address, before)) = last(rest).filter(|_| is_trusted) else { return found };
            found = Some(address);
            if !recursive {
                return found;
            }
            is_trusted = trusts(address.ip());
            if before.is_empty() {
                break;
            }
            rest = before;
        }
    }
    found
}

/// The last address of a list, and the list before it.
fn last(list: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let list = without_end(list);
    let start = list.iter().rposition(is_separator).map_or(0, |at| at + 1);
    let (before, text) = list.split_at(start);
    Some((address(text)?, without_end(before)))
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
pub fn address(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(ip) = text.parse() {
        return Some(SocketAddr::new(ip, 0));
    }
    if let Some(ip) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return Some(SocketAddr::new(IpAddr::V6(ip.parse().ok()?), 0));
    }
    text.parse().ok().filter(|address: &SocketAddr| address.port() != 0)
}

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b',')
}

fn without_end(list: &[u8]) -> &[u8] {
    &list[..list.iter().rposition(|byte| !is_separator(byte)).map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Our proxies are those of 10.0.0.0/8.
    fn found(values: &[&str], recursive: bool) -> String {
        let ours = |ip: IpAddr| matches!(ip, IpAddr::V4(ip) if ip.octets()[0] == 10);
        let values = values.iter().rev().map(|value| value.as_bytes());
        client(values, true, recursive, ours).map_or("-".to_owned(), |address| address.to_string())
    }

    #[test]
    fn lists() {
        let table: [(&[&str], &str, &str); 15] = [
            (&[], "-", "-"),
            (&[""], "-", "-"),
            (&["192.0.2.1"], "192.0.2.1:0", "192.0.2.1:0"),
            (&["192.0.2.1:80"], "192.0.2.1:80", "192.0.2.1:80"),
            (&["192.0.2.1:0"], "-", "-"),
            (&["2001:db8::1"], "[2001:db8::1]:0", "[2001:db8::1]:0"),
            (&["[2001:db8::1]"], "[2001:db8::1]:0", "[2001:db8::1]:0"),
            (&["[2001:db8::1]:80"], "[2001:db8::1]:80", "[2001:db8::1]:80"),
            (&["192.0.2.1, 192.0.2.2 , "], "192.0.2.2:0", "192.0.2.2:0"),
            (&["192.0.2.1,10.0.0.1,10.0.0.2"], "10.0.0.2:0", "192.0.2.1:0"),
            (&["10.0.0.3, 192.0.2.1, 10.0.0.2"], "10.0.0.2:0", "192.0.2.1:0"),
            (&["10.0.0.1, 10.0.0.2"], "10.0.0.2:0", "10.0.0.1:0"),
            (&["192.0.2.9", "192.0.2.1, 10.0.0.1", "10.0.0.2"], "10.0.0.2:0", "192.0.2.1:0"),
            (&["192.0.2.1", "unknown, 10.0.0.2"], "10.0.0.2:0", "10.0.0.2:0"),
            (&["192.0.2.1, unknown"], "-", "-"),
        ];
        for (values, once, recursive) in table {
            assert_eq!(
                (found(values, false), found(values, true)),
                (once.to_owned(), recursive.to_owned()),
                "{values:?}"
            );
        }
    }

    #[test]
    fn a_client_that_is_no_proxy_is_not_believed() {
        let said = [&b"192.0.2.1"[..]];
        assert_eq!(client(said.into_iter(), false, true, |_| true), None);
    }
}
