//! The settings of cookies that identify a visitor.

use crate::http::userid::Cookie;

/// `userid` and the other userid_ directives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Userid {
    /// Whether the cookie is read and set. Default off.
    pub mode: UseridMode,
    /// The attributes. Default: the name "uid", the path "/", until the browser is closed.
    pub cookie: Cookie,
    /// `userid_service`: the number of the server that makes an identifier. Default: a part of its address.
    pub service: Option<u32>,
    /// `userid_p3p`: the value of the field P3P beside a cookie. Default: no field.
    pub p3p: Option<String>,
    /// The slot of the variable `$uid_reset`. A client gets another identifier if it is neither empty nor "0".
    pub reset: Option<u16>,
}

/// `userid off|log|on|v1;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UseridMode {
    /// The cookie is ignored.
    Off,
    /// `$uid_got` is the client's identifier.
    Log,
    /// The same, and a client without an identifier gets one.
    On,
    /// The same with identifiers of version 1.
    V1,
}

impl UseridMode {
    /// Whether clients get identifiers.
    pub fn gives(self) -> bool {
        matches!(self, UseridMode::On | UseridMode::V1)
    }
}
