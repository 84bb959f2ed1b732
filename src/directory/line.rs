//! Bytes to lines, and lines to requests.

use super::states::Input;
use std::fmt;

/// Bytes of a line, its end not counted.
pub const LINE_BYTES_MAX: usize = 1024;

/// What a line asks for, with its words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DirectoryRequest {
    /// `VERSION n`: which one will be spoken.
    Version(u8),
    /// `LOGIN name password`
    Login {
        /// The first word.
        name: String,
        /// The second one.
        password: String,
    },
    /// `LOGOUT`
    Logout,
    /// `CD dir`
    Cd(String),
    /// `PWD`
    Pwd,
    /// `DIR`
    Dir,
    /// `GET name`
    Get(String),
    /// `QUIT`
    Quit,
    /// No request.
    Mistake(Mistake),
}

/// Why a line is no request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mistake {
    /// It is longer than [`LINE_BYTES_MAX`]; the rest of it is passed over.
    Long,
    /// It has other bytes than printable ASCII: a control character, or one of the upper 128.
    Bytes,
    /// Its first word is no verb, or it has none.
    Verb,
    /// The words behind the verb are too few or too many; this says how many it takes.
    Words(&'static str),
    /// The client has sent the last byte, and it was no line's end.
    Unfinished,
}

impl DirectoryRequest {
    /// The line's place in the table of states.
    pub fn input(&self) -> Input {
        match self {
            DirectoryRequest::Version(0) => Input::Version0,
            DirectoryRequest::Version(_) => Input::Version1,
            DirectoryRequest::Login { .. } => Input::Login,
            DirectoryRequest::Logout => Input::Logout,
            DirectoryRequest::Cd(_) => Input::Cd,
            DirectoryRequest::Pwd => Input::Pwd,
            DirectoryRequest::Dir => Input::Dir,
            DirectoryRequest::Get(_) => Input::Get,
            DirectoryRequest::Quit => Input::Quit,
            DirectoryRequest::Mistake(_) => Input::Mistake,
        }
    }

    /// A line without its end. Verbs are of any case; a run of spaces is as good as one, and none count at the ends.
    pub fn parse(line: &[u8]) -> DirectoryRequest {
        let Some(line) = str::from_utf8(line).ok().filter(|line| line.bytes().all(|b| matches!(b, b' '..=b'~'))) else {
            return DirectoryRequest::Mistake(Mistake::Bytes);
        };
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let verb = words.next().unwrap_or_default().to_ascii_uppercase();
        let words: Vec<&str> = words.collect();
        let wrong = |takes| DirectoryRequest::Mistake(Mistake::Words(takes));
        match (&verb[..], &words[..]) {
            ("VERSION", [number]) if number.bytes().all(|b| b.is_ascii_digit()) => {
                DirectoryRequest::Version(u8::from(number.bytes().any(|b| b != b'0')))
            }
            ("VERSION", _) => wrong("VERSION takes one number"),
            ("LOGIN", [name, password]) => {
                DirectoryRequest::Login { name: name.to_string(), password: password.to_string() }
            }
            ("LOGIN", _) => wrong("LOGIN takes a name and a password"),
            ("CD", []) => wrong("CD takes a directory"),
            ("CD", words) => DirectoryRequest::Cd(words.join(" ")),
            ("GET", []) => wrong("GET takes a file"),
            ("GET", words) => DirectoryRequest::Get(words.join(" ")),
            ("LOGOUT", []) => DirectoryRequest::Logout,
            ("PWD", []) => DirectoryRequest::Pwd,
            ("DIR", []) => DirectoryRequest::Dir,
            ("QUIT", []) => DirectoryRequest::Quit,
            ("LOGOUT" | "PWD" | "DIR" | "QUIT", _) => wrong("this verb takes no more words"),
            _ => DirectoryRequest::Mistake(Mistake::Verb),
        }
    }
}

/// For the log: without the password.
impl fmt::Display for DirectoryRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DirectoryRequest::Version(number) => write!(f, "VERSION {number}"),
            DirectoryRequest::Login { name, .. } => write!(f, "LOGIN {name}"),
            DirectoryRequest::Logout => f.write_str("LOGOUT"),
            DirectoryRequest::Cd(name) => write!(f, "CD {name}"),
            DirectoryRequest::Pwd => f.write_str("PWD"),
            DirectoryRequest::Dir => f.write_str("DIR"),
            DirectoryRequest::Get(name) => write!(f, "GET {name}"),
            DirectoryRequest::Quit => f.write_str("QUIT"),
            DirectoryRequest::Mistake(mistake) => write!(f, "({mistake})"),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mistake::Long => write!(f, "this line is longer than {LINE_BYTES_MAX} bytes"),
            Mistake::Bytes => f.write_str("a line has printable ASCII only"),
            Mistake::Verb => f.write_str("no such verb; there are VERSION LOGIN LOGOUT CD PWD DIR GET QUIT"),
            Mistake::Words(takes) => f.write_str(takes),
            Mistake::Unfinished => f.write_str("this line has no end"),
        }
    }
}

/// Finds the lines in what comes.
#[derive(Clone, Default, Debug)]
pub struct Lines {
    /// The line was too long, which has been told: it is passed over to its end.
    skips: bool,
}

impl Lines {
    /// Looks at the bytes that have come and are not used yet; `ended`: no more will come. Says how many of them are
    /// used now, and the request that they are, if they are one. What comes of it does not depend on the pieces in
    /// which the bytes come. A line ends with LF, and a CR before that belongs to the end.
    pub fn next(&mut self, bytes: &[u8], ended: bool) -> (usize, Option<DirectoryRequest>) {
        if self.skips {
            let end = memchr::memchr(b'\n', bytes);
            self.skips = end.is_none();
            return (end.map_or(bytes.len(), |end| end + 1), None);
        }
        let window = &bytes[..bytes.len().min(LINE_BYTES_MAX + 2)];
        match memchr::memchr(b'\n', window) {
            Some(end) => {
                let line = window[..end].strip_suffix(b"\r").unwrap_or(&window[..end]);
                let long = line.len() > LINE_BYTES_MAX;
                let request =
                    if long { DirectoryRequest::Mistake(Mistake::Long) } else { DirectoryRequest::parse(line) };
                (end + 1, Some(request))
            }
            None if window.len() == LINE_BYTES_MAX + 2 => {
                self.skips = true;
                (window.len(), Some(DirectoryRequest::Mistake(Mistake::Long)))
            }
            None if ended && !bytes.is_empty() => (bytes.len(), Some(DirectoryRequest::Mistake(Mistake::Unfinished))),
            None => (0, None),
        }
    }
}

#[cfg(test)]
mod tests;
