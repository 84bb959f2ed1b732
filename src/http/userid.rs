//! Cookies that identify a visitor: those of nginx's ngx_http_userid_module.

use super::date;
use super::fields::{Fields, Known};
use std::fmt;

/// The digits of base64 (RFC 4648 section 4).
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The number of digits for 16 bytes, without the two "=" behind them.
const DIGITS: usize = 22;

/// nginx's latest time for cookies: 2037-12-31 23:55:55.
const MAX_SECS: i64 = 2_145_916_555;

/// An identifier: the server that made it (4 bytes), the time (4 bytes), and a random part (8 bytes).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserId([u8; 16]);

/// An identifier that a client has sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SentUserId {
    /// The identifier.
    pub id: UserId,
    /// What stands behind it, where base64 has "==". The first character may be a mark.
    pub end: Option<[u8; 2]>,
}

impl UserId {
    /// A new identifier of version 2. The time overflows in 2106 and starts again at 1970.
    pub fn new(server: [u8; 4], now_secs: i64, random: [u8; 8]) -> Self {
        Self::of_parts(server, (now_secs as u32).to_be_bytes(), random)
    }

    /// A new identifier of version 1, in which the numbers have the other order of bytes.
    pub fn version_1(service: u32, now_secs: i64, random: [u8; 8]) -> Self {
        Self::of_parts(service.to_le_bytes(), (now_secs as u32).to_le_bytes(), random)
    }

    fn of_parts(server: [u8; 4], time: [u8; 4], random: [u8; 8]) -> Self {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&server);
        bytes[4..8].copy_from_slice(&time);
        bytes[8..].copy_from_slice(&random);
        Self(bytes)
    }

    /// Parses a cookie's value: 22 digits. What stands behind them has no meaning here: it may be "==", a mark, or what
    /// some program has made of it.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let digits = value.get(..DIGITS)?;
        let (mut bytes, mut bits) = ([0; 16], 0_u32);
        for (i, digit) in digits.iter().enumerate() {
            let six = BASE64.iter().position(|known| known == digit)?;
            bits = bits << 6 | six as u32;
            // Two digits complete the first byte, and four digits the third.
            match i % 4 {
                0 => {}
                at => bytes[i / 4 * 3 + at - 1] = (bits >> (6 - 2 * at)) as u8,
            }
        }
        Some(Self(bytes))
    }

    /// The identifier in the client's cookie of this name. Returns None if there is no such cookie, or its value is not
    /// an identifier.
    pub fn find(fields: &Fields, name: &str) -> Option<SentUserId> {
        let cookies = fields.get_all(Known::Cookie).flat_map(|value| value.split(|b| *b == b';'));
        let value = |pair: &'_ [u8]| {
            let value = pair.trim_ascii_start().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            let value = value.trim_ascii_end();
            Some(SentUserId { id: Self::parse(value)?, end: value[DIGITS..].first_chunk().copied() })
        };
        cookies.into_iter().find_map(value)
    }

    fn base64(self) -> [u8; DIGITS + 2] {
        let mut text = [b'='; DIGITS + 2];
        for (i, digit) in text[..DIGITS].iter_mut().enumerate() {
            let first = 6 * i;
            let two = u16::from_be_bytes([self.0[first / 8], *self.0.get(first / 8 + 1).unwrap_or(&0)]);
            *digit = BASE64[usize::from(two >> (10 - first % 8)) % 64];
        }
        text
    }
}

