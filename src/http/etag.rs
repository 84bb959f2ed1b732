//! Entity tags (RFC 9110 section 8.8.3).

use super::number::Digits;
use super::octets::{is_blank, is_etag};
use super::reply::Text;

/// A parsed entity tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntityTag<'a> {
    /// `W/`: the content means the same, but its bytes may differ.
    pub weak: bool,
    /// The bytes between the quotes.
    pub opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// Parses a text that is one entity tag.
    pub fn parse(text: &'a [u8]) -> Option<EntityTag<'a>> {
        match EntityTag::parse_first(text) {
            Some((tag, [])) => Some(tag),
            _ => None,
        }
    }

    /// Parses the entity tag at the start of `text`, and returns the rest.
    fn parse_first(text: &'a [u8]) -> Option<(EntityTag<'a>, &'a [u8])> {
        let (weak, quoted) = match text {
            [b'W', b'/', quoted @ ..] => (true, quoted),
            _ => (false, text),
        };
        let [b'"', inside @ ..] = quoted else { return None };
        let len = inside.iter().position(|&b| !is_etag(b))?;
        let (opaque, rest) = inside.split_at(len);
        let [b'"', rest @ ..] = rest else { return None };
        Some((EntityTag { weak, opaque }, rest))
    }

    /// Strong comparison (RFC 9110 section 8.8.3.2): equal, and neither tag is weak.
    pub fn is_strongly_equal(&self, other: &EntityTag<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Weak comparison (RFC 9110 section 8.8.3.2): equal, weak or not.
    pub fn is_weakly_equal(&self, other: &EntityTag<'_>) -> bool {
        self.opaque == other.opaque
    }
}

/// The tags of one If-Match or If-None-Match line, in order, up to the first malformed one. A comma inside a tag
/// belongs to the tag; empty members are skipped (RFC 9110 section 5.6.1).
pub fn list(value: &[u8]) -> impl Iterator<Item = EntityTag<'_>> {
    let mut rest = value;
    let mut separated = true;
    std::iter::from_fn(move || {
        while let [byte, after @ ..] = rest
            && (is_blank(*byte) || *byte == b',')
        {
            separated |= *byte == b',';
            rest = after;
        }
        if !std::mem::take(&mut separated) {
            return None;
        }
        let (tag, after) = EntityTag::parse_first(rest)?;
        rest = after;
        Some(tag)
    })
}

/// The entity tag of a file, with its quotes: `"mtime-length-rest"` in hexadecimal, with `W/` before it if it is weak.
/// A `rest` of 0 is left out: `"mtime-length"` is nginx's tag.
pub fn of_file(weak: bool, mtime_secs: i64, length: u64, rest: u64) -> Text {
    let (mtime, length, rest) = (Digits::hex(mtime_secs as u64), Digits::hex(length), (rest != 0, Digits::hex(rest)));
    let start: &[u8] = if weak { b"W/\"" } else { b"\"" };
    let rest: [&[u8]; 2] = if rest.0 { [b"-", rest.1.as_bytes()] } else { [b"", b""] };
    let mut tag = [0; 3 * 16 + 6];
    let mut len = 0;
    for part in [start, mtime.as_bytes(), b"-", length.as_bytes(), rest[0], rest[1], b"\""] {
        tag[len..len + part.len()].copy_from_slice(part);
        len += part.len();
    }
    Text::new(&tag[..len]).unwrap_or(Text::from_static(""))
}

