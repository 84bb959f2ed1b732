//! Hashes of `secure_link`: links that only the site itself can make. MD5 is nginx's choice, and what existing sites
//! make their links with; a new site should not rely on it for more than that.

use crate::http::base64;

/// Whether the build has MD5 (feature `secure_link`).
pub const IS_HERE: bool = cfg!(feature = "secure_link");

/// The length of a hash in bytes.
const HASH_BYTES: usize = 16;

/// Whether this is the MD5 of the text. The time that it takes does not tell where the two differ.
pub fn is_hash_of(hash: &[u8; HASH_BYTES], text: &[u8]) -> bool {
    let right = md5(text);
    right.is_some_and(|right| hash.iter().zip(right).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0)
}

#[cfg(feature = "secure_link")]
fn md5(text: &[u8]) -> Option<[u8; HASH_BYTES]> {
    use md5::{Digest, Md5};
    Some(Md5::digest(text).into())
}

#[cfg(not(feature = "secure_link"))]
fn md5(_: &[u8]) -> Option<[u8; HASH_BYTES]> {
    None
}

/// A hash in base64url (RFC 4648 section 5), with or without "=" behind it.
pub fn from_base64url(text: &[u8]) -> Option<[u8; HASH_BYTES]> {
    // The two digits that differ from plain base64, which a URL would change.
    let plain = |digit: &u8| match digit {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        b'+' | b'/' => None,
        digit => Some(*digit),
    };
    let digits: Vec<u8> = text.iter().map(plain).collect::<Option<_>>()?;
    base64::decode(&digits)?.try_into().ok()
}

/// A hash in 32 hexadecimal digits.
pub fn from_hex(text: &[u8]) -> Option<[u8; HASH_BYTES]> {
    if text.len() != 2 * HASH_BYTES || !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let bytes = (0..HASH_BYTES).map(|at| u8::from_str_radix(&text[2 * at..][..2], 16));
    bytes.collect::<Result<Vec<u8>, _>>().ok()?.try_into().ok()
}

#[cfg(all(test, feature = "secure_link"))]
mod tests {
    use super::*;

    #[test]
    fn hashes_in_both_forms() {
        // RFC 1321 section A.5.
        let hex = from_hex(b"900150983cd24fb0d6963f7d28e17f72").expect("it is a hash");
        assert!(is_hash_of(&hex, b"abc") && !is_hash_of(&hex, b"abd"));
        for text in [&b"kAFQmDzST7DWlj99KOF_cg"[..], b"kAFQmDzST7DWlj99KOF_cg=="] {
            assert_eq!(from_base64url(text), Some(hex));
        }
        for text in [&b""[..], b"kAFQmDzST7DWlj99KOF/cg", b"kAFQmDzST7DWlj99KOF_cgAA", b"kAFQmDzST7DWlj99KOF_c"] {
            assert_eq!(from_base64url(text), None, "{}", text.escape_ascii());
        }
        for text in [&b"900150983cd24fb0d6963f7d28e17f7"[..], b"+00150983cd24fb0d6963f7d28e17f72"] {
            assert_eq!(from_hex(text), None);
        }
    }
}
