//! `syslog:...` in `error_log` and `access_log`: a daemon that gets log lines as datagrams.

use super::{Address, Level};
use std::fmt;

/// `syslog:server=ADDRESS[,facility=NAME][,tag=TEXT][,severity=LEVEL][,nohostname]`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Syslog {
    /// The address for UDP, or the path of a unix datagram socket.
    pub server: Address,
    /// The facility's number (RFC 3164 section 4.1.1). Default 23, local7.
    pub facility: u8,
    /// The severity of lines of an access log. Default info. Lines of an error log have their own.
    pub severity: Level,
    /// The name of the program before the text. Default "webserv".
    pub tag: String,
    /// Whether the name of this machine stands before the tag. Default yes.
    pub has_hostname: bool,
}

impl Syslog {
    /// The port without another one (RFC 5426 section 3.3).
    pub const PORT: u16 = 514;

    /// The facilities by number, with nginx's names.
    pub const FACILITIES: [&str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv", "ftp", "ntp",
        "audit", "alert", "cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ];

    /// The defaults, for this server.
    pub fn new(server: Address) -> Self {
        Self { server, facility: 23, severity: Level::Info, tag: "webserv".to_owned(), has_hostname: true }
    }

    /// The number at the start of a message: facility and severity (RFC 3164 section 4.1.1).
    pub fn priority(&self, severity: Level) -> u8 {
        self.facility * 8 + severity as u8
    }
}

impl fmt::Display for Syslog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "syslog:server={}", self.server)
    }
}
