//! The test harness: starts the real server with its own directory, and sends requests over raw sockets.
//!
//! It shares no code with the server: it has its own small reader of HTTP ([`http`]), so that the same mistake cannot
//! be in both. Every wait has a limit.
//!
//! `WEBSERV_TEST_BIN` is another program to test; it is called as `PROGRAM -p DIR -c DIR/webserv.conf`.
//! `WEBSERV_TEST_POLLER` (epoll, poll, select, kqueue) is added to each configuration as `use NAME;`.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod client;
pub mod conform;
pub mod date;
pub mod fault;
pub mod gateways;
pub mod http;
pub mod letters;
pub mod lines;
pub mod name_server;
pub mod process;
pub mod scripts;
pub mod upstream;

pub use client::Client;
pub use http::Response;
pub use process::Process;

use std::fmt::Debug;
use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// The limit for everything that is expected to happen. It is long, since the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The files of a site: path below the server's `html`, and content.
pub type Files<'a> = &'a [(&'a str, &'a [u8])];

/// A server with this `http` block. It listens on `127.0.0.1:0`; a second listener must use `127.0.0.2:0`.
pub fn server(http: &str, files: Files<'_>) -> Server {
    Setup::new(http, files).start()
}

/// A server with one virtual host on one port, with this `server` block.
pub fn site(body: &str, files: Files<'_>) -> Server {
    server(&host(body), files)
}

/// A `server` block on port 0 with this content.
pub fn host(body: &str) -> String {
    format!("server {{ listen 127.0.0.1:0; {body} }}")
}

/// Runs `check` until it returns `Some`; panics after the limit with a message that names `what`.
pub fn wait_for<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Checks all rows of a table, also after a failure, so that one run shows all failures.
#[track_caller]
pub fn each<Row: Debug>(rows: impl IntoIterator<Item = Row>, check: impl Fn(&Row)) {
    let fails = |row: &Row| catch_unwind(AssertUnwindSafe(|| check(row))).is_err();
    let cut = |row: &Row| format!("{row:?}").chars().take(200).collect::<String>();
    let failed: Vec<String> = rows.into_iter().filter(fails).map(|row| cut(&row)).collect();
    assert!(failed.is_empty(), "{} rows failed, each shown above:\n{}", failed.len(), failed.join("\n"));
}

/// `n` bytes in a pattern in which shifted or repeated blocks are noticed.
pub fn noise(n: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut out = Vec::with_capacity(n + 8);
    while out.len() < n {
        out.extend_from_slice(&random.next().to_le_bytes());
    }
    out.truncate(n);
    out
}

/// The splitmix64 generator of pseudo-random numbers.
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A random number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// A temporary directory. Dropping it removes it, also when a test panics.
pub struct TempDir(PathBuf);

impl TempDir {
    /// Creates one.
    pub fn new() -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
        let path = std::env::temp_dir().join(format!("webserv-{}-{serial}-{clock}", std::process::id()));
        std::fs::create_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        TempDir(path)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The configuration and files of a server that was not started yet.
pub struct Setup {
    /// The directory: `webserv.conf`, `html/`, `logs/`.
    pub dir: TempDir,
    main: String,
    http: String,
    before: Option<String>,
    connections: u32,
}

/// The `worker_connections` of tests that do not set it.
pub const CONNECTIONS: u32 = 1000;

impl Setup {
    /// A directory with these files below `html`, and this `http` block.
    pub fn new(http: &str, files: Files<'_>) -> Self {
        let main = "error_log stderr notice;".into();
        let setup = Setup { dir: TempDir::new(), main, http: http.into(), before: None, connections: CONNECTIONS };
        for name in ["html", "logs"] {
            std::fs::create_dir(setup.path(name)).unwrap();
        }
        for (name, content) in files {
            setup.write(&format!("html/{name}"), content);
        }
        setup
    }

    /// Replaces the main level of the configuration, by default `error_log stderr notice;`. (`pid webserv.pid;` is
    /// always added.)
    pub fn main(mut self, text: &str) -> Self {
        self.main = text.into();
        self
    }

