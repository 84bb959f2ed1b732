//! The thread that hashes passwords: crypt(3), bcrypt and their kind take up to a second, and would stop the loop.
//!
//! There is one for all workers. It starts with the first password. A worker puts a job into its queue, and gets the
//! answer through a channel of its own; a byte on the worker's bell says that there is one.

use crate::limits::HASH_QUEUE_MAX;
use crate::password::{self, Unusable};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use webserv_sys::file;

/// A password that is to be checked.
pub(super) struct HashJob {
    /// The worker's number for this job.
    pub ticket: u64,
    /// The stored hash.
    pub hash: Vec<u8>,
    /// The password that the client has sent.
    pub password: Vec<u8>,
    /// Where the answer goes.
    pub answers: Sender<Checked>,
    /// A byte here wakes the worker.
    pub bell: Arc<OwnedFd>,
}

/// A password that has been checked.
pub(super) struct Checked {
    /// The number of the job.
    pub ticket: u64,
    /// Whether the password is right.
    pub is_right: Result<bool, Unusable>,
}

/// The queue of the thread; None before the first job.
static QUEUE: Mutex<Option<SyncSender<HashJob>>> = Mutex::new(None);

/// Why a password cannot be checked now; for the log.
pub type Busy = &'static str;

/// Hands a password over.
///
/// # Errors
/// The queue is full, or no thread can be started.
pub(super) fn submit(job: HashJob) -> Result<(), Busy> {
    let mut queue = QUEUE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if queue.is_none() {
        let (jobs, received) = sync_channel(HASH_QUEUE_MAX);
        let thread = std::thread::Builder::new().name("hasher".to_owned()).spawn(move || serve(&received));
        thread.map_err(|_| "no thread can be started that hashes passwords")?;
        *queue = Some(jobs);
    }
    let sent = queue.as_ref().map(|jobs| jobs.try_send(job));
    match sent {
        Some(Ok(())) => Ok(()),
        Some(Err(TrySendError::Full(_))) => Err("too many passwords wait for being hashed"),
        Some(Err(TrySendError::Disconnected(_))) | None => {
            *queue = None; // the next job starts another thread
            Err("the thread that hashes passwords has ended")
        }
    }
}

fn serve(jobs: &Receiver<HashJob>) {
    for HashJob { ticket, hash, password, answers, bell } in jobs {
        let check = AssertUnwindSafe(|| password::is_right(&hash, &password));
        let is_right = catch_unwind(check).unwrap_or(Err(Unusable::UnknownKind));
        // A worker that has ended needs no answer. If the bell's buffer is full, the other end is readable already.
        if answers.send(Checked { ticket, is_right }).is_ok() {
            let _ = file::write(bell.as_fd(), b"!");
        }
    }
}
