//! The request to a server behind or a program, on its way from the transaction into a descriptor.

use crate::connection::{Front, Pipe, Segment, Transaction};
use crate::gateway::BodyFraming;
use crate::limits::{BODY_BYTES_MAX, CALLS_PER_TURN, FILES_MAX, IOVECS_MAX, WRITE_BYTES_PER_TURN};
use std::io::IoSlice;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;
use webserv_sys::{Error, file, net};

/// Bytes of a file that enter the output as one piece: a FastCGI record holds no more.
const FILE_PIECE_BYTES: u64 = 32 << 10;

/// Sends one request: its head, if it has one, then its body. The task decides how long it waits, and what an error
/// means.
pub struct OutgoingRequest {
    /// What is sent next.
    out: Pipe,
    framing: BodyFraming,
    body: BodySource,
    /// Bytes were sent that the task has not noted yet.
    sent_bytes: u64,
    /// It is sent to a pipe, and not to a socket.
    to_pipe: bool,
    /// sendfile(2) is refused: the file is read.
    reads: bool,
}

/// The part of the body that is not in the output yet.
pub enum BodySource {
    /// All of it is.
    Over,
    /// The rest of a file.
    File {
        /// The file.
        file: Rc<OwnedFd>,
        /// Where the rest begins.
        at: u64,
        /// Where it ends.
        end: u64,
    },
    /// It comes through the transaction.
    Transaction,
}

/// What has been sent, after a call of [`OutgoingRequest::send`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    /// The whole request.
    Everything,
    /// All that has come of it.
    AllSoFar,
    /// As much as the kernel takes now.
    Part,
    /// As much as one turn may send.
    Turn,
}

impl OutgoingRequest {
    /// A request to a server behind.
    pub fn to_socket(framing: BodyFraming) -> Self {
        let out = Pipe::new(BODY_BYTES_MAX);
        Self { out, framing, body: BodySource::Over, sent_bytes: 0, to_pipe: false, reads: false }
    }

    /// The body of a request, to a program.
    pub fn to_program() -> Self {
        Self { body: BodySource::Transaction, to_pipe: true, ..Self::to_socket(BodyFraming::Plain) }
    }

    /// Adds the head, in the form of the protocol.
    pub fn push_head(&mut self, head: &[u8]) {
        self.out.push_copy(head);
    }

    /// Adds a whole body that is in memory.
    pub fn push_body(&mut self, body: &Rc<[u8]>) {
        self.framing.push(Segment::shared(Rc::clone(body), 0..body.len()), &mut self.out);
        self.framing.end(&mut self.out);
    }

    /// Has the body come from there.
    pub fn set_body(&mut self, body: BodySource) {
        if matches!(body, BodySource::Over) {
            self.framing.end(&mut self.out);
        }
        self.body = body;
    }

    /// Whether there is something to send, or the end to be noted.
    pub fn has_work(&self, t: &Transaction) -> bool {
        let waits = matches!(self.body, BodySource::Transaction) && t.body.is_empty() && !t.body.is_ended();
        !self.out.is_empty() || !waits
    }

    /// The number of bytes that were sent since the last call of this function.
    pub fn take_sent(&mut self) -> u64 {
        std::mem::take(&mut self.sent_bytes)
    }

    /// Sends as much as one turn may. `buffer` is for a file that sendfile(2) does not send.
    ///
    /// # Errors
    /// If the descriptor takes no more bytes, or a file cannot be read.
    pub fn send(&mut self, to: BorrowedFd<'_>, t: &mut Transaction, buffer: &mut [u8]) -> Result<Sent, Error> {
        for _ in 0..CALLS_PER_TURN {
            self.fill(t);
            let is_direct = self.is_direct();
            let from: &mut Pipe = if is_direct { &mut t.body } else { &mut self.out };
            if from.is_empty() {
                let is_over = matches!(self.body, BodySource::Over) || is_direct && t.body.is_ended();
                return Ok(if is_over { Sent::Everything } else { Sent::AllSoFar });
            }
            match send_part(to, from, self.to_pipe, self.reads, buffer) {
                Ok((sent, offered)) => {
                    self.sent_bytes += sent;
                    if sent < offered {
                        return Ok(Sent::Part);
                    }
                }
                Err(error) if error.would_block() => return Ok(Sent::Part),
                Err(error) if error.call() == "sendfile" && error.is_unsupported() => self.reads = true,
                Err(error) => return Err(error),
            }
            if self.sent_bytes >= WRITE_BYTES_PER_TURN {
                break;
            }
        }
        Ok(Sent::Turn)
    }

