//! Random schedules: a small server, different clients, and a random kernel. After each round the engine's state must
//! be consistent; at the end every client must have all its answers, and nothing may be left.
//!
//! `WEBSERV_SEED=7 cargo test schedules` runs one schedule again and prints every event.

use super::kernel;
use super::net::{self, Channel, ListenSocket, Random, RandomPoller};
use super::pump::{Ask, Listen, PIPE_BYTES_MAX, REQUEST_BYTES, Tick};
use crate::connection::Pipe;
use crate::engine::slot::{Queued, Watched, seen};
use crate::engine::{Engine, Seen, Want};
use crate::log::{ErrorLog, Level};
use std::time::Duration;
use webserv_sys::Token;

/// The number of schedules of each test.
const SEEDS: u64 = 1500;

/// The number of rounds after which all work must be done, once the kernel is fair.
const ROUNDS_MAX: usize = 400;

/// A schedule: the server, and the answers that its clients must get.
struct Schedule {
    seed: u64,
    engine: Engine<Level>,
    expected: Vec<Vec<u8>>,
    /// Clients that have not connected yet.
    absent: Vec<usize>,
    chance: Random,
}

/// The bytes that a client will send.
fn requests(chance: &mut Random) -> Vec<u8> {
    let mut script = Vec::new();
    for _ in 0..1 + chance.below(4) {
        let ask = if chance.once_in(8) { 7 + chance.below(5) } else { chance.below(7) };
        script.extend([ask as u8, chance.below(30) as u8, chance.below(256) as u8]);
    }
    if chance.once_in(8) {
        script.pop(); // an incomplete request has no answer
    }
    script
}

/// The answers to these requests, if nothing fails.
fn answers(script: &[u8]) -> Vec<u8> {
    let mut expected = Vec::new();
    for request in script.chunks_exact(REQUEST_BYTES) {
        let ask = Ask::ALL[usize::from(request[0])];
        expected.extend(ask.answer(request[1], request[2]));
        if ask == Ask::Last {
            break;
        }
    }
    expected
}

impl Schedule {
    fn new(seed: u64, try_first: bool, level: Level) -> Self {
        net::reset(seed);
        let mut chance = Random::new(!seed);
        let (mut expected, clients) = (Vec::new(), 1 + chance.below(5));
        for at in 0..clients {
            let script = requests(&mut chance);
            expected.push(answers(&script));
            net::with(|net| net.channels.push(Channel { client: at, script: script.into(), ..Channel::default() }));
        }
        let mut engine = Engine::new(Box::new(RandomPoller), try_first, ErrorLog::in_memory(level), level);
        engine.clock = kernel::now;
        engine.look_at_clock();
        engine.start(Box::new(Listen(ListenSocket::new())));
        engine.start(Box::new(Tick { set: false }));
        Self { seed, engine, expected, absent: (0..clients).collect(), chance }
    }

    fn run(&mut self) {
        for _ in 0..20 + self.chance.below(60) {
            for _ in 0..self.chance.below(5) {
                self.something_happens();
            }
            self.round();
        }
        self.be_fair();
        self.rounds_until("a client has not got its answers", |s| (0..s.expected.len()).all(|at| s.is_served(at)));
        for at in 0..self.expected.len() {
            net::with(|net| net.channels[at].ended = true);
        }
        // A client without requests may not have been accepted yet.
        let over = |s: &Self| s.engine.slots.len() == 2 && (0..s.expected.len()).all(is_closed);
        self.rounds_until("something is left of connections that are over", over);
        self.check_end();
    }

    fn something_happens(&mut self) {
        let (chance, clients) = (&mut self.chance, self.expected.len());
        let (client, count) = (chance.below(clients), 1 + chance.below(9));
        match chance.below(16) {
            0 | 1 => {
                if let Some(client) = self.absent.pop() {
                    net::with(|net| net.backlog.push_back(client));
                }
            }
            2..=7 => net::with(|net| {
                let channel = chance.below(net.channels.len());
                net.feed(channel, count);
            }),
            8..=11 => net::with(|net| net.channels[client].room += count),
            12 => kernel::pass(Duration::from_millis(count as u64)),
            13 => net::with(|net| net.children.iter_mut().take(count).for_each(|ended| *ended = true)),
            // Half-closed after the last byte, as some clients do.
            14 => net::with(|net| net.channels[client].ended |= net.channels[client].script.is_empty()),
            _ if chance.once_in(20) => net::with(|net| {
                (net.channels[client].reset, net.channels[client].excused) = (true, true);
            }),
            _ => {}
        }
    }

    /// From now on all bytes are sent, and clients read all answers.
    fn be_fair(&mut self) {
        let absent = std::mem::take(&mut self.absent);
        net::with(|net| {
            net.fair = true;
            net.backlog.extend(absent);
        });
    }

    fn round(&mut self) {
        self.engine.round().expect("this poller never fails");
        check(&self.engine);
    }

    fn rounds_until(&mut self, or_else: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..ROUNDS_MAX {
            net::with(|net| {
                for at in 0..net.channels.len() {
                    net.feed(at, usize::MAX);
                    net.channels[at].room = 1 << 20;
                }
            });
            if done(self) {
                return;
            }
            self.round();
        }
        panic!("{or_else}, after {ROUNDS_MAX} rounds");
    }

