//! Users and their passwords. It reads no file.
//!
//! For the directory protocol: a text of `NAME:HASH` lines, and a check of a password that does not block. For HTTP:
//! the files and hashes of htpasswd ([`hash_of_user`], [`is_right`]).

#[cfg(feature = "auth")]
mod apr1;
mod formats;
mod sha256;
mod sha_crypt;
mod user_file;

pub use formats::{Unusable, is_quick, is_right};
pub use user_file::{Entry, hash_of_user};

use sha_crypt::{Rounds, Stored};
use std::collections::HashMap;

/// The longest password in bytes. The time of a hash grows with it.
pub const PASSWORD_BYTES_MAX: usize = 128;

/// Rounds of a hash in one [`Check::advance`]: less than half a millisecond.
const ROUNDS_AT_ONCE: u32 = 500;

/// SHA-256 of all these parts in a row.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    sha256::Sha256::of(parts)
}

/// The users that may log in.
pub struct Users {
    by_name: HashMap<String, Stored>,
    /// The hash that is used for an unknown user, so that the check takes as long as for a known one.
    stranger: Stored,
}

impl Users {
    /// Parses a users file: one user per line, `NAME:HASH`. Empty lines and lines that begin with "#" are skipped. HASH
    /// is the output of `openssl passwd -5`. More fields, each behind a ":", are ignored.
    ///
    /// # Errors
    /// The number of the first wrong line (from 1), and what is wrong with it. A file without a user is wrong at line
    /// 0.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let (mut by_name, mut stranger) = (HashMap::new(), None);
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, rest) = line.split_once(':').ok_or((number, "no \":\" stands behind the name".to_owned()))?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
                return Err((number, "a name has visible ASCII characters only, and at least one".to_owned()));
            }
            let hash = rest.split(':').next().unwrap_or_default();
            let stored = Stored::parse(hash).map_err(|what| {
                (number, format!("the password's hash is not right: {what}; `openssl passwd -5` makes one"))
            })?;
            stranger.get_or_insert_with(|| stored.clone());
            if by_name.insert(name.to_owned(), stored).is_some() {
                return Err((number, format!("the user \"{name}\" is there twice")));
            }
        }
        let stranger = stranger.ok_or((0, "it has no user, so that nobody could come in".to_owned()))?;
        Ok(Self { by_name, stranger })
    }

    /// Begins to check a user's password. A password longer than [`PASSWORD_BYTES_MAX`] is always wrong.
    pub fn check(&self, name: &str, password: &[u8]) -> Check {
        let known = self.by_name.get(name).filter(|_| password.len() <= PASSWORD_BYTES_MAX);
        let stored = known.unwrap_or(&self.stranger).clone();
        let rounds = stored.begin(&password[..password.len().min(PASSWORD_BYTES_MAX)]);
        Check { rounds, stored, known: known.is_some() }
    }
}

/// Hashes are not shown in logs.
impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} users", self.by_name.len())
    }
}

/// A check in progress.
pub struct Check {
    rounds: Rounds,
    stored: Stored,
    known: bool,
}

impl Check {
    /// Does a part of the work. Returns at the end whether the password is right; until then None.
    pub fn advance(&mut self) -> Option<bool> {
        let digest = self.rounds.advance(ROUNDS_AT_ONCE)?;
        Some(self.stored.equals(&digest) & self.known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# of the example\n\nguest:$5$abcdefgh$osWA07JwAHeKYaCM2OP806Wc/laToNFtqYGGdRhSew2\r\n\
                        root:$5$1$vueEAED27RXDXui5Slf6moKg90Mvb.kZZHunGxDnhN/:the second field:is a comment\n";

    /// The result, and the number of calls that it took.
    fn outcome(name: &str, password: &str) -> (bool, usize) {
        let mut check = Users::parse(FILE).unwrap().check(name, password.as_bytes());
        for pieces in 1.. {
            if let Some(answer) = check.advance() {
                return (answer, pieces);
            }
        }
        unreachable!("a check ends");
    }

    #[test]
    fn the_right_password_of_the_right_user_and_no_other() {
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        for (name, password, right) in [
            ("guest", "guest", true),
            ("root", "secret", true),
            ("guest", "secret", false),
            ("guest", "Guest", false),
            ("guest", "", false),
            ("Guest", "guest", false),
            ("nobody", "guest", false), // the stranger's password is that of the first user
            ("guest", &long, false),
        ] {
            assert_eq!(outcome(name, password), (right, 10), "{name} {password}: as much work as for any other");
        }
    }

    #[test]
    fn a_wrong_file_is_told_by_its_line() {
        let hash = "$5$1$vueEAED27RXDXui5Slf6moKg90Mvb.kZZHunGxDnhN/";
        for (text, line, told) in [
            ("".to_owned(), 0, "no user"),
            ("# nobody\n".to_owned(), 0, "no user"),
            (format!("a:{hash}\nb\n"), 2, "no \":\""),
            (format!(":{hash}"), 1, "name"),
            (format!("a b:{hash}"), 1, "name"),
            ("a:plain".to_owned(), 1, "openssl passwd -5"),
            (format!("a:{hash}\n\na:{hash}"), 3, "twice"),
        ] {
            let (at, what) = Users::parse(&text).expect_err(&text);
            assert!(at == line && what.contains(told), "{text:?}: {at}: {what}");
        }
    }

    #[test]
    fn a_hash_is_not_shown() {
        assert_eq!(format!("{:?}", Users::parse(FILE).unwrap()), "2 users");
    }
}
