//! The HTTP version of a message (RFC 9112 section 2.3).

/// The protocol version of the request line. The major number is always 1: others are refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version {
    /// 1.
    pub major: u8,
    /// 0 to 9. 2 and up mean the same as 1 (RFC 9110 section 2.5).
    pub minor: u8,
}

impl Version {
    /// HTTP/1.0.
    pub const HTTP_1_0: Version = Version { major: 1, minor: 0 };
    /// HTTP/1.1.
    pub const HTTP_1_1: Version = Version { major: 1, minor: 1 };
}
