use super::*;
use crate::http::seeded::Seeded;

fn fields(lines: &[&str]) -> Fields {
    let mut fields = Fields::default();
    for line in lines {
        let (base, line) = (fields.bytes.len(), format!("{line}\r\n").into_bytes());
        fields.bytes.extend_from_slice(&line);
        fields.index.push(base, split_line(&line).unwrap());
    }
    fields
}

#[test]
fn names_are_found_in_any_case() {
    for known in Known::all() {
        let name = known.name();
        for spelling in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
            assert_eq!(Known::parse(spelling.as_bytes()), Some(known), "{spelling}");
        }
        for i in 0..name.len() {
            let mut other = name.as_bytes().to_vec();
            for byte in (0..=255u8).filter(|byte| !byte.eq_ignore_ascii_case(&name.as_bytes()[i])) {
                other[i] = byte;
                assert_ne!(Known::parse(&other), Some(known), "{}", other.escape_ascii());
            }
            assert_eq!(
                Known::parse(&name.as_bytes()[..i]).map(Known::name),
                Known::all().map(Known::name).find(|n| *n == &name[..i])
            );
        }
    }
    assert_eq!(Known::parse(b"X-Something"), None);
    assert_eq!(Known::parse(b"content\rlength"), None); // differs from the hyphen by one bit only
}

#[test]
fn any_bytes_are_a_name_or_none() {
    let mut random = Seeded(1);
    for _ in 0..100_000 {
        let len = random.below(30);
        let name = random.text(b"acehiknorst-ACEHIKNORST\r\0\xff ", len);
        if let Some(known) = Known::parse(&name) {
            assert!(known.name().as_bytes().eq_ignore_ascii_case(&name));
        }
    }
}

#[test]
fn lookups() {
    let fields = fields(&["Accept: a", "x-y: 1", "ACCEPT:b", "Connection: close, ,X-y ,", "X-Y:2", "Range:"]);
    assert_eq!(fields.len(), 6);
    assert!(fields.has(Known::Accept) && fields.has_several(Known::Accept));
    assert!(fields.has(Known::Range) && !fields.has_several(Known::Range));
    assert!(!fields.has(Known::Host) && !fields.has_several(Known::Host));
    assert_eq!((fields.get(Known::Accept), fields.get_only(Known::Accept)), (Some(&b"a"[..]), None));
    assert_eq!((fields.get(Known::Range), fields.get_only(Known::Range)), (Some(&b""[..]), Some(&b""[..])));
    assert_eq!((fields.get(Known::Host), fields.get_only(Known::Host)), (None, None));
    assert!(fields.get_all(Known::Accept).eq([b"a", b"b"]));
    assert_eq!(fields.get_all(Known::Host).count(), 0);
    assert_eq!(fields.get_by_name(b"X-y"), Some(&b"1"[..]));
    assert_eq!(fields.get_by_name(b"X-"), None);
    assert!(fields.members(Known::Connection).eq([&b"close"[..], b"X-y"]));
    let names: Vec<&[u8]> = fields.iter().map(|field| field.name).collect();
    assert_eq!(names, [&b"Accept"[..], b"x-y", b"ACCEPT", b"Connection", b"X-Y", b"Range"]);
    assert_eq!(fields.iter().nth(2).unwrap().known, Some(Known::Accept));
}

/// RFC 9112 section 5.1: blanks around a value are not part of it.
#[test]
fn lines_are_split() {
    for (line, name, value) in [
        ("a:b", "a", "b"),
        ("a: b c ", "a", "b c"),
        ("a:\t \tb\t", "a", "b"),
        ("a:", "a", ""),
        ("a: \t ", "a", ""),
        ("a::b:", "a", ":b:"),
        ("!#$%&'*+-.^_`|~:\u{e9}", "!#$%&'*+-.^_`|~", "\u{e9}"),
    ] {
        for end in ["\r\n", "\n"] {
            let text = format!("{line}{end}next: line\r\n");
            let parts = split_line(text.as_bytes()).unwrap();
            assert_eq!((&text[..parts.name_len], &text[parts.value_start..parts.value_end]), (name, value), "{line}");
            assert_eq!(&text[parts.line_len..], "next: line\r\n");
        }
        for len in 0..=line.len() {
            assert_eq!(split_line(&line.as_bytes()[..len]), None, "{line}");
        }
    }
}
