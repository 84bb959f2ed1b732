//! Numbers as protocol text. Parsing takes digits and nothing else (no sign, no blanks); printing avoids `fmt`, which
//! would cost more than the rest of a response head.

/// So many digits fit a `u64`, whatever they are.
const DIGITS_SAFE: usize = 19;

/// `1*DIGIT` as a number; `None` if empty, not all digits, or more than a `u64` holds.
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

/// One hexadecimal digit's value.
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
    /// The digits are the last bytes of the first half. So there is as much behind each of them as could be digits, and
    /// they are copied as one text of fixed size.
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
    /// In decimal.
    #[inline(always)] // most are short, and made to be copied at once
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

    /// In lower-case hexadecimal, without a prefix.
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

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..DIGITS_MAX]
    }

    /// Appends them.
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

/// Appends the first `len` bytes of a short text. What is copied has one size, so that it is some moves and no call;
/// then the rest is cut off.
#[inline]
pub fn push_start<const SIZE: usize>(out: &mut Vec<u8>, text: &[u8; SIZE], len: usize) {
    if out.capacity() - out.len() < SIZE {
        return push_and_grow(out, &text[..len.min(SIZE)]);
    }
    let end = out.len() + len;
    out.extend_from_slice(text);
    out.truncate(end);
}

/// Apart, so that nothing is saved for a call that is almost never made.
#[cold]
#[inline(never)]
fn push_and_grow(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
}

/// How many digits [`push_decimal`] writes.
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
