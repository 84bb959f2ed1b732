//! Measures the cost of a connection and of a request among many connections, without sockets: the real engine,
//! connections, timers and Http1, with a simulated poller, and two tasks without system calls for the client.
//!
//!     cargo bench --bench simulated_scale                    from 1,000 to 1,000,000 connections
//!     cargo bench --bench simulated_scale -- 1000 20000      1,000 connections, and 20,000 requests over them
//!
//! The bytes per connection (of the process, when all connections are idle again) and the instructions per request must
//! not grow with the connections. `scripts/scale-simulated` counts the instructions. The time grows somewhat, since the
//! CPU caches cannot hold many connections.

#![forbid(unsafe_code)]

use std::io::Stdin;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use webserv::config::Config;
use webserv::connection::{Client, Connection, Identity};
use webserv::engine::{Context, Engine, Event, Flow, Seen, Task, TaskError, Want};
use webserv::log::{AccessLogs, ErrorLog, Level};
use webserv::route::ListenerState;
use webserv::task::http1::Http1;
use webserv::worker::{Team, Worker};
use webserv_sys::{Poller, Ready, Result, Token, Watch};

const REQUEST: &[u8] = b"GET /a HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
const CONFIG: &str = "http { access_log off; keepalive_requests 1000000000; keepalive_timeout 1000000s;
    server { listen 127.0.0.1:8080; location / { return 200 \"x\"; } } }";

/// The number of events in one wait, as on a busy server.
const EVENTS_PER_WAIT: usize = 64;

/// The distance between two connections with events. It is a prime, so that all get their turn.
const STRIDE: usize = 7_919;

/// A poller that reports the events from a channel, and sends the tokens of armed watches to another one.
struct Scripted {
    armed: Sender<Token>,
    events: Receiver<Token>,
}

impl Poller for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn arm(&mut self, _: Watch<'_>, token: Token) -> Result<()> {
        let _ = self.armed.send(token); // fails at the end of a run, when the receiver was dropped
        Ok(())
    }

    fn disarm(&mut self, _: Watch<'_>) -> Result<()> {
        Ok(())
    }

    fn wait(&mut self, _: Option<Duration>, out: &mut Vec<Ready>) -> Result<()> {
        out.clear();
        out.extend(self.events.try_iter().take(EVENTS_PER_WAIT).map(|token| Ready { token, hangup: false }));
        Ok(())
    }
}

/// Opens this number of connections.
struct Opener {
    left: usize,
    listener: Rc<ListenerState>,
}

/// Simulates the client's sending side: each event is a complete request.
struct Reader(Stdin);

/// Simulates the client's receiving side: it takes all bytes at once.
struct Writer(Stdin);

type Outcome = std::result::Result<Flow, TaskError>;

impl Task<Worker> for Opener {
    fn kind(&self) -> &'static str {
        "Opener"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        if self.left > 0 { Want::Turn } else { Want::Nothing }
    }

    fn handle(&mut self, _: Event, cx: &mut Context<'_, Worker>) -> Outcome {
        self.left -= 1;
        let (listener, number) = (Rc::clone(&self.listener), cx.worker.next_connection(cx.now));
        let client = Client::from(&listener.local);
        let identity = Identity::new(listener, number, client);
        let protocol = Http1::new(cx.now);
        let (reader, writer) = (Reader(std::io::stdin()), Writer(std::io::stdin()));
        let connection = Connection::new(None, identity);
        let until = cx.now.after(self.listener.route.settings.client_header_timeout);
        cx.open(connection, [Box::new(protocol), Box::new(reader), Box::new(writer)], until);
        Ok(Flow::Progress)
    }
}

impl Task<Worker> for Reader {
    fn kind(&self) -> &'static str {
        "Reader"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.0.as_fd())
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Kernel
    }

    fn handle(&mut self, _: Event, cx: &mut Context<'_, Worker>) -> Outcome {
        let Context { connection: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
        x.input.get_from(&mut worker.pipes);
        let mut head = worker.buffers.take(REQUEST.len());
        head.extend_from_slice(REQUEST);
        x.input.push_bytes(head);
        Ok(Flow::Blocked)
    }
}

