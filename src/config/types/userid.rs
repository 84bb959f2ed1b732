//! The settings of cookies that identify a visitor.

use crate::http::userid::Cookie;

/// `userid` and the other userid_ directives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Userid {
    /// Whether the cookie is read and set. Default off.
    pub mode: UseridMode,
    /// The attributes. Default: the name "uid", the path "/", until the browser is closed.
    pub cookie: Cookie,
}

/// `userid off|log|on;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UseridMode {
    /// The cookie is ignored.
    Off,
    /// `$uid_got` is the client's identifier.
    Log,
    /// The same, and a client without an identifier gets one.
    On,
}
