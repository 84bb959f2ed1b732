//! A client of raw bytes: TCP or unix, with a limit on every wait.

use super::PATIENCE;
use super::http::{self, Response};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One connection to the server.
pub struct Client {
    stream: Stream,
    /// Received bytes that were not used yet.
    buffer: Vec<u8>,
    /// True if the last request that was sent is HEAD: the next response has no body.
    sent_head: bool,
}

impl Client {
    /// Connects to an address in the format in which the server prints it.
    #[track_caller]
    pub fn connect(address: &str) -> Self {
        Self::try_connect(address).unwrap_or_else(|e| panic!("connect {address}: {e}"))
    }

    /// Connects; returns an error if it cannot.
    pub fn try_connect(address: &str) -> io::Result<Self> {
        let stream = if let Some(path) = address.strip_prefix("unix:") {
            let stream = UnixStream::connect(path)?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Stream::Unix(stream)
        } else {
            let address: SocketAddr = address.parse().unwrap_or_else(|e| panic!("{address}: {e}"));
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Stream::Tcp(stream)
        };
        Ok(Client { stream, buffer: Vec::new(), sent_head: false })
    }

    /// Our end of an accepted TCP connection: then the other side is the one that connected.
    pub fn of_tcp(stream: TcpStream) -> Self {
        let set = stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        set.unwrap_or_else(|e| panic!("an accepted connection: {e}"));
        Client { stream: Stream::Tcp(stream), buffer: Vec::new(), sent_head: false }
    }

    /// Our end of an accepted connection of a unix socket.
    pub fn of_unix(stream: UnixStream) -> Self {
        stream.set_write_timeout(Some(PATIENCE)).unwrap_or_else(|e| panic!("an accepted connection: {e}"));
        Client { stream: Stream::Unix(stream), buffer: Vec::new(), sent_head: false }
    }

    /// Closes with a reset (TCP); what was sent and is not there yet is lost. A unix socket closes in order.
    pub fn reset(self) {
        if let Stream::Tcp(stream) = &self.stream {
            webserv_sys::net::set_reset_on_close(stream.as_fd()).expect("SO_LINGER");
        }
    }

    /// The client's own port, "0" for unix sockets.
    pub fn local_port(&self) -> u16 {
        match &self.stream {
            Stream::Tcp(s) => s.local_addr().unwrap().port(),
            Stream::Unix(_) => 0,
        }
    }

    /// The other side's address, without the port; empty for unix sockets.
    pub fn peer_ip(&self) -> String {
        match &self.stream {
            Stream::Tcp(s) => s.peer_addr().unwrap().ip().to_string(),
            Stream::Unix(_) => String::new(),
        }
    }

    /// True if bytes or the end have come; waits 1 ms for them.
    pub fn has_some(&mut self) -> bool {
        !self.buffer.is_empty() || {
            let mut piece = [0; 4096];
            match self.read_some(&mut piece, Duration::from_millis(1)) {
                Ok(n) => {
                    self.buffer.extend_from_slice(&piece[..n]);
                    true
                }
                Err(e) => e.kind() != io::ErrorKind::TimedOut,
            }
        }
    }