    /// Whether this client has all its answers. Asserts that it has no other bytes.
    fn is_served(&self, client: usize) -> bool {
        net::with(|net| {
            let channel = &net.channels[client];
            let (expected, taken) = (&self.expected[client], &channel.taken);
            assert!(expected.starts_with(taken), "client {client} got {taken:?} where {expected:?} is expected");
            taken == expected || (channel.closed && channel.excused)
        })
    }

    fn check_end(&mut self) {
        let (open, armed) = (kernel::open_count(), kernel::armed().len());
        assert_eq!((open, armed, self.engine.connections_open()), (1, 1, 0), "descriptors, watches, connections");
        assert!((0..self.expected.len()).all(|at| self.is_served(at)));
        assert!(self.engine.timers.len() <= 2 * 2 + super::super::SPARE_DEADLINES);
        let alerts = self.engine.turn.log.lines().iter().filter(|line| line.contains("[alert]")).count();
        assert_eq!(alerts, net::with(|net| net.panics), "panics on purpose, and no others");
    }
}

fn is_closed(client: usize) -> bool {
    net::with(|net| net.channels[client].closed)
}

/// Asserts that the engine's state is consistent. Called after each round.
fn check(engine: &Engine<Level>) {
    let slots = engine.slots.tokens();
    let mut watched: Vec<Token> = kernel::armed().into_values().collect();
    watched.sort_unstable();
    let mut armed = Vec::new();
    for &token in &slots {
        let slot = engine.slots.get(token).expect("tokens() are valid");
        let in_queue =
            engine.run_queue.queue.iter().chain(&engine.run_queue.later).filter(|other| **other == token).count();
        assert_eq!(in_queue, usize::from(slot.queued != Queued::No), "{token:?} in the queue");
        let in_list = engine.run_queue.unarmed.iter().filter(|other| **other == token).count();
        assert_eq!(in_list, usize::from(slot.watched == Watched::Soon), "{token:?} in the list of tasks to be armed");
        if slot.watched == Watched::Yes {
            armed.push(token);
        }
        let connection =
            slot.connection(&engine.connections).map(|x| engine.connections.get(x).expect("its connection is there"));
        let members = connection.map(|x| (0..x.members()).filter(|at| x.member(*at) == Some(token.index)).count());
        assert_eq!(members.unwrap_or(1), 1, "{token:?} among the members of its connection");
        if slot.connection(&engine.connections).is_none() && slot.task.wants(Seen::default()) == Want::Kernel {
            let is_paused = engine.paused.iter().any(|(_, other)| *other == token);
            assert!(
                slot.queued != Queued::No || slot.watched != Watched::No || is_paused,
                "{token:?} stands alone and waits for nothing"
            );
        }
    }
    armed.sort_unstable();
    assert_eq!(watched, armed, "what the kernel watches is what the slots say");
    for x in engine.connections.tokens() {
        check_connection(engine, x);
    }
}

fn check_connection(engine: &Engine<Level>, token: Token) {
    let x = engine.connections.get(token).expect("tokens() are valid");
    assert!(!x.is_over(), "a connection that is over is closed");
    let waits = (0..x.members()).any(|at| {
        let member = x.member(at).expect("a member");
        let slot = engine.slots.at(member).expect("members are there");
        assert_eq!(slot.connection(&engine.connections), Some(token));
        let wants = slot.task.wants(seen(x, member));
        let waits = wants == Want::Kernel && slot.watched != Watched::No;
        (slot.queued == Queued::Yes && wants != Want::Nothing
            || matches!(slot.queued, Queued::Hangup | Queued::Adopted))
            || waits
            || slot.deadline.is_set()
    });
    assert!(waits, "no task of {token:?} waits for anything");
    // One segment may exceed the bound: here a head of two bytes, or the last answer.
    let reply = &x.transactions.current().expect("it has begun").reply;
    let bounds: [(&Pipe, usize); 3] = [(&x.input, 0), (&x.output, 2 + 30), (&reply.body, 0)];
    for (pipe, past) in bounds {
        assert!(pipe.len() <= (PIPE_BYTES_MAX + past) as u64, "{} bytes in a pipe of {PIPE_BYTES_MAX}", pipe.len());
    }
}

impl Drop for Schedule {
    /// Prints how to run a failed schedule again.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.engine.turn.log.lines().join("\n"));
            eprintln!("this was seed {0}; to see each step: WEBSERV_SEED={0} cargo test schedules", self.seed);
        }
    }
}

fn run_all(try_first: bool) {
    let chosen = std::env::var("WEBSERV_SEED").ok().map(|seed| seed.parse().expect("WEBSERV_SEED is a number"));
    let (from, to, level) = match chosen {
        Some(seed) => (seed, seed + 1, Level::Debug),
        None => (0, SEEDS, Level::Alert),
    };
    for seed in from..to {
        Schedule::new(seed, try_first, level).run();
    }
}

#[test]
fn schedules_with_try_first() {
    run_all(true);
}

#[test]
fn schedules_without_try_first() {
    run_all(false);
}
