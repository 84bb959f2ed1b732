//! `charset`: the coding of characters that the Content-Type of texts names.

use std::sync::Arc;

/// `charset` and the other charset directives. A text is sent as it is: it is not converted into another charset.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Charset {
    /// `charset`: the name that is added to Content-Type. Default none.
    pub name: Option<Arc<str>>,
    /// `source_charset`: the charset of the files. It must be the same.
    pub source: Option<Arc<str>>,
    /// `charset_types`: the media types of texts, besides text/html; `*` is any. None: [`Charset::TYPES`].
    pub types: Option<Arc<[String]>>,
}

impl Charset {
    /// nginx's default of `charset_types`, and the type of scripts in the shipped mime.types (RFC 9239).
    const TYPES: [&str; 6] = [
        "text/xml",
        "text/plain",
        "text/vnd.wap.wml",
        "application/javascript",
        "text/javascript",
        "application/rss+xml",
    ];

    /// The charset for a response with this Content-Type. Returns None if it gets none.
    pub fn of(&self, content_type: &[u8]) -> Option<&str> {
        let name = self.name.as_deref()?;
        let (media_type, rest) = match memchr::memchr(b';', content_type) {
            Some(end) => content_type.split_at(end),
            None => (content_type, &b""[..]),
        };
        let media_type = media_type.trim_ascii();
        let is_it = |known: &str| known == "*" || known.as_bytes().eq_ignore_ascii_case(media_type);
        let is_text = match &self.types {
            Some(types) => types.iter().any(|known| is_it(known)),
            None => Self::TYPES.iter().any(|known| is_it(known)),
        };
        let has_charset = || {
            let parameters = rest.split(|b| *b == b';').map(<[u8]>::trim_ascii);
            parameters.into_iter().any(|p| p.len() >= 8 && p[..8].eq_ignore_ascii_case(b"charset="))
        };
        ((is_text || is_it("text/html")) && !has_charset()).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_a_charset_get_one() {
        let charset = |types: Option<&[&str]>| Charset {
            name: Some("utf-8".into()),
            types: types.map(|types| types.iter().map(|name| name.to_string()).collect()),
            ..Charset::default()
        };
        let (default, own, any) = (charset(None), charset(Some(&["text/css"])), charset(Some(&["*"])));
        let table = [
            ("text/html", true, true, true),
            ("TEXT/html", true, true, true),
            ("text/plain", true, false, true),
            ("text/javascript", true, false, true),
            ("text/css", false, true, true),
            ("image/png", false, false, true),
            ("text/html; charset=koi8-r", false, false, false),
            ("text/html;CHARSET=x", false, false, false),
            ("text/html; level=1", true, true, true),
            ("text/htmlx", false, false, true),
        ];
        for (content_type, by_default, by_own, by_any) in table {
            let found = [&default, &own, &any].map(|charset| charset.of(content_type.as_bytes()).is_some());
            assert_eq!(found, [by_default, by_own, by_any], "{content_type}");
        }
        assert_eq!(Charset::default().of(b"text/html"), None);
    }
}
