//! Request methods (RFC 9110 section 9, RFC 5789, RFC 4918).

/// The method of a request. Names are case-sensitive; the request line keeps the text, which
/// [`Request::method_text`](super::Request::method_text) returns.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Method {
    /// Send a representation of the resource.
    Get,
    /// As GET, without the body.
    Head,
    /// Process the body.
    Post,
    /// Store the body.
    Put,
    /// Remove the resource.
    Delete,
    /// Tell which methods the resource has.
    Options,
    /// Send the request back.
    Trace,
    /// Open a tunnel.
    Connect,
    /// Change a part of the resource (RFC 5789).
    Patch,
    /// WebDAV: read properties.
    Propfind,
    /// WebDAV: change properties.
    Proppatch,
    /// WebDAV: make a collection.
    Mkcol,
    /// WebDAV: copy.
    Copy,
    /// WebDAV: move.
    Move,
    /// WebDAV: lock.
    Lock,
    /// WebDAV: unlock.
    Unlock,
    /// Any other token. Only programs may know it; where none answers, the answer is 501 (RFC 9110 section 9.1).
    Unknown,
}

/// The longest method, in bytes; a longer one is a 400.
pub const METHOD_BYTES_MAX: usize = 32;

impl Method {
    /// True for GET and HEAD, which ask for a representation.
    pub const fn reads(self) -> bool {
        matches!(self, Method::Get | Method::Head)
    }

    /// The names of the methods, in the order of the enum.
    pub const KNOWN: [Method; 16] = [
        Method::Get,
        Method::Head,
        Method::Post,
        Method::Put,
        Method::Delete,
        Method::Options,
        Method::Trace,
        Method::Connect,
        Method::Patch,
        Method::Propfind,
        Method::Proppatch,
        Method::Mkcol,
        Method::Copy,
        Method::Move,
        Method::Lock,
        Method::Unlock,
    ];

    /// The method with this name.
    pub fn parse(token: &[u8]) -> Method {
        match token {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"OPTIONS" => Method::Options,
            b"TRACE" => Method::Trace,
            b"CONNECT" => Method::Connect,
            b"PATCH" => Method::Patch,
            b"PROPFIND" => Method::Propfind,
            b"PROPPATCH" => Method::Proppatch,
            b"MKCOL" => Method::Mkcol,
            b"COPY" => Method::Copy,
            b"MOVE" => Method::Move,
            b"LOCK" => Method::Lock,
            b"UNLOCK" => Method::Unlock,
            _ => Method::Unknown,
        }
    }

    /// The name, as in `Allow` and in logs; "-" for [`Method::Unknown`].
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Trace => "TRACE",
            Method::Connect => "CONNECT",
            Method::Patch => "PATCH",
            Method::Propfind => "PROPFIND",
            Method::Proppatch => "PROPPATCH",
            Method::Mkcol => "MKCOL",
            Method::Copy => "COPY",
            Method::Move => "MOVE",
            Method::Lock => "LOCK",
            Method::Unlock => "UNLOCK",
            Method::Unknown => "-",
        }
    }
}

/// A set of methods, as one number. [`Method::Unknown`] is in no set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MethodSet(u32);

impl MethodSet {
    /// The set of these methods.
    pub const fn of(methods: &[Method]) -> MethodSet {
        let (mut bits, mut i) = (0, 0);
        while i < methods.len() {
            bits |= MethodSet::bit(methods[i]);
            i += 1;
        }
        MethodSet(bits)
    }

    /// Whether the method is in the set.
    pub const fn contains(self, method: Method) -> bool {
        self.0 & MethodSet::bit(method) != 0
    }

    /// The set with one more method.
    pub const fn with(self, method: Method) -> MethodSet {
        MethodSet(self.0 | MethodSet::bit(method))
    }

    /// The methods that are in both sets.
    pub const fn and(self, other: MethodSet) -> MethodSet {
        MethodSet(self.0 & other.0)
    }

    /// The methods of the set, in the order of the enum.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        Method::KNOWN.into_iter().filter(move |&method| self.contains(method))
    }

    /// The value of Allow (RFC 9110 section 10.2.1): "GET, HEAD". May be empty.
    pub fn allow(self) -> String {
        self.iter().map(Method::name).collect::<Vec<_>>().join(", ")
    }

    const fn bit(method: Method) -> u32 {
        match method {
            Method::Unknown => 0,
            method => 1 << method as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets() {
        let set = MethodSet::of(&[Method::Post, Method::Get, Method::Unknown, Method::Unlock]);
        for method in Method::KNOWN {
            let expected = [Method::Get, Method::Post, Method::Unlock].contains(&method);
            assert_eq!(set.contains(method), expected, "{method:?}");
            assert!(set.with(method).contains(method));
        }
        assert!(!set.contains(Method::Unknown));
        assert_eq!(set.allow(), "GET, POST, UNLOCK");
        assert_eq!(set.and(MethodSet::of(&[Method::Put, Method::Get])).allow(), "GET");
        assert_eq!(MethodSet::default().allow(), "");
        assert_eq!(MethodSet::of(&Method::KNOWN).iter().collect::<Vec<_>>(), Method::KNOWN);
    }

    #[test]
    fn names_are_case_sensitive_and_whole() {
        for method in Method::KNOWN {
            let name = method.name();
            assert_eq!(Method::parse(name.as_bytes()), method);
            assert_eq!(Method::parse(name.to_lowercase().as_bytes()), Method::Unknown);
            assert_eq!(Method::parse(&name.as_bytes()[1..]), Method::Unknown);
            assert_eq!(Method::parse(format!("{name}X").as_bytes()), Method::Unknown);
        }
        assert_eq!(Method::parse(b""), Method::Unknown);
        assert_eq!(Method::parse(b"-"), Method::Unknown);
    }
}
