//! The workers of one process, as one of them sees the others.

use super::Command;
use crate::config::{Config, Listener};
use crate::listen::{self, Sockets};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use webserv_sys::file;

/// Reads the configuration again; gives it with its warnings, or an error in words.
pub type Loader = Arc<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// The other workers, and what is needed for reading the configuration again.
pub struct Team {
    number: usize,
    config: Arc<Config>,
    loader: Option<Loader>,
    mates: Vec<Mate>,
}

/// How another worker is reached: a command is put into its channel, then a byte into its pipe wakes it.
pub struct Mate {
    /// Where commands go in.
    pub commands: Sender<Command>,
    /// The pipe that its Inbox reads.
    pub bell: OwnedFd,
}

/// A new configuration, with the sockets for addresses that the old one did not have.
#[derive(Clone)]
pub struct Reload {
    /// The configuration.
    pub config: Arc<Config>,
    sockets: Arc<Mutex<Sockets>>,
}

impl Reload {
    /// The new listeners with this worker's socket for each.
    pub fn take_sockets(&self, worker: usize) -> Vec<(Listener, OwnedFd)> {
        match self.sockets.lock() {
            Ok(mut sockets) => sockets.take(worker),
            Err(_) => Vec::new(),
        }
    }
}

impl Team {
    /// A worker that knows no others: every worker but the first, and tests.
    pub fn member(number: usize, config: Arc<Config>) -> Self {
        Self { number, config, loader: None, mates: Vec::new() }
    }

    /// The first worker, which hears the signals and passes them on.
    pub fn leader(config: Arc<Config>, loader: Loader, mates: Vec<Mate>) -> Self {
        Self { number: 0, config, loader: Some(loader), mates }
    }

    /// This worker's number, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Passes a command on.
    pub fn tell_others(&self, command: &Command) {
        for mate in &self.mates {
            if mate.commands.send(command.clone()).is_ok() {
                // A full pipe rings as well as another byte would.
                let _ = file::write(mate.bell.as_fd(), b"!");
            }
        }
    }

    /// Reads the configuration again and opens what it listens on that was not open before.
    ///
    /// # Errors
    /// What is wrong with the configuration or why an address cannot be listened on, in words.
    pub fn reload(&mut self) -> Result<(Reload, Vec<String>), String> {
        let Some(loader) = &self.loader else { return Err("only the first worker reloads".into()) };
        let config = Arc::new(loader()?);
        let mut warnings: Vec<String> = config.warnings.iter().map(|w| w.to_string()).collect();
        for (what, differs) in [
            ("worker_processes", config.workers != self.config.workers),
            ("use", config.events.poller != self.config.events.poller),
            ("user", config.user != self.config.user),
        ] {
            if differs {
                warnings
                    .push(format!("\"{what}\" has changed, which takes effect only when the server is started anew"));
            }
        }
        let is_new = |l: &&Listener| !self.config.listeners.iter().any(|old| old.address == l.address);
        let fresh: Vec<Listener> = config.listeners.iter().filter(is_new).cloned().collect();
        let sockets = listen::open(&fresh, self.mates.len() + 1).map_err(|e| e.to_string())?;
        self.config = Arc::clone(&config);
        Ok((Reload { config, sockets: Arc::new(Mutex::new(sockets)) }, warnings))
    }
}
