//! `valid_referers`: pages whose links are taken.

use super::{Regex, Template};
use std::sync::Arc;

/// What is known of the links that lead to a place.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LinkRules {
    /// `valid_referers`. Default: `$invalid_referer` is empty.
    pub valid_referers: Option<Arc<ValidReferers>>,
    /// `secure_link`: the hash of a link, and its time.
    pub secure: Option<Arc<Template>>,
    /// `secure_link_md5`: the text that is hashed.
    pub md5: Option<Arc<Template>>,
    /// `secure_link_secret`: the text behind the rest of the target that is hashed.
    pub secret: Option<Arc<str>>,
}

/// `valid_referers`: pages whose links are taken.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ValidReferers {
    /// `none`: a request without a Referer.
    pub none: bool,
    /// `blocked`: a Referer that does not begin with http:// or https://, as some proxies make it.
    pub blocked: bool,
    /// `server_names`: the names of the server.
    pub server_names: bool,
    /// Names of hosts.
    pub names: Vec<RefererName>,
    /// `~EXPRESSION`: of the text behind http:// or https://. It ignores the case of letters.
    pub regexes: Vec<Regex>,
}

/// A host of `valid_referers`, with or without the start of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefererName {
    /// The host in lower case: `example.org`, `*.example.org`, `.example.org` or `www.example.*`.
    pub host: String,
    /// How the path must begin; empty: it is not looked at.
    pub path: String,
}

/// The longest host of a Referer in bytes, as in nginx.
const HOST_BYTES_MAX: usize = 256;

impl RefererName {
    /// How well the host fits: an exact name best, then the longest wildcard. Returns None if it does not.
    fn fits(&self, host: &[u8]) -> Option<(u8, usize)> {
        let name = self.host.as_bytes();
        let fixed =
            |rank, fixed: &[u8], is_there: bool| (is_there && host.len() > fixed.len()).then_some((rank, fixed.len()));
        match (name, self.host.strip_suffix(".*")) {
            ([b'*', end @ ..], _) => fixed(2, end, host.ends_with(end)),
            ([b'.', rest @ ..], _) if rest == host => Some((3, host.len())),
            ([b'.', ..], _) => fixed(2, name, host.ends_with(name)),
            (_, Some(_)) => {
                let start = &name[..name.len() - 1];
                fixed(1, start, host.starts_with(start))
            }
            _ => (name == host).then_some((3, host.len())),
        }
    }
}

impl ValidReferers {
    /// Whether this Referer is valid. `is_own` tells whether a host is one of the names of the server.
    pub fn takes(&self, referer: Option<&[u8]>, is_own: impl Fn(&[u8]) -> bool) -> bool {
        const SHORTEST: usize = "http://i.ru".len(); // as in nginx, a shorter one is not the URL of a page
        let Some(referer) = referer else { return self.none };
        let behind = |scheme: &str| {
            let (start, rest) = referer.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme.as_bytes()).then_some(rest)
        };
        let rest = behind("http://").or_else(|| behind("https://")).filter(|_| referer.len() >= SHORTEST);
        let Some(rest) = rest else { return self.blocked };
        let end = rest.iter().position(|b| matches!(b, b'/' | b':')).unwrap_or(rest.len());
        if end > HOST_BYTES_MAX {
            return false;
        }
        let host = rest[..end].to_ascii_lowercase();
        let best = self.names.iter().filter_map(|name| Some((name.fits(&host)?, name))).max_by_key(|(fit, _)| *fit);
        if let Some((_, name)) = best {
            let path = rest[end..].iter().position(|b| *b == b'/').map_or(&b""[..], |slash| &rest[end + slash..]);
            return path.starts_with(name.path.as_bytes());
        }
        self.server_names && is_own(&host) || self.regexes.iter().any(|regex| regex.pattern.is_match(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn referers() {
        let name = |host: &str, path: &str| RefererName { host: host.into(), path: path.into() };
        let names = vec![
            name("www.example.org", ""),
            name("uri.example.org", "/uri"),
            name("*.example.com", ""),
            name("sub.example.com", "/x"),
            name("www.example.*", "/w"),
            name(".dot.net", ""),
        ];
        let valid = ValidReferers { names, ..ValidReferers::default() };
        let table: [(&str, bool); 21] = [
            ("http://www.example.org", true),
            ("https://WWW.example.org/x", true),
            ("http://www.example.org:8080/x", true),
            ("www.example.org", false),
            ("ftp://www.example.org/", false),
            ("http://wwww.example.org", false),
            ("http://uri.example.org/uri", true),
            ("http://uri.example.org:1/urii", true),
            ("http://uri.example.org/uRi", false),
            ("http://uri.example.org", false),
            ("http://a.example.com/", true),
            ("http://example.com/", false),
            ("http://sub.example.com/x", true),
            ("http://sub.example.com/y", false),
            ("http://www.example.net/w", true),
            ("http://www.example.net/y", false),
            ("http://dot.net/", true),
            ("http://a.dot.net/", true),
            ("http://adot.net/", false),
            ("http://su", false),
            ("", false),
        ];
        for (referer, expected) in table {
            assert_eq!(valid.takes(Some(referer.as_bytes()), |_| false), expected, "{referer}");
        }
        assert!(!valid.takes(None, |_| true) && !valid.takes(Some(b"http://own.example"), |_| true));
        let own = ValidReferers { server_names: true, none: true, blocked: true, ..valid };
        assert!(own.takes(None, |_| false) && own.takes(Some(b"blocked"), |_| false));
        assert!(own.takes(Some(b"http://Own.example/x"), |host| host == b"own.example"));
        let long = [&b"http://"[..], &[b'a'; 257]].concat();
        assert!(!own.takes(Some(&long), |_| true) && own.takes(Some(&long[..long.len() - 1]), |_| true));
    }
}
