//! `$secure_link` and `$secure_link_expires`.

use crate::secure_link::{from_base64url, from_hex, is_hash_of};

/// A link as `secure_link` gives it: the hash, and the time until which it is valid.
pub(super) struct Link<'a> {
    hash: &'a [u8],
    /// The text of the time; None: it is valid for ever.
    pub expires: Option<&'a [u8]>,
    expires_secs: i64,
}

impl<'a> Link<'a> {
    /// `HASH` or `HASH,SECONDS`. Returns None if the time is not a number above 0.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let Some(comma) = memchr::memchr(b',', text) else {
            return Some(Self { hash: text, expires: None, expires_secs: i64::MAX });
        };
        let expires = &text[comma + 1..];
        let digits = std::str::from_utf8(expires).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let expires_secs = digits?.parse().ok().filter(|secs| *secs > 0)?;
        Some(Self { hash: &text[..comma], expires: Some(expires), expires_secs })
    }

    /// "1", "0" if its time is over, or nothing if the hash is not that of `text`.
    pub fn value(&self, text: &[u8], now_secs: i64) -> &'static [u8] {
        match from_base64url(self.hash) {
            Some(hash) if is_hash_of(&hash, text) => {
                if self.expires_secs < now_secs {
                    b"0"
                } else {
                    b"1"
                }
            }
            _ => b"",
        }
    }
}

/// `secure_link_secret`: the rest of `/prefix/hash/rest` if the hash is that of it and the secret, otherwise nothing.
pub(super) fn by_secret<'a>(target: &'a [u8], secret: &str) -> &'a [u8] {
    let mut parts = target.get(1..).unwrap_or_default().splitn(3, |b| *b == b'/');
    let (Some(_), Some(hash), Some(rest)) = (parts.next(), parts.next(), parts.next()) else { return b"" };
    match from_hex(hash) {
        Some(hash) if !rest.is_empty() && is_hash_of(&hash, &[rest, secret.as_bytes()].concat()) => rest,
        _ => b"",
    }
}
