//! ClientWrite: from the exchange's output to the client's socket.

use super::Context;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::limits::{IOVECS_MAX, WRITE_BYTES_PER_TURN};
use crate::exchange::{Buffers, Exchange, Front, Marks, Phase, Pipe};
use crate::worker::Worker;
use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd};
use webserv_sys::{Error, Watch, file, net};

/// Writes what the exchange has for the client: runs of bytes with one writev(2), ranges of files with sendfile(2).
///
/// All that it has stands in the exchange, so that it takes no memory of its own.
pub struct ClientWrite;

/// What one call came to.
enum Written {
    /// All that was offered.
    All,
    /// Less: the socket's buffer is full.
    Part,
}

impl ClientWrite {
    fn write(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let Context { exchange: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
        let Some(socket) = x.socket.as_ref().map(AsFd::as_fd) else { return Ok(Flow::Done) };
        let output = &mut *x.output;
        let (waiting, timeout) = (output.len(), x.settings.send_timeout);
        let full = write_turn(socket, output, x.settings.sendfile_max_chunk, &mut worker.buffers);
        let left = output.len();
        let sent = waiting - left;
        x.sent_bytes += sent;
        let full = full.map_err(TaskError::client)?;
        if left == 0 && x.phase == Phase::Lingering && !x.marks.contains(Marks::SHUT) {
            x.marks.insert(Marks::SHUT);
            net::shutdown_write(socket).map_err(TaskError::client)?;
        }
        if left == 0 {
            x.output.give_back_to(&mut worker.pipes);
            cx.no_deadline();
        } else if sent > 0 || !cx.has_deadline() {
            cx.wake_after(timeout);
        }
        Ok(match full {
            true => Flow::Blocked,
            false if left > 0 => Flow::Yield,
            false => Flow::Progress,
        })
    }
}

/// One turn's worth of the output. Whether the socket's buffer is full.
fn write_turn(
    socket: BorrowedFd<'_>,
    output: &mut Pipe,
    sendfile_max_chunk: u64,
    buffers: &mut Buffers,
) -> Result<bool, Error> {
    let waiting = output.len();
    while !output.is_empty() && waiting - output.len() < WRITE_BYTES_PER_TURN {
        match write_once(socket, output, sendfile_max_chunk, buffers) {
            Ok(Written::All) => {}
            Ok(Written::Part) => return Ok(true),
            Err(error) if error.would_block() => return Ok(true),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// One system call's worth of the output. `sendfile_max_chunk` is the directive's: 0 is no limit.
fn write_once(
    socket: BorrowedFd<'_>,
    output: &mut Pipe,
    sendfile_max_chunk: u64,
    buffers: &mut Buffers,
) -> Result<Written, Error> {
    let (offered, sent) = match output.front() {
        Some(Front::File(source, range)) => {
            let most = if sendfile_max_chunk == 0 { WRITE_BYTES_PER_TURN } else { sendfile_max_chunk };
            let offered = (range.end - range.start).min(most.min(WRITE_BYTES_PER_TURN));
            match file::sendfile(socket, source, range.start, offered as usize)? {
                // The file has become shorter than the length that was promised.
                0 => return Err(Error::shrunk("sendfile")),
                sent => (offered, sent as u64),
            }
        }
        Some(Front::Bytes(_)) => {
            let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
            let (count, offered, more) = output.gather(&mut slices);
            // More behind them is a file: the head waits in the kernel to leave in one segment with its beginning.
            let sent = match more {
                true => net::sendv(socket, &slices[..count], true)?,
                false => file::writev(socket, &slices[..count])?,
            };
            (offered, sent as u64)
        }
        None => return Ok(Written::All),
    };
    output.consume_into(sent, buffers);
    Ok(if sent < offered { Written::Part } else { Written::All })
}

impl Task<Worker> for ClientWrite {
    fn kind(&self) -> &'static str {
        "ClientWrite"
    }

    fn doing(&self) -> &'static str {
        "sending to the client"
    }

    fn watch<'w>(&'w self, exchange: Option<&'w Exchange>) -> Watch<'w> {
        exchange.and_then(|x| x.socket.as_ref()).map_or(Watch::Always, |socket| Watch::Write(socket.as_fd()))
    }

    fn wants(&self, exchange: Option<&Exchange>) -> Want {
        match exchange {
            Some(x) if !x.output.is_empty() => Want::Kernel,
            Some(x) if x.phase == Phase::Lingering && !x.marks.contains(Marks::SHUT) => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => self.write(cx),
            Event::Deadline => {
                if let Some(x) = cx.exchange.as_deref()
                    && let Some(socket) = x.socket.as_ref().filter(|_| x.settings.reset_timedout_connection)
                {
                    let _ = net::set_reset_on_close(socket.as_fd()); // the kernel then keeps nothing for it
                }
                Err(TaskError::client(Error::timed_out("write")))
            }
            Event::Cancel => Ok(Flow::Done),
            Event::Reload | Event::Drain | Event::Crowded => Ok(Flow::Progress),
        }
    }
}
