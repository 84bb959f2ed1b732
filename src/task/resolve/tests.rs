//! Servers with `resolve`, with a name server that the test plays.

use super::ResolveServer;
use crate::balance::{Ask, Tried};
use crate::config::{Config, Resolver, Upstream, UpstreamServer};
use crate::connection::Connection;
use crate::engine::{Engine, Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::task::Context;
use crate::task::test_engine::engine;
use crate::worker::Worker;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use webserv_sys::{Moment, Watch};

/// The name server, a worker, and its group with one server: app.example, port 80.
struct Play {
    names: UdpSocket,
    engine: Engine<Worker>,
    upstream: Arc<Upstream>,
}

impl Play {
    /// A group whose server has no address yet.
    fn new(valid: Option<Duration>) -> Self {
        let names = UdpSocket::bind("127.0.0.1:0").expect("a port");
        names.set_read_timeout(Some(Duration::from_secs(20))).expect("SO_RCVTIMEO");
        let servers = [names.local_addr().expect("an address")].into();
        let timeout = Duration::from_secs(1);
        let resolver = Resolver { servers, valid, timeout, ipv6: false, ..Resolver::default() };
        let server = UpstreamServer {
            resolve: Some(("app.example".into(), 80)),
            ..UpstreamServer::new("app.example:80", Vec::new())
        };
        let group = Upstream::implicit("app", Vec::new());
        let upstream = Arc::new(Upstream { servers: vec![server], resolver, is_implicit: false, ..group });
        let mut engine = engine();
        engine.worker.config = Arc::new(Config { upstreams: vec![Arc::clone(&upstream)], ..Config::default() });
        for resolve in ResolveServer::all(&engine.worker.config.clone()) {
            engine.start(Box::new(resolve));
        }
        Self { names, engine, upstream }
    }

    /// Waits for the next question, and answers it with this RCODE and these addresses 127.0.0.x.
    fn answer(&mut self, rcode: u8, ttl_secs: u32, last: &[u8]) {
        let (mut message, mut from) = (vec![0; 512], None);
        self.names.set_nonblocking(true).expect("O_NONBLOCK");
        while from.is_none() {
            self.engine.round().expect("the poller waits");
            from = self.names.recv_from(&mut message).ok();
        }
        let (count, from): (usize, SocketAddr) = from.expect("a question has come");
        message.truncate(count);
        message[2..4].copy_from_slice(&[0x81, 0x80 | rcode]);
        message[7] = last.len() as u8;
        for last in last {
            message.extend_from_slice(b"\xc0\x0c\0\x01\0\x01");
            message.extend_from_slice(&ttl_secs.to_be_bytes());
            message.extend_from_slice(&[0, 4, 127, 0, 0, *last]);
        }
        self.names.send_to(&message, from).expect("the question's port is open");
    }

    /// Runs the loop until the log has this line.
    fn run_until_logged(&mut self, text: &str) {
        while !self.engine.log().lines().iter().any(|line| line.contains(text)) {
            self.engine.round().expect("the poller waits");
        }
    }

    /// The addresses that requests would go to.
    fn peers(&mut self) -> Vec<String> {
        let (mut tried, upstreams) = (Tried::default(), &mut self.engine.worker.upstreams);
        let tries = upstreams.tries(&self.upstream);
        let mut choose = || upstreams.choose(&self.upstream, &Ask::default(), &mut tried, Moment::now()).ok();
        std::iter::from_fn(|| choose().map(|peer| peer.name().to_string())).take(tries).collect()
    }
}

#[test]
fn the_addresses_follow_the_answers() {
    let mut play = Play::new(None);
    assert!(play.peers().is_empty(), "the name is not known yet");
    play.answer(0, 0, &[2, 1]);
    play.run_until_logged("has now: 127.0.0.1:80, 127.0.0.2:80");
    assert_eq!(play.peers(), ["127.0.0.1:80", "127.0.0.2:80"]);
    play.answer(0, 1, &[3]); // a second later
    play.run_until_logged("has now: 127.0.0.3:80");
    assert_eq!(play.peers(), ["127.0.0.3:80"]);
    play.answer(2, 1, &[]);
    play.run_until_logged("\"app.example\" could not be resolved (2: Server failure)");
    assert_eq!(play.peers(), ["127.0.0.3:80"], "a failure changes nothing");
    play.answer(0, 60, &[4]);
    play.run_until_logged("has now: 127.0.0.4:80");
}

#[test]
fn without_an_address_the_server_is_not_asked() {
    let mut play = Play::new(Some(Duration::from_secs(1)));
    play.answer(0, 3600, &[1]);
    play.run_until_logged("has now: 127.0.0.1:80");
    play.answer(3, 0, &[]); // as `valid` says, and not as the answer has said
    play.run_until_logged("has now: no address");
    assert!(play.peers().is_empty());
    play.answer(0, 3600, &[1]);
    while play.peers().is_empty() {
        play.engine.round().expect("the poller waits");
    }
}

#[test]
fn a_silent_name_server_is_asked_again() {
    let mut play = Play::new(None);
    let mut message = [0; 512];
    play.run_until_logged("\"app.example\" could not be resolved (110: Operation timed out)");
    play.names.recv(&mut message).expect("the question that had no answer");
    play.answer(0, 60, &[1]);
    play.run_until_logged("has now: 127.0.0.1:80");
}

/// Begins a configuration without groups.
struct Reloader;

impl Task<Worker> for Reloader {
    fn kind(&self) -> &'static str {
        "Reloader"
    }

    fn doing(&self) -> &'static str {
        ""
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        Want::Turn
    }

    fn handle(&mut self, _: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        cx.worker.config = Arc::default();
        cx.worker.upstreams.retain(&Config::default());
        cx.notify_all(Notice::Reload);
        Ok(Flow::Done)
    }
}

#[test]
fn a_reload_ends_the_task() {
    for is_known in [true, false] {
        let mut play = Play::new(None);
        if is_known {
            play.answer(0, 60, &[1]);
            play.run_until_logged("has now: 127.0.0.1:80");
        }
        play.engine.start(Box::new(Reloader));
        while Arc::strong_count(&play.upstream) > 1 {
            play.engine.round().expect("the poller waits");
        }
    }
}
