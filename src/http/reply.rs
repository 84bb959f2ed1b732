//! A response's head as a value: what a handler (a file, a script) gives to the protocol task. A handler says what it
//! knows; the protocol adds framing, Date, Connection and ranges. No text in a head can end its line early.

use super::fields::Known;
use super::octets::{all_field_value, all_token, is_field_value, is_token};
use super::status;
use std::fmt;
use std::sync::Arc;

/// The head of a response, before framing is added.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReplyHead {
    /// The status, 200 to 599.
    pub status: u16,
    /// The length of the body in bytes, if it is known before the body's end.
    pub length: Option<u64>,
    /// The reason phrase, if it is not the usual one.
    pub reason: Option<Box<Reason>>,
    /// Content-Type.
    pub content_type: Option<Text>,
    /// Last-Modified, in seconds since 1970.
    pub last_modified_secs: Option<i64>,
    /// ETag, with its quotes, and with `W/` if it is weak.
    pub etag: Option<Text>,
    /// Location.
    pub location: Option<Text>,
    /// Every part of the body can be read directly, so ranges are possible.
    pub seekable: bool,
    /// Further fields, in order. Fields that frame the message or belong to the connection are never printed.
    pub fields: Vec<(Name, Text)>,
}

impl ReplyHead {
    /// A head with a status and nothing else.
    pub fn new(status: u16) -> ReplyHead {
        ReplyHead { status, ..ReplyHead::default() }
    }

    /// The reason phrase for the status line (RFC 9112 section 4).
    pub fn phrase(&self) -> &[u8] {
        match &self.reason {
            Some(reason) if reason.status == self.status => reason.text.as_bytes(),
            _ => status::reason(self.status).as_bytes(),
        }
    }

    /// Whether the handler has said this field, which the server would add.
    pub fn says(&self, name: &Name) -> bool {
        self.fields.iter().any(|(said, _)| said.is(name.as_bytes()))
    }

    /// Adds a field of the server, unless the handler has said it: then the handler's value stands alone.
    pub fn add_default(&mut self, name: Name, value: Text) {
        if !self.says(&name) {
            self.fields.push((name, value));
        }
    }

    /// Adds a field of a directive in the place of all values that the handler and the server have given it.
    pub fn replace(&mut self, name: Name, value: Text) {
        self.remove(&name);
        self.fields.push((name, value));
    }

    /// Removes a field, whoever has said it.
    pub fn remove(&mut self, name: &Name) {
        match name.as_bytes().to_ascii_lowercase().as_slice() {
            b"content-type" => self.content_type = None,
            b"etag" => self.etag = None,
            b"last-modified" => self.last_modified_secs = None,
            b"location" => self.location = None,
            b"accept-ranges" => self.seekable = false,
            _ => {}
        }
        self.fields.retain(|(said, _)| !said.is(name.as_bytes()));
    }
}

/// The reason phrase that a handler has given to its status. It is not used with another one, which the server may have
/// set meanwhile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    status: u16,
    text: Text,
}

impl Reason {
    /// The phrase behind this status. Returns `None` for an empty one, for the usual one, and for one with a control
    /// byte.
    pub fn of(status: u16, phrase: &[u8]) -> Option<Box<Self>> {
        let phrase = phrase.trim_ascii();
        if phrase.is_empty() || phrase == status::reason(status).as_bytes() {
            return None;
        }
        Some(Box::new(Self { status, text: Text::new(phrase).ok()? }))
    }
}

/// The fields of responses that stand once: a second value would contradict the first. (Some are lists, but have one
/// author.)
const ONCE: [&str; 20] = [
    "Accept-Ranges",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Origin",
    "Access-Control-Max-Age",
    "Age",
    "Allow",
    "Content-Disposition",
    "Content-Location",
    "Content-Type",
    "Cross-Origin-Opener-Policy",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Location",
    "Retry-After",
    "Server",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
];

/// Whether a response has this field only once.
pub fn stands_once(name: &[u8]) -> bool {
    ONCE.iter().any(|once| once.as_bytes().eq_ignore_ascii_case(name))
}

