//! Proactive negotiation (RFC 9110 section 12): which representation the client accepts.

use super::fields::{Fields, Known};
use super::octets::trim;

/// Whether Accept-Encoding allows this content coding (section 12.5.3): the field names it, or has `*`, with a weight
/// above 0. Without the field the result is false: every client accepts content without a coding.
pub fn accepts_coding(fields: &Fields, coding: &[u8]) -> bool {
    let named = |name: &[u8]| {
        let mut members = fields.members(Known::AcceptEncoding).map(split_weight);
        members.find(|(member, _)| member.eq_ignore_ascii_case(name)).map(|(_, weight)| weight > 0)
    };
    named(coding).or_else(|| named(b"*")).unwrap_or(false)
}

/// The index of the media type that the client prefers, by its Accept (section 12.5.1); the first one if several have
/// the same weight. Returns None if the client accepts none of them. If the field is missing or empty, every type has
/// weight 1.
///
/// The weight of a type is the weight of the most specific range that matches it. Parameters of ranges
/// (`text/html;level=1`) are not compared, because our types have no parameters.
pub fn prefers(fields: &Fields, types: &[&[u8]]) -> Option<usize> {
    let ranges = || {
        let members = fields.get_all(Known::Accept).flat_map(|value| value.split(unquoted(b',')).map(trim));
        members.filter(|member| !member.is_empty()).map(split_weight)
    };
    if ranges().next().is_none() {
        return if types.is_empty() { None } else { Some(0) };
    }
    let weight = |wanted: &[u8]| {
        let fits = ranges().filter_map(|(range, weight)| Some((specificity(range, wanted)?, weight)));
        fits.max().map_or(0, |(_, weight)| weight)
    };
    let liked = types.iter().enumerate().map(|(i, wanted)| (weight(wanted), i)).filter(|(weight, _)| *weight > 0);
    liked.max_by_key(|&(weight, i)| (weight, std::cmp::Reverse(i))).map(|(_, i)| i)
}

/// How exactly a media range matches a type: 2 names the type, 1 names its first half (`text/*`), 0 is `*/*`.
fn specificity(range: &[u8], wanted: &[u8]) -> Option<u8> {
    let kind = memchr::memchr(b'/', wanted).map_or(wanted, |slash| &wanted[..=slash]);
    match range {
        _ if range.eq_ignore_ascii_case(wanted) => Some(2),
        [start @ .., b'*'] if start.eq_ignore_ascii_case(kind) => Some(1),
        b"*/*" => Some(0),
        _ => None,
    }
}

/// A list member without its parameters, and its weight in thousandths (section 12.4.2). A malformed weight counts as
/// 1.
fn split_weight(member: &[u8]) -> (&[u8], u16) {
    let mut parts = member.split(unquoted(b';')).map(trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q=")));
    (name, weight.and_then(thousandths).unwrap_or(1000))
}

/// Parses a weight: `0.25` is 250. It has at most three digits after the point and is at most 1.
fn thousandths(weight: &[u8]) -> Option<u16> {
    let (whole, rest) = weight.split_first()?;
    let digits = match rest {
        [] => rest,
        [b'.', digits @ ..] if digits.len() <= 3 => digits,
        _ => return None,
    };
    let mut value = match whole {
        b'0' => 0,
        b'1' => 1,
        _ => return None,
    };
    for place in 0..3 {
        let digit = digits.get(place).unwrap_or(&b'0');
        value = value * 10 + char::from(*digit).to_digit(10)? as u16;
    }
    (value <= 1000).then_some(value)
}

/// Finds a separator outside of quoted strings (section 5.6.4). Call it once for each byte, in order.
fn unquoted(separator: u8) -> impl FnMut(&u8) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    move |&byte| {
        let is_escape = quoted && !escaped && byte == b'\\';
        if byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = is_escape;
        !quoted && byte == separator
    }
}

#[cfg(test)]
mod tests {
    use super::super::HeadLimits;
    use super::super::head::{self, Scan};
    use super::super::octets::is_field_value;
    use super::super::seeded::Seeded;
    use super::*;

