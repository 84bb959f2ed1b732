//! The workers of one process, as one of them sees the others.

use super::reload::{Leader, Reload};
use super::{Command, Loader};
use crate::config::Config;
use crate::listen::Open;
use crate::log::LogFiles;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use webserv_sys::file;

/// The other workers, and what the first one needs for reading the configuration again.
pub struct Team {
    number: usize,
    /// Of the first worker only, as are the others.
    lead: Option<Leader>,
    others: Vec<WorkerChannel>,
}

/// How another worker is reached: a command is put into its channel, then a byte into its line wakes it.
pub struct WorkerChannel {
    /// The worker's number.
    pub number: usize,
    /// Where commands go in.
    pub commands: Sender<Command>,
    /// A socket pair's end; the other is read by the worker's CommandRead, and closed when the worker ends.
    pub line: Arc<OwnedFd>,
}

impl Team {
    /// A worker that knows no others: every worker but the first, and tests.
    pub fn member(number: usize) -> Self {
        Self { number, lead: None, others: Vec::new() }
    }

    /// The first worker, which hears the signals and passes them on.
    pub fn leader(config: Arc<Config>, loader: Loader, open: Open, others: Vec<WorkerChannel>) -> Self {
        Self { number: 0, lead: Some(Leader::new(config, loader, open)), others }
    }

    /// This worker's number, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The other workers that still run, as far as this one knows.
    pub fn others(&self) -> &[WorkerChannel] {
        &self.others
    }

    /// Another worker has ended.
    pub fn remove(&mut self, number: usize) {
        self.others.retain(|worker_channel| worker_channel.number != number);
    }

    /// Passes a command on.
    pub fn tell_others(&self, command: &Command) {
        for worker_channel in &self.others {
            if worker_channel.commands.send(command.clone()).is_ok() {
                // A full line rings as well as another byte would.
                let _ = file::write(worker_channel.line.as_fd(), b"!");
            }
        }
    }

    /// Opens the log files again.
    ///
    /// # Errors
    /// Which file cannot be opened, and why; then all stay as they were.
    pub fn reopen(&self) -> Result<LogFiles, String> {
        LogFiles::open(self.lead()?.config())
    }

    /// Reads the configuration again, and opens its logs and what it listens on that was not open before. Gives it with
    /// what is to be warned of.
    ///
    /// # Errors
    /// What is wrong with the configuration, or what cannot be opened, in words; then nothing has changed.
    pub fn reload(&mut self) -> Result<(Reload, Vec<String>), String> {
        self.lead.as_mut().ok_or(NO_LEADER)?.reload()
    }

    fn lead(&self) -> Result<&Leader, String> {
        Ok(self.lead.as_ref().ok_or(NO_LEADER)?)
    }
}

const NO_LEADER: &str = "only the first worker does that";
