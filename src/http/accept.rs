//! Proactive negotiation (RFC 9110 section 12): what the client would take.

use super::fields::{Fields, Known};
use super::octets::trim;

/// Whether Accept-Encoding allows this content coding (section 12.5.3): it is named, or `*` stands for it, with a
/// weight above 0. Without the field nothing but the plain content is sent: that is allowed, and safe.
pub fn accepts_coding(fields: &Fields, coding: &[u8]) -> bool {
    let named = |name: &[u8]| {
        let mut members = fields.members(Known::AcceptEncoding).map(split_weight);
        members.find(|(member, _)| member.eq_ignore_ascii_case(name)).map(|(_, wanted)| wanted)
    };
    named(coding).or_else(|| named(b"*")).unwrap_or(false)
}

/// A list member without its weight, and whether the weight is above 0 (section 12.4.2).
fn split_weight(member: &[u8]) -> (&[u8], bool) {
    let mut parts = member.split(|b| *b == b';');
    let name = trim(parts.next().unwrap_or_default());
    let weight = parts.map(trim).find_map(|part| part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q=")));
    let is_zero = |weight: &[u8]| weight.first() == Some(&b'0') && weight.iter().all(|b| matches!(b, b'0' | b'.'));
    (name, !weight.is_some_and(is_zero))
}

#[cfg(test)]
mod tests {
    use super::super::head::{self, Limits, Scan};
    use super::*;

    /// RFC 9110 section 12.5.3.
    #[test]
    fn a_coding_is_accepted_if_it_is_named_with_a_weight_above_zero() {
        for (value, accepted) in [
            ("gzip", true),
            ("GZIP", true),
            ("br, gzip;q=0.5", true),
            ("gzip;q=1.0, identity", true),
            ("gzip ; q=0.001", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("gzip;q=0, *", false),
            ("*", true),
            ("*;q=0", false),
            ("br", false),
            ("x-gzip", false),
            ("", false),
        ] {
            let text = format!("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: {value}\r\n\r\n");
            let read = head::request(text.as_bytes(), &mut Scan::default(), &Limits::default());
            let Ok(Some((request, _))) = read else { panic!("{value}: the head is right") };
            assert_eq!(accepts_coding(&request.fields, b"gzip"), accepted, "{value}");
        }
    }
}
