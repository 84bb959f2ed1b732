//! Which bytes are allowed where: the character classes of the grammar as one table, and fast checks of eight bytes at
//! once.

/// `tchar` (RFC 9110 section 5.6.2): methods, field names, codings.
const TOKEN: u8 = 1;
/// Every visible ASCII byte. nginx and browsers accept more in a target than RFC 3986 does, but never control bytes.
const TARGET: u8 = 2;
/// VCHAR, obs-text, SP and HTAB (RFC 9110 section 5.5).
const FIELD_VALUE: u8 = 4;
/// `unreserved` and `sub-delims` (RFC 3986 section 2) without the dot and without capitals: the bytes of a host name
/// that need no special care.
const HOST: u8 = 8;
/// `pchar` and "/" (RFC 3986 section 3.3): the bytes of a path, except for percent-encoding.
const PATH: u8 = 16;
/// `unreserved` (RFC 3986 section 2.3): never needs percent-encoding.
const UNRESERVED: u8 = 32;
/// `etagc` (RFC 9110 section 8.8.3): inside an entity tag's quotes.
const ETAG: u8 = 64;
/// `qdtext` (RFC 9110 section 5.6.4): inside a quoted string, without a backslash before it.
const QUOTED: u8 = 128;

const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = classes_of(i as u8);
        i += 1;
    }
    table
};

