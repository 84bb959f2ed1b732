//! What the master process passes to the worker process, over a socket pair: texts, and open descriptors.
//!
//! A record is a kind (one byte), the lengths of a name and a text (four bytes each, little-endian), the name and the
//! text. A descriptor comes with the first byte of its record. The record [`Kind::End`] completes a handover. The
//! worker process answers it with two bytes: the number of the handover, and whether it has taken it over.
//!
//! The worker process can ask for nothing: it gets what the configuration names.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use webserv_sys::net::{self, Passed, Readiness};
use webserv_sys::signal::{self, Signal};
use webserv_sys::{Error, Result};

/// How often the master process looks for a signal that ends the server while it waits for the worker process.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The signals that end this waiting.
const ENDING: [Signal; 3] = [Signal::Term, Signal::Int, Signal::Quit];

/// Kind and lengths.
const HEAD_BYTES: usize = 9;

/// What the worker process does with what it gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// It continues with the new configuration: SIGHUP.
    Reload,
    /// It continues with the new log files: SIGUSR1.
    Reopen,
}

/// The kind of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// The first record: what came before it without an end is dropped.
    Begin = b'B' as isize,
    /// The text of a file that the configuration consists of.
    Text = b'T' as isize,
    /// A log file: its path, and a descriptor.
    Log = b'L' as isize,
    /// A listening socket: its configured address, and a descriptor.
    Socket = b'S' as isize,
    /// The end. The text is the number and the purpose.
    End = b'E' as isize,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [Kind::Begin, Kind::Text, Kind::Log, Kind::Socket, Kind::End].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Everything of one handover.
#[derive(Default)]
pub struct Handover {
    /// The number that the answer repeats.
    pub number: u8,
    /// The files of the configuration by name.
    pub texts: Vec<(String, String)>,
    /// The log files by path.
    pub logs: Vec<(PathBuf, OwnedFd)>,
    /// New listening sockets by configured address, one for each worker.
    pub sockets: Vec<(String, OwnedFd)>,
    /// A descriptor could not be received.
    pub is_incomplete: bool,
}

/// The master process's end.
pub struct HandoverSend {
    socket: OwnedFd,
    number: u8,
}

