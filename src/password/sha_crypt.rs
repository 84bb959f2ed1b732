//! The password hash `$5$`: "Unix crypt using SHA-256" by U. Drepper, version 0.6. `openssl passwd -5` and crypt(3)
//! compute the same.
//!
//! It is slow on purpose: thousands of rounds. A caller that must not block does some rounds per turn.

use super::sha256::{Digest, Sha256};

/// The number of rounds if the hash does not name one.
const ROUNDS: u32 = 5000;

/// The least number of the specification, and our limit: 100,000 rounds cost tens of milliseconds of processor time per
/// login.
const ROUNDS_RANGE: std::ops::RangeInclusive<u32> = 1000..=100_000;

/// The number of salt bytes that are used.
const SALT_BYTES_MAX: usize = 16;

/// The digits of the printed form, in the order of their values.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The bytes of the digest in each group of four printed characters, the last byte in their lowest bits.
const ORDER: [[usize; 3]; 10] = [
    [0, 10, 20],
    [21, 1, 11],
    [12, 22, 2],
    [3, 13, 23],
    [24, 4, 14],
    [15, 25, 5],
    [6, 16, 26],
    [27, 7, 17],
    [18, 28, 8],
    [9, 19, 29],
];

/// A stored hash, `$5$[rounds=N$]SALT$HASH`, in its parts.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    rounds: u32,
    salt: Vec<u8>,
    digest: Digest,
}

impl Stored {
    /// Parses a stored hash.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("$5$").ok_or("it does not begin with $5$, the only kind that is known here")?;
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            None => (ROUNDS, rest),
            Some(rest) => {
                let (number, rest) = rest.split_once('$').ok_or("no \"$\" ends its rounds")?;
                let (least, most) = (ROUNDS_RANGE.start(), ROUNDS_RANGE.end());
                let digits = number.bytes().all(|b| b.is_ascii_digit()).then_some(number);
                let number = digits.and_then(|n| n.parse().ok()).filter(|n| ROUNDS_RANGE.contains(n));
                (number.ok_or(format!("its rounds are no number from {least} to {most}"))?, rest)
            }
        };
        let (salt, printed) = rest.split_once('$').ok_or("no \"$\" ends its salt")?;
        if salt.len() > SALT_BYTES_MAX {
            return Err(format!("its salt is longer than {SALT_BYTES_MAX} characters"));
        }
        let digest = parse_digest(printed.as_bytes()).ok_or("43 characters of ./0-9A-Za-z do not end it")?;
        Ok(Self { rounds, salt: salt.as_bytes().to_vec(), digest })
    }

    /// Whether this digest is the stored one. The time it takes does not depend on either.
    pub fn equals(&self, digest: &Digest) -> bool {
        let differing = self.digest.iter().zip(digest).fold(0, |bits, (a, b)| bits | (a ^ b));
        std::hint::black_box(differing) == 0
    }

    /// Begins to hash a password with the salt and the rounds of this hash.
    pub fn begin(&self, password: &[u8]) -> Rounds {
        Rounds::new(password, &self.salt, self.rounds)
    }
}

/// Decodes 43 characters. Returns None if they are not the printed form of a digest.
fn parse_digest(printed: &[u8]) -> Option<Digest> {
    let mut digest = [0; 32];
    let value = |chars: &[u8]| {
        chars.iter().rev().try_fold(0u32, |value, char| {
            let digit = DIGITS.iter().position(|digit| digit == char)? as u32;
            Some(value << 6 | digit)
        })
    };
    if printed.len() != 43 {
        return None;
    }
    for (chars, order) in printed.chunks(4).zip(ORDER) {
        let bytes = value(chars)?.to_be_bytes();
        order.iter().zip(&bytes[1..]).for_each(|(at, byte)| digest[*at] = *byte);
    }
    let last = value(&printed[40..])?.to_be_bytes();
    (digest[31], digest[30]) = (last[2], last[3]);
    (last[1] == 0).then_some(digest)
}

/// A hash in progress.
pub struct Rounds {
    digest: Digest,
    /// The sequences of the password and of the salt (steps 16 and 20).
    password: Vec<u8>,
    salt: Vec<u8>,
    done: u32,
    rounds: u32,
}