/// The format of nginx's logs: four numbers in hexadecimal, each with its bytes in little-endian order, so that the
/// logs of both servers can be compared.
impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for four in self.0.chunks_exact(4) {
            for byte in four.iter().rev() {
                write!(f, "{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// How long a browser keeps the cookie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lifetime {
    /// Until the browser is closed.
    Session,
    /// Until the end of 2037.
    Max,
    /// This number of seconds.
    Secs(u64),
}

/// Whether a browser sends the cookie with requests from other sites.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SameSite {
    /// Never.
    Strict,
    /// Only when the user follows a link.
    Lax,
    /// Always.
    None,
}

/// What Set-Cookie says beside the value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cookie {
    /// The name: a token.
    pub name: String,
    /// The domain that gets the cookie, with its subdomains; None: this host only. No `;` and no control byte.
    pub domain: Option<String>,
    /// The paths that get the cookie. No `;` and no control byte.
    pub path: String,
    /// How long it is kept.
    pub lifetime: Lifetime,
    /// Only over TLS.
    pub secure: bool,
    /// Scripts cannot read it.
    pub http_only: bool,
    /// The SameSite attribute; None: no attribute.
    pub same_site: Option<SameSite>,
    /// The character that replaces the first "=" behind the identifier: a letter, a digit or "=".
    pub mark: Option<u8>,
}

impl Cookie {
    /// Whether what the client has sent has the mark of this cookie.
    pub fn is_marked(&self, sent: &SentUserId) -> bool {
        self.mark.is_none_or(|mark| sent.end == Some([mark, b'=']))
    }

