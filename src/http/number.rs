//! Numbers as text of a protocol. Parsing accepts digits only: no sign, no blanks. Printing does not use `fmt`, which
//! would cost more than the rest of a response head.

/// A number of this many digits always fits into a `u64`.
const DIGITS_SAFE: usize = 19;

/// Parses `1*DIGIT`. Returns None if the text is empty, has a byte that is not a digit, or is more than a `u64` holds.
pub fn parse_decimal(text: &[u8]) -> Option<u64> {
    if text.len() <= DIGITS_SAFE {
        let digit = |value: u64, &byte: &u8| byte.is_ascii_digit().then(|| value * 10 + u64::from(byte - b'0'));
        return if text.is_empty() { None } else { text.iter().try_fold(0, digit) };
    }
    text.iter().try_fold(0u64, |value, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The value of one hexadecimal digit.
#[inline]
pub const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The digits of a number, without an allocation.
pub struct Digits {
    /// The digits are the last bytes of the first half. Behind the first digit there are always enough bytes to copy a
    /// text of fixed size.
    bytes: [u8; 2 * DIGITS_MAX],
    start: usize,
}

/// u64::MAX has 20 decimal digits.
const DIGITS_MAX: usize = 20;

/// "00" to "99".
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut value = 0;
    while value < pairs.len() {
        pairs[value] = [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
        value += 1;
    }
    pairs
};

impl Digits {
    /// The number in decimal.
    #[inline(always)] // most numbers are short and are copied at once
    pub fn decimal(mut value: u64) -> Digits {
        let mut bytes = [0; 2 * DIGITS_MAX];
        let mut start = DIGITS_MAX;
        for (at, pair) in bytes[..DIGITS_MAX].as_chunks_mut().0.iter_mut().enumerate().rev() {
            *pair = PAIRS[(value % 100) as usize];
            if value < 100 {
                start = 2 * at + usize::from(value < 10);
                break;
            }
            value /= 100;
        }
        Digits { bytes, start }
    }

    /// The number in lower-case hexadecimal, without a prefix.
    #[inline]
    pub fn hex(mut value: u64) -> Digits {
        let mut bytes = [0; 2 * DIGITS_MAX];
        let mut start = DIGITS_MAX;
        for (at, byte) in bytes[..DIGITS_MAX].iter_mut().enumerate().rev() {
            *byte = b"0123456789abcdef"[(value % 16) as usize];
            (start, value) = (at, value / 16);
            if value == 0 {
                break;
            }
        }
        Digits { bytes, start }
    }

    /// The digits as bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..DIGITS_MAX]
    }

    /// Appends the digits.
    #[inline]
    fn push(&self, out: &mut Vec<u8>) {
        if let Some(digits) = self.bytes[self.start..].first_chunk::<DIGITS_MAX>() {
            push_start(out, digits, DIGITS_MAX - self.start);
        }
    }
}

/// Appends `value` in decimal.
#[inline]
pub fn push_decimal(out: &mut Vec<u8>, value: u64) {
    Digits::decimal(value).push(out);
}

/// Appends `value` in lower-case hexadecimal, without a prefix.
#[inline]
pub fn push_hex(out: &mut Vec<u8>, value: u64) {
    Digits::hex(value).push(out);
}

/// Appends the first `len` bytes of a short text. It copies a fixed number of bytes, which takes a few moves and no
/// call, and then cuts the rest off.
#[inline]
pub fn push_start<const SIZE: usize>(out: &mut Vec<u8>, text: &[u8; SIZE], len: usize) {
    if out.capacity() - out.len() < SIZE {
        return push_and_grow(out, &text[..len.min(SIZE)]);
    }
    let end = out.len() + len;
    out.extend_from_slice(text);
    out.truncate(end);
}

/// A function of its own, so that the usual path saves no registers for this rare call.
#[cold]
#[inline(never)]
fn push_and_grow(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
}

/// The number of digits that [`push_decimal`] appends.
pub const fn decimal_len(value: u64) -> u64 {
    if value == 0 { 1 } else { value.ilog10() as u64 + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_is_digits_only() {
        let table: [(&[u8], Option<u64>); 12] = [
            (b"0", Some(0)),
            (b"00042", Some(42)),
            (b"18446744073709551615", Some(u64::MAX)),
            (b"18446744073709551616", None),
            (b"99999999999999999999999999", None),
            (b"", None),
            (b"+1", None),
            (b"-1", None),
            (b"0x10", None),
            (b"1 ", None),
            (b"1\0", None),
            (b"\xd9\xa1", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_decimal(text), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn printing_agrees_with_fmt() {
        let powers = (0..20).map(|n| 10u64.pow(n)).chain((0..64).map(|n| 1 << n));
        for value in powers.flat_map(|p| [p - 1, p, p + 1]).chain([u64::MAX]) {
            let (mut decimal, mut hex) = (Vec::new(), Vec::new());
            push_decimal(&mut decimal, value);
            push_hex(&mut hex, value);
            assert_eq!(decimal, value.to_string().into_bytes());
            assert_eq!(hex, format!("{value:x}").into_bytes());
            assert_eq!(decimal.len() as u64, decimal_len(value));
            assert_eq!(parse_decimal(&decimal), Some(value));
        }
    }
}