impl Rounds {
    /// Steps 1 to 20 of the specification. Their cost grows with the square of the password's length, so the caller
    /// must limit the length.
    /// it.
    fn new(password: &[u8], salt: &[u8], rounds: u32) -> Self {
        let b = Sha256::of(&[password, salt, password]);
        let mut a = Sha256::new();
        a.add(password);
        a.add(salt);
        a.add(&repeat(&b, password.len()));
        let mut bits = password.len();
        while bits > 0 {
            a.add(if bits & 1 == 1 { &b } else { password });
            bits >>= 1;
        }
        let digest = a.finish();
        let sequence = |of: &[u8], times: usize| {
            let mut hash = Sha256::new();
            (0..times).for_each(|_| hash.add(of));
            repeat(&hash.finish(), of.len())
        };
        let salt = sequence(salt, 16 + usize::from(digest[0]));
        let password = sequence(password, password.len());
        Self { digest, password, salt, done: 0, rounds }
    }

    /// Does up to `most` rounds. Returns the digest after the last round.
    pub fn advance(&mut self, most: u32) -> Option<Digest> {
        let end = self.rounds.min(self.done.saturating_add(most));
        for round in self.done..end {
            let odd = round & 1 == 1;
            let mut hash = Sha256::new();
            hash.add(if odd { &self.password } else { &self.digest });
            if !round.is_multiple_of(3) {
                hash.add(&self.salt);
            }
            if !round.is_multiple_of(7) {
                hash.add(&self.password);
            }
            hash.add(if odd { &self.digest } else { &self.password });
            self.digest = hash.finish();
        }
        self.done = end;
        (end == self.rounds).then_some(self.digest)
    }
}

/// The digest, repeated and cut to a length.
fn repeat(digest: &Digest, length: usize) -> Vec<u8> {
    digest.iter().copied().cycle().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(stored: &Stored, password: &str, most: u32) -> Digest {
        let mut rounds = stored.begin(password.as_bytes());
        loop {
            if let Some(digest) = rounds.advance(most) {
                return digest;
            }
        }
    }

    /// The first two are from the specification; the others were made with `openssl passwd -5 -salt SALT` and crypt(3).
    const VECTORS: &[(&str, &str)] = &[
        ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
        ("Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
        ("guest", "$5$abcdefgh$osWA07JwAHeKYaCM2OP806Wc/laToNFtqYGGdRhSew2"),
        ("a", "$5$aaaaaaaaaaaaaaaa$4CX5XozSVB6yJ/Wf.GwVAmNc5h9grwmSPp8LQh7O2I8"),
        ("secret", "$5$1$vueEAED27RXDXui5Slf6moKg90Mvb.kZZHunGxDnhN/"),
        ("a slower one", "$5$rounds=12345$saltstringsaltst$2O5au8Xej5TTJ1zTMtN5jF49LcahK1Q7d4QUy.tbHf3"),
        (LONG, "$5$xyz$LqFV9fIaVXQaJSFic2zOKXfx7FOFdiCJepgkgV4oL44"),
    ];

    /// 128 times "p": more than one block, and more than one digest.
    const LONG: &str = "pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp\
                        pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp";

    #[test]
    fn known_hashes() {
        for (password, text) in VECTORS {
            let stored = Stored::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert!(stored.equals(&digest(&stored, password, u32::MAX)), "{text}");
            assert!(stored.equals(&digest(&stored, password, 777)), "in pieces: {text}");
            assert!(!stored.equals(&digest(&stored, &format!("{password}x"), 5000)), "another password: {text}");
        }
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let good = VECTORS[0].1;
        let cut = &good[..good.len() - 1];
        for (text, told) in [
            ("guest", "$5$"),
            ("$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJu", "$5$"),
            ("$5$salt", "ends its salt"),
            ("$5$12345678901234567$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8", "longer than 16"),
            (cut, "43 characters"),
            (&good.replace("CVt", "C*t"), "43 characters"),
            (&format!("{cut}z"), "43 characters"),
            ("$5$rounds=999$a$", "1000 to 100000"),
            ("$5$rounds=100001$a$", "1000 to 100000"),
            ("$5$rounds=+5000$a$", "1000 to 100000"),
            ("$5$rounds=5000", "ends its rounds"),
        ] {
            let error = Stored::parse(text).err().unwrap_or_else(|| panic!("{text} is taken"));
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