/// A field value. It has no control byte but HTAB, so it can neither end its line nor begin another. Making one is
/// cheap: `&'static str` and `Arc<str>` are shared, and short texts are stored in place.
#[derive(Clone)]
pub struct Text(Repr);

/// The longest text that is stored in place: the other variants leave this much room, and every entity tag fits.
const SHORT_BYTES_MAX: usize = 38;

#[derive(Clone)]
enum Repr {
    Static(&'static str),
    Shared(Arc<str>),
    Short { len: u8, bytes: [u8; SHORT_BYTES_MAX] },
    Long(Box<[u8]>),
}

/// A byte that is not allowed in a field value or field name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadText {
    /// The byte; None if the name is empty.
    pub byte: Option<u8>,
}

impl fmt::Display for BadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.byte {
            Some(byte) => write!(f, "the byte {byte:#04x} is not allowed in a header field"),
            None => write!(f, "the name of a header field is empty"),
        }
    }
}

impl std::error::Error for BadText {}

impl Text {
    /// Makes a text of a constant of the program; a bad byte in a constant fails the build.
    ///
    /// # Panics
    /// If the text is not a valid field value.
    pub const fn from_static(text: &'static str) -> Text {
        let mut i = 0;
        while i < text.len() {
            assert!(is_field_value(text.as_bytes()[i]), "a control byte in a field value");
            i += 1;
        }
        Text(Repr::Static(text))
    }

    /// Copies the bytes; up to 38 bytes need no allocation.
    ///
    /// # Errors
    /// [`BadText`] if the bytes have a CR, LF, NUL or another control byte.
    pub fn new(bytes: &[u8]) -> Result<Text, BadText> {
        check(bytes)?;
        Ok(Text::checked(bytes))
    }

    /// Copies bytes that a parser has checked.
    pub(super) fn checked(bytes: &[u8]) -> Text {
        debug_assert!(all_field_value(bytes), "a control byte in a field value");
        if bytes.len() <= SHORT_BYTES_MAX {
            let mut short = [0; SHORT_BYTES_MAX];
            short[..bytes.len()].copy_from_slice(bytes);
            return Text(Repr::Short { len: bytes.len() as u8, bytes: short });
        }
        Text(Repr::Long(bytes.into()))
    }

    /// Shares a text, for instance a media type of the configuration.
    ///
    /// # Errors
    /// As [`Text::new`].
    pub fn shared(text: Arc<str>) -> Result<Text, BadText> {
        check(text.as_bytes())?;
        Ok(Text(Repr::Shared(text)))
    }

    /// Takes over a vector of bytes.
    ///
    /// # Errors
    /// As [`Text::new`].
    pub fn from_vec(bytes: Vec<u8>) -> Result<Text, BadText> {
        if bytes.len() <= SHORT_BYTES_MAX {
            return Text::new(&bytes);
        }
        check(&bytes)?;
        Ok(Text(Repr::Long(bytes.into())))
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Static(text) => text.as_bytes(),
            Repr::Shared(text) => text.as_bytes(),
            Repr::Short { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Long(bytes) => bytes,
        }
    }
}

fn check(bytes: &[u8]) -> Result<(), BadText> {
    if all_field_value(bytes) {
        return Ok(());
    }
    Err(BadText { byte: bytes.iter().copied().find(|&b| !is_field_value(b)) })
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

/// A field name: a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    text: Text,
    known: Option<Known>,
}

impl Name {
    /// Makes a name of a constant of the program.
    ///
    /// # Panics
    /// If the text is not a token.
    pub const fn from_static(text: &'static str) -> Name {
        assert!(!text.is_empty(), "an empty field name");
        let mut i = 0;
        while i < text.len() {
            assert!(is_token(text.as_bytes()[i]), "a byte in a field name that is not of a token");
            i += 1;
        }
        Name { text: Text::from_static(text), known: Known::parse(text.as_bytes()) }
    }