    /// Whether the body needs no output of its own: it is sent right out of the transaction.
    fn is_direct(&self) -> bool {
        self.framing == BodyFraming::Plain && self.out.is_empty() && matches!(self.body, BodySource::Transaction)
    }

    /// Moves more of the body into the output. A body that is not taken from the transaction needs no memory there.
    fn fill(&mut self, t: &mut Transaction) {
        if matches!((&self.body, self.framing), (BodySource::Transaction, BodyFraming::Chunked)) {
            t.body.contiguous(); // what has come together is one chunk
        }
        while self.out.room() > 0 && !self.is_direct() {
            match &mut self.body {
                BodySource::Over => return,
                BodySource::File { at, end, .. } if *at == *end => {
                    self.framing.end(&mut self.out);
                    self.body = BodySource::Over;
                }
                BodySource::File { file, at, end } => {
                    let piece = *at..(*at + piece_bytes(self.framing)).min(*end);
                    *at = piece.end;
                    self.framing.push(Segment::file(Rc::clone(file), piece), &mut self.out);
                }
                BodySource::Transaction => match t.body.take(BODY_BYTES_MAX as u64) {
                    Some(segment) => self.framing.push(segment, &mut self.out),
                    None if t.body.is_ended() => {
                        self.framing.end(&mut self.out);
                        self.body = BodySource::Over;
                    }
                    None => return,
                },
            }
        }
    }
}

/// Sends a part of a pipe with one system call. Returns how many bytes were sent and how many were offered.
fn send_part(
    to: BorrowedFd<'_>,
    from: &mut Pipe,
    to_pipe: bool,
    reads: bool,
    buffer: &mut [u8],
) -> Result<(u64, u64), Error> {
    let (sent, offered) = match from.front() {
        None => return Ok((0, 0)),
        Some(Front::Bytes(bytes)) if bytes.len() as u64 == from.len() && !to_pipe => {
            (file::write(to, bytes)?, bytes.len() as u64)
        }
        Some(Front::Bytes(_)) => {
            let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
            let (count, offered, more) = from.gather(&mut slices);
            (net::sendv(to, &slices[..count], more && !to_pipe)?, offered) // writev(2), if not `more`
        }
        Some(Front::File(source, range)) if reads => {
            let most = (range.end - range.start).min(buffer.len() as u64) as usize;
            let read = file::pread(source, &mut buffer[..most], range.start)?;
            (file::write(to, &buffer[..read])?, read as u64)
        }
        Some(Front::File(source, range)) => {
            let bytes = range.end - range.start;
            (file::sendfile(to, source, range.start, bytes as usize)?, bytes)
        }
    };
    if sent == 0 {
        return Err(Error::shrunk("sendfile")); // the file of the body is ours: somebody has cut it
    }
    from.consume(sent as u64);
    Ok((sent as u64, offered))
}

/// How many bytes of a file enter the output at once.
fn piece_bytes(framing: BodyFraming) -> u64 {
    match framing {
        BodyFraming::Plain => u64::MAX >> 1,
        BodyFraming::Chunked | BodyFraming::Fastcgi => FILE_PIECE_BYTES,
    }
}

// Two ranges of a file are in the output at a time.
const _: () = assert!(FILES_MAX >= 1);

#[cfg(test)]
#[path = "outgoing_tests.rs"]
mod tests;
