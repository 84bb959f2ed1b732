//! The server behind the server: the test plays it itself ([`Upstream::accept`]), or a thread does
//! ([`Upstream::serve`]).
//!
//! A test that plays both the client and the server behind needs no thread and no pause: what one side has sent is in
//! the kernel until the other side asks for it.

use super::gateways::{Ask, Protocol};
use super::{Client, PATIENCE, Server, TempDir, client};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use webserv_sys::net::{Readiness, set_backlog, wait_ready};

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, TempDir),
}

/// A listening socket that speaks one of the protocols.
pub struct Upstream {
    /// The protocol.
    pub protocol: Protocol,
    /// The address as directives take it: "127.0.0.1:4711", "unix:/tmp/...".
    pub address: String,
    listener: Listener,
}

impl Upstream {
    /// Listens on a port of 127.0.0.1.
    pub fn tcp(protocol: Protocol) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().unwrap().to_string();
        Upstream { protocol, address, listener: Listener::Tcp(listener) }
    }

    /// Listens on a unix socket.
    pub fn unix(protocol: Protocol) -> Self {
        let dir = TempDir::new();
        let path = dir.path().join("sock");
        let listener = UnixListener::bind(&path).expect("a unix socket");
        let address = format!("unix:{}", path.display());
        Upstream { protocol, address, listener: Listener::Unix(listener, dir) }
    }

    /// Listens again where another one has listened (its port or path).
    pub fn again(protocol: Protocol, address: &str) -> Self {
        // The connections of the one before wait in the kernel for a while, but SO_REUSEADDR is set by bind of std.
        let listener = TcpListener::bind(address).unwrap_or_else(|e| panic!("{address}: {e}"));
        Upstream { protocol, address: address.to_owned(), listener: Listener::Tcp(listener) }
    }

    /// The directives that pass requests here.
    pub fn pass(&self) -> String {
        self.protocol.pass(&self.address)
    }

    /// Takes the next connection. The test fails if none comes.
    #[track_caller]
    pub fn accept(&self) -> Peer {
        assert!(self.is_asked_within(PATIENCE), "no connection to {}", self.address);
        let wire = match &self.listener {
            Listener::Tcp(listener) => Client::of_tcp(listener.accept().expect("accept").0),
            Listener::Unix(listener, _) => Client::of_unix(listener.accept().expect("accept").0),
        };
        Peer { protocol: self.protocol, wire, held: Vec::new() }
    }

    /// Takes the next connection, if one waits.
    #[track_caller]
    pub fn accepted(&self) -> Option<Peer> {
        self.is_asked_within(Duration::ZERO).then(|| self.accept())
    }

    /// Takes the next connection, unless the client is answered before one comes.
    #[track_caller]
    pub fn accept_unless_answered(&self, client: &mut Client) -> Option<Peer> {
        let mut look = || match self.is_asked_within(Duration::from_millis(1)) {
            true => Some(true),
            false => client.has_some().then_some(false),
        };
        super::wait_for("a request or an answer", &mut look).then(|| self.accept())
    }

    /// Takes the connection on which the next request comes: `kept`, or a new one if the server has closed it.
    #[track_caller]
    pub fn accept_again(&self, mut kept: Peer) -> Peer {
        match self.accept_or_any(std::slice::from_mut(&mut kept)) {
            Ok(new) => new,
            Err(_) => kept,
        }
    }

    /// Takes the next connection and a whole request from it.
    #[track_caller]
    pub fn asked(&self) -> (Peer, Ask) {
        let mut peer = self.accept();
        let ask = peer.ask();
        (peer, ask)
    }

    /// Asserts that no connection waits. What the server does must be over, for example by an answer to the client.
    #[track_caller]
    pub fn assert_not_asked(&self, when: &str) {
        assert!(!self.is_asked_within(Duration::ZERO), "{when}: another connection came");
    }

    /// Ends without a trace: connections are refused. The file of a unix socket stays while its folder lives.
    pub fn stop_listening(self) -> Option<TempDir> {
        match self.listener {
            Listener::Tcp(_) => None,
            Listener::Unix(_, folder) => Some(folder),
        }
    }

    /// Takes the connection on which the next request comes: a new one, or `Err` with the number of one of these.
    #[track_caller]
    pub fn accept_or_any(&self, kept: &mut [Peer]) -> Result<Peer, usize> {
        super::wait_for("the next request", || match self.is_asked_within(Duration::from_millis(1)) {
            true => Some(Ok(self.accept())),
            false => kept.iter_mut().position(Peer::has_bytes).map(Err),
        })
    }

    /// Fills the queue of connections, so that the next one waits (TCP) or is refused for now (unix). Returns
    /// them: while they live, the queue is full.
    pub fn fill_queue(&self) -> Vec<Client> {
        set_backlog(self.fd(), 0).expect("listen");
        // Linux takes one connection more than the backlog.
        vec![Client::connect(&self.address)]
    }

    fn is_asked_within(&self, limit: Duration) -> bool {
        wait_ready(self.fd(), Readiness::Readable, limit).expect("poll")
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match &self.listener {
            Listener::Tcp(listener) => listener.as_fd(),
            Listener::Unix(listener, _) => listener.as_fd(),
        }
    }

    /// Takes each request, and closes without an answer.
    pub fn serve_closing(self) -> Served {
        self.serve(|_| Vec::new())
    }

    /// Answers all requests from a thread per connection. `answer` makes the bytes of an answer of known length. The
    /// connection is kept if the request asks for that, and closed after the answer if not, or if there is none.
    pub fn serve(self, answer: impl Fn(&Ask) -> Vec<u8> + Send + Sync + 'static) -> Served {
        let (protocol, address) = (self.protocol, self.address.clone());
        let seen = Arc::new(Seen::default());
        let (answer, noted) = (Arc::new(answer), Arc::clone(&seen));
        let thread = std::thread::spawn(move || {
            loop {
                let wire = match &self.listener {
                    Listener::Tcp(listener) => listener.accept().map(|(stream, _)| Client::of_tcp(stream)),
                    Listener::Unix(listener, _) => listener.accept().map(|(stream, _)| Client::of_unix(stream)),
                };
                if noted.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let peer = Peer { protocol, wire: wire.expect("accept"), held: Vec::new() };
                let number = noted.start_connection();
                let (answer, noted) = (Arc::clone(&answer), Arc::clone(&noted));
                std::thread::spawn(move || {
                    peer.serve(&*answer, |ask| noted.connections.lock().unwrap()[number].push(ask))
                });
            }
        });
        Served { protocol, address, seen, thread: Some(thread) }
    }
}

