//! A network in memory for the random schedules: channels that fill and drain at random, children that exit at random,
//! and a poller that is as difficult as a kernel can be.

use super::kernel::{self, Fd, Key};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;
use webserv_sys::poller::Pid;
use webserv_sys::{Error, Poller, Ready, Result, Token, Watch};

thread_local! {
    static NET: RefCell<Net> = RefCell::new(Net::new(0));
}

/// Reproducible random numbers: xorshift64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // Spreads seeds that are close to each other. The state must not be 0, where it would stay.
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 16) % end as u64) as usize
    }

    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// A client's connection, or the input of a handler.
#[derive(Default)]
pub struct Channel {
    /// The client that it belongs to, by the number of its channel.
    pub client: usize,
    /// The bytes that the other side will send.
    pub script: VecDeque<u8>,
    /// Bytes that were sent and not read.
    pub incoming: VecDeque<u8>,
    /// The other side closes after its script.
    pub ended: bool,
    pub reset: bool,
    /// The number of bytes that can be written before a write blocks.
    pub room: usize,
    /// The bytes that were written.
    pub taken: Vec<u8>,
    /// Our end is closed.
    pub closed: bool,
    /// Something failed on purpose: the answers may be incomplete.
    pub excused: bool,
}

impl Channel {
    fn is_over(&self) -> bool {
        self.ended && self.script.is_empty() && self.incoming.is_empty()
    }
}

/// The result of a read.
pub enum Got {
    Bytes(Vec<u8>),
    End,
    Again,
    Reset,
}

pub struct Net {
    pub random: Random,
    pub channels: Vec<Channel>,
    /// Clients that wait to be accepted, by the numbers of their channels.
    pub backlog: VecDeque<usize>,
    /// For each child, whether it has exited.
    pub children: Vec<bool>,
    /// Tasks that stand alone and may be adopted.
    pub spares: Vec<Token>,
    /// The number of panics on purpose.
    pub panics: usize,
    /// From now on exactly the ready descriptors are reported.
    pub fair: bool,
    channel_of: BTreeMap<u32, usize>,
    /// All tokens that were ever armed.
    known: Vec<Token>,
}

impl Net {
    fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            channels: Vec::new(),
            backlog: VecDeque::new(),
            children: Vec::new(),
            spares: Vec::new(),
            panics: 0,
            fair: false,
            channel_of: BTreeMap::new(),
            known: Vec::new(),
        }
    }

    /// The other side sends up to `count` bytes of its script.
    pub fn feed(&mut self, channel: usize, count: usize) {
        let channel = &mut self.channels[channel];
        let count = count.min(channel.script.len());
        channel.incoming.extend(channel.script.drain(..count));
    }

    /// Whether a watch has an event, and whether it is a hangup.
    fn fires(&self, key: Key) -> Option<bool> {
        let (fd, read) = match key {
            Key::Exit(pid) => return self.children[pid as usize].then_some(false),
            Key::Read(fd) => (fd, true),
            Key::Write(fd) => (fd, false),
            Key::Change(_) | Key::Signal(_) => return None,
        };
        let Some(&channel) = self.channel_of.get(&kernel::owner(fd).1) else {
            return (!self.backlog.is_empty()).then_some(false);
        };
        let channel = &self.channels[channel];
        let ready = if read { !channel.incoming.is_empty() || channel.is_over() } else { channel.room > 0 };
        (ready || channel.reset).then_some(channel.reset)
    }

    /// Whether arming fails. If it does, the client is excused.
    fn refuses(&mut self, key: Key) -> bool {
        let (Key::Read(fd) | Key::Write(fd)) = key else { return false };
        let Some(&channel) = self.channel_of.get(&kernel::owner(fd).1) else { return false };
        let refused = !self.fair && self.random.once_in(150);
        let client = self.channels[channel].client;
        self.channels[client].excused |= refused;
        refused
    }

    fn report(&mut self, out: &mut Vec<Ready>) {
        let mut armed: Vec<(Token, Key)> = kernel::armed().into_iter().map(|(key, token)| (token, key)).collect();
        armed.sort_unstable(); // the numbers of descriptors are not reproducible, tokens are
        for (token, key) in &armed {
            match self.fires(*key) {
                Some(hangup) if self.fair || !self.random.once_in(4) => out.push(Ready { token: *token, hangup }),
                None if !self.fair && self.random.once_in(16) => out.push(Ready { token: *token, hangup: false }),
                _ => {}
            }
        }
        if !self.fair && !self.known.is_empty() {
            let token = self.known[self.random.below(self.known.len())];
            if armed.iter().all(|(other, _)| *other != token) {
                let hangup = self.random.once_in(2);
                out.push(Ready { token, hangup });
            }
            for at in (1..out.len()).rev() {
                out.swap(at, self.random.below(at + 1));
            }
        }
    }
}

