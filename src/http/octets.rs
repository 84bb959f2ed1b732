//! Which bytes may stand where: the grammar's character classes as one table, and the fast check of field values.

/// `tchar` (RFC 9110 section 5.6.2): methods, field names, codings.
const TOKEN: u8 = 1;
/// Every visible ASCII byte. nginx and browsers put more into a target than RFC 3986 allows; controls never pass.
const TARGET: u8 = 2;
/// VCHAR, obs-text, SP and HTAB (RFC 9110 section 5.5).
const FIELD_VALUE: u8 = 4;
/// `unreserved` and `sub-delims` (RFC 3986 section 2): what a host name may hold beside percent-encoding.
const REG_NAME: u8 = 8;
/// `pchar` and "/" (RFC 3986 section 3.3): what a path may hold beside percent-encoding.
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
        | (if unreserved || sub_delim { REG_NAME } else { 0 })
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
    /// May stand in a token: a method, a field name, a coding.
    is_token = TOKEN;
    /// May stand in a request target: any visible ASCII byte.
    is_target = TARGET;
    /// May stand in a field value.
    is_field_value = FIELD_VALUE;
    /// May stand unencoded in a host name.
    is_reg_name = REG_NAME;
    /// May stand unencoded in a path.
    is_path = PATH;
    /// Means the same encoded and unencoded, everywhere.
    is_unreserved = UNRESERVED;
    /// May stand inside an entity tag.
    is_etag = ETAG;
    /// May stand unescaped inside a quoted string.
    is_quoted = QUOTED;
}

/// SP or HTAB: the whitespace of the grammar (`OWS`).
#[inline]
pub const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Without the blanks at both ends.
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

/// One or more token bytes and nothing else.
pub fn all_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&b| is_token(b))
}

/// No control byte but HTAB: what a field value may consist of. Looks at eight bytes at a time, since this runs over
/// most bytes of every head.
#[inline]
pub fn all_field_value(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        if may_hold_control(u64::from_le_bytes(*word)) && !word.iter().all(|&b| is_field_value(b)) {
            return false;
        }
        rest = after;
    }
    rest.iter().all(|&b| is_field_value(b))
}

/// A byte below 0x20 or equal to 0x7F is among the eight. The usual "a byte less than n" and "a zero byte" tricks:
/// the subtraction borrows into a byte's top bit, which `& !word` keeps only where that bit was clear before.
#[inline]
const fn may_hold_control(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES * 0x80;
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let without_del = word ^ (ONES * 0x7f);
    let del = without_del.wrapping_sub(ONES) & !without_del;
    (below_space | del) & TOPS != 0
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
        let table: [(Class, &str); 4] = [
            (is_token, "!#$%&'*+-.^_`|~"),
            (is_unreserved, "-._~"),
            (is_reg_name, "-._~!$&'()*+,;="),
            (is_path, "-._~!$&'()*+,;=:@/"),
        ];
        for (class, others) in table {
            let mut expected: Vec<u8> = [alnum, others].concat().into_bytes();
            expected.sort_unstable();
            assert_eq!(bytes_of(class), expected, "{others}");
        }
        assert_eq!(bytes_of(is_target), (0x21..=0x7e).collect::<Vec<u8>>());
        assert_eq!(bytes_of(|b| !is_field_value(b)), (0..9).chain(10..32).chain([127]).collect::<Vec<u8>>());
        assert_eq!(bytes_of(|b| !is_quoted(b)), [&bytes_of(|b| !is_field_value(b))[..31], b"\"\\\x7f"].concat());
        assert_eq!(bytes_of(|b| !is_etag(b)), (0..=32).chain([34, 127]).collect::<Vec<u8>>());
    }

    /// Every byte at every place of words and tails, among neighbours that could borrow or carry.
    #[test]
    fn field_values_are_checked_the_same_fast_and_slow() {
        for filler in [b'a', b'\t', 0x20, 0x80, 0xff] {
            for len in 0..20 {
                for at in 0..len {
                    for byte in 0..=255 {
                        let mut text = vec![filler; len];
                        text[at] = byte;
                        assert_eq!(all_field_value(&text), is_field_value(byte), "{byte:#x} at {at} of {len}");
                    }
                }
            }
        }
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