    fn fields(lines: &str) -> Fields {
        let text = format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n");
        let read = head::request(text.as_bytes(), &mut Scan::default(), &HeadLimits::default());
        let Ok(Some((request, _))) = read else { panic!("{lines}: the head is right") };
        request.fields.clone()
    }

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
            let fields = fields(&format!("Accept-Encoding: {value}\r\n"));
            assert_eq!(accepts_coding(&fields, b"gzip"), accepted, "{value}");
        }
    }

    const TYPES: [&[u8]; 3] = [b"text/html", b"application/json", b"text/xml"];

    #[test]
    fn the_type_with_the_highest_weight_is_preferred() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";
        for (value, preferred) in [
            ("", Some(0)),
            (" , ,", Some(0)),
            (browser, Some(0)),
            ("*/*", Some(0)),
            ("application/json", Some(1)),
            ("Application/JSON", Some(1)),
            ("application/*", Some(1)),
            ("text/*", Some(0)),
            ("text/*, text/html;q=0.5", Some(2)),
            ("text/*;q=0.3, text/xml;q=0.2, */*;q=0.1", Some(0)),
            ("application/json;q=0.9, text/html;q=0.8", Some(1)),
            ("application/json;q=0.8, text/html;q=0.8", Some(0)),
            ("application/json;q=0.801 , text/html; q=0.8", Some(1)),
            ("application/json;q=1., text/html;q=0.999", Some(1)),
            ("text/html;q=0, */*", Some(1)),
            ("text/html;q=0.000, */*;q=0.001", Some(1)),
            ("text/html;q=0", None),
            ("*/*;q=0", None),
            ("image/png", None),
            ("text/htm", None),
            ("text/html5", None),
            ("text", None),
            ("*", None),
            ("text/html;charset=utf-8;q=0.4, application/json;q=0.5", Some(1)),
            ("text/html;a=\"x,y;q=1\";q=0.4, application/json;q=0.5", Some(1)),
            ("text/html;a=\"\\\";q=1,\";q=0.4, application/json;q=0.5", Some(1)),
            ("text/html;a=\"never closed, application/json", Some(0)),
            ("text/html;q=0.1, text/html;q=0.9, application/json;q=0.5", Some(0)),
            ("text/html;q=x, application/json;q=0.9", Some(0)),
            ("text/html;q=, application/json;q=0.9", Some(0)),
            ("text/html;q=2, application/json", Some(0)),
            ("text/html;q=0.1234, application/json;q=0.9", Some(0)),
        ] {
            assert_eq!(prefers(&fields(&format!("Accept: {value}\r\n")), &TYPES), preferred, "{value}");
        }
    }

    #[test]
    fn lines_of_accept_are_one_list_and_none_is_all_the_same() {
        assert_eq!(prefers(&fields(""), &TYPES), Some(0));
        assert_eq!(prefers(&fields(""), &[]), None);
        assert_eq!(prefers(&fields("Accept: text/html;q=0.2\r\nAccept: text/xml;q=0.3\r\n"), &TYPES), Some(2));
        assert_eq!(prefers(&fields("Accept: image/png\r\nAccept: */*;q=0.1\r\n"), &TYPES), Some(0));
    }

    #[test]
    fn weights() {
        for (text, weight) in [
            ("0", Some(0)),
            ("1", Some(1000)),
            ("0.", Some(0)),
            ("0.5", Some(500)),
            ("0.05", Some(50)),
            ("0.005", Some(5)),
            ("1.000", Some(1000)),
            ("", None),
            ("1.001", None),
            ("0.0000", None),
            (".5", None),
            ("0,5", None),
            ("9", None),
            ("-1", None),
            ("0.-1", None),
            ("0.5 ", None),
            ("\u{7f}.999", None),
        ] {
            assert_eq!(thousandths(text.as_bytes()), weight, "{text}");
        }
    }

    /// Whatever the field contains, the result is one of the types.
    #[test]
    fn no_change_of_an_accept_field_panics() {
        let mut random = Seeded(12);
        let text = b"text/html;level=1, text/*;q=0.3, */*;q=0.5, application/json;a=\"b\\\",c\";q=0.4";
        for _ in 0..20_000 {
            let changed: Vec<u8> = random.mutate(text).into_iter().filter(|&b| is_field_value(b)).collect();
            let mut head = b"GET / HTTP/1.1\r\nHost: h\r\nAccept: ".to_vec();
            head.extend_from_slice(&[&changed[..], b"\r\n\r\n"].concat());
            let read = head::request(&head, &mut Scan::default(), &HeadLimits::default());
            let Ok(Some((request, _))) = read else { panic!("{}", head.escape_ascii()) };
            assert!(prefers(&request.fields, &TYPES).is_none_or(|i| i < TYPES.len()));
        }
    }
}