/// A new network that depends only on this seed.
pub fn reset(seed: u64) {
    kernel::reset();
    NET.set(Net::new(seed));
}

pub fn with<T>(f: impl FnOnce(&mut Net) -> T) -> T {
    NET.with_borrow_mut(f)
}

/// Our end of a channel.
pub struct End {
    fd: Fd,
    channel: usize,
}

/// The listening socket.
pub struct ListenSocket(Fd);

impl ListenSocket {
    pub fn new() -> Self {
        Self(Fd::new("listener", false))
    }
}

impl AsFd for ListenSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl End {
    pub fn of(channel: usize) -> Self {
        let fd = Fd::new("channel", false);
        with(|net| net.channel_of.insert(fd.id, channel));
        Self { fd, channel }
    }

    /// A channel that sends these bytes, for a handler of this client.
    pub fn source(client: usize, bytes: Vec<u8>) -> Self {
        let script = bytes.into();
        Self::of(with(|net| {
            net.channels.push(Channel { client, script, ended: true, ..Channel::default() });
            net.channels.len() - 1
        }))
    }

    pub fn read(&self, most: usize) -> Got {
        assert!(most > 0, "a read without room");
        with(|net| {
            let channel = &mut net.channels[self.channel];
            let count = most.min(channel.incoming.len());
            match count {
                _ if channel.reset => Got::Reset,
                0 if channel.is_over() => Got::End,
                0 => Got::Again,
                _ => Got::Bytes(channel.incoming.drain(..count).collect()),
            }
        })
    }

    /// Writes. Returns the number of bytes written, or `None` if the other side has reset the connection.
    pub fn write(&self, bytes: &[u8]) -> Option<usize> {
        with(|net| {
            let channel = &mut net.channels[self.channel];
            let count = bytes.len().min(channel.room);
            channel.room -= count;
            channel.taken.extend(&bytes[..count]);
            (!channel.reset).then_some(count)
        })
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        with(|net| net.channels[self.channel].closed = true);
    }
}

/// Starts a child.
pub fn spawn() -> Pid {
    with(|net| {
        net.children.push(false);
        net.children.len() as Pid - 1
    })
}

/// A poller for the channels and children of this network.
pub struct RandomPoller;

impl Poller for RandomPoller {
    fn name(&self) -> &'static str {
        "random"
    }

    fn arm(&mut self, watch: Watch<'_>, token: Token) -> Result<()> {
        let key = Key::of(watch);
        if with(|net| net.refuses(key)) {
            return Err(Error::shrunk("arm"));
        }
        kernel::arm(key, token);
        with(|net| net.known.push(token));
        Ok(())
    }

    fn disarm(&mut self, watch: Watch<'_>) -> Result<()> {
        kernel::disarm(Key::of(watch));
        Ok(())
    }

    fn wait(&mut self, timeout: Option<Duration>, out: &mut Vec<Ready>) -> Result<()> {
        out.clear();
        with(|net| net.report(out));
        if let (true, Some(timeout)) = (out.is_empty(), timeout) {
            kernel::pass(timeout);
        }
        Ok(())
    }
}

impl Drop for RandomPoller {
    fn drop(&mut self) {
        kernel::disarm_all();
    }
}
