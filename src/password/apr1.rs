//! The password hash `$apr1$` of Apache's htpasswd: the MD5 of crypt(3)'s `$1$` in 1,000 rounds, with another name in
//! front. The hash function is the crate md-5's.

use md5::{Digest, Md5};

/// The number of salt bytes that are used.
const SALT_BYTES_MAX: usize = 8;

const ROUNDS: usize = 1000;

/// The digits of the printed form, in the order of their values.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The bytes of the digest in each group of four printed characters, the last byte in their lowest bits.
const ORDER: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

/// The salt and the printed digest of `SALT$DIGEST`.
pub fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'$', text)?;
    Some((&text[..end.min(SALT_BYTES_MAX)], &text[end + 1..]))
}

/// The printed digest of a password.
pub fn digest(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let of = |parts: &[&[u8]]| parts.iter().fold(Md5::new(), |hash, part| hash.chain_update(part)).finalize();
    let inner = of(&[password, salt, password]);
    let mut hash = Md5::new().chain_update(password).chain_update(b"$apr1$").chain_update(salt);
    let repeated: Vec<u8> = inner.iter().copied().cycle().take(password.len()).collect();
    hash.update(&repeated);
    let mut bits = password.len();
    while bits > 0 {
        hash.update(if bits & 1 == 1 { &b"\0"[..] } else { password.get(..1).unwrap_or_default() });
        bits >>= 1;
    }
    let mut digest = hash.finalize();
    for round in 0..ROUNDS {
        let (first, last): (&[u8], &[u8]) = if round % 2 == 1 { (password, &digest) } else { (&digest, password) };
        let salt = if round.is_multiple_of(3) { b"" } else { salt };
        let again = if round.is_multiple_of(7) { b"" } else { password };
        digest = of(&[first, salt, again, last]);
    }
    print(&digest)
}

/// The printed form: 22 characters.
fn print(digest: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(22);
    let mut push = |mut value: u32, count: usize| {
        for _ in 0..count {
            out.push(DIGITS[(value & 63) as usize]);
            value >>= 6;
        }
    };
    for [high, middle, low] in ORDER {
        push(u32::from_be_bytes([0, digest[high], digest[middle], digest[low]]), 4);
    }
    push(digest[11].into(), 2);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl passwd -apr1 -salt SALT PASSWORD`.
    #[test]
    fn known_hashes() {
        for (password, salt, printed) in [
            ("password", "salt", "Xxd1irWT9ycqoYxGFn4cb."),
            ("", "abcdefgh", "L.PT565ESX4Tp2bqNs7Ie."),
            ("a", "abcdefgh", "G8IsPsylW5ROvIKsQMRG61"),
            ("a password of more than sixteen bytes", "abcdefgh", "EJvhw845MtIPi.xyhIm.Y/"),
        ] {
            let found = digest(password.as_bytes(), salt.as_bytes());
            assert_eq!(String::from_utf8_lossy(&found), printed, "{password} {salt}");
        }
        assert_eq!(split(b"123456789$x"), Some((&b"12345678"[..], &b"x"[..])));
        assert_eq!(split(b"salt"), None);
    }
}