    /// Starts the server with this limit of open descriptors.
    pub fn fds_max(self, n: u32) -> Self {
        self.before(&format!("ulimit -n {n}"))
    }

    /// Starts the server from a shell after this command, which changes what the server inherits.
    pub fn before(mut self, command: &str) -> Self {
        self.before = Some(command.into());
        self
    }

    /// Starts the server with these `worker_connections`.
    pub fn connections(mut self, n: u32) -> Self {
        self.connections = n;
        self
    }

    /// The path of a file in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, and creates its parent directories.
    pub fn write(&self, name: &str, content: &[u8]) {
        write_file(&self.path(name), content);
    }

    /// The text of the configuration.
    pub fn config(&self) -> String {
        configuration(&self.main, self.connections, &self.http)
    }

    /// Starts the server and waits until it listens on all addresses of its configuration.
    pub fn start(self) -> Server {
        let config = self.config();
        self.write("webserv.conf", config.as_bytes());
        // The entity tag of a file is weak in the tick of the clock in which it was written.
        let written = webserv_sys::clock::file_time();
        let file = self.path("webserv.conf");
        let arguments = ["-p", self.dir.path().to_str().unwrap(), "-c", file.to_str().unwrap()].map(String::from);
        let process = Process::start(&arguments, self.dir.path(), self.before.as_deref());
        let mut server = Server { process, dir: self.dir, addresses: Vec::new(), error_log: None };
        if let Some(name) = self.main.split("error_log ").nth(1).and_then(|s| s.split([' ', ';']).next()) {
            server.error_log = (name != "stderr").then(|| server.path(name));
        }
        server.addresses = server.wait_listening(count_listeners(&config));
        wait_for("a tick of the clock", || (webserv_sys::clock::file_time() != written).then_some(()));
        server
    }
}

/// Builds the text of a configuration file.
pub fn configuration(main: &str, connections: u32, http: &str) -> String {
    let poller = std::env::var("WEBSERV_TEST_POLLER").map(|name| format!("use {name};")).unwrap_or_default();
    format!("{main}\npid webserv.pid;\nevents {{ {poller} worker_connections {connections}; }}\nhttp {{\n{http}\n}}\n")
}

/// The number of different addresses in `listen` directives.
fn count_listeners(config: &str) -> usize {
    let mut seen: Vec<&str> =
        config.split("listen ").skip(1).filter_map(|rest| rest.split([';', ' ']).next()).collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}

/// The file is ten seconds old: the server sends no Last-Modified of a second that is not over.
fn write_file(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let written = File::create(path).and_then(|mut file| {
        file.write_all(content)?;
        file.set_modified(SystemTime::now() - Duration::from_secs(10))
    });
    written.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

/// A running server. Dropping it ends the server.
pub struct Server {
    // The order of fields matters: the process ends before its directory is removed.
    /// The process.
    pub process: Process,
    /// Its directory.
    pub dir: TempDir,
    /// The addresses that the server listens on, in the order in which it logs them: "127.0.0.1:4711", "[::1]:4711",
    /// "unix:/path".
    pub addresses: Vec<String>,
    error_log: Option<PathBuf>,
}

impl Server {
    /// The path of a file in its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file in its directory.
    pub fn write(&self, name: &str, content: &[u8]) {
        write_file(&self.path(name), content);
    }

    /// The text of a file in its directory; empty if it does not exist.
    pub fn text(&self, name: &str) -> String {
        std::fs::read(self.path(name)).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    }

    /// The server's output so far: standard error, and its main error log if that is a file.
    pub fn said(&self) -> String {
        let log = self.error_log.as_ref().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        self.process.stderr() + &String::from_utf8_lossy(&log)
    }

    /// The warnings so far, but not the one that tests may run as root.
    pub fn warnings(&self) -> String {
        let said = self.said();
        let is_one = |line: &&str| line.contains("[warn]") && !line.contains(" the server is root");
        said.lines().filter(is_one).collect::<Vec<_>>().join("\n")
    }

    /// Waits until the server's output contains this text.
    pub fn wait_said(&self, text: &str) {
        wait_for(&format!("the server saying {text:?}"), || self.said().contains(text).then_some(()));
    }

    /// Waits for this number of lines with "listening on", and returns their addresses.
    pub fn wait_listening(&mut self, n: usize) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let said = self.said();
            // Use complete lines only: the last one may still grow.
            let lines = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            let found: Vec<String> = lines
                .filter_map(|line| line.split("listening on ").nth(1))
                .filter_map(|rest| rest.split([' ', ',', '\n']).next().map(String::from))
                .collect();
            if found.len() >= n {
                return found;
            }
            let ended = self.process.exit_within(Duration::ZERO);
            assert!(
                ended.is_none() && Instant::now() < end,
                "{} of {n} \"listening on ADDRESS\" lines, exit status {ended:?}; the server said:\n{said}",
                found.len()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Replaces the configuration file, in the form of [`Setup`] (with the usual `worker_connections`).
    pub fn rewrite(&self, main: &str, http: &str) {
        self.write("webserv.conf", configuration(main, CONNECTIONS, http).as_bytes());
    }

    /// The first listener's port.
    pub fn port(&self) -> u16 {
        let address = &self.addresses[0];
        address.rsplit(':').next().unwrap().parse().unwrap_or_else(|e| panic!("{address}: {e}"))
    }

    /// A new connection to the first listener.
    pub fn connect(&self) -> Client {
        self.connect_to(0)
    }

    /// A new connection to the listener with this index in [`Self::addresses`].
    pub fn connect_to(&self, listener: usize) -> Client {
        Client::connect(&self.addresses[listener])
    }

    /// Waits until new connections are refused: the server has begun to drain.
    pub fn wait_until_refused(&self) {
        wait_for("new connections are refused", || Client::try_connect(&self.addresses[0]).is_err().then_some(()));
    }

    /// Sends bytes over a new connection and reads one response. (The method is the one at the start of the bytes.)
    #[track_caller]
    pub fn ask(&self, request: impl AsRef<[u8]>) -> Response {
        let mut client = self.connect();
        client.send(request.as_ref());
        client.response()
    }

    /// GET of a target over a new connection, with more field lines (each ended by CR LF).
    #[track_caller]
    pub fn get_with(&self, target: &str, fields: &str) -> Response {
        self.ask(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n"))
    }

    /// GET of a target over a new connection.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.get_with(target, "")
    }

    /// The strong entity tag of a target. A file that was changed in this tick of the clock has a weak one.
    #[track_caller]
    pub fn tag(&self, target: &str) -> String {
        let strong = || Some(self.get(target).must("ETag").to_owned()).filter(|tag| tag.starts_with('"'));
        wait_for("a strong entity tag", strong)
    }

    /// HEAD of a target over a new connection.
    #[track_caller]
    pub fn head(&self, target: &str) -> Response {
        self.ask(format!("HEAD {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    }

    /// Sends bytes over a new connection and returns all bytes until the server closes.
    pub fn exchange(&self, request: &[u8]) -> Vec<u8> {
        let mut client = self.connect();
        client.send(request);
        client.rest()
    }

    /// Asserts that the server still answers (the site must have `ok.txt`).
    #[track_caller]
    pub fn assert_alive(&self, after: &str) {
        let response = self.get("/ok.txt");
        assert_eq!(response.status, 200, "after {after}: {response}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.stop();
        let said = self.said();
        if std::thread::panicking() {
            // Only the end, since the output at level debug is long.
            let start = said.char_indices().rev().nth(8000).map_or(0, |(at, _)| at);
            eprintln!("--- the server said:\n{}---", &said[start..]);
        } else {
            assert!(!said.contains("panicked at"), "the server panicked while the test passed:\n{said}");
        }
    }
}

/// Waits until new connections are refused.
pub fn wait_refused(s: &Server) {
    wait_for("new connections refused", || std::net::TcpStream::connect(&s.addresses[0]).err());
}
