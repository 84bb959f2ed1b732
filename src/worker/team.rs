//! How a worker reaches the other workers of its process.

use super::Command;
use super::reload::{Leader, Reload, Rights};
use crate::log::{LogFiles, LogOpener};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use webserv_sys::file;
use webserv_sys::process::Pid;

/// The channels to the other workers, and the state for reloads. Only the first worker has them: it handles the
/// signals.
pub struct Team {
    number: usize,
    /// `None` in all workers but the first.
    lead: Option<Leader>,
    /// Empty in all workers but the first.
    others: Vec<WorkerChannel>,
}

/// The way to send commands to another worker: put a command into its queue, then write a byte to its wake-up socket.
pub struct WorkerChannel {
    /// The worker's number.
    pub number: usize,
    /// The queue of commands.
    pub commands: Sender<Command>,
    /// This worker's end of a socket pair. A byte makes the other end readable, which wakes the other worker's
    /// CommandRead. When the other worker ends, its end is closed, and this end reads EOF.
    pub wake_up: Arc<OwnedFd>,
}

impl Team {
    /// The team of a worker that sends no commands: every worker but the first, and in tests.
    pub fn member(number: usize) -> Self {
        Self { number, lead: None, others: Vec::new() }
    }

    /// The team of the first worker, which handles the signals and sends commands to the others.
    pub fn leader(leader: Leader, others: Vec<WorkerChannel>) -> Self {
        Self { number: 0, lead: Some(leader), others }
    }

    /// The master process. Returns None if there is no such process, and in all workers but
    /// the first.
    pub fn master(&self) -> Option<Pid> {
        self.lead.as_ref()?.master()
    }

    /// This worker's number, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The other workers that have not ended. Empty in all workers but the first.
    pub fn others(&self) -> &[WorkerChannel] {
        &self.others
    }

    /// Removes a worker that has ended.
    pub fn remove(&mut self, number: usize) {
        self.others.retain(|worker_channel| worker_channel.number != number);
    }

    /// Sends a command to all other workers.
    pub fn send_to_others(&self, command: &Command) {
        for worker_channel in &self.others {
            if worker_channel.commands.send(command.clone()).is_ok() {
                // If the socket's buffer is full, the write fails, but then the other end is readable already.
                let _ = file::write(worker_channel.wake_up.as_fd(), b"!");
            }
        }
    }

    /// Opens the log files again, for SIGUSR1.
    ///
    /// # Errors
    /// A message for the log: the file that cannot be opened, and why. Then the old files stay in use.
    pub fn reopen(&mut self, opener: &LogOpener) -> Result<LogFiles, String> {
        self.lead.as_mut().ok_or(NO_LEADER)?.reopen(opener)
    }

    /// Reads the configuration again, opens its log files, and the sockets for new addresses. Returns them with the
    /// warnings for the log.
    ///
    /// # Errors
    /// A message for the log: what is wrong with the configuration, or what cannot be opened. Then nothing has changed.
    pub fn reload(&mut self, rights: Rights) -> Result<(Reload, Vec<String>), String> {
        let leader = self.lead.as_mut().ok_or(NO_LEADER)?;
        let (reload, warnings) = leader.prepare(rights)?;
        leader.commit(&reload);
        Ok((reload, warnings))
    }
}

const NO_LEADER: &str = "only the first worker can do this";
