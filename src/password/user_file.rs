//! The files of `auth_basic_user_file`: one user per line, `NAME:HASH[:COMMENT]`.

/// What a file says of a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry<'a> {
    /// The hash of the user's password.
    Known(&'a [u8]),
    /// There is no such user. The hash is another one's: a check against it takes as long as for a user who is there,
    /// so that nobody learns by the clock which names there are. None: the file has no user at all.
    Unknown(Option<&'a [u8]>),
}

/// Finds a user. As in nginx, the first line with the name counts, and lines that begin with "#" are comments.
pub fn hash_of_user<'a>(file: &'a [u8], user: &[u8]) -> Entry<'a> {
    let mut strangers = None;
    for line in file.split(|b| *b == b'\n') {
        let Some(colon) = memchr::memchr(b':', line).filter(|_| !line.starts_with(b"#")) else { continue };
        let (name, rest) = (&line[..colon], &line[colon + 1..]);
        let end = rest.iter().position(|b| matches!(b, b':' | b'\r')).unwrap_or(rest.len());
        if name == user {
            return Entry::Known(&rest[..end]);
        }
        strangers.get_or_insert(&rest[..end]);
    }
    Entry::Unknown(strangers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let file = b"# of the example\n\nann:first:a comment\r\n#bob:no\nbob:second\r\nann:third\nno colon\n:x\nc:last";
        for (user, expected) in [
            ("ann", Entry::Known(&b"first"[..])),
            ("bob", Entry::Known(b"second")),
            ("c", Entry::Known(b"last")),
            ("#bob", Entry::Unknown(Some(b"first"))),
            ("an", Entry::Unknown(Some(b"first"))),
            ("annn", Entry::Unknown(Some(b"first"))),
        ] {
            assert_eq!(hash_of_user(file, user.as_bytes()), expected, "{user}");
        }
        assert_eq!(hash_of_user(b"", b"ann"), Entry::Unknown(None));
        assert_eq!(hash_of_user(b"ann:", b"ann"), Entry::Known(b""));
    }
}
