//! Base64 (RFC 4648 section 4).

/// Decodes a text: groups of four digits, the last of which may be shorter and end in "=". Returns None if a byte is no
/// digit, or if the last group has one digit.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|b| *b != b'=').map_or(0, |last| last + 1);
    let (digits, padding) = text.split_at(end);
    if digits.len() % 4 == 1 || padding.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let value = group.iter().try_fold(0_u32, |value, digit| Some(value << 6 | u32::from(value_of(*digit)?)))?;
        let value = value << (6 * (4 - group.len()));
        bytes.extend_from_slice(&value.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn value_of(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("Zg==", Some(b"f")),
            ("Zg", Some(b"f")),
            ("Zm8=", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("Zm9vYg==", Some(b"foob")),
            ("Zm9vYmE", Some(b"fooba")),
            ("Zm9vYmFy", Some(b"foobar")),
            ("+/+/", Some(b"\xfb\xff\xbf")),
            ("Z", None),
            ("Zm9vY", None),
            ("=", Some(b"")),
            ("Zg===", None),
            ("Z=g=", None),
            ("Zm 9v", None),
            ("_-_-", None),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), bytes, "{text}");
        }
    }
}