    /// Copies the bytes.
    ///
    /// # Errors
    /// [`BadText`] if the bytes are not a token.
    pub fn new(bytes: &[u8]) -> Result<Name, BadText> {
        match bytes.iter().copied().find(|&b| !is_token(b)) {
            None if !bytes.is_empty() => Ok(Name::checked(bytes, Known::parse(bytes))),
            byte => Err(BadText { byte }),
        }
    }

    /// Copies a name that a parser has checked, with its number.
    pub(super) fn checked(bytes: &[u8], known: Option<Known>) -> Name {
        debug_assert!(all_token(bytes) && known == Known::parse(bytes), "no name, or another one");
        Name { text: Text::checked(bytes), known }
    }

    /// The name as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Whether this is the name; upper and lower case are equal.
    pub fn is(&self, name: &[u8]) -> bool {
        self.as_bytes().eq_ignore_ascii_case(name)
    }

    /// The name as a number, if it is one of the common names.
    pub fn known(&self) -> Option<Known> {
        self.known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNED: &[u8] = b"longer than what fits into the place of a short text";

    /// RFC 9110 section 5.5: a CR, LF, NUL or other control byte is refused, wherever it is.
    #[test]
    fn no_constructor_lets_a_control_in() {
        for byte in (0..=255).filter(|&b| b == 0x7f || b < 0x20 && b != b'\t') {
            for text in [&b"x"[..], b"", OWNED] {
                for at in [0, text.len() / 2, text.len()] {
                    let bad = [&text[..at], &[byte], &text[at..]].concat();
                    let error = Err(BadText { byte: Some(byte) });
                    assert_eq!(Text::new(&bad), error);
                    assert_eq!(Text::from_vec(bad.clone()), error);
                    assert!(Name::new(&bad).is_err());
                    let shared = Arc::from(String::from_utf8(bad).unwrap());
                    assert_eq!(Text::shared(shared), error);
                }
            }
        }
    }

    #[test]
    fn texts_are_equal_by_their_bytes_however_they_are_kept() {
        for text in
            ["", "text/html", "a value of exactly thirty-eight bytes..", "something that is longer than that is"]
        {
            let all = [
                Text::from_static(text),
                Text::new(text.as_bytes()).unwrap(),
                Text::from_vec(text.into()).unwrap(),
                Text::shared(text.into()).unwrap(),
            ];
            assert!(all.iter().all(|t| t == &all[0] && t.as_bytes() == text.as_bytes()));
        }
        assert_eq!(size_of::<Text>(), 40);
    }

    #[test]
    fn a_phrase_belongs_to_its_status() {
        let rows: [(u16, &[u8], u16, &str); 7] = [
            (404, b"My Words", 404, "My Words"),
            (404, b" My  Words ", 404, "My  Words"),
            (404, b"My Words", 200, "OK"),
            (404, b"", 404, "Not Found"),
            (404, b"Not Found", 404, "Not Found"),
            (299, b"Odd", 299, "Odd"),
            (404, b"a\rb", 404, "Not Found"),
        ];
        for (status, phrase, now, expected) in rows {
            let head = ReplyHead { reason: Reason::of(status, phrase), ..ReplyHead::new(now) };
            assert_eq!(head.phrase(), expected.as_bytes(), "{status} {}", phrase.escape_ascii());
        }
        assert_eq!(Reason::of(404, b"Not Found"), None, "the usual case costs nothing");
    }

    #[test]
    fn names_are_tokens() {
        assert_eq!(Name::new(b"etag").unwrap().as_bytes(), b"etag");
        assert_eq!(Name::from_static("content-LENGTH").known(), Some(Known::ContentLength));
        assert_eq!(Name::new(b""), Err(BadText { byte: None }));
        for bad in [&b"a b"[..], b"a:", b"a\xe9", b"\"a\""] {
            assert!(Name::new(bad).is_err());
        }
    }

    #[test]
    #[should_panic(expected = "control byte")]
    fn a_constant_with_a_line_end_does_not_pass() {
        let _ = Text::from_static("a\r\nSet-Cookie: x");
    }
}
