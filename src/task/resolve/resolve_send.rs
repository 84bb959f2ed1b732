//! ResolveSend: opens a socket to a name server, and sends the questions that are open.

use super::host_query::NextRound;
use super::{HostQuery, ResolveRead};
use crate::connection::Connection;
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::limits::NAME_SERVER_TIMEOUT;
use crate::task::Context;
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;
use webserv_sys::net::{self, Address};
use webserv_sys::{Error, Result, Watch};

/// Sends one round of questions over UDP or TCP.
pub(super) struct ResolveSend {
    /// `None` when it has been passed on.
    query: Option<Box<HostQuery>>,
    by_tcp: bool,
    stage: Stage,
    /// The TCP connection. It stays until the task is gone, since the kernel may watch it.
    socket: Option<Rc<OwnedFd>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is done yet.
    Fresh {
        pause: Duration,
    },
    /// Waits before it begins.
    Pausing,
    /// Waits for the TCP connection.
    Connecting,
    Over,
}

impl ResolveSend {
    /// Asks the name server of this query, over UDP.
    pub fn new(query: HostQuery) -> Self {
        Self::later(Box::new(query), false, Duration::ZERO)
    }

    fn later(query: Box<HostQuery>, by_tcp: bool, pause: Duration) -> Self {
        Self { query: Some(query), by_tcp, stage: Stage::Fresh { pause }, socket: None }
    }

    /// Starts the next round of questions, if there is one.
    pub fn start_next(query: Box<HostQuery>, next: NextRound, cx: &mut Context<'_>) {
        if let NextRound::Ask { by_tcp, pause } = next {
            cx.start(Box::new(Self::later(query, by_tcp, pause)));
        }
    }

    fn begin(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(query) = self.query.as_deref_mut() else { return Flow::Done };
        if !query.begin_turn(cx) {
            return Flow::Done;
        }
        let mut begun = open(query, self.by_tcp);
        if let Err(error) = begun
            && cx.worker.files.relieve(error)
        {
            begun = open(query, self.by_tcp);
        }
        match begun {
            Ok((socket, true)) => {
                self.socket = Some(Rc::new(socket));
                self.send(cx)
            }
            Ok((socket, false)) => {
                self.socket = Some(Rc::new(socket));
                self.stage = Stage::Connecting;
                cx.wake_after(NAME_SERVER_TIMEOUT);
                Flow::Blocked
            }
            Err(error) => self.refused(error, cx),
        }
    }

    /// The kernel has finished to connect.
    fn connected(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(socket) = &self.socket else { return Flow::Done };
        match net::take_error(socket.as_fd()) {
            Ok(()) => self.send(cx),
            Err(error) => self.refused(error, cx),
        }
    }

    /// Sends the questions, and has their answers read.
    fn send(&mut self, cx: &mut Context<'_>) -> Flow {
        let (Some(query), Some(socket)) = (self.query.as_deref_mut(), &self.socket) else { return Flow::Done };
        let sent = match self.by_tcp {
            true => send_stream(query, socket, cx),
            false => send_datagrams(query, socket, cx),
        };
        if let Err(error) = sent {
            return self.refused(error, cx);
        }
        if let Some(query) = self.query.take() {
            cx.start(Box::new(ResolveRead::new(query, Rc::clone(socket), self.by_tcp)));
        }
        self.end()
    }

    fn refused(&mut self, error: Error, cx: &mut Context<'_>) -> Flow {
        if let Some(mut query) = self.query.take() {
            let next = query.refused(&error, cx);
            Self::start_next(query, next, cx);
        }
        self.end()
    }

    fn timed_out(&mut self, cx: &mut Context<'_>) -> Flow {
        if let Some(mut query) = self.query.take() {
            let next = query.timed_out(cx);
            Self::start_next(query, next, cx);
        }
        self.end()
    }

    fn end(&mut self) -> Flow {
        self.stage = Stage::Over;
        Flow::Done
    }
}

/// Opens the socket. Also returns whether it is connected already.
fn open(query: &HostQuery, by_tcp: bool) -> Result<(OwnedFd, bool)> {
    let server = Address::Inet(query.server());
    match by_tcp {
        true => net::connect_from(&server, None),
        false => net::datagram_to(&server).map(|socket| (socket, true)),
    }
}

/// The questions as messages.
fn messages(query: &mut HostQuery, cx: &mut Context<'_>) -> Result<Vec<Vec<u8>>> {
    let random: [u8; 4] = cx.worker.random.draw()?;
    let ids = [[random[0], random[1]], [random[2], random[3]]].map(u16::from_ne_bytes);
    let print = |question: &crate::dns::DnsQuestion| {
        let mut message = Vec::with_capacity(64);
        question.print(&mut message);
        message
    };
    Ok(query.lookup.ask(ids).iter().map(print).collect())
}

fn send_datagrams(query: &mut HostQuery, socket: &OwnedFd, cx: &mut Context<'_>) -> Result<()> {
    for message in messages(query, cx)? {
        net::send(socket.as_fd(), &message, false)?;
    }
    Ok(())
}

/// Over TCP, each message follows its length (RFC 1035 section 4.2.2). A new connection has room for all of them.
fn send_stream(query: &mut HostQuery, socket: &OwnedFd, cx: &mut Context<'_>) -> Result<()> {
    let mut all = Vec::with_capacity(256);
    for message in messages(query, cx)? {
        all.extend_from_slice(&(message.len() as u16).to_be_bytes());
        all.extend_from_slice(&message);
    }
    match net::send(socket.as_fd(), &all, false)? {
        sent if sent == all.len() => Ok(()),
        _ => Err(Error::timed_out("send")),
    }
}

impl Task<Worker> for ResolveSend {
    fn kind(&self) -> &'static str {
        "ResolveSend"
    }

    fn doing(&self) -> &'static str {
        "asking a name server"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        self.socket.as_ref().map_or(Watch::Always, |socket| Watch::Write(socket.as_fd()))
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        match self.stage {
            Stage::Fresh { .. } => Want::Turn,
            Stage::Connecting => Want::Kernel,
            Stage::Pausing | Stage::Over => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> std::result::Result<Flow, TaskError> {
        Ok(match (event, self.stage) {
            (Event::Ready | Event::Hangup, Stage::Fresh { pause }) if !pause.is_zero() => {
                self.stage = Stage::Pausing;
                cx.wake_after(pause);
                if self.query.as_ref().is_some_and(|query| query.begin_turn(cx)) { Flow::Progress } else { Flow::Done }
            }
            (Event::Ready | Event::Hangup, Stage::Fresh { .. }) | (Event::Deadline, Stage::Pausing) => self.begin(cx),
            (Event::Ready | Event::Hangup, Stage::Connecting) => self.connected(cx),
            (Event::Deadline, Stage::Connecting) => self.timed_out(cx),
            (Event::Cancel, _) => Flow::Done,
            _ => Flow::Progress,
        })
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> std::result::Result<Flow, TaskError> {
        let is_over = notice == Notice::Evict && self.query.as_ref().is_some_and(|query| !query.is_wanted(cx));
        Ok(if is_over { Flow::Done } else { Flow::Progress })
    }
}