    /// The value of Set-Cookie (RFC 6265 section 4.1) that gives a client this identifier.
    pub fn set(&self, id: UserId, now_secs: i64) -> Vec<u8> {
        let mut text = self.name.clone().into_bytes();
        text.push(b'=');
        let mut value = id.base64();
        value[DIGITS] = self.mark.unwrap_or(b'=');
        text.extend_from_slice(&value);
        let expires_secs = match self.lifetime {
            Lifetime::Session => None,
            Lifetime::Max => Some(MAX_SECS),
            Lifetime::Secs(secs) => Some(now_secs.saturating_add(i64::try_from(secs).unwrap_or(i64::MAX))),
        };
        if let Some(secs) = expires_secs {
            text.extend_from_slice(b"; expires=");
            text.extend_from_slice(&date::format(secs));
        }
        if let Some(domain) = &self.domain {
            text.extend_from_slice(b"; domain=");
            text.extend_from_slice(domain.as_bytes());
        }
        text.extend_from_slice(b"; path=");
        text.extend_from_slice(self.path.as_bytes());
        text.extend_from_slice(if self.secure { b"; secure" } else { b"" });
        text.extend_from_slice(if self.http_only { b"; httponly" } else { b"" });
        text.extend_from_slice(match self.same_site {
            None => b"",
            Some(SameSite::Strict) => b"; samesite=strict",
            Some(SameSite::Lax) => b"; samesite=lax",
            Some(SameSite::None) => b"; samesite=none",
        });
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::HeadLimits;
    use super::super::head::{Scan, request};
    use super::super::seeded::Seeded;
    use super::*;

    fn fields(lines: &str) -> Fields {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        request(head.as_bytes(), &mut Scan::default(), &HeadLimits::default()).unwrap().unwrap().0.fields.clone()
    }

    /// 127.0.0.1 at 2024-03-03 00:00:00, as nginx writes it in cookies and logs.
    const TEXT: &str = "fwAAAWXjvQABAgMEBQYHCA==";
    const LOGGED: &str = "0100007F00BDE3650403020108070605";

    fn id() -> UserId {
        UserId::new([127, 0, 0, 1], 0x65e3_bd00, [1, 2, 3, 4, 5, 6, 7, 8])
    }

    #[test]
    fn identifiers_are_nginx_s() {
        assert_eq!(id().base64(), TEXT.as_bytes());
        assert_eq!(id().to_string(), LOGGED);
        assert_eq!(UserId::parse(TEXT.as_bytes()), Some(id()));
        assert_eq!(UserId::parse(TEXT.trim_end_matches('=').as_bytes()), Some(id()));
        assert_eq!(UserId::parse(b"fwAAAWXjvQABAgMEBQYHCAm= or anything"), Some(id()));
        let first = UserId::version_1(65_534, 0x65e3_bd00, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(first.to_string(), "0000FFFE65E3BD000403020108070605");
        let others = [
            "",
            "==",
            "fwAAAWXjvQABAgMEBQYH",
            "fwAAAWXjvQABAgMEBQYHC\u{e9}",
            "fwAAAWXjvQABAgMEBQYH-A==",
            "fwAAAWXj QABAgMEBQYHCA==",
        ];
        for other in others {
            assert_eq!(UserId::parse(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut random = Seeded(5);
        for _ in 0..1000 {
            let id =
                UserId::new((random.next() as u32).to_be_bytes(), random.next() as i64, random.next().to_be_bytes());
            assert_eq!(UserId::parse(&id.base64()), Some(id));
            assert_eq!(id.to_string().len(), 32);
        }
    }

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let other = "AAAAAAAAAAAAAAAAAAAAAA==";
        let table = [
            (format!("Cookie: uid={TEXT}\r\n"), true),
            (format!("Cookie: a=b; uid={TEXT} ; c=d\r\n"), true),
            (format!("Cookie: a=b\r\nCookie: uid={TEXT}\r\n"), true),
            (format!("Cookie: xuid={other}; uidx={other}; uid={TEXT}\r\n"), true),
            (format!("Cookie: uid=broken; uid={TEXT}\r\n"), true),
            (format!("Cookie: UID={TEXT}\r\n"), false),
            (format!("Cookie: \"uid={TEXT}\"\r\n"), false),
            ("Cookie: uid\r\n".to_owned(), false),
            (format!("X-Cookie: uid={TEXT}\r\n"), false),
            (String::new(), false),
        ];
        for (lines, is_found) in table {
            let found = UserId::find(&fields(&lines), "uid");
            let sent = SentUserId { id: id(), end: Some(*b"==") };
            assert_eq!(found, is_found.then_some(sent), "{lines}");
        }
    }

    #[test]
    fn a_mark_tells_old_cookies_from_new_ones() {
        let cookie = |mark| Cookie { mark, ..plain() };
        let rows = [
            ("==", None, true),
            ("x=", None, true),
            ("==", Some(b'='), true),
            ("x=", Some(b'x'), true),
            ("==", Some(b'x'), false),
            ("x", Some(b'x'), false),
            ("", Some(b'='), false),
        ];
        for (end, mark, is_marked) in rows {
            let sent = fields(&format!("Cookie: uid={}{end}\r\n", &TEXT[..DIGITS]));
            let sent = UserId::find(&sent, "uid").unwrap();
            assert_eq!(cookie(mark).is_marked(&sent), is_marked, "{end} {mark:?}");
        }
        assert_eq!(cookie(Some(b'x')).set(id(), 0), format!("uid={}x=; path=/", &TEXT[..DIGITS]).as_bytes());
    }

    fn plain() -> Cookie {
        let (name, path, lifetime) = ("uid".into(), "/".into(), Lifetime::Session);
        Cookie { name, domain: None, path, lifetime, secure: false, http_only: false, same_site: None, mark: None }
    }

    #[test]
    fn what_a_browser_is_told() {
        let plain = plain();
        let told = |cookie: &Cookie| String::from_utf8(cookie.set(id(), 0)).unwrap();
        assert_eq!(told(&plain), format!("uid={TEXT}; path=/"));
        let all = Cookie {
            domain: Some("example.org".into()),
            path: "/shop".into(),
            lifetime: Lifetime::Secs(3600),
            secure: true,
            http_only: true,
            same_site: Some(SameSite::Lax),
            ..plain.clone()
        };
        let expected = "; expires=Thu, 01 Jan 1970 01:00:00 GMT; domain=example.org; path=/shop; secure; httponly; \
                        samesite=lax";
        assert_eq!(told(&all), format!("uid={TEXT}{expected}"));
        let max = Cookie { lifetime: Lifetime::Max, ..plain.clone() };
        assert!(told(&max).contains("; expires=Thu, 31 Dec 2037 23:55:55 GMT;"));
        let endless = Cookie { lifetime: Lifetime::Secs(u64::MAX), ..plain };
        assert!(told(&endless).contains("; expires="), "no panic");
    }
}
