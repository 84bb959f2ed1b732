//! ClientWrite: from the exchange's output to the client's socket.

use super::Context;
use crate::engine::{Event, Flow, Task, TaskError, Want};
use crate::exchange::limits::{CORKED_BYTES_MIN, IOVECS_MAX, WRITE_BYTES_PER_TURN};
use crate::exchange::{Buffers, Exchange, Front, Phase, Pipe};
use crate::worker::Worker;
use std::io::IoSlice;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use webserv_sys::{Error, Watch, file, net};

/// Writes what the exchange has for the client: runs of bytes with one write(2) or writev(2), ranges of files
/// with sendfile(2).
///
/// While a long range is on its way the socket is corked (tcp(7)): the kernel takes a file 64 KiB at a time, which is
/// no whole number of segments, and each acknowledgement that comes would send off the short one at the end.
pub struct ClientWrite {
    socket: Rc<OwnedFd>,
    /// It sends whole segments only.
    corked: bool,
    /// Our direction has been shut down.
    shut: bool,
}

/// What one call came to.
enum Written {
    /// All that was offered.
    All,
    /// Less: the socket's buffer is full.
    Part,
}

impl ClientWrite {
    /// Writes to this socket.
    pub fn new(socket: Rc<OwnedFd>) -> Self {
        Self { socket, corked: false, shut: false }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        let Context { exchange: Some(x), worker, .. } = cx else { return Ok(Flow::Done) };
        let (start, timeout) = (x.output.taken_bytes(), x.send_timeout);
        let mut full = false;
        while !full && !x.output.is_empty() && x.output.taken_bytes() - start < WRITE_BYTES_PER_TURN {
            match self.write_once(x, &mut worker.buffers) {
                Ok(Written::All) => {}
                Ok(Written::Part) => full = true,
                Err(error) if error.would_block() => full = true,
                Err(error) => return Err(TaskError::client(error)),
            }
        }
        if x.output.is_empty() && self.corked {
            self.cork(false);
        }
        if x.output.is_empty() && x.phase == Phase::Lingering && !self.shut {
            self.shut = true;
            net::shutdown_write(self.socket.as_fd()).map_err(TaskError::client)?;
        }
        let (waits, moved) = (!x.output.is_empty(), x.output.taken_bytes() > start);
        if !waits {
            cx.no_deadline();
        } else if moved || !cx.has_deadline() {
            cx.wake_after(timeout);
        }
        Ok(match full {
            true => Flow::Blocked,
            false if waits => Flow::Yield,
            false => Flow::Progress,
        })
    }

    /// One system call's worth of the output.
    fn write_once(&mut self, x: &mut Exchange, buffers: &mut Buffers) -> Result<Written, Error> {
        let (offered, sent) = match x.output.front() {
            // One run is the usual: nothing has to be laid out.
            Some(Front::Bytes(bytes)) if bytes.len() as u64 == x.output.len() => {
                (bytes.len() as u64, file::write(self.socket.as_fd(), bytes)?)
            }
            Some(Front::Bytes(_)) => self.write_runs(&x.output)?,
            Some(Front::File(source, range)) => {
                if !self.corked && (x.nopush || range.end - range.start >= CORKED_BYTES_MIN) {
                    self.cork(true);
                }
                self.send_range(source, range, x.sendfile_bytes_max)?
            }
            None => return Ok(Written::All),
        };
        x.output.consume_into(sent as u64, buffers);
        Ok(if (sent as u64) < offered { Written::Part } else { Written::All })
    }

    /// Several runs of bytes, or those before a file. How many bytes they are, and how many were sent.
    #[inline(never)] // it lays out a table
    fn write_runs(&self, output: &Pipe) -> Result<(u64, usize), Error> {
        let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
        let (count, offered, more) = output.gather(&mut slices);
        // More behind them is a file: the head waits in the kernel to leave in one segment with its beginning.
        let sent = net::sendv(self.socket.as_fd(), &slices[..count], more)?;
        Ok((offered, sent))
    }

    #[inline(never)] // it is long
    fn send_range(&self, source: BorrowedFd<'_>, range: Range<u64>, most: u64) -> Result<(u64, usize), Error> {
        let offered = (range.end - range.start).min(most);
        match file::sendfile(self.socket.as_fd(), source, range.start, offered as usize)? {
            // The file has become shorter than the length that was promised.
            0 => Err(Error::shrunk("sendfile")),
            sent => Ok((offered, sent)),
        }
    }

    /// Whether it fails (on a unix socket, which has no segments) or not: the bytes arrive.
    fn cork(&mut self, on: bool) {
        self.corked = on;
        let _ = net::set_nopush(self.socket.as_fd(), on);
    }
}

impl Task<Worker> for ClientWrite {
    fn kind(&self) -> &'static str {
        "ClientWrite"
    }

    fn doing(&self) -> &'static str {
        "sending to the client"
    }

    fn watch(&self) -> Watch<'_> {
        Watch::Write(self.socket.as_fd())
    }

    fn wants(&self, exchange: Option<&Exchange>) -> Want {
        match exchange {
            Some(x) if !x.output.is_empty() => Want::Kernel,
            Some(x) if x.phase == Phase::Lingering && !self.shut => Want::Kernel,
            _ => Want::Nothing,
        }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => self.write(cx),
            Event::Deadline => {
                if cx.exchange().reset_when_timed_out {
                    let _ = net::set_reset_on_close(self.socket.as_fd()); // the kernel then keeps nothing for it
                }
                Err(TaskError::client(Error::timed_out("write")))
            }
            Event::Cancel => Ok(Flow::Done),
            Event::Reload | Event::Drain | Event::Crowded => Ok(Flow::Progress),
        }
    }
}
