//! Splits bytes into lines, and parses lines into requests.

use super::states::Input;
use std::fmt;

/// The longest line in bytes, without its end.
pub const LINE_BYTES_MAX: usize = 1024;

/// A request with its words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DirectoryRequest {
    /// `VERSION n`: the version that the client wants to speak.
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
    /// Not a valid request.
    Mistake(Mistake),
}

/// Why a line is not a valid request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mistake {
    /// It is longer than [`LINE_BYTES_MAX`]; the rest of it is skipped.
    Long,
    /// It has a byte that is not printable ASCII.
    Bytes,
    /// Its first word is not a verb, or it has no words.
    Verb,
    /// The verb has too few or too many words; the text says how many it takes.
    Words(&'static str),
    /// The client has sent its last byte without a line end.
    Unfinished,
}

impl DirectoryRequest {
    /// The column of the table of states.
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

    /// Parses a line without its end. Verbs may be in upper or lower case. A run of spaces counts as one; spaces at the
    /// ends are ignored.
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

/// For the log: the password is not shown.
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

/// Splits the input into lines.
#[derive(Clone, Default, Debug)]
pub struct Lines {
    /// The line was too long, and that has been reported: skip the rest of it.
    skips: bool,
}

impl Lines {
    /// Looks for a line at the start of `bytes`, which are the unused bytes of the input; `ended`: no more input will
    /// come. Returns the number of bytes that are used, and the request if the line is complete. The result does not
    /// depend on how the input is split. A line ends with LF; a CR before the LF belongs to the end.
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