    /// Sends bytes; a failure fails the test.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.try_send(bytes).unwrap_or_else(|e| panic!("sending {}: {e}", bytes.escape_ascii()));
    }

    /// Sends bytes; returns an error if it cannot (the server may have closed the connection).
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sent_head = bytes.starts_with(b"HEAD ");
        match &mut self.stream {
            Stream::Tcp(s) => s.write_all(bytes),
            Stream::Unix(s) => s.write_all(bytes),
        }
    }

    /// Sends a GET for a target on a connection that stays open.
    #[track_caller]
    pub fn send_get(&mut self, target: &str) {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    }

    /// GET on a connection that stays open.
    #[track_caller]
    pub fn get(&mut self, target: &str) -> Response {
        self.send_get(target);
        self.response()
    }

    /// A second handle of the same connection, to send from another thread.
    pub fn second(&self) -> Self {
        let stream = match &self.stream {
            Stream::Tcp(s) => Stream::Tcp(s.try_clone().unwrap()),
            Stream::Unix(s) => Stream::Unix(s.try_clone().unwrap()),
        };
        Client { stream, buffer: Vec::new(), sent_head: false }
    }

    /// Ends the sending direction; reading continues.
    pub fn half_close(&mut self) {
        match &mut self.stream {
            Stream::Tcp(s) => s.shutdown(Shutdown::Write).unwrap(),
            Stream::Unix(s) => s.shutdown(Shutdown::Write).unwrap(),
        }
    }

    /// Reads some bytes. `Ok(0)` is the end; `TimedOut` means that nothing came within the limit.
    pub fn read_some(&mut self, out: &mut [u8], limit: Duration) -> io::Result<usize> {
        let limit = Some(limit.max(Duration::from_millis(1)));
        loop {
            let result = match &mut self.stream {
                Stream::Tcp(s) => s.set_read_timeout(limit).and_then(|()| s.read(out)),
                Stream::Unix(s) => s.set_read_timeout(limit).and_then(|()| s.read(out)),
            };
            match result {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {} // a signal, or the machine was suspended
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Err(io::ErrorKind::TimedOut.into()),
                other => return other,
            }
        }
    }

    /// Reads all bytes until the server closes; a reset fails the test.
    #[track_caller]
    pub fn read_to_the_end(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let mut piece = vec![0; 256 << 10];
        loop {
            match self.read_some(&mut piece, PATIENCE) {
                Ok(0) => return all,
                Ok(n) => all.extend_from_slice(&piece[..n]),
                Err(e) => panic!("after {} bytes: {e}", all.len()),
            }
        }
    }

    /// Reads more bytes into the buffer. Returns false at the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        let mut piece = [0; 64 << 10];
        let n = self.read_some(&mut piece, PATIENCE)?;
        self.buffer.extend_from_slice(&piece[..n]);
        Ok(n > 0)
    }

    /// Waits until some bytes have come, and leaves them for [`Self::response`].
    #[track_caller]
    pub fn wait_some(&mut self) {
        let more = self.fill().unwrap_or_else(|e| panic!("waiting for the first bytes: {e}"));
        assert!(more, "the server closed before the first byte");
    }

    /// Reads one final response, and skips 1xx responses.
    #[track_caller]
    pub fn response(&mut self) -> Response {
        loop {
            let response = self.any_response();
            if response.status >= 200 {
                return response;
            }
        }
    }

    /// Reads one response, 1xx included.
    #[track_caller]
    pub fn any_response(&mut self) -> Response {
        let head_only = std::mem::take(&mut self.sent_head);
        self.read_response(head_only)
    }

    #[track_caller]
    fn read_response(&mut self, head_only: bool) -> Response {
        let mut ended = false;
        loop {
            match http::parse(&self.buffer, head_only, ended) {
                Ok(Some((response, used))) => {
                    self.buffer.drain(..used);
                    return response;
                }
                Ok(None) if ended => panic!("the end in the middle of a response: {}", show(&self.buffer)),
                Ok(None) => {}
                Err(why) => panic!("{why}: {}", show(&self.buffer)),
            }
            match self.fill() {
                Ok(more) => ended = !more,
                Err(e) => panic!("waiting for a response: {e}; got {}", show(&self.buffer)),
            }
        }
    }

    /// The next response; `None` if the server closes before it.
    #[track_caller]
    pub fn response_or_end(&mut self) -> Option<Response> {
        self.buffer = self.read_more();
        (!self.buffer.is_empty()).then(|| self.response())
    }

    /// Reads this number of bytes.
    #[track_caller]
    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            let more = self.fill().unwrap_or_else(|e| panic!("after {}: {e}", show(&self.buffer)));
            assert!(more, "the end after {}", show(&self.buffer));
        }
        self.buffer.drain(..count).collect()
    }

    /// Reads up to the end of this text.
    #[track_caller]
    pub fn until(&mut self, text: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = http::find(&self.buffer, text) {
                return self.buffer.drain(..at + text.len()).collect();
            }
            let more = self.fill().unwrap_or_else(|e| panic!("after {}: {e}", show(&self.buffer)));
            assert!(more, "the end after {}", show(&self.buffer));
        }
    }

    /// What was received and not used yet.
    pub fn take_received(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// Reads some bytes; returns none if the server closes. A reset counts as a close.
    #[track_caller]
    pub fn read_more(&mut self) -> Vec<u8> {
        if self.buffer.is_empty() {
            match self.fill() {
                Err(e) if e.kind() != io::ErrorKind::ConnectionReset => panic!("waiting for more or the close: {e}"),
                _ => {}
            }
        }
        std::mem::take(&mut self.buffer)
    }

    /// Reads all bytes until the server closes. A reset counts as a close.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        loop {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) if e.kind() == io::ErrorKind::ConnectionReset => break,
                Err(e) => panic!("waiting for the close: {e}; got {}", show(&self.buffer)),
            }
        }
        std::mem::take(&mut self.buffer)
    }

    /// Asserts that the server closes without sending another byte.
    #[track_caller]
    pub fn assert_closed(&mut self, when: &str) {
        let rest = self.rest();
        assert!(rest.is_empty(), "{when}: expected a close, got {}", show(&rest));
    }

    /// Asserts that the server closes without sending another byte and without a reset, which could destroy the
    /// response before it (RFC 9112, section 9.6).
    #[track_caller]
    pub fn assert_ended(&mut self, when: &str) {
        match self.buffer.is_empty().then(|| self.fill()) {
            Some(Ok(false)) => {}
            Some(Err(e)) => panic!("{when}: expected an orderly close, got {e}"),
            _ => panic!("{when}: expected a close, got {}", show(&self.buffer)),
        }
    }
}

/// Formats bytes for a failure message: escapes them, and cuts long ones.
pub fn show(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(1000)];
    format!("{} bytes \"{}\"{}", bytes.len(), cut.escape_ascii(), if cut.len() < bytes.len() { "..." } else { "" })
}
