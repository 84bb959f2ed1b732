//! Escapes values in lines of an access log, so that a client cannot end the line or the quotes.

use crate::config::Escape;
use crate::http::deceptive::is_deceptive;
use crate::http::number::push_start;

/// Appends a value, escaped as `escape=` of the log format says.
pub fn push_escaped(out: &mut Vec<u8>, value: &[u8], how: Escape) {
    if value.is_empty() {
        return push_nothing(out, how);
    }
    if how == Escape::None || !any(value, is_special) {
        return out.extend_from_slice(value);
    }
    match how {
        Escape::Json => push_for_json(out, value),
        _ => push_byte_by_byte(out, value),
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
fn push_byte_by_byte(out: &mut Vec<u8>, value: &[u8]) {
    out.reserve(4 * value.len()); // most bytes are special then: another script, or an attack
    for &byte in value {
        match is_special(byte) {
            true => out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte)]),
            false => out.push(byte),
        }
    }
}

/// A JSON text is UTF-8 (RFC 8259 section 8.1), but a value may be any bytes. A byte that is no part of a character
/// becomes `\u00XX`, as if it was ISO 8859-1, so that it can still be told. Characters that a terminal interprets are
/// escaped, too.
#[cold]
fn push_for_json(out: &mut Vec<u8>, value: &[u8]) {
    out.reserve(2 * value.len());
    for chunk in value.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => out.extend_from_slice(&[b'\\', character as u8]),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                _ if is_deceptive(character) => push_json_escape(out, character.into()),
                _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        chunk.invalid().iter().for_each(|&byte| push_json_escape(out, byte.into()));
    }
}

/// Appends `\uXXXX` for a character below U+10000.
fn push_json_escape(out: &mut Vec<u8>, code: u32) {
    out.extend_from_slice(b"\\u");
    out.extend([12, 8, 4, 0].map(|shift| digit((code >> shift) as u8)));
}

/// The hexadecimal digit of the lower four bits.
fn digit(bits: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(bits & 0xf)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(value: &[u8], how: Escape) -> String {
        let mut out = b"before ".to_vec();
        push_escaped(&mut out, value, how);
        out.drain(..b"before ".len());
        String::from_utf8(out).expect("escaped values are UTF-8")
    }

    #[test]
    fn values_cannot_break_out_of_a_log_line() {
        let rows: [(Escape, &[u8], &str); 10] = [
            (Escape::Default, b"plain text", "plain text"),
            (Escape::Default, b"a\"b\\c\r\nd\xff\x7f", r"a\x22b\x5Cc\x0D\x0Ad\xFF\x7F"),
            (Escape::Default, b"\xc3\xa9", r"\xC3\xA9"),
            (Escape::Default, b"", "-"),
            (Escape::Json, b"a\"b\\c\r\n\t\x01\x1f\x7f", "a\\\"b\\\\c\\r\\n\\t\\u0001\\u001F\\u007F"),
            (Escape::Json, b"\xc3\xa9\xf0\x9f\x98\x80", "\u{e9}\u{1f600}"),
            (Escape::Json, "\u{9b}31m\u{202e}\u{2028}".as_bytes(), r"\u009B31m\u202E\u2028"),
            (Escape::Json, b"a\x80\xffb\xc3", r"a\u0080\u00FFb\u00C3"),
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
                    assert_eq!(escaped(&value, Escape::Json), around(&json), "{byte:#x} at {at} of {len}");
                }
            }
            let is_visible = (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte);
            let hex = format!("\\x{byte:02X}");
            assert_eq!(text, if is_visible { char::from(byte).to_string() } else { hex });
        }
    }
}