/// What a thread has seen.
#[derive(Default)]
struct Seen {
    connections: Mutex<Vec<Vec<Ask>>>,
    is_over: AtomicBool,
}

impl Seen {
    fn start_connection(&self) -> usize {
        let mut connections = self.connections.lock().unwrap();
        connections.push(Vec::new());
        connections.len() - 1
    }
}

/// A server behind that a thread plays. Dropping it ends the thread; connections live on until the other side closes.
pub struct Served {
    /// The protocol.
    pub protocol: Protocol,
    /// The address as directives take it.
    pub address: String,
    seen: Arc<Seen>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Served {
    /// The directives that pass requests here.
    pub fn pass(&self) -> String {
        self.protocol.pass(&self.address)
    }

    /// The number of requests of each connection so far.
    pub fn requests(&self) -> Vec<usize> {
        self.seen.connections.lock().unwrap().iter().map(Vec::len).collect()
    }

    /// All requests so far, by connection.
    pub fn asks(&self) -> Vec<Ask> {
        self.seen.connections.lock().unwrap().concat()
    }

    /// The last request of the newest connection.
    #[track_caller]
    pub fn last(&self) -> Ask {
        self.asks().pop().expect("a request")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.seen.is_over.store(true, Ordering::SeqCst);
        // A connection wakes the thread.
        let woken = match self.address.strip_prefix("unix:") {
            Some(path) => UnixStream::connect(Path::new(path)).map(drop),
            None => TcpStream::connect(&self.address).map(drop),
        };
        if let (Ok(()), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// One connection of the server to the one behind it.
pub struct Peer {
    protocol: Protocol,
    /// The connection.
    pub wire: Client,
    held: Vec<u8>,
}

impl Peer {
    /// A whole request.
    #[track_caller]
    pub fn ask(&mut self) -> Ask {
        self.try_ask().unwrap_or_else(|| panic!("the end in a request: {}", client::show(&self.held)))
    }

    /// A whole request; `None` if the other side closes before its end.
    #[track_caller]
    pub fn try_ask(&mut self) -> Option<Ask> {
        let protocol = self.protocol;
        self.parsed(|bytes| protocol.parse(bytes))
    }

    /// The head of an HTTP request, without its body.
    #[track_caller]
    pub fn http_head(&mut self) -> Ask {
        self.parsed(super::gateways::http_head).expect("a head")
    }

    fn parsed(&mut self, parse: impl Fn(&[u8]) -> Option<(Ask, usize)>) -> Option<Ask> {
        loop {
            if let Some((ask, used)) = parse(&self.held) {
                self.held.drain(..used);
                return Some(ask);
            }
            let more = self.wire.read_more();
            if more.is_empty() {
                return None;
            }
            self.held.extend_from_slice(&more);
        }
    }

    /// True if bytes have come that were not used; the end is none.
    pub fn has_bytes(&mut self) -> bool {
        if self.held.is_empty() && self.wire.has_some() {
            self.held = self.wire.read_more();
        }
        !self.held.is_empty()
    }

    /// Waits until `enough` is true for what has come and was not used, and returns it.
    #[track_caller]
    pub fn bytes_until(&mut self, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        while !enough(&self.held) {
            let more = self.wire.read_more();
            assert!(!more.is_empty(), "the end after {}", client::show(&self.held));
            self.held.extend_from_slice(&more);
        }
        std::mem::take(&mut self.held)
    }

    /// What has come so far and was not used.
    pub fn waiting(&mut self) -> Vec<u8> {
        let mut piece = [0; 4096];
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(&self.wire.take_received());
        while let Ok(n @ 1..) = self.wire.read_some(&mut piece, Duration::ZERO) {
            all.extend_from_slice(&piece[..n]);
        }
        all
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.wire.send(bytes);
    }

    /// Sends a whole answer with this body.
    #[track_caller]
    pub fn ok(&mut self, body: &[u8]) {
        self.send(self.protocol.ok(body));
    }

    /// All that comes until the other side closes, or resets.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        let rest = self.wire.rest();
        [std::mem::take(&mut self.held), rest].concat()
    }

    /// Asserts that the other side closes without sending more.
    #[track_caller]
    pub fn assert_closed(&mut self, when: &str) {
        let rest = self.rest();
        assert!(rest.is_empty(), "{when}: expected a close, got {}", client::show(&rest));
    }

    /// Closes with a reset.
    pub fn reset(self) {
        self.wire.reset();
    }

    fn serve(mut self, answer: &dyn Fn(&Ask) -> Vec<u8>, note: impl Fn(Ask)) {
        while let Some(ask) = self.try_ask() {
            let is_kept = match self.protocol {
                Protocol::Http => ask.line.ends_with("1.1") && ask.field("Connection") != Some("close"),
                Protocol::Fastcgi => ask.marks[1] & 1 == 1,
                Protocol::Scgi | Protocol::Uwsgi => false,
            };
            let bytes = answer(&ask);
            note(ask);
            if bytes.is_empty() || self.wire.try_send(&bytes).is_err() || !is_kept {
                return;
            }
        }
    }
}

/// The number of the server's descriptors at some time, with one client connected: in use, so it was accepted.
pub struct Fds {
    /// The number.
    pub count: usize,
    _client: Client,
}

impl Fds {
    /// Counts them now. The site must have `ok.txt`. Other connections should be in use, or gone.
    pub fn of(server: &Server) -> Self {
        let mut client = server.connect();
        // The server keeps a file open from the second request for it.
        for _ in 0..3 {
            assert_eq!(client.get("/ok.txt").text(), "ok");
        }
        Fds { count: server.process.open_fds(), _client: client }
    }

    /// Waits until the server has no descriptor more than then.
    #[track_caller]
    pub fn assert_level(&self, server: &Server) {
        let pid = server.process.pid();
        let open = || {
            std::fs::read_dir(format!("/proc/{pid}/fd"))
                .unwrap()
                .filter_map(|e| std::fs::read_link(e.ok()?.path()).ok())
        };
        let is_level = || (open().count() <= self.count).then_some(());
        super::wait_for(&format!("{} descriptors and not {:?}", self.count, open().collect::<Vec<_>>()), is_level);
    }
}
