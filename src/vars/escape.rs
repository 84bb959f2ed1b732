//! Escapes values in lines of an access log, so that a client cannot end the line or the quotes.

use crate::config::Escape;
use crate::http::number::push_start;

/// Appends a value, escaped as `escape=` of the log format says.
pub fn push_escaped(out: &mut Vec<u8>, value: &[u8], how: Escape) {
    if value.is_empty() {
        return push_nothing(out, how);
    }
    let is_plain = match how {
        Escape::Default => !any(value, is_special),
        Escape::Json => !any(value, is_special_in_json),
        Escape::None => true,
    };
    match is_plain {
        true => out.extend_from_slice(value),
        false => push_byte_by_byte(out, value, how),
    }
}

/// An empty value is "-" in the default format, where spaces separate values.
#[inline(never)] // keeps the code for other values short
fn push_nothing(out: &mut Vec<u8>, how: Escape) {
    if how == Escape::Default {
        push_start(out, b"-", 1);
    }
}

/// Everything but visible ASCII and the space; quotes and backslashes.
fn is_special(byte: u8) -> bool {
    !(b' '..0x7f).contains(&byte) | (byte == b'"') | (byte == b'\\')
}

/// RFC 8259 section 7.
fn is_special_in_json(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\')
}

/// Whether the value has such a byte. Most values have none, so all bytes are checked, in blocks that the compiler
/// turns into vector instructions.
#[inline(always)] // together with `is_special`
fn any(value: &[u8], is_special: impl Fn(u8) -> bool + Copy) -> bool {
    let found = any_in_blocks::<16>(value, is_special).or_else(|| any_in_blocks::<8>(value, is_special));
    found.unwrap_or_else(|| value.iter().any(|&byte| is_special(byte)))
}

/// Returns `None` if the value is shorter than a block. The last block may overlap the one before it.
#[inline(always)]
fn any_in_blocks<const SIZE: usize>(value: &[u8], is_special: impl Fn(u8) -> bool) -> Option<bool> {
    let in_block = |block: &[u8; SIZE]| block.iter().fold(false, |any, &byte| any | is_special(byte));
    let last = value.last_chunk()?;
    Some(value.as_chunks().0.iter().any(in_block) || in_block(last))
}

#[cold]
fn push_byte_by_byte(out: &mut Vec<u8>, value: &[u8], how: Escape) {
    out.reserve(4 * value.len()); // most bytes are special then: another script, or an attack
    for &byte in value {
        let [high, low] = [byte >> 4, byte & 0xf].map(|digit| b"0123456789ABCDEF"[usize::from(digit)]);
        match (how, byte) {
            (Escape::Default, _) if is_special(byte) => out.extend_from_slice(&[b'\\', b'x', high, low]),
            (Escape::Json, b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            (Escape::Json, b'\n') => out.extend_from_slice(b"\\n"),
            (Escape::Json, b'\r') => out.extend_from_slice(b"\\r"),
            (Escape::Json, b'\t') => out.extend_from_slice(b"\\t"),
            (Escape::Json, ..=0x1f) => out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(value: &[u8], how: Escape) -> String {
        let mut out = b"before ".to_vec();
        push_escaped(&mut out, value, how);
        String::from_utf8_lossy(out.strip_prefix(b"before ").expect("nothing before it is touched")).into_owned()
    }

    #[test]
    fn values_cannot_break_out_of_a_log_line() {
        let rows: [(Escape, &[u8], &str); 8] = [
            (Escape::Default, b"plain text", "plain text"),
            (Escape::Default, b"a\"b\\c\r\nd\xff\x7f", r"a\x22b\x5Cc\x0D\x0Ad\xFF\x7F"),
            (Escape::Default, b"\xc3\xa9", r"\xC3\xA9"),
            (Escape::Default, b"", "-"),
            (Escape::Json, b"a\"b\\c\r\n\t\x01\x1f\x7f", "a\\\"b\\\\c\\r\\n\\t\\u0001\\u001F\x7f"),
            (Escape::Json, b"\xc3\xa9", "\u{e9}"),
            (Escape::Json, b"", ""),
            (Escape::None, b"\"", "\""),
        ];
        for (how, value, expected) in rows {
            assert_eq!(escaped(value, how), expected);
        }
    }

    /// Every byte at every position in blocks and after them.
    #[test]
    fn a_byte_is_escaped_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let [text, json] = [Escape::Default, Escape::Json].map(|how| escaped(&[byte], how));
            for len in [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 50] {
                for at in 0..len {
                    let mut value = vec![b'a'; len];
                    value[at] = byte;
                    let around = |shown: &str| ["a".repeat(at).as_str(), shown, &"a".repeat(len - at - 1)].concat();
                    assert_eq!(escaped(&value, Escape::Default), around(&text), "{byte:#x} at {at} of {len}");
                    let expected =
                        if byte < 0x80 { around(&json) } else { String::from_utf8_lossy(&value).into_owned() };
                    assert_eq!(escaped(&value, Escape::Json), expected, "{byte:#x} at {at} of {len}");
                }
            }
            let is_visible = (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte);
            let hex = format!("\\x{byte:02X}");
            assert_eq!(text, if is_visible { char::from(byte).to_string() } else { hex });
        }
    }
}
