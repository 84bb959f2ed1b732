//! Cookies that know a visitor again.

use crate::http::userid::Cookie;

/// `userid` and its kin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Userid {
    /// What becomes of the cookie. Default off.
    pub mode: UseridMode,
    /// What it says. Default: the name "uid", the path "/", until the browser is closed.
    pub cookie: Cookie,
}

/// `userid off|log|on;`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UseridMode {
    /// The cookie is not looked at.
    Off,
    /// `$uid_got` has what a client sends.
    Log,
    /// And who sends none is given one.
    On,
}
