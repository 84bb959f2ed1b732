//! ClientWrite: from the connection's output to the client's socket.

use crate::connection::{Buffers, Connection, Front, Phase, Pipe, WriteState};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::limits::{CORKED_BYTES_MIN, IOVECS_MAX, WRITE_BYTES_PER_TURN};
use crate::task::Context;
use crate::worker::Worker;
use std::io::IoSlice;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use webserv_sys::{Error, Watch, file, net};

/// Writes what the connection has for the client: runs of bytes with one write(2) or writev(2), ranges of files
/// with sendfile(2).
///
/// While a long range is on its way the socket is corked (tcp(7)): the kernel takes a file 64 KiB at a time, which is
/// no whole number of segments, and each acknowledgement that comes would send off the short one at the end.
///
/// All that it has stands in the connection, so that it takes no memory of its own.
pub struct ClientWrite;

/// What one call came to.
#[derive(PartialEq, Eq)]
enum Written {
    /// All that is in the output.
    All,
    /// All that was offered; more is behind it.
    Offered,
    /// Less than that: the socket's buffer is full.
    Part,
}

/// One turn's worth of the output.
fn write(cx: &mut Context<'_>) -> Result<Flow, TaskError> {
    let Context { connection: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
    let (before, timeout) = (x.sent_bytes, x.settings().send_timeout);
    let written = loop {
        match write_once(x, &mut worker.buffers) {
            Ok(Written::Offered) if x.sent_bytes - before < WRITE_BYTES_PER_TURN => {}
            Ok(written) => break written,
            Err(error) if error.would_block() => break Written::Part,
            Err(error) => return Err(TaskError::client(error)),
        }
    };
    if written != Written::All {
        if x.sent_bytes > before || !cx.has_deadline() {
            cx.wake_after(timeout);
        }
        return Ok(if written == Written::Part { Flow::Blocked } else { Flow::Yield });
    }
    x.output.give_back_to(&mut worker.pipes);
    let Some(socket) = &x.socket else { return Ok(Flow::Done) };
    if x.writing.contains(WriteState::CORKED) {
        cork(socket, &mut x.writing, false);
    }
    if x.phase == Phase::Lingering && !x.writing.contains(WriteState::SHUT) {
        x.writing.insert(WriteState::SHUT);
        net::shutdown_write(socket.as_fd()).map_err(TaskError::client)?;
    }
    cx.no_deadline();
    Ok(Flow::Progress)
}

/// One system call's worth of the output.
fn write_once(x: &mut Connection, buffers: &mut Buffers) -> Result<Written, Error> {
    let Connection { output, socket: Some(socket), writing, transactions, route, sent_bytes, .. } = x else {
        return Ok(Written::Part);
    };
    let output = &mut **output;
    let (offered, sent) = match output.front() {
        // One run is the usual: nothing has to be laid out.
        Some(Front::Bytes(bytes)) if bytes.len() as u64 == output.len() => {
            (bytes.len() as u64, file::write(socket.as_fd(), bytes)?)
        }
        Some(Front::Bytes(_)) => write_runs(socket, output)?,
        Some(Front::File(source, range)) => {
            let settings = transactions.settings_or(route);
            if !writing.contains(WriteState::CORKED)
                && (settings.tcp_nopush || range.end - range.start >= CORKED_BYTES_MIN)
            {
                cork(socket, writing, true);
            }
            send_range(socket, source, range, settings.sendfile_max_chunk)?
        }
        None => return Ok(Written::All),
    };
    let sent = sent as u64;
    output.consume_into(sent, buffers);
    *sent_bytes += sent;
    Ok(match sent < offered {
        true => Written::Part,
        false if output.is_empty() => Written::All,
        false => Written::Offered,
    })
}

/// Several runs of bytes, or those before a file. How many bytes they are, and how many were sent.
#[inline(never)] // it lays out a table
fn write_runs(socket: &OwnedFd, output: &Pipe) -> Result<(u64, usize), Error> {
    let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
    let (count, offered, more) = output.gather(&mut slices);
    // More behind them is a file: the head waits in the kernel to leave in one segment with its beginning.
    let sent = net::sendv(socket.as_fd(), &slices[..count], more)?;
    Ok((offered, sent))
}

/// A part of a file, of which one call takes `chunk_max` bytes at most; 0: as many as a turn does.
#[inline(never)] // it is long
fn send_range(
    socket: &OwnedFd,
    source: BorrowedFd<'_>,
    range: Range<u64>,
    chunk_max: u64,
) -> Result<(u64, usize), Error> {
    let most = if chunk_max == 0 { WRITE_BYTES_PER_TURN } else { chunk_max.min(WRITE_BYTES_PER_TURN) };
    let offered = (range.end - range.start).min(most);
    match file::sendfile(socket.as_fd(), source, range.start, offered as usize)? {
        // The file has become shorter than the length that was promised.
        0 => Err(Error::shrunk("sendfile")),
        sent => Ok((offered, sent)),
    }
}

/// Whether it fails (on a unix socket, which has no segments) or not: the bytes arrive.
fn cork(socket: &OwnedFd, writing: &mut WriteState, on: bool) {
    writing.set(WriteState::CORKED, on);
    let _ = net::set_nopush(socket.as_fd(), on);
}

impl Task<Worker> for ClientWrite {
    fn kind(&self) -> &'static str {
        "ClientWrite"
    }

    fn doing(&self) -> &'static str {
        "sending to the client"
    }

    fn watch<'w>(&'w self, connection: Option<&'w Connection>) -> Watch<'w> {
        connection.and_then(|x| x.socket.as_ref()).map_or(Watch::Always, |socket| Watch::Write(socket.as_fd()))
    }

    fn wants(&self, Seen { connection, .. }: Seen<'_>) -> Want {
        match connection {
            Some(x) if !x.output.is_empty() => Want::Kernel,
            Some(x) if x.phase == Phase::Lingering && !x.writing.contains(WriteState::SHUT) => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => write(cx),
            Event::Deadline => {
                if let Some(x) = cx.connection.as_deref()
                    && let Some(socket) = x.socket.as_ref().filter(|_| x.settings().reset_timedout_connection)
                {
                    let _ = net::set_reset_on_close(socket.as_fd()); // the kernel then keeps nothing for it
                }
                Err(TaskError::client(Error::timed_out("write")))
            }
            Event::Cancel => Ok(Flow::Done),
        }
    }
}
