//! ClientRead: from the client's socket into the exchange's input.

use super::Context;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::limits::{BUFFER_BYTES, LONG_READ_BYTES, READ_BYTES};
use crate::exchange::{Exchange, Phase};
use crate::worker::Worker;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use webserv_sys::{Watch, file};

/// Reads what the client sends, as long as the input has room.
pub struct ClientRead {
    socket: Rc<OwnedFd>,
    /// The last read has brought all that it had asked for.
    much: bool,
}

impl ClientRead {
    /// Reads from this socket.
    pub fn new(socket: Rc<OwnedFd>) -> Self {
        Self { socket, much: false }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let Context { exchange: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
        if self.wants(Some(x)) != Want::Kernel {
            return Ok(Flow::Progress); // a hangup while there is no room: what has come is used first
        }
        if self.much && x.phase == Phase::Open && x.input.is_empty() && x.body.room() >= LONG_READ_BYTES {
            return self.read_much(x);
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
                self.much = count == READ_BYTES;
                Ok(match count {
                    READ_BYTES => Flow::Yield,
                    _ if count < most => Flow::Blocked,
                    _ => Flow::Progress,
                })
            }
            Err(error) if error.would_block() => Ok(Flow::Blocked),
            Err(error) => Err(TaskError::client(error)),
        }
    }

    /// Reads into a buffer that goes into the input as it is.
    fn read_much(&mut self, x: &mut Exchange) -> Result<Flow, TaskError> {
        let mut bytes = Vec::with_capacity(LONG_READ_BYTES);
        match file::read_spare(self.socket.as_fd(), &mut bytes) {
            Ok(0) => x.input.end(),
            Ok(count) => {
                self.much = count >= READ_BYTES;
                match count >= LONG_READ_BYTES / 2 {
                    true => x.input.push_bytes(bytes),
                    false => x.input.push_copy(&bytes), // a buffer is not kept for a few bytes
                }
                if count == LONG_READ_BYTES {
                    return Ok(Flow::Yield);
                }
            }
            Err(error) if error.would_block() => {}
            Err(error) => return Err(TaskError::client(error)),
        }
        Ok(Flow::Blocked)
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
