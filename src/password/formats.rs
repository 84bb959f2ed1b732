//! The kinds of password hashes in htpasswd's files: nginx's own, and those of crypt(3).

use super::sha_crypt::Stored;
use std::fmt;

/// The longest password in bytes for a slow hash, whose time may grow with the square of it. libxcrypt has the same
/// limit.
const SLOW_PASSWORD_BYTES_MAX: usize = 512;

/// Why a stored hash says nothing of a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unusable {
    /// The program was built without the feature "auth", which this kind of hash needs.
    NotBuilt,
    /// No kind that the server or this system's crypt(3) knows.
    UnknownKind,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unusable::NotBuilt => {
                "this webserv was built without the feature \"auth\": it knows only {PLAIN} and $5$ (openssl passwd -5)"
            }
            Unusable::UnknownKind => "its hash is of no kind that is known here; `openssl passwd -6` makes one",
        })
    }
}

/// Whether [`is_right`] takes only microseconds for this hash.
pub fn is_quick(hash: &[u8]) -> bool {
    [&b"{PLAIN}"[..], b"{SHA}", b"{SSHA}"].iter().any(|kind| hash.starts_with(kind))
}

/// Whether this is the password with this hash. The time does not depend on how much of the hash is right.
///
/// # Errors
/// The hash cannot be used, whatever the password is.
pub fn is_right(hash: &[u8], password: &[u8]) -> Result<bool, Unusable> {
    if let Some(plain) = hash.strip_prefix(b"{PLAIN}") {
        return Ok(equal(plain, password));
    }
    if password.len() > SLOW_PASSWORD_BYTES_MAX && !is_quick(hash) {
        return Ok(false);
    }
    let sha256 = std::str::from_utf8(hash).ok().filter(|text| text.starts_with("$5$")).map(Stored::parse);
    if let Some(Ok(stored)) = sha256 {
        return Ok(stored.begin(password).advance(u32::MAX).is_some_and(|digest| stored.equals(&digest)));
    }
    kinds::is_right(hash, password)
}

/// Whether both are the same, in a time that depends on the lengths only.
fn equal(a: &[u8], b: &[u8]) -> bool {
    let differing = a.iter().zip(b).fold(0, |bits, (a, b)| bits | (a ^ b));
    (std::hint::black_box(differing) == 0) & (a.len() == b.len())
}

#[cfg(feature = "auth")]
mod kinds {
    use super::{Unusable, equal};
    use crate::http::base64;
    use crate::password::apr1;
    use sha1::{Digest, Sha1};
    use std::ffi::CString;

    pub(super) fn is_right(hash: &[u8], password: &[u8]) -> Result<bool, Unusable> {
        if let Some(text) = hash.strip_prefix(b"{SHA}") {
            return Ok(base64::decode(text).is_some_and(|digest| equal(&digest, &Sha1::digest(password))));
        }
        if let Some(text) = hash.strip_prefix(b"{SSHA}") {
            let Some(decoded) = base64::decode(text) else { return Ok(false) };
            let Some((digest, salt)) = decoded.split_at_checked(20) else { return Ok(false) };
            return Ok(equal(digest, &Sha1::new().chain_update(password).chain_update(salt).finalize()));
        }
        if let Some(salt_and_digest) = hash.strip_prefix(b"$apr1$") {
            let Some((salt, digest)) = apr1::split(salt_and_digest) else { return Ok(false) };
            return Ok(equal(&apr1::digest(password, salt), digest));
        }
        match std::str::from_utf8(hash) {
            Ok(text) if is_bcrypt(text) => bcrypt::verify(password, text).map_err(|_| Unusable::UnknownKind),
            _ => by_system(hash, password),
        }
    }

    fn is_bcrypt(text: &str) -> bool {
        ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|kind| text.starts_with(kind))
    }

    /// crypt(3) knows the others: DES, `$1$`, `$6$`, and whatever else this system has.
    fn by_system(hash: &[u8], password: &[u8]) -> Result<bool, Unusable> {
        let Ok(password) = CString::new(password) else { return Ok(false) }; // no such password has a hash
        let setting = CString::new(hash).map_err(|_| Unusable::UnknownKind)?;
        let found = webserv_sys::crypt::hash(&password, &setting).map_err(|_| Unusable::UnknownKind)?;
        Ok(equal(&found, hash))
    }
}

#[cfg(not(feature = "auth"))]
mod kinds {
    use super::Unusable;

    pub(super) fn is_right(_: &[u8], _: &[u8]) -> Result<bool, Unusable> {
        Err(Unusable::NotBuilt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_password_is_wrong_in_every_kind() {
        for hash in ["{PLAIN}password", "$5$saltstring$OH4IDuTlsuTYPdED1gsuiRMyTAwNlRWyA6Xr3I4/dQ5"] {
            assert_eq!(is_right(hash.as_bytes(), b"password"), Ok(true), "{hash}");
            for wrong in ["", "Password", "password ", "passwor", "1"] {
                assert_eq!(is_right(hash.as_bytes(), wrong.as_bytes()), Ok(false), "{hash} {wrong}");
            }
        }
        assert_eq!(is_right(b"{PLAIN}", b""), Ok(true));
    }

    /// Made with openssl passwd, crypt(3), and htpasswd; the broken ones are those of nginx's tests.
    #[test]
    #[cfg(all(feature = "auth", target_os = "linux"))]
    fn all_kinds() {
        for hash in [
            "sa3tHJ3/KuYvI",
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
            "$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.",
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            "{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0",
            "$2y$05$abcdefghijklmnopqrstuuWG29KuyeAicPCJODk1zjyGvyQUU2awu",
            "$6$saltstring$adDbXsJjcDlq2662QPgd.tkSOVmnG9Tt3oXl4HR60SusC3AGjirnDenVZp3DGwLwqy6iYKCzannhaX9DR72nN1",
        ] {
            assert_eq!(is_right(hash.as_bytes(), b"password"), Ok(true), "{hash}");
            for wrong in ["", "Password", "pass\0word", "123"] {
                assert_eq!(is_right(hash.as_bytes(), wrong.as_bytes()), Ok(false), "{hash} {wrong:?}");
            }
            assert_eq!(is_right(hash.as_bytes(), &[b'p'; 600]), Ok(false), "{hash}");
        }
        for broken in
            ["$1$", "$apr1$", "$apr1$a", "{SSHA}_____wQadOA1e", "{SSHA}Zm9vCg==", "{SHA}_____", "{SHA}Zm9vCg=="]
        {
            assert_eq!(is_right(broken.as_bytes(), b"1"), Ok(false), "{broken}");
        }
        for unknown in ["*", "!", "$9$a$b", "$2y$05$abc", ""] {
            assert_eq!(is_right(unknown.as_bytes(), b"1"), Err(Unusable::UnknownKind), "{unknown}");
        }
    }

    #[test]
    #[cfg(not(feature = "auth"))]
    fn kinds_that_are_not_built_in_are_told_apart_from_a_wrong_password() {
        for hash in ["$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "sa3tHJ3/KuYvI"] {
            assert_eq!(is_right(hash.as_bytes(), b"password"), Err(Unusable::NotBuilt), "{hash}");
        }
    }
}
