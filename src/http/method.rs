//! Request methods (RFC 9110 section 9, RFC 5789, RFC 4918).

/// What the client wants done. Names are case-sensitive; the text itself stays in the request line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Method {
    /// Transfer a representation.
    Get,
    /// As GET, without the body.
    Head,
    /// Process the body.
    Post,
    /// Store the body.
    Put,
    /// Remove the resource.
    Delete,
    /// Say what may be done.
    Options,
    /// Echo the request.
    Trace,
    /// Open a tunnel.
    Connect,
    /// Change a part (RFC 5789).
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
    /// A token that is none of these: answer 501 (RFC 9110 section 9.1).
    Unknown,
}

/// A longer method is a bad request at once.
pub const METHOD_BYTES_MAX: usize = 32;

impl Method {
    /// GET or HEAD: it asks for a representation.
    pub const fn reads(self) -> bool {
        matches!(self, Method::Get | Method::Head)
    }

    /// The methods that have a name, in the order of the enum.
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

    /// The method that a token names.
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

    /// As in `Allow` and in logs; "-" for the unknown.
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

/// A set of methods, as one number. The unknown method is in no set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MethodSet(u32);

impl MethodSet {
    /// These and no others.
    pub const fn of(methods: &[Method]) -> MethodSet {
        let (mut bits, mut i) = (0, 0);
        while i < methods.len() {
            bits |= MethodSet::bit(methods[i]);
            i += 1;
        }
        MethodSet(bits)
    }

    /// Is this one among them?
    pub const fn contains(self, method: Method) -> bool {
        self.0 & MethodSet::bit(method) != 0
    }

    /// One more.
    pub const fn with(self, method: Method) -> MethodSet {
        MethodSet(self.0 | MethodSet::bit(method))
    }

    /// Those that are in both.
    pub const fn and(self, other: MethodSet) -> MethodSet {
        MethodSet(self.0 & other.0)
    }

    /// The members, in the order of the enum.
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
