//! ClientWrite: writes the connection's output to the client's socket.

use crate::connection::{Connection, Front, Phase, Pipe, WriteState};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::limits::{CALLS_PER_TURN, CORKED_BYTES_MIN, IOVECS_MAX, READ_AND_SENT_PER_TURN, WRITE_BYTES_PER_TURN};
use crate::log::Level;
use crate::task::Context;
use crate::worker::Worker;
use std::io::IoSlice;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use webserv_sys::{Error, Watch, file, net};

/// Sends the output: bytes with write(2) or writev(2), file ranges with sendfile(2), or with pread(2) and write(2)
/// where that is refused.
///
/// While a long file range is sent, the socket is corked (tcp(7)). sendfile(2) takes 64 KiB at a time, which is not a
/// whole number of segments, and each ACK would let the kernel send the short segment at the end.
///
/// Its state is in the connection, so that it needs no memory of its own.
pub struct ClientWrite;

/// How much a call has sent.
#[derive(PartialEq, Eq)]
enum Written {
    /// All of the output.
    All,
    /// All bytes of the call; the output has more.
    Offered,
    /// Fewer bytes: the socket's buffer is full.
    Part,
}

/// Sends up to [`WRITE_BYTES_PER_TURN`].
fn write(cx: &mut Context<'_>) -> Result<Flow, TaskError> {
    let Context { connection: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
    let (before, timeout) = (x.sent_bytes, x.settings().send_timeout);
    let mut calls = 0; // `sendfile_max_chunk` may make them short
    let written = loop {
        match write_once(x, worker) {
            Ok(Written::Offered) if x.sent_bytes - before < bytes_per_turn(x.writing) && calls < CALLS_PER_TURN / 2 => {
                calls += 1;
            }
            Ok(written) => break written,
            Err(error) if error.would_block() => break Written::Part,
            Err(error) => return failed(error, cx),
        }
    };
    if written != Written::All {
        if x.sent_bytes > before || !cx.has_deadline() {
            cx.wake_after(timeout);
        }
        park(cx);
        return Ok(if written == Written::Part { Flow::Blocked } else { Flow::Yield });
    }
    x.output.give_back_to(&mut worker.pipes);
    let Some(socket) = &x.socket else { return Ok(Flow::Done) };
    if x.writing.intersects(WriteState::CORKED | WriteState::READS | WriteState::PARKED) {
        end_of_file_range(socket, &mut x.writing);
        if x.writing.contains(WriteState::PARKED) {
            x.writing.remove(WriteState::PARKED);
            unpark(cx);
            return write(cx);
        }
    }
    if x.phase == Phase::Lingering && !x.writing.contains(WriteState::SHUT) {
        x.writing.insert(WriteState::SHUT);
        net::shutdown_write(socket.as_fd()).map_err(TaskError::client)?;
    }
    cx.no_deadline();
    Ok(Flow::Progress)
}

/// Sends a part of the output with one system call.
fn write_once(x: &mut Connection, worker: &mut Worker) -> Result<Written, Error> {
    let Connection { output, socket: Some(socket), writing, transactions, route, sent_bytes, .. } = x else {
        return Ok(Written::Part);
    };
    let output = &mut **output;
    let (offered, sent) = match output.front() {
        // The usual case: one run of bytes, which needs no iovec.
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
            match writing.contains(WriteState::READS) {
                false => send_range(socket, source, range, settings.sendfile_max_chunk)?,
                true => read_range(socket, source, range, &mut worker.read_buffer)?,
            }
        }
        None => return Ok(Written::All),
    };
    let sent = sent as u64;
    output.consume_into(sent, &mut worker.buffers);
    *sent_bytes += sent;
    Ok(match sent < offered {
        true => Written::Part,
        false if output.is_empty() => Written::All,
        false => Written::Offered,
    })
}

/// Sends several runs of bytes, up to the next file range. Returns their length and how many bytes were sent.
#[inline(never)] // it has a large stack frame
fn write_runs(socket: &OwnedFd, output: &Pipe) -> Result<(u64, usize), Error> {
    let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
    let (count, offered, more) = output.gather(&mut slices);
    // MSG_MORE: if a file range follows, the head and its first bytes leave in one segment.
    let sent = net::sendv(socket.as_fd(), &slices[..count], more)?;
    Ok((offered, sent))
}

