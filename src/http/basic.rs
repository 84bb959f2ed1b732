//! The Basic authentication scheme (RFC 7617).

use super::base64;
use super::reply::Text;

/// What a client sends to prove who it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user_and_password: Vec<u8>,
    /// The length of the user's name.
    user_bytes: usize,
}

impl Credentials {
    /// Parses the value of an Authorization field. Returns None if it is of another scheme, or not valid, or has no
    /// name.
    pub fn parse(field: &[u8]) -> Option<Self> {
        let (scheme, text) = field.split_at_checked(b"Basic ".len())?;
        if !scheme.eq_ignore_ascii_case(b"Basic ") {
            return None;
        }
        let user_and_password = base64::decode(text.trim_ascii_start())?;
        let user_bytes = memchr::memchr(b':', &user_and_password).filter(|bytes| *bytes > 0)?;
        Some(Self { user_and_password, user_bytes })
    }

    /// The user's name. It is not empty, and has no ":".
    pub fn user(&self) -> &[u8] {
        &self.user_and_password[..self.user_bytes]
    }

    /// The password.
    pub fn password(&self) -> &[u8] {
        &self.user_and_password[self.user_bytes + 1..]
    }
}

/// The value of WWW-Authenticate that asks for the password of this realm. Returns None if the realm has a byte that a
/// field cannot have.
pub fn challenge(realm: &[u8]) -> Option<Text> {
    let mut value = b"Basic realm=\"".to_vec();
    for byte in realm {
        if matches!(byte, b'"' | b'\\') {
            value.push(b'\\'); // RFC 9110 section 5.6.4
        }
        value.push(*byte);
    }
    value.push(b'"');
    Text::from_vec(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials() {
        for (field, expected) in [
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(("Aladdin", "open sesame"))),
            ("basic   QWxhZGRpbjpvcGVuIHNlc2FtZQ", Some(("Aladdin", "open sesame"))),
            ("Basic YTo=", Some(("a", ""))),
            ("Basic YTo6Yg==", Some(("a", ":b"))),
            ("Basic OmI=", None),
            ("Basic YQ==", None),
            ("Basic ", None),
            ("Basic", None),
            ("", None),
            ("Bearer YTo=", None),
            ("Basic a:b", None),
        ] {
            let found = Credentials::parse(field.as_bytes());
            let texts = found.as_ref().map(|it| (it.user(), it.password()));
            assert_eq!(texts, expected.map(|(user, password)| (user.as_bytes(), password.as_bytes())), "{field}");
        }
    }

    #[test]
    fn a_realm_is_quoted() {
        let shown = |realm: &[u8]| challenge(realm).map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned());
        assert_eq!(shown(b"closed site").as_deref(), Some("Basic realm=\"closed site\""));
        assert_eq!(shown(b"a\"b\\c").as_deref(), Some(r#"Basic realm="a\"b\\c""#));
        assert_eq!(shown(b"a\r\nX: y"), None);
    }
}
