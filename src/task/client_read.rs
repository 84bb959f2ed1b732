//! ClientRead: from the client's socket into the exchange's input.

use super::Context;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::limits::{BUFFER_BYTES, READ_BYTES};
use crate::exchange::{Exchange, Phase};
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use webserv_sys::{Watch, file};

/// Reads what the client sends, as long as the input has room.
pub struct ClientRead {
    socket: Rc<OwnedFd>,
}

impl ClientRead {
    /// Reads from this socket.
    pub fn new(socket: Rc<OwnedFd>) -> Self {
        Self { socket }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let Context { exchange: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
        if self.wants(Some(x)) != Want::Kernel {
            return Ok(Flow::Progress); // a hangup while there is no room: what has come is used first
        }
        let most = if x.phase == Phase::Lingering { READ_BYTES } else { x.input.room().min(READ_BYTES) };
        let buffer = &mut worker.read_buffer[..most];
        match file::read(self.socket.as_fd(), buffer) {
            Ok(0) if x.phase == Phase::Lingering => Ok(Flow::Done),
            Ok(0) => {
                x.input.end();
                Ok(Flow::Blocked)
            }
            Ok(count) => {
                match x.phase {
                    Phase::Lingering => x.dropped_bytes += count as u64,
                    // What comes after other bytes goes behind them; else most heads fit into a buffer.
                    _ if count > BUFFER_BYTES || !x.input.is_empty() => x.input.push_copy(&buffer[..count]),
                    _ => {
                        let mut head = worker.buffers.take(count);
                        head.extend_from_slice(&buffer[..count]);
                        x.input.push_bytes(head);
                    }
                }
                Ok(if count < most { Flow::Blocked } else { Flow::Progress })
            }
            Err(error) if error.would_block() => Ok(Flow::Blocked),
            Err(error) => Err(TaskError::client(error)),
        }
    }
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
        match exchange {
            Some(x) if x.phase == Phase::Lingering && x.output.is_empty() => Want::Kernel,
            Some(x) if x.phase == Phase::Open && !x.input.is_ended() && x.input.room() > 0 => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => self.read(cx),
            Event::Cancel => Ok(Flow::Done),
            Event::Deadline | Event::Reload | Event::Drain | Event::Crowded => Ok(Flow::Progress),
        }
    }
}
