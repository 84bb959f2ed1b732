//! ReplySpool: moves the answer of a server behind from memory into a file, when its client is slow. So the server
//! behind need not wait for the client (`proxy_buffering`).

use crate::connection::{Connection, Transaction};
use crate::engine::{Event, Flow, Seen, Task, TaskError, Want};
use crate::limits::{FILES_MAX, IOVECS_MAX};
use crate::log::Level;
use crate::task::Context;
use crate::task::file::nameless::nameless;
use crate::worker::Worker;
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use webserv_sys::{Error, Watch, file};

/// Writes one answer. The file has no name: the kernel frees it with the last use.
pub struct ReplySpool {
    file: Option<Rc<OwnedFd>>,
    path: Vec<u8>,
    /// The number of bytes in the file.
    end: u64,
    /// `_max_temp_file_size`
    bytes_max: u64,
    /// The file cannot be written: the server behind waits for the client.
    is_broken: bool,
}

impl ReplySpool {
    /// Writes to a file that is made at this path, which must be new, and loses its name at once.
    pub fn new(path: Vec<u8>, bytes_max: u64) -> Self {
        Self { file: None, path, end: 0, bytes_max, is_broken: false }
    }

    fn spool(&mut self, t: &mut Transaction) -> Result<(), Error> {
        let file = match &self.file {
            Some(file) => Rc::clone(file),
            None => Rc::clone(self.file.insert(Rc::new(nameless(&self.path)?))),
        };
        let mut slices = [IoSlice::new(&[]); IOVECS_MAX];
        let (count, bytes) = t.reply.body.gather_tail(&mut slices);
        if bytes == 0 {
            return Ok(());
        }
        let written = file::writev(file.as_fd(), &slices[..count])? as u64;
        t.reply.body.replace_tail(&file, self.end..self.end + written);
        self.end += written;
        Ok(())
    }

    fn wants_to(&self, t: &Transaction) -> bool {
        let body = &t.reply.body;
        !self.is_broken && self.end < self.bytes_max && !body.is_ended() && body.room() == 0 && body.files() < FILES_MAX
    }
}

impl Task<Worker> for ReplySpool {
    fn kind(&self) -> &'static str {
        "ReplySpool"
    }

    fn doing(&self) -> &'static str {
        "storing the answer for a slow client"
    }

    fn watch<'w>(&'w self, _: Option<&'w Connection>) -> Watch<'w> {
        Watch::Always
    }

    fn wants(&self, Seen { transaction, .. }: Seen<'_>) -> Want {
        if transaction.is_some_and(|t| self.wants_to(t)) { Want::Kernel } else { Want::Nothing }
    }

    fn handle(&mut self, event: Event, cx: &mut Context<'_>) -> Result<Flow, TaskError> {
        match event {
            Event::Ready | Event::Hangup => {
                let Some(w) = cx.work() else { return Ok(Flow::Done) };
                if let Err(error) = self.spool(w.t) {
                    self.is_broken = true;
                    let path = String::from_utf8_lossy(&self.path).into_owned();
                    cx.log(Level::Crit, format_args!("{error}: \"{path}\"; see client_body_temp_path"));
                }
                Ok(Flow::Yield)
            }
            Event::Deadline => Ok(Flow::Progress),
            Event::Cancel => Ok(Flow::Done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{Front, Identity, Segment, SpareTransactions, Transactions};
    use crate::http::seeded::Seeded;
    use crate::limits::REPLY_BYTES_MAX;
    use crate::task::temp_dir::TempDir;
    use std::os::unix::ffi::OsStrExt;

    fn with_transaction(test: impl FnOnce(&mut Transaction, &TempDir, Vec<u8>)) {
        let folder = TempDir::new();
        let path = folder.path().join("spool").as_os_str().as_bytes().to_vec();
        let mut transactions = Transactions::default();
        let route = Rc::clone(&Identity::for_tests().listener.route);
        test(transactions.begin(&mut SpareTransactions::default(), route, None), &folder, path);
    }

    /// Takes up to this number of bytes, those in the file from there.
    fn take(t: &mut Transaction, most: u64) -> Vec<u8> {
        let mut out = Vec::new();
        loop {
            let left = (most - out.len() as u64).min(1 << 20);
            let bytes = match t.reply.body.front() {
                _ if left == 0 => return out,
                None => return out,
                Some(Front::Bytes(bytes)) => bytes[..bytes.len().min(left as usize)].to_vec(),
                Some(Front::File(source, range)) => {
                    let mut bytes = vec![0; (range.end - range.start).min(left) as usize];
                    assert_eq!(file::pread(source, &mut bytes, range.start), Ok(bytes.len()));
                    bytes
                }
            };
            t.reply.body.consume(bytes.len() as u64);
            out.extend(bytes);
        }
    }

    /// It works only while the body has no room, has not ended, and the file may grow.
    #[test]
    fn it_works_when_the_client_is_slow() {
        with_transaction(|t, folder, path| {
            let mut spool = ReplySpool::new(path, REPLY_BYTES_MAX as u64 + 1);
            assert!(!spool.wants_to(t), "there is room");
            t.reply.body.push_bytes(vec![b'x'; REPLY_BYTES_MAX]);
            assert!(spool.wants_to(t));
            spool.spool(t).unwrap();
            assert_eq!((t.reply.body.files(), t.reply.body.room()), (1, REPLY_BYTES_MAX), "there is room again");
            assert!(!spool.wants_to(t));
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
            t.reply.body.push_bytes(vec![b'y'; REPLY_BYTES_MAX]);
            spool.spool(t).unwrap();
            t.reply.body.push_bytes(vec![b'z'; REPLY_BYTES_MAX]);
            assert!(!spool.wants_to(t), "max_temp_file_size is reached");
            let all = take(t, u64::MAX);
            assert_eq!(all.len(), 3 * REPLY_BYTES_MAX);
            assert!(all.chunks(REPLY_BYTES_MAX).zip(*b"xyz").all(|(piece, byte)| piece.iter().all(|b| *b == byte)));
            let mut other = ReplySpool::new(Vec::new(), u64::MAX);
            t.reply.body.push_bytes(vec![b'x'; REPLY_BYTES_MAX]);
            t.reply.body.end();
            assert!(!other.wants_to(t), "no more comes");
            other.is_broken = true;
            assert!(!other.wants_to(t));
        });
    }

    #[test]
    fn the_bytes_keep_their_order() {
        for seed in 1..=20 {
            with_transaction(|t, _, path| {
                let (mut random, mut spool) = (Seeded(seed), ReplySpool::new(path, u64::MAX));
                let (mut sent, mut out) = (Vec::new(), Vec::new());
                for _ in 0..100 {
                    let count = random.below(3000);
                    let bytes = random.text(b"abcdefgh", count);
                    t.reply.body.push(Segment::owned(bytes.clone()));
                    sent.extend(bytes);
                    if random.below(2) == 0 {
                        spool.spool(t).unwrap();
                    }
                    out.extend(take(t, random.below(2000) as u64));
                }
                out.extend(take(t, u64::MAX));
                assert!(out == sent, "seed {seed}");
            });
        }
    }

    #[test]
    fn a_folder_that_is_missing_is_an_error() {
        with_transaction(|t, folder, _| {
            let path = folder.path().join("none/spool").as_os_str().as_bytes().to_vec();
            t.reply.body.push_bytes(b"bytes".to_vec());
            assert!(ReplySpool::new(path, u64::MAX).spool(t).unwrap_err().is_not_found());
            assert_eq!(take(t, u64::MAX), b"bytes", "nothing is lost");
        });
    }
}