const fn classes_of(byte: u8) -> u8 {
    let unreserved = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let sub_delim = matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=');
    let token = byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`')
        || matches!(byte, b'|' | b'~');
    let visible = byte.is_ascii_graphic();
    let obs_text = byte >= 0x80;
    let blank = matches!(byte, b' ' | b'\t');
    (if token { TOKEN } else { 0 })
        | (if visible { TARGET } else { 0 })
        | (if visible || obs_text || blank { FIELD_VALUE } else { 0 })
        | (if (unreserved || sub_delim) && byte != b'.' && !byte.is_ascii_uppercase() { HOST } else { 0 })
        | (if unreserved || sub_delim || matches!(byte, b':' | b'@' | b'/') { PATH } else { 0 })
        | (if unreserved { UNRESERVED } else { 0 })
        | (if (visible || obs_text) && byte != b'"' { ETAG } else { 0 })
        | (if (visible || obs_text || blank) && byte != b'"' && byte != b'\\' { QUOTED } else { 0 })
}

macro_rules! class {
    ($($(#[$doc:meta])* $name:ident = $bit:ident;)*) => {
        $($(#[$doc])* #[inline] pub const fn $name(byte: u8) -> bool { CLASSES[byte as usize] & $bit != 0 })*
    };
}

class! {
    /// Allowed in a token: a method, a field name, a coding.
    is_token = TOKEN;
    /// Allowed in a request target: any visible ASCII byte.
    is_target = TARGET;
    /// Allowed in a field value.
    is_field_value = FIELD_VALUE;
    /// Allowed in a lower-case host name, beside dots and percent-encoding.
    is_host = HOST;
    /// Allowed unencoded in a path.
    is_path = PATH;
    /// Means the same encoded and unencoded, everywhere.
    is_unreserved = UNRESERVED;
    /// Allowed inside an entity tag.
    is_etag = ETAG;
    /// Allowed unescaped inside a quoted string.
    is_quoted = QUOTED;
}

/// SP or HTAB: the whitespace of the grammar (`OWS`).
#[inline]
pub const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The text without the blanks at both ends.
#[inline]
pub fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_blank(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_blank(*last)
    {
        text = rest;
    }
    text
}

/// True for one or more token bytes and nothing else.
pub fn all_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&b| is_token(b))
}

/// True if the text has no control byte but HTAB, as a field value must.
pub fn all_field_value(text: &[u8]) -> bool {
    text.iter().all(|&b| is_field_value(b))
}

/// The number of bytes before the first that is neither visible ASCII nor SP: nearly always the end of a field line.
#[inline(always)]
pub fn plain_len(text: &[u8]) -> usize {
    until(text, |word| not_within(word, b' '))
}

/// The number of bytes before the first that is not visible ASCII: the length of a request target.
#[inline(always)]
pub fn target_len(text: &[u8]) -> usize {
    until(text, |word| not_within(word, b'!'))
}

/// The number of bytes before the first that is "?", "#" or not visible ASCII: the length of a path in a request
/// target.
#[inline(always)]
pub fn path_len(text: &[u8]) -> usize {
    until(text, |word| not_within(word, b'!') | equal(word, b'?') | equal(word, b'#'))
}

/// True if the path has at least eight bytes and no "%", no NUL, and no "/" before a "/" or a ".". The test looks at
/// pairs of bytes, so the last byte of each eight is also the first of the next eight, and the last eight may overlap.
#[inline]
pub fn is_plain_path(path: &[u8]) -> bool {
    let Some(end) = path.last_chunk() else { return false };
    let is_plain = |eight: &[u8; 8]| {
        let word = u64::from_le_bytes(*eight);
        let dot_or_slash = equal(word | splat(1), b'/'); // the two bytes differ in this bit only
        let marks = equal(word, b'/') << 8 & dot_or_slash | equal(word, b'%') | equal(word, 0);
        marks & HIGH_BITS == 0
    };
    let mut rest = path;
    while let Some(eight) = rest.first_chunk()
        && is_plain(eight)
    {
        rest = &rest[7..];
    }
    rest.len() < 8 && is_plain(end)
}

/// A number of bytes from the start that are digits, small letters, hyphens and dots, with no dot behind a dot. Of most
/// hosts these are all bytes but a few. The test looks at pairs of bytes, so the last byte of each eight is also the
/// first of the next.
#[inline(never)] // its constants need the registers
pub fn plain_host_len(text: &[u8]) -> usize {
    let mut len = 0;
    while let Some(word) = text.get(len..).and_then(|rest| rest.first_chunk()) {
        let word = u64::from_le_bytes(*word);
        let dots = equal(word, b'.') & HIGH_BITS;
        let others = outside(word, b'-', b'9') & outside(word, b'a', b'z') | equal(word, b'/');
        match (others | dots & dots >> 8 | word) & HIGH_BITS {
            0 => len += 7,
            marks => return len + first_mark(marks),
        }
    }
    len
}

/// The number of ASCII bytes before the first "#": the length of a query in a request target.
#[inline]
pub fn until_number_sign(text: &[u8]) -> usize {
    until(text, |word| equal(word, b'#'))
}

/// The number of bytes before the first one that `stops` marks in its high bit, or before the end. Nearly all bytes of
/// a head pass through here, eight at a time, as a number whose lowest byte is the first byte. Marks above the first
/// mark may be wrong.
#[inline(always)]
pub(super) fn until(text: &[u8], stops: impl Fn(u64) -> u64) -> usize {
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        let marks = stops(u64::from_le_bytes(*word)) & HIGH_BITS;
        if marks != 0 {
            return text.len() - rest.len() + first_mark(marks);
        }
        rest = after;
    }
    text.len() - rest.len() + until_late(rest, stops)
}

/// The same for the last bytes of [`until`], fewer than eight.
#[inline(never)]
fn until_late(rest: &[u8], stops: impl Fn(u64) -> u64) -> usize {
    rest.iter().position(|&byte| stops(splat(byte)) & HIGH_BITS != 0).unwrap_or(rest.len())
}

/// The index of the first byte whose high bit is set.
#[inline(always)]
pub(super) const fn first_mark(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// The high bits of the eight bytes of a word.
pub(super) const HIGH_BITS: u64 = splat(0x80);

/// Eight copies of a byte.
const fn splat(byte: u8) -> u64 {
    u64::MAX / 255 * byte as u64
}

/// Marks bytes that are below an ASCII byte, above "~", or not ASCII. The addition marks all of these but 0xff, and the
/// subtraction marks 0xff. A wrong mark comes from a borrow or a carry, so it stands above a right mark.
#[inline(always)]
const fn not_within(word: u64, least: u8) -> u64 {
    word.wrapping_sub(splat(least)) | word.wrapping_add(splat(1))
}

/// Marks ASCII bytes that are below one byte or above another. Only a byte that is not ASCII produces a carry.
#[inline(always)]
const fn outside(word: u64, least: u8, most: u8) -> u64 {
    !word.wrapping_add(splat(0x80 - least)) | word.wrapping_add(splat(0x7f - most))
}

/// Marks the bytes that equal this ASCII byte, and some bytes that are not ASCII.
#[inline(always)]
pub(super) const fn equal(word: u64, byte: u8) -> u64 {
    (word ^ splat(byte)).wrapping_sub(splat(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Class = fn(u8) -> bool;

    fn bytes_of(class: Class) -> Vec<u8> {
        (0..=255).filter(|&b| class(b)).collect()
    }

    /// RFC 9110 section 5.6.2, RFC 3986 sections 2.2, 2.3 and 3.3, written out.
    #[test]
    fn classes_hold_what_the_grammar_says() {
        let alnum = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let table: [(Class, &str); 3] =
            [(is_token, "!#$%&'*+-.^_`|~"), (is_unreserved, "-._~"), (is_path, "-._~!$&'()*+,;=:@/")];
        for (class, others) in table {
            let mut expected: Vec<u8> = [alnum, others].concat().into_bytes();
            expected.sort_unstable();
            assert_eq!(bytes_of(class), expected, "{others}");
        }
        assert_eq!(bytes_of(is_host), b"!$&'()*+,-0123456789;=_abcdefghijklmnopqrstuvwxyz~");
        assert_eq!(bytes_of(is_target), (0x21..=0x7e).collect::<Vec<u8>>());
        assert_eq!(bytes_of(|b| !is_field_value(b)), (0..9).chain(10..32).chain([127]).collect::<Vec<u8>>());
        assert_eq!(bytes_of(|b| !is_quoted(b)), [&bytes_of(|b| !is_field_value(b))[..31], b"\"\\\x7f"].concat());
        assert_eq!(bytes_of(|b| !is_etag(b)), (0..=32).chain([34, 127]).collect::<Vec<u8>>());
    }

    /// Every byte at every position of words and tails, among bytes that stop the scan and bytes that do not.
    #[test]
    fn runs_end_at_the_same_byte_fast_and_slow() {
        for filler in [b'a', b'\t', b'!', b'~', b':', 0x20, 0x7f, 0x80, 0xff] {
            for len in [1, 7, 8, 9, 15, 16, 17, 23] {
                for at in 0..len {
                    for byte in 0..=255 {
                        let mut text = vec![filler; len];
                        text[at] = byte;
                        let slow = |class: Class| text.iter().position(|&b| !class(b)).unwrap_or(len);
                        assert_eq!(plain_len(&text), slow(|b| matches!(b, b' '..=b'~')), "{byte:#x} at {at} of {len}");
                        assert_eq!(target_len(&text), slow(is_target), "{byte:#x} at {at} of {len}");
                        assert_eq!(
                            path_len(&text),
                            slow(|b| is_target(b) && b != b'?' && b != b'#'),
                            "{byte:#x} at {at}"
                        );
                    }
                }
            }
        }
    }

    /// Every pair of special bytes at every position of two words and a tail.
    #[test]
    fn what_is_plain_is_plain() {
        let telling = b"/.%a-z0:?# \0{`@A\xa5\xaf\xff";
        for filler in [b"aaaaaaaaaaaaaaaaaaaa", b"/a/a/a/a/a/a/a/a/a/a"] {
            for at in 0..filler.len() - 1 {
                for pair in telling.iter().flat_map(|&first| telling.map(|second| [first, second])) {
                    let mut text = *filler;
                    text[at..at + 2].copy_from_slice(&pair);
                    let is_odd = text.iter().any(|b| matches!(b, b'%' | 0))
                        || text.windows(2).any(|two| matches!(two, [b'/', b'/' | b'.']));
                    assert!(!is_odd || !is_plain_path(&text), "{}", text.escape_ascii());
                    let host = &text[..plain_host_len(&text)];
                    assert!(host.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.')));
                    let and_next = &text[..text.len().min(host.len() + 1)];
                    assert!(!and_next.windows(2).any(|two| two == b".."), "{}", text.escape_ascii());
                }
            }
        }
        assert_eq!((plain_host_len(b"www.example.org"), plain_host_len(b"127.0.0.1:34567")), (14, 9));
        assert!(is_plain_path(b"/index.h") && is_plain_path(b"/static/style.css") && !is_plain_path(b"/a"));
    }

    #[test]
    fn blanks_go_from_both_ends_only() {
        for (text, expected) in
            [(" \t a b\t ", "a b"), ("", ""), (" \t", ""), ("x", "x"), ("\r x", "\r x"), ("x\u{b}", "x\u{b}")]
        {
            assert_eq!(trim(text.as_bytes()), expected.as_bytes());
        }
    }
}