impl HandoverSend {
    /// `socket` is one end of a socket pair.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, number: 0 }
    }

    /// Begins a handover.
    ///
    /// # Errors
    /// The worker process has ended ([`is_gone`]), or the server is told to end while the worker process does not read
    /// (`ECANCELED`).
    pub fn begin(&self) -> Result<()> {
        self.record(Kind::Begin, b"", b"", None)
    }

    /// Passes the text of a file of the configuration.
    ///
    /// # Errors
    /// As in [`HandoverSend::begin`].
    pub fn text(&self, name: &str, text: &str) -> Result<()> {
        self.record(Kind::Text, name.as_bytes(), text.as_bytes(), None)
    }

    /// Passes an open log file.
    ///
    /// # Errors
    /// As in [`HandoverSend::begin`].
    pub fn log(&self, path: &Path, file: BorrowedFd<'_>) -> Result<()> {
        self.record(Kind::Log, path.as_os_str().as_bytes(), b"", Some(file))
    }

    /// Passes a listening socket.
    ///
    /// # Errors
    /// As in [`HandoverSend::begin`].
    pub fn socket(&self, address: &str, socket: BorrowedFd<'_>) -> Result<()> {
        self.record(Kind::Socket, address.as_bytes(), b"", Some(socket))
    }

    /// Completes the handover, and waits for the answer. Returns whether the worker process has taken it over.
    ///
    /// # Errors
    /// As in [`HandoverSend::begin`].
    pub fn end(&mut self, purpose: Purpose) -> Result<bool> {
        self.number = self.number.wrapping_add(1);
        self.record(Kind::End, b"", &[self.number, u8::from(purpose == Purpose::Reload)], None)?;
        let mut answer = [0; 2];
        loop {
            self.wait(Readiness::Readable, "recv")?;
            // The other side sends the two bytes with one call, and a socket pair does not divide them.
            match net::recv(self.socket.as_fd(), &mut answer)? {
                0 => return Err(Error::closed("recv")),
                2 if answer[0] == self.number => return Ok(answer[1] == 1),
                _ => {}
            }
        }
    }

    /// Waits without a limit: a worker process that is only slow would take over what this process has given up, and
    /// the two would have different sockets. If the worker process ends, the socket becomes ready.
    fn wait(&self, readiness: Readiness, call: &'static str) -> Result<()> {
        while !net::wait_ready(self.socket.as_fd(), readiness, LOOK_EVERY)? {
            if signal::is_pending(&ENDING)? {
                return Err(Error::cancelled(call));
            }
        }
        Ok(())
    }

    fn record(&self, kind: Kind, name: &[u8], text: &[u8], descriptor: Option<BorrowedFd<'_>>) -> Result<()> {
        let mut bytes = vec![kind as u8];
        bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(text);
        let (mut left, mut descriptor) = (&bytes[..], descriptor);
        while !left.is_empty() {
            let sent = match descriptor {
                Some(descriptor) => net::send_descriptor(self.socket.as_fd(), left, descriptor),
                None => net::send(self.socket.as_fd(), left, false),
            };
            match sent {
                Ok(count) => (left, descriptor) = (&left[count..], None),
                Err(error) if error.would_block() => self.wait(Readiness::Writable, "sendmsg")?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether the error says that the worker process has ended.
pub fn is_gone(error: &Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset)
}

/// The worker process's end.
pub struct HandoverReceive {
    socket: OwnedFd,
    /// Bytes of a record that is not complete yet.
    bytes: Vec<u8>,
    /// Descriptors whose records are not complete yet. `None`: it was lost.
    descriptors: VecDeque<Option<OwnedFd>>,
    gathered: Handover,
}

/// What a read came to.
pub enum Received {
    /// There is nothing more to read now.
    Blocked,
    /// Some bytes have come.
    Part,
    /// A handover is complete.
    Complete(Purpose, Handover),
    /// The master process has ended.
    Closed,
}

impl AsFd for HandoverReceive {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl HandoverReceive {
    /// `socket` is the other end of the socket pair.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, bytes: Vec::new(), descriptors: VecDeque::new(), gathered: Handover::default() }
    }

    /// Reads once, into this buffer.
    ///
    /// # Errors
    /// Those of recvmsg(2).
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Received> {
        let (count, passed) = match net::receive_descriptor(self.socket.as_fd(), buffer) {
            Err(error) if error.would_block() => return Ok(Received::Blocked),
            Ok((0, _)) => return Ok(Received::Closed),
            outcome => outcome?,
        };
        match passed {
            Passed::Nothing => {}
            Passed::Descriptor(descriptor) => self.descriptors.push_back(Some(descriptor)),
            Passed::Lost => self.descriptors.push_back(None),
        }
        self.bytes.extend_from_slice(&buffer[..count]);
        Ok(self.records())
    }

    /// Tells the master process whether the handover with this number is taken over.
    pub fn answer(&self, number: u8, is_taken: bool) {
        // If the master process has ended, the next read reports it.
        let _ = net::send(self.socket.as_fd(), &[number, u8::from(is_taken)], false);
    }

    /// Takes the complete records. The master process sends nothing after an end before it has the answer.
    fn records(&mut self) -> Received {
        let mut at = 0;
        let mut complete = None;
        while let Some((kind, name, text)) = record(&self.bytes[at..]) {
            let end = at + HEAD_BYTES + name.len() + text.len();
            match kind {
                Some(Kind::Begin) => self.gathered = Handover::default(),
                Some(Kind::Text) => self.gathered.texts.push((lossy(name), lossy(text))),
                Some(Kind::Log) => match self.descriptors.pop_front().flatten() {
                    Some(file) => self.gathered.logs.push((PathBuf::from(OsStr::from_bytes(name)), file)),
                    None => self.gathered.is_incomplete = true,
                },
                Some(Kind::Socket) => match self.descriptors.pop_front().flatten() {
                    Some(socket) => self.gathered.sockets.push((lossy(name), socket)),
                    None => self.gathered.is_incomplete = true,
                },
                Some(Kind::End) => {
                    let mut handover = std::mem::take(&mut self.gathered);
                    handover.number = text.first().copied().unwrap_or_default();
                    let purpose = if text.get(1) == Some(&1) { Purpose::Reload } else { Purpose::Reopen };
                    complete = Some(Received::Complete(purpose, handover));
                }
                None => {}
            }
            at = end;
        }
        self.bytes.drain(..at);
        complete.unwrap_or(Received::Part)
    }
}

/// The first record of these bytes: its kind, name and text. Returns None if it is not complete.
fn record(bytes: &[u8]) -> Option<(Option<Kind>, &[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let length = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
    let (name, rest) = rest.split_at_checked(length(1))?;
    let (text, _) = rest.split_at_checked(length(5))?;
    Some((Kind::from_byte(head[0]), name, text))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn what_is_passed_arrives_in_pieces_of_any_size() {
        for size in [1, 2, 7, 64, 65536] {
            let (ours, theirs) = net::pair().expect("a pair");
            let (mut master, mut worker) = (HandoverSend::new(ours), HandoverReceive::new(theirs));
            let (mut reader, writer) = std::io::pipe().expect("a pipe");
            let sender = std::thread::spawn(move || {
                master.text("given up", "").expect("sent");
                master.begin().expect("sent");
                master.text("/etc/a.conf", &"x".repeat(1000)).expect("sent");
                master.log(Path::new("/var/log/a"), writer.as_fd()).expect("sent");
                master.socket("127.0.0.1:80", reader.as_fd()).expect("sent");
                master.text("empty", "").expect("sent");
                let taken = [Purpose::Reload, Purpose::Reopen].map(|purpose| master.end(purpose));
                (taken, reader.read(&mut [0; 8]).expect("a byte"))
            });
            let mut buffer = vec![0; size];
            let mut next = || loop {
                match worker.read(&mut buffer).expect("read") {
                    Received::Complete(purpose, handover) => {
                        worker.answer(handover.number, purpose == Purpose::Reload);
                        return (purpose, handover);
                    }
                    Received::Closed => panic!("the master process is still there"),
                    Received::Blocked | Received::Part => std::thread::yield_now(),
                }
            };
            let (purpose, handover) = next();
            let texts = [("/etc/a.conf".to_owned(), "x".repeat(1000)), ("empty".into(), String::new())];
            assert_eq!((purpose, handover.texts), (Purpose::Reload, texts.to_vec()));
            assert_eq!((&*handover.logs[0].0, handover.logs.len()), (Path::new("/var/log/a"), 1));
            assert_eq!((&*handover.sockets[0].0, handover.sockets.len()), ("127.0.0.1:80", 1));
            std::fs::File::from(handover.logs.into_iter().next().expect("a log").1).write_all(b"!").expect("written");
            assert_eq!(next().0, Purpose::Reopen);
            assert_eq!(sender.join().expect("it has not failed"), ([Ok(true), Ok(false)], 1));
            assert!(matches!(worker.read(&mut buffer), Ok(Received::Closed)));
        }
    }

    #[test]
    fn an_answer_has_the_number_of_its_handover() {
        let (ours, theirs) = net::pair().expect("a pair");
        let (mut master, worker) = (HandoverSend::new(ours), HandoverReceive::new(theirs));
        master.number = 7;
        worker.answer(7, true);
        worker.answer(8, false);
        assert_eq!(master.end(Purpose::Reload), Ok(false));
        drop(worker);
        assert!(master.end(Purpose::Reload).is_err_and(|error| is_gone(&error)));
    }
}
