//! multipart/byteranges (RFC 9110 section 14.6): the text around the parts of a 206 with several ranges.

use super::number::{Digits, decimal_len};
use super::range::ContentRange;
use super::reply::Text;
use std::ops::Range;

/// The number of digits of a boundary: enough for any `u64`.
const BOUNDARY_LEN: usize = 20;

/// The text around the parts of such a body. The whole body is: for each part, [`push_part_start`] and the bytes of the
/// range; then [`push_end`].
///
/// [`push_part_start`]: Multipart::push_part_start
/// [`push_end`]: Multipart::push_end
#[derive(Clone, Debug)]
pub struct Multipart<'a> {
    boundary: [u8; BOUNDARY_LEN],
    content_type: Option<&'a Text>,
    length: u64,
    ranges: &'a [Range<u64>],
}

impl<'a> Multipart<'a> {
    /// `boundary` must be hard to guess, so that no file contains it. `content_type` is that of the file, `length` the
    /// length of the whole file in bytes, and `ranges` are those of [`super::range::RangeVerdict::Satisfiable`].
    pub fn new(boundary: u64, content_type: Option<&'a Text>, length: u64, ranges: &'a [Range<u64>]) -> Multipart<'a> {
        let (digits, mut padded) = (Digits::decimal(boundary), [b'0'; BOUNDARY_LEN]);
        padded[BOUNDARY_LEN - digits.as_bytes().len()..].copy_from_slice(digits.as_bytes());
        Multipart { boundary: padded, content_type, length, ranges }
    }

    /// Content-Type of the response.
    pub fn content_type(&self) -> Text {
        let value = [&b"multipart/byteranges; boundary="[..], &self.boundary].concat();
        Text::from_vec(value).unwrap_or(Text::from_static("multipart/byteranges"))
    }

    /// Appends the text before the bytes of part `i`.
    pub fn push_part_start(&self, i: usize, out: &mut Vec<u8>) {
        let Range { start, end } = self.ranges[i];
        out.extend_from_slice(if i == 0 { b"--" } else { b"\r\n--" });
        out.extend_from_slice(&self.boundary);
        if let Some(content_type) = self.content_type {
            out.extend_from_slice(b"\r\nContent-Type: ");
            out.extend_from_slice(content_type.as_bytes());
        }
        out.extend_from_slice(b"\r\nContent-Range: ");
        ContentRange::Part { start, end, length: self.length }.push(out);
        out.extend_from_slice(b"\r\n\r\n");
    }

    /// Appends the text behind the bytes of the last part.
    pub fn push_end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n--");
        out.extend_from_slice(&self.boundary);
        out.extend_from_slice(b"--\r\n");
    }

    /// Content-Length of the response in bytes: the text, and the data of all parts.
    pub fn body_len(&self) -> u64 {
        let type_len = self.content_type.map_or(0, |t| "\r\nContent-Type: ".len() + t.as_bytes().len());
        let same = "--".len() + BOUNDARY_LEN + type_len + "\r\nContent-Range: bytes -/\r\n\r\n".len();
        let part_len = |range: &Range<u64>| {
            let numbers = decimal_len(range.start) + decimal_len(range.end - 1) + decimal_len(self.length);
            "\r\n".len() as u64 + same as u64 + numbers + (range.end - range.start)
        };
        let end_len = "\r\n--".len() + BOUNDARY_LEN + "--\r\n".len();
        // The first part has no CRLF before it.
        self.ranges.iter().map(part_len).sum::<u64>() + end_len as u64 - "\r\n".len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_exactly_as_long_as_promised() {
        let html = Text::from_static("text/html");
        for (content_type, length) in [(Some(&html), 1000), (None, 1000), (Some(&html), u64::MAX >> 1)] {
            for count in 1..5 {
                let ranges: Vec<Range<u64>> = [0..1, 9..10, 10..100, 99..1000].into_iter().take(count).collect();
                let multipart = Multipart::new(42, content_type, length, &ranges);
                let mut body = Vec::new();
                for (i, range) in ranges.iter().enumerate() {
                    multipart.push_part_start(i, &mut body);
                    body.resize(body.len() + (range.end - range.start) as usize, b'x');
                }
                multipart.push_end(&mut body);
                assert_eq!(body.len() as u64, multipart.body_len());
            }
        }
    }

    /// RFC 9110 section 14.6.
    #[test]
    fn the_parts_as_in_the_rfc() {
        let pdf = Text::from_static("application/pdf");
        let multipart = Multipart::new(7, Some(&pdf), 8000, &[500..1000, 7000..8000]);
        let mut out = Vec::new();
        multipart.push_part_start(0, &mut out);
        out.extend_from_slice(b"...first...");
        multipart.push_part_start(1, &mut out);
        out.extend_from_slice(b"...second...");
        multipart.push_end(&mut out);
        let expected = "--00000000000000000007\r\n\
            Content-Type: application/pdf\r\n\
            Content-Range: bytes 500-999/8000\r\n\r\n\
            ...first...\r\n\
            --00000000000000000007\r\n\
            Content-Type: application/pdf\r\n\
            Content-Range: bytes 7000-7999/8000\r\n\r\n\
            ...second...\r\n\
            --00000000000000000007--\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let content_type = multipart.content_type();
        assert_eq!(content_type.as_bytes(), b"multipart/byteranges; boundary=00000000000000000007");
        assert_eq!(Multipart::new(u64::MAX, None, 1, &[]).boundary, *b"18446744073709551615");
    }
}