/// Sends a part of a file range, at most `chunk_max` bytes; 0 means no limit of its own.
#[inline(never)] // keeps the caller short
fn send_range(
    socket: &OwnedFd,
    source: BorrowedFd<'_>,
    range: Range<u64>,
    chunk_max: u64,
) -> Result<(u64, usize), Error> {
    let most = if chunk_max == 0 { WRITE_BYTES_PER_TURN } else { chunk_max.min(WRITE_BYTES_PER_TURN) };
    let offered = (range.end - range.start).min(most);
    match file::sendfile(socket.as_fd(), source, range.start, offered as usize)? {
        // The file has become shorter than Content-Length.
        0 => Err(Error::shrunk("sendfile")),
        sent => Ok((offered, sent)),
    }
}

/// Reads a part of a file range and sends it, where sendfile(2) is refused. What does not fit into the socket is read
/// again later.
#[inline(never)] // keeps the caller short
fn read_range(
    socket: &OwnedFd,
    source: BorrowedFd<'_>,
    range: Range<u64>,
    buffer: &mut [u8],
) -> Result<(u64, usize), Error> {
    let most = (range.end - range.start).min(buffer.len() as u64) as usize;
    match file::pread(source, &mut buffer[..most], range.start)? {
        0 => Err(Error::shrunk("pread")),
        read => Ok((read as u64, file::write(socket.as_fd(), &buffer[..read])?)),
    }
}

/// The client is slow: even if no request is left, its connection does not wait for one. It leaves the list of idle
/// connections until all is sent.
#[cold]
fn park(cx: &mut Context<'_>) {
    let number = cx.connection_number();
    let Context { connection: Some(x), worker, .. } = cx else { return };
    if number.is_some_and(|number| worker.idle.remove(number)) {
        x.writing.insert(WriteState::PARKED);
        worker.stats.set_waiting(worker.idle.len());
    }
}

/// All has been sent to a client that was slow. If it has made no request since, its connection is idle.
#[cold]
fn unpark(cx: &mut Context<'_>) {
    let number = cx.connection_number();
    let Context { connection: Some(x), worker, .. } = cx else { return };
    if x.phase == Phase::Open
        && x.transactions.is_empty()
        && let Some(number) = number
    {
        worker.idle.push(number);
        worker.stats.set_waiting(worker.idle.len());
        cx.pass_place_on(); // a client that waits for a place can have this one
    }
}

/// How much is sent in one turn: less if it is read.
fn bytes_per_turn(writing: WriteState) -> u64 {
    if writing.contains(WriteState::READS) { READ_AND_SENT_PER_TURN } else { WRITE_BYTES_PER_TURN }
}

/// A call has failed. If the file system or the kernel refuses sendfile(2), what it should have sent is read and
/// written.
#[cold]
fn failed(error: Error, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
    let Context { connection: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
    let Some(Front::File(source, _)) = x.output.front().filter(|_| error.call() == "sendfile") else {
        return Err(TaskError::client(error));
    };
    if !error.is_unsupported() {
        return Err(TaskError::client(error));
    }
    let is_new = file::fstat(source.as_fd()).is_ok_and(|stat| worker.refusals.add(stat.device));
    x.writing.insert(WriteState::READS);
    if is_new {
        worker.files.clear(); // files that are kept to be sent by sendfile(2)
        cx.log(Level::Notice, format_args!("{error}: files of this file system are read and written instead"));
    }
    write(cx)
}

/// All output is sent: uncorks the socket, and the next file range is tried with sendfile(2) again.
#[cold]
fn end_of_file_range(socket: &OwnedFd, writing: &mut WriteState) {
    if writing.contains(WriteState::CORKED) {
        cork(socket, writing, false);
    }
    writing.remove(WriteState::READS);
}

/// Sets TCP_CORK or TCP_NOPUSH. A failure is ignored (unix sockets have no segments): the bytes are sent anyway.
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
                    let _ = net::set_reset_on_close(socket.as_fd()); // RST: the kernel drops unsent data
                }
                Err(TaskError::client(Error::timed_out("write")))
            }
            Event::Cancel => Ok(Flow::Done),
        }
    }
}
