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

/// nginx's entity tag of a file, with its quotes: `"mtime-length"` in hexadecimal.
pub fn of_file(mtime_secs: i64, length: u64) -> Text {
    let (mtime, length) = (Digits::hex(mtime_secs as u64), Digits::hex(length));
    let mut tag = [0; 2 * 16 + 3];
    let mut len = 0;
    for part in [b"\"", mtime.as_bytes(), b"-", length.as_bytes(), b"\""] {
        tag[len..len + part.len()].copy_from_slice(part);
        len += part.len();
    }
    Text::new(&tag[..len]).unwrap_or(Text::from_static(""))
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
    fn tags_of_files_are_nginx_s() {
        for (mtime_secs, length, expected) in [
            (0x65a1_b2c3, 0x400, "\"65a1b2c3-400\""),
            (0, 0, "\"0-0\""),
            (-1, u64::MAX, "\"ffffffffffffffff-ffffffffffffffff\""),
        ] {
            let text = of_file(mtime_secs, length);
            assert_eq!(text.as_bytes(), expected.as_bytes());
            assert!(EntityTag::parse(text.as_bytes()).is_some_and(|tag| !tag.weak));
        }
    }
}
