//! A name server that the test plays itself (RFC 1035): it receives questions, and sends what the test says.

use super::{Client, PATIENCE};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;
use webserv_sys::net::{Readiness, wait_ready};

/// The TYPE of an IPv4 address.
pub const A: u16 = 1;
/// The TYPE of an IPv6 address.
pub const AAAA: u16 = 28;
/// The TYPE of an alias.
pub const CNAME: u16 = 5;

/// The flag for "cut off".
pub const CUT_OFF: u16 = 0x0200;

/// A record: its TYPE, its TTL in seconds, and its data.
pub type Record = (u16, u32, Vec<u8>);

/// A name server on a port of 127.0.0.1.
pub struct NameServer {
    socket: UdpSocket,
    listener: TcpListener,
}

/// A question that it got.
#[derive(Clone, Debug)]
pub struct Question {
    /// The name, as it was sent.
    pub name: String,
    /// The TYPE.
    pub kind: u16,
    /// The message.
    pub message: Vec<u8>,
    /// Where it came from; over TCP, the address of the name server itself.
    pub from: SocketAddr,
}

impl NameServer {
    /// Takes a port, for UDP and TCP.
    pub fn new() -> Self {
        super::wait_for("a port for UDP and TCP", || {
            let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
            let listener = TcpListener::bind(socket.local_addr().ok()?).ok()?;
            Some(NameServer { socket, listener })
        })
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// The next question. The test fails if none comes.
    #[track_caller]
    pub fn asked(&self) -> Question {
        self.asked_within(PATIENCE).unwrap_or_else(|| panic!("no question came to {}", self.address()))
    }

    /// The next two questions: for IPv4 and IPv6 addresses of this name.
    #[track_caller]
    pub fn asked_both(&self, name: &str) -> [Question; 2] {
        let mut both = [self.asked(), self.asked()];
        both.sort_by_key(|question| question.kind);
        assert_eq!(both.each_ref().map(|it| (&it.name[..], it.kind)), [(name, A), (name, AAAA)]);
        both
    }

    /// The next question, unless the client is answered before one comes.
    #[track_caller]
    pub fn asked_unless_answered(&self, client: &mut Client) -> Option<Question> {
        super::wait_for("a question or an answer", || match self.asked_within(Duration::from_millis(1)) {
            Some(question) => Some(Some(question)),
            None => client.has_some().then_some(None),
        })
    }

    /// Asserts that no question waits. What the server does must be over, for example by an answer to the client.
    #[track_caller]
    pub fn assert_not_asked(&self, when: &str) {
        let question = self.asked_within(Duration::ZERO);
        assert!(question.is_none(), "{when}: {question:?}");
    }

    /// A question that has come; waits a millisecond for it.
    pub fn asked_within_1_ms(&self) -> Option<Question> {
        self.asked_within(Duration::from_millis(1))
    }

    fn asked_within(&self, limit: Duration) -> Option<Question> {
        let mut message = vec![0; 1024];
        if !wait_ready(self.socket.as_fd(), Readiness::Readable, limit).expect("poll") {
            return None;
        }
        let (count, from) = self.socket.recv_from(&mut message).expect("recv");
        message.truncate(count);
        Some(Question::parse(message, from))
    }

    /// Sends a message to where the question came from.
    #[track_caller]
    pub fn send(&self, to: &Question, message: &[u8]) {
        self.socket.send_to(message, to.from).expect("send");
    }

    /// Answers a question with these records.
    #[track_caller]
    pub fn answer(&self, to: &Question, records: &[Record]) {
        self.send(to, &to.answer(0, records));
    }

    /// Answers the questions for a name: with these IPv4 addresses, and no other ones.
    #[track_caller]
    pub fn answer_both(&self, name: &str, records: &[Record]) {
        let [ipv4, ipv6] = self.asked_both(name);
        self.answer(&ipv4, records);
        self.answer(&ipv6, &[]);
    }

    /// Takes the next connection over TCP, and this number of questions from it.
    #[track_caller]
    pub fn asked_by_tcp(&self, count: usize) -> (Client, Vec<Question>) {
        assert!(wait_ready(self.listener.as_fd(), Readiness::Readable, PATIENCE).expect("poll"), "no connection");
        let mut wire = Client::of_tcp(self.listener.accept().expect("accept").0);
        let question = |_| {
            let length = wire.exactly(2);
            let message = wire.exactly(usize::from(u16::from_be_bytes([length[0], length[1]])));
            Question::parse(message, self.address())
        };
        let questions = (0..count).map(question).collect();
        (wire, questions)
    }
}

impl Question {
    #[track_caller]
    fn parse(message: Vec<u8>, from: SocketAddr) -> Self {
        let u16_at = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
        assert_eq!([2, 4, 6, 8, 10].map(u16_at), [0x0100, 1, 0, 0, 0], "one question, recursion desired: {message:?}");
        let (mut at, mut labels) = (12, Vec::new());
        while message[at] != 0 {
            let end = at + 1 + usize::from(message[at]);
            labels.push(String::from_utf8_lossy(&message[at + 1..end]).into_owned());
            at = end;
        }
        assert_eq!((u16_at(at + 3), message.len()), (1, at + 5), "the class IN, and nothing more: {message:?}");
        Question { name: labels.join("."), kind: u16_at(at + 1), message, from }
    }

    /// An answer: the question with these flags or RCODE, and records of the name that was asked for.
    pub fn answer(&self, flags: u16, records: &[Record]) -> Vec<u8> {
        let mut out = self.message.clone();
        out[2..4].copy_from_slice(&(0x8180 | flags).to_be_bytes());
        out[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
        for (kind, ttl, data) in records {
            let length = (data.len() as u16).to_be_bytes();
            out.extend([b"\xc0\x0c", &kind.to_be_bytes()[..], &[0, 1], &ttl.to_be_bytes(), &length, data].concat());
        }
        out
    }

    /// The same answer, as it is sent over TCP.
    pub fn framed(&self, records: &[Record]) -> Vec<u8> {
        let answer = self.answer(0, records);
        [&(answer.len() as u16).to_be_bytes()[..], &answer].concat()
    }
}

/// A record with the IPv4 address 127.0.0.`last`.
pub fn a(ttl: u32, last: u8) -> Record {
    (A, ttl, vec![127, 0, 0, last])
}

/// A record with an IPv6 address.
pub fn aaaa(ttl: u32, address: &str) -> Record {
    let address: std::net::Ipv6Addr = address.parse().expect("an address");
    (AAAA, ttl, address.octets().to_vec())
}

/// A record that says what the name is an alias of.
pub fn cname(ttl: u32, target: &str) -> Record {
    let label = |label: &str| [&[label.len() as u8], label.as_bytes()].concat();
    let data = target.split('.').flat_map(label).chain([0]).collect();
    (CNAME, ttl, data)
}
