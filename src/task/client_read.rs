//! ClientRead: from the client's socket into the exchange's input.

use super::Context;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::limits::{BUFFER_BYTES, LONG_READ_BYTES, LONG_READ_TOLD_BYTES, LONG_READ_WITHIN, READ_BYTES};
use crate::exchange::{Exchange, Phase};
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use webserv_sys::{Watch, file, net};

/// Reads what the client sends, as long as the input has room.
pub struct ClientRead {
    socket: Rc<OwnedFd>,
    /// The last read has brought as much as one asks for at first: more is on its way.
    much: bool,
    /// The kernel tells of what has come when it is much.
    patient: bool,
}

impl ClientRead {
    /// Reads from this socket.
    pub fn new(socket: Rc<OwnedFd>) -> Self {
        Self { socket, much: false, patient: false }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let Context { exchange: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
        if self.much && stores(x) && x.input.is_empty() {
            return self.read_much(cx);
        }
        let most = if x.phase == Phase::Lingering { READ_BYTES } else { x.input.room().min(READ_BYTES) };
        debug_assert!(most > 0, "to read nothing would look like the end");
        let buffer = &mut worker.read_buffer[..most];
        let count = match file::read(self.socket.as_fd(), buffer) {
            Ok(0) if x.phase == Phase::Lingering => return Ok(Flow::Done),
            Ok(0) => {
                x.input.end();
                return Ok(Flow::Blocked);
            }
            Ok(count) => count,
            Err(error) if error.would_block() => return Ok(Flow::Blocked),
            Err(error) => return Err(TaskError::client(error)),
        };
        match x.phase {
            Phase::Lingering => x.dropped_bytes += count as u64,
            // What comes after other bytes goes behind them; else most heads fit into a buffer.
            _ if count > BUFFER_BYTES || !x.input.is_empty() => x.input.push_copy(&buffer[..count]),
            _ => {
                let mut head = worker.buffers.take(count);
                head.extend_from_slice(&buffer[..count]);
                x.input.push_buffer(head, &mut worker.buffers);
            }
        }
        self.much = count == READ_BYTES;
        if self.much || self.patient {
            self.wait_for_much(cx);
        }
        Ok(match count {
            _ if self.patient => Flow::Blocked, // the kernel says when there is as much again
            READ_BYTES => Flow::Yield,
            _ if count < most => Flow::Blocked,
            _ => Flow::Progress,
        })
    }

    /// Reads a part of a long body into a buffer that goes into the input as it is.
    fn read_much(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let x = cx.exchange();
        let mut bytes = Vec::with_capacity(LONG_READ_BYTES);
        let count = match file::read_spare(self.socket.as_fd(), &mut bytes) {
            Ok(0) => {
                x.input.end();
                return Ok(Flow::Blocked);
            }
            Ok(count) => count,
            Err(error) if error.would_block() => return Ok(Flow::Blocked),
            Err(error) => return Err(TaskError::client(error)),
        };
        self.much = count >= READ_BYTES;
        match count >= LONG_READ_BYTES / 2 {
            true => x.input.push_bytes(bytes),
            false => x.input.push_copy(&bytes), // a buffer is not kept for a few bytes
        }
        self.wait_for_much(cx);
        Ok(if count == LONG_READ_BYTES && !self.patient { Flow::Yield } else { Flow::Blocked })
    }

    /// While much of a body comes fast, the kernel is to tell of many bytes and not of each segment. It tells of the
    /// end at once; fewer bytes are read when [`LONG_READ_WITHIN`] has passed.
    fn wait_for_much(&mut self, cx: &mut Context<'_>) {
        let x = cx.exchange();
        let left = x.body_bytes_left.saturating_sub(x.input.len());
        let patient = self.much && stores(x) && left >= LONG_READ_BYTES as u64;
        if patient != self.patient {
            let bytes = if patient { LONG_READ_TOLD_BYTES } else { 1 };
            self.patient = net::set_receive_low_water(self.socket.as_fd(), bytes).is_ok() && patient;
        }
        match self.patient {
            true => cx.wake_after(LONG_READ_WITHIN),
            false => cx.no_deadline(),
        }
    }
}

/// Whether what comes is read now.
fn is_wanted(x: &Exchange) -> bool {
    match x.phase == Phase::Open {
        true => !x.input.is_ended() && !x.input.is_full(),
        false => x.phase == Phase::Lingering && x.output.is_empty(),
    }
}

/// Whether a body is on its way into a file.
fn stores(x: &Exchange) -> bool {
    x.phase == Phase::Open && x.body.room() >= LONG_READ_BYTES
}

impl Task<Worker> for ClientRead {
    fn kind(&self) -> &'static str {
        "ClientRead"
    }

    fn doing(&self) -> &'static str {
        "reading from the client"
    }

    fn watch(&self) -> Watch<'_> {
        Watch::Read(self.socket.as_fd())
    }

    fn wants(&self, exchange: Option<&Exchange>) -> Want {
        if exchange.is_some_and(is_wanted) { Want::Kernel } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => {}
            Event::Deadline => {
                self.much = false;
                self.wait_for_much(cx);
            }
            Event::Cancel => return Ok(Flow::Done),
            Event::Reload | Event::Drain | Event::Crowded => return Ok(Flow::Progress),
        }
        if event != Event::Ready && !cx.exchange.as_deref().is_some_and(is_wanted) {
            return Ok(Flow::Progress); // there is no room: what has come is used first
        }
        self.read(cx)
    }
}
