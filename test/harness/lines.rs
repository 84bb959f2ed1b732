//! A client of the directory protocol, which reads lines.

use super::{Client, PATIENCE};

/// One session.
pub struct Session {
    /// The connection.
    pub client: Client,
    held: Vec<u8>,
}

impl Session {
    /// Connects to an address in the format in which the server prints it.
    #[track_caller]
    pub fn connect(address: &str) -> Self {
        Self { client: Client::connect(address), held: Vec::new() }
    }

    /// Sends a line.
    #[track_caller]
    pub fn send(&mut self, line: &str) {
        self.client.send(format!("{line}\r\n"));
    }

    /// Sends a line and reads the answer.
    #[track_caller]
    pub fn ask(&mut self, line: &str) -> String {
        self.send(line);
        self.line()
    }

    /// Sends several lines, one after another; the answer to each must be this line.
    #[track_caller]
    pub fn expect(&mut self, rows: &[(&str, &str)]) {
        for (line, answer) in rows {
            assert_eq!(self.ask(line), *answer, "{line}");
        }
    }

    /// The next line, which must end with CR LF.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let line = self.next_line().expect("a line, and not the end");
        assert!(!line.ends_with("(no end)"), "{line}");
        line
    }

    /// The next line; `None` at the end of the stream. A line that does not end with CR LF is marked.
    #[track_caller]
    pub fn next_line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.held.windows(2).position(|w| w == b"\r\n") {
                let line = String::from_utf8(self.held[..end].to_vec()).expect("text");
                self.held.drain(..end + 2);
                return Some(line);
            }
            if !self.fill() {
                let rest = std::mem::take(&mut self.held);
                return (!rest.is_empty()).then(|| format!("{}(no end)", rest.escape_ascii()));
            }
        }
    }

    /// Lines up to the empty one.
    #[track_caller]
    pub fn list(&mut self) -> Vec<String> {
        std::iter::from_fn(|| Some(self.line()).filter(|line| !line.is_empty())).collect()
    }

    /// Reads this number of bytes; fewer at the end of the stream.
    #[track_caller]
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.held.len() < count && self.fill() {}
        self.held.drain(..count.min(self.held.len())).collect()
    }

    /// Asserts that the server closes the connection without sending more.
    #[track_caller]
    pub fn assert_end(&mut self, when: &str) {
        assert_eq!(self.next_line(), None, "{when}");
    }

    /// Reads more bytes. Returns false at the end; a reset counts as the end.
    #[track_caller]
    fn fill(&mut self) -> bool {
        let mut piece = [0; 64 << 10];
        let count = match self.client.read_some(&mut piece, PATIENCE) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("waiting for the server: {error}; got {}", self.held.escape_ascii()),
        };
        self.held.extend_from_slice(&piece[..count]);
        count > 0
    }
}
