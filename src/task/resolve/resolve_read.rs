//! ResolveRead: reads the answers of a name server to one round of questions.

use super::host_query::NextRound;
use super::{HostQuery, ResolveSend};
use crate::connection::Connection;
use crate::dns::BadAnswer;
use crate::engine::{Event, Flow, Notice, Seen, Task, TaskError, Want};
use crate::limits::{NAME_SERVER_TIMEOUT, WRONG_ANSWERS_MAX};
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use webserv_sys::{Error, Watch, net};

/// Reads from one socket.
pub(super) struct ResolveRead {
    socket: Rc<OwnedFd>,
    /// `None` when it has been passed on.
    query: Option<Box<HostQuery>>,
    /// What has come over TCP, from the start of a message; `None`: UDP.
    stream: Option<Vec<u8>>,
    /// How many messages have answered no question.
    wrong: usize,
    /// The deadline is not set yet.
    is_fresh: bool,
}

/// What a message has come to.
enum Taken {
    /// It is an answer, or others may still come.
    GoOn,
    /// The round is over.
    Over(NextRound),
}

impl ResolveRead {
    /// Reads the answers to the questions that were sent over this socket.
    pub fn new(query: Box<HostQuery>, socket: Rc<OwnedFd>, by_tcp: bool) -> Self {
        Self { socket, query: Some(query), stream: by_tcp.then(Vec::new), wrong: 0, is_fresh: true }
    }

    fn begin(&mut self, cx: &mut Context<'_>) -> Flow {
        self.is_fresh = false;
        cx.wake_after(NAME_SERVER_TIMEOUT);
        let is_wanted = self.query.as_ref().is_some_and(|query| query.begin_turn(cx));
        if is_wanted { Flow::Blocked } else { Flow::Done }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Flow {
        let count = match net::recv(self.socket.as_fd(), &mut cx.worker.read_buffer) {
            Ok(count) => count,
            Err(error) if error.would_block() => return Flow::Blocked,
            Err(error) => return self.refused(&error, cx),
        };
        let received = cx.worker.read_buffer[..count].to_vec();
        let taken = match &mut self.stream {
            None => self.take(&received, cx),
            Some(_) if count == 0 => return self.refused(&"it closed the connection without an answer", cx),
            Some(stream) => {
                stream.extend_from_slice(&received);
                self.take_stream(cx)
            }
        };
        match taken {
            Taken::GoOn => Flow::Progress,
            Taken::Over(next) => self.over(next, cx),
        }
    }

    /// Takes the messages that are complete, each behind its length (RFC 1035 section 4.2.2).
    fn take_stream(&mut self, cx: &mut Context<'_>) -> Taken {
        loop {
            let Some(stream) = &mut self.stream else { return Taken::GoOn };
            let Some(length) = stream.first_chunk().map(|length| u16::from_be_bytes(*length)) else {
                return Taken::GoOn;
            };
            let end = 2 + usize::from(length);
            if stream.len() < end {
                return Taken::GoOn;
            }
            let message: Vec<u8> = stream.drain(..end).skip(2).collect();
            let over @ Taken::Over(_) = self.take(&message, cx) else { continue };
            return over;
        }
    }

    fn take(&mut self, message: &[u8], cx: &mut Context<'_>) -> Taken {
        let Some(query) = self.query.as_deref_mut() else { return Taken::GoOn };
        let (level, why) = match query.lookup.take(message) {
            Ok(()) => return query.answered(cx).map_or(Taken::GoOn, Taken::Over),
            // As in nginx, the name server has its time: the right answer may still come.
            Err(BadAnswer::NotAsked(why)) => (Level::Info, why),
            Err(BadAnswer::Broken(why)) => (Level::Error, why),
        };
        cx.log(
            level,
            format_args!("a message of the name server {} is not used: {why}; asked for {query}", query.server()),
        );
        self.wrong += 1;
        if self.wrong < WRONG_ANSWERS_MAX { Taken::GoOn } else { Taken::Over(query.imitated(cx)) }
    }

    fn refused(&mut self, why: &dyn std::fmt::Display, cx: &mut Context<'_>) -> Flow {
        let Some(query) = self.query.as_deref_mut() else { return Flow::Done };
        let next = query.refused(why, cx);
        self.over(next, cx)
    }

    fn timed_out(&mut self, cx: &mut Context<'_>) -> Flow {
        let Some(query) = self.query.as_deref_mut() else { return Flow::Done };
        cx.log(Level::Info, format_args!("{}: the name server {}", Error::timed_out("recv"), query.server()));
        let next = query.timed_out(cx);
        self.over(next, cx)
    }

    fn over(&mut self, next: NextRound, cx: &mut Context<'_>) -> Flow {
        if let Some(query) = self.query.take() {
            ResolveSend::start_next(query, next, cx);
        }
        Flow::Done
    }
}

impl Task<Worker> for ResolveRead {
    fn kind(&self) -> &'static str {
        "ResolveRead"
    }

    fn doing(&self) -> &'static str {
        "reading the answer of a name server"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Read(self.socket.as_fd())
    }

    fn wants(&self, _: Seen<'_>) -> Want {
        match (self.is_fresh, &self.query) {
            (true, _) => Want::Turn,
            (false, Some(_)) => Want::Kernel,
            (false, None) => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        Ok(match event {
            Event::Ready | Event::Hangup if self.is_fresh => self.begin(cx),
            Event::Ready | Event::Hangup => self.read(cx),
            Event::Deadline => self.timed_out(cx),
            Event::Cancel => Flow::Done,
        })
    }

    fn notice(&mut self, notice: Notice, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let is_over = notice == Notice::Evict && self.query.as_ref().is_some_and(|query| !query.is_wanted(cx));
        Ok(if is_over { Flow::Done } else { Flow::Progress })
    }
}
