//! Names as they stand in messages (RFC 1035 section 3.1): labels with their lengths.

use std::fmt::{self, Write as _};

/// The most bytes of a label (section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// The most bytes of a name in a message. Section 2.3.4 says 255; nginx's tests use 257, and nothing depends on it.
const NAME_BYTES_MAX: usize = 257;

/// The two highest bits of a length: it is a pointer to an earlier place (section 4.1.4).
const POINTER: u8 = 0xc0;

/// A name, as it is sent: each label behind its length, and a zero at the end. Displays with dots, as in
/// `www.example.com`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DnsName(Box<[u8]>);

impl DnsName {
    /// The name of a host, as users write it, in lower case; a dot at its end changes nothing. `None`: it is no name
    /// that a name server could know. A label may have all visible characters of ASCII.
    pub fn parse(host: &[u8]) -> Option<Self> {
        let host = host.strip_suffix(b".").unwrap_or(host);
        let mut name = Vec::with_capacity(host.len() + 2);
        for label in host.split(|b| *b == b'.') {
            if !(1..=LABEL_BYTES_MAX).contains(&label.len()) || !label.iter().all(u8::is_ascii_graphic) {
                return None;
            }
            name.push(label.len() as u8);
            name.extend(label.iter().map(u8::to_ascii_lowercase));
        }
        name.push(0);
        (name.len() <= NAME_BYTES_MAX).then(|| Self(name.into()))
    }

    /// The bytes in a message.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads the name that begins at `at`. Returns the place behind it, too: behind its first pointer if it has one.
    /// `None`: there is no valid name. A pointer may only lead to a place before the one where it was reached from, so
    /// that no name is endless.
    pub(super) fn read(message: &[u8], at: usize) -> Option<(Self, usize)> {
        let mut name = Vec::new();
        let end = walk(message, at, |label| {
            name.push(label.len() as u8);
            name.extend_from_slice(label);
            name.len() < NAME_BYTES_MAX
        })?;
        name.push(0);
        Some((Self(name.into()), end))
    }

    /// Whether the name at `at` is this one, in upper or lower case, and the place behind it. `None`: as in
    /// [`read`](Self::read).
    pub(super) fn is_at(&self, message: &[u8], at: usize) -> Option<(bool, usize)> {
        let (mut rest, mut is_same, mut bytes) = (&self.0[..], true, 0);
        let end = walk(message, at, |label| {
            bytes += 1 + label.len();
            let next = rest.split_at_checked(1 + label.len());
            is_same = is_same
                && next.is_some_and(|(own, _)| own[0] as usize == label.len() && own[1..].eq_ignore_ascii_case(label));
            rest = next.map_or(&[], |(_, rest)| rest);
            bytes < NAME_BYTES_MAX
        })?;
        Some((is_same && rest == [0], end))
    }
}

/// Gives each label of the name at `at` to `take`, which returns false for one label too many.
fn walk<'m>(message: &'m [u8], mut at: usize, mut take: impl FnMut(&'m [u8]) -> bool) -> Option<usize> {
    let mut end = None;
    let mut before = at; // pointers lead to places before this one
    loop {
        let length = *message.get(at)?;
        if length & POINTER == POINTER {
            let to = usize::from(u16::from_be_bytes([length & !POINTER, *message.get(at + 1)?]));
            end = end.or(Some(at + 2));
            if to >= before {
                return None;
            }
            (at, before) = (to, to);
        } else if usize::from(length) > LABEL_BYTES_MAX {
            return None; // a kind of label that was never used (RFC 6891 section 5)
        } else if length == 0 {
            return end.or(Some(at + 1));
        } else {
            let next = at + 1 + usize::from(length);
            if !take(message.get(at + 1..next)?) {
                return None;
            }
            at = next;
        }
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = &self.0[..];
        while let Some((length, behind)) = rest.split_first().filter(|(length, _)| **length > 0) {
            if rest.len() < self.0.len() {
                f.write_char('.')?;
            }
            let (label, behind) = behind.split_at(usize::from(*length).min(behind.len()));
            write!(f, "{}", label.escape_ascii())?;
            rest = behind;
        }
        Ok(())
    }
}

impl fmt::Debug for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