impl Task<Worker> for Writer {
    fn kind(&self) -> &'static str {
        "Writer"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Write(self.0.as_fd())
    }

    fn wants(&self, seen: Seen<'_>) -> Want {
        if seen.connection.is_some_and(|x| !x.output.is_empty()) { Want::Kernel } else { Want::Nothing }
    }

    fn handle(&mut self, _: Event, cx: &mut Context<'_, Worker>) -> Outcome {
        let Context { connection: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
        let bytes = x.output.len();
        x.output.consume_into(bytes, &mut worker.buffers);
        x.output.give_back_to(&mut worker.pipes);
        x.sent_bytes += bytes;
        Ok(Flow::Progress)
    }
}

/// The result of one run.
struct Cost {
    bytes_per_connection: u64,
    nanos_per_request: u128,
}

fn run(connections: usize, requests: usize) -> Cost {
    let config = Config::from_text("scale.conf", CONFIG, Path::new("."), "").expect("the configuration is valid");
    let config = Arc::new(config);
    let (armed, watched) = channel();
    let (happens, events) = channel();
    let mut worker = Worker::new(Arc::clone(&config), Team::member(0), AccessLogs::default());
    let listener = config.listeners[0].clone();
    let local = listener.address.clone();
    let listener = worker.listener_state(listener, local);
    let poller = Box::new(Scripted { armed, events });
    let mut engine = Engine::new(poller, true, ErrorLog::in_memory(Level::Error), worker);
    let before = resident_bytes();
    engine.start(Box::new(Opener { left: connections, listener }));
    let mut tokens = Vec::with_capacity(connections);
    while tokens.len() < connections {
        engine.round().expect("the script has no errors");
        tokens.extend(watched.try_iter());
    }
    let of_the_script = (tokens.capacity() * size_of::<Token>()) as u64;
    let bytes = (resident_bytes() - before).saturating_sub(of_the_script);
    assert_eq!(engine.connections_open(), connections);

    for i in 0..requests {
        // Spread over all connections; no connection twice in one wait, since that would be one event.
        let token = tokens[i * STRIDE % connections];
        happens.send(token).expect("the poller is there");
    }
    let start = Instant::now();
    answer(&mut engine, requests);
    let nanos_per_request = start.elapsed().as_nanos() / requests.max(1) as u128;
    assert_eq!(engine.connections_open(), connections, "all are still there");
    Cost { bytes_per_connection: bytes / connections as u64, nanos_per_request }
}

/// The part that is counted: each round brings some requests and answers them.
#[inline(never)]
fn answer(engine: &mut Engine<Worker>, requests: usize) {
    for _ in 0..requests.div_ceil(EVENTS_PER_WAIT) {
        engine.round().expect("the script has no errors");
    }
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4096
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let numbers: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if let [connections, requests] = numbers[..] {
        let Cost { bytes_per_connection, nanos_per_request } = run(connections, requests);
        return println!("{connections:>12} {requests:>12} {bytes_per_connection:>18} {nanos_per_request:>12}");
    }
    println!("{:>12} {:>12} {:>18} {:>12}", "connections", "requests", "bytes/connection", "ns/request");
    // For `cargo test --benches`, which only checks that it works.
    let whole = arguments.iter().any(|argument| argument == "--bench");
    for connections in ["1000", "10000", "100000", "1000000"].into_iter().take(if whole { 4 } else { 1 }) {
        // Each run has its own process, since memory that one run has freed would be used by the next.
        let itself = std::env::current_exe().expect("this program has a path");
        let status = Command::new(itself).args([connections, "200000"]).status().expect("it starts again");
        assert!(status.success(), "the run with {connections} connections has failed");
    }
}
