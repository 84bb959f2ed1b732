//! ClientRead: from the client's socket into the exchange's input.

use super::Context;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::limits::{BUFFER_BYTES, LONG_READ_BYTES, READ_BYTES};
use crate::exchange::{Exchange, Marks, Phase};
use crate::worker::Worker;
use std::os::fd::AsFd;
use webserv_sys::{Watch, file};

/// Reads what the client sends, as long as the input has room.
///
/// All that it has stands in the exchange, so that it takes no memory of its own.
pub struct ClientRead;

impl ClientRead {
    fn read(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let Context { exchange: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
        if self.wants(Some(x)) != Want::Kernel {
            return Ok(Flow::Progress); // a hangup while there is no room: what has come is used first
        }
        if x.marks.contains(Marks::MUCH_COMES)
            && x.phase == Phase::Open
            && x.input.is_empty()
            && x.body.room() >= LONG_READ_BYTES
        {
            return read_much(x);
        }
        let most = if x.phase == Phase::Lingering { READ_BYTES } else { x.input.room().min(READ_BYTES) };
        let Some(socket) = &x.socket else { return Ok(Flow::Done) };
        let buffer = &mut worker.read_buffer[..most];
        match file::read(socket.as_fd(), buffer) {
            Ok(0) if x.phase == Phase::Lingering => Ok(Flow::Done),
            Ok(0) => {
                x.input.end();
                Ok(Flow::Blocked)
            }
            Ok(count) => {
                match x.phase {
                    Phase::Lingering => x.marks.insert(Marks::DROPPED),
                    // What comes after other bytes goes behind them; else most heads fit into a buffer.
                    _ if count > BUFFER_BYTES || !x.input.is_empty() => x.input.push_copy(&buffer[..count]),
                    _ => {
                        x.input.draw_on(&mut worker.pipes);
                        let mut head = worker.buffers.take(count);
                        head.extend_from_slice(&buffer[..count]);
                        x.input.push_bytes(head);
                    }
                }
                x.marks.set(Marks::MUCH_COMES, count == READ_BYTES);
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
}

/// Reads into a buffer that goes into the input as it is.
fn read_much(x: &mut Exchange) -> Result<Flow, TaskError> {
    let Some(socket) = &x.socket else { return Ok(Flow::Done) };
    let mut bytes = Vec::with_capacity(LONG_READ_BYTES);
    match file::read_spare(socket.as_fd(), &mut bytes) {
        Ok(0) => x.input.end(),
        Ok(count) => {
            x.marks.set(Marks::MUCH_COMES, count >= READ_BYTES);
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

impl Task<Worker> for ClientRead {
    fn kind(&self) -> &'static str {
        "ClientRead"
    }

    fn doing(&self) -> &'static str {
        "reading from the client"
    }

    fn watch<'w>(&'w self, exchange: Option<&'w Exchange>) -> Watch<'w> {
        exchange.and_then(|x| x.socket.as_ref()).map_or(Watch::Always, |socket| Watch::Read(socket.as_fd()))
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