/// One number of 48 bits for several, which differs if one of them differs, except by a chance of 1 in 2^48. More
/// digits would only be sent with each answer. The steps are those of the generator splitmix64.
pub fn mixed(numbers: &[u64]) -> u64 {
    let sum = numbers.iter().fold(0, |sum: u64, number| {
        let z = (sum ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    });
    sum >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(weak: bool, opaque: &[u8]) -> EntityTag<'_> {
        EntityTag { weak, opaque }
    }

    /// RFC 9110 section 8.8.3.
    #[test]
    fn single_tags() {
        let table: [(&[u8], Option<EntityTag<'_>>); 16] = [
            (b"\"xyzzy\"", Some(tag(false, b"xyzzy"))),
            (b"W/\"xyzzy\"", Some(tag(true, b"xyzzy"))),
            (b"\"\"", Some(tag(false, b""))),
            (b"\"a,b\\!#'\xe9\"", Some(tag(false, b"a,b\\!#'\xe9"))),
            (b"", None),
            (b"xyzzy", None),
            (b"\"xyzzy", None),
            (b"xyzzy\"", None),
            (b"w/\"xyzzy\"", None), // case-sensitive
            (b"W\"xyzzy\"", None),
            (b"W/ \"xyzzy\"", None),
            (b"'xyzzy'", None),
            (b"\"a b\"", None),
            (b"\"a\x7f\"", None),
            (b"\"a\"b", None),
            (b"\"a\" ", None),
        ];
        for (text, expected) in table {
            assert_eq!(EntityTag::parse(text), expected, "{}", text.escape_ascii());
        }
    }

    /// RFC 9110 section 8.8.3.2's own table.
    #[test]
    fn comparison() {
        let table = [
            (tag(true, b"1"), tag(true, b"1"), false, true),
            (tag(true, b"1"), tag(true, b"2"), false, false),
            (tag(true, b"1"), tag(false, b"1"), false, true),
            (tag(false, b"1"), tag(false, b"1"), true, true),
        ];
        for (a, b, strongly, weakly) in table {
            assert_eq!((a.is_strongly_equal(&b), a.is_weakly_equal(&b)), (strongly, weakly));
            assert_eq!((b.is_strongly_equal(&a), b.is_weakly_equal(&a)), (strongly, weakly));
        }
    }

    #[test]
    fn lists() {
        let table: [(&[u8], &[&[u8]]); 10] = [
            (b"\"a\"", &[b"a"]),
            (b"\"a\", W/\"b\",\"c\"", &[b"a", b"b", b"c"]),
            (b" ,, \"a\" ,\t,\"b\", ", &[b"a", b"b"]),
            (b"\"a,\", \",b\"", &[b"a,", b",b"]),
            (b"", &[]),
            (b"*", &[]),
            (b"\"a\" \"b\"", &[b"a"]), // no comma: the list ends here
            (b"\"a\"\"b\"", &[b"a"]),
            (b"\"a\", b, \"c\"", &[b"a"]),
            (b"\"a\", \"b", &[b"a"]),
        ];
        for (value, expected) in table {
            let opaques: Vec<&[u8]> = list(value).map(|tag| tag.opaque).collect();
            assert_eq!(opaques, expected, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn tags_of_files_begin_as_nginx_s() {
        for (weak, mtime_secs, length, rest, expected) in [
            (false, 0x65a1_b2c3, 0x400, 0, "\"65a1b2c3-400\""),
            (false, 0x65a1_b2c3, 0x400, 0xabc, "\"65a1b2c3-400-abc\""),
            (true, 0x65a1_b2c3, 0x400, 0xabc, "W/\"65a1b2c3-400-abc\""),
            (false, 0, 0, 0, "\"0-0\""),
            (true, -1, u64::MAX, u64::MAX, "W/\"ffffffffffffffff-ffffffffffffffff-ffffffffffffffff\""),
        ] {
            let text = of_file(weak, mtime_secs, length, rest);
            assert_eq!(text.as_bytes(), expected.as_bytes());
            assert!(EntityTag::parse(text.as_bytes()).is_some_and(|tag| tag.weak == weak));
        }
    }

    #[test]
    fn a_mixed_number_shows_each_bit_and_the_order() {
        let numbers = [0x1_2345, 784_111_777, 123_456_789];
        let mut seen = vec![mixed(&numbers), mixed(&[numbers[1], numbers[0], numbers[2]])];
        for at in 0..3 {
            for bit in 0..64 {
                let mut changed = numbers;
                changed[at] ^= 1 << bit;
                seen.push(mixed(&changed));
            }
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 2 + 3 * 64);
    }
}
