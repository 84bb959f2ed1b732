//! Loads a new configuration while the server runs. Every step that can fail comes before the first change.

use super::{Loader, descriptors};
use crate::config::{Config, Listener};
use crate::listen::{Open, Socket, Sockets};
use crate::log::LogFiles;
use crate::temp_folders;
use std::sync::{Arc, Mutex};

/// A new configuration, its open log files, and the listening sockets for addresses that the old one did not have.
#[derive(Clone)]
pub struct Reload {
    /// The configuration.
    pub config: Arc<Config>,
    /// Its open log files.
    pub logs: LogFiles,
    sockets: Arc<Mutex<Sockets>>,
}

impl Reload {
    /// Takes this worker's socket of each new listener.
    pub fn take_sockets(&self, worker: usize) -> Vec<(Listener, Arc<Socket>)> {
        match self.sockets.lock() {
            Ok(mut sockets) => sockets.take(worker),
            Err(_) => Vec::new(),
        }
    }
}

/// The state that only the first worker has, for reloads.
pub(super) struct Leader {
    /// The configuration that the server was started with. The settings in `fixed` keep its values.
    started: Arc<Config>,
    /// The current configuration.
    config: Arc<Config>,
    loader: Loader,
    open: Open,
}

impl Leader {
    pub fn new(config: Arc<Config>, loader: Loader, open: Open) -> Self {
        Self { started: Arc::clone(&config), config, loader, open }
    }

    /// The current configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// See [`super::Team::reload`].
    pub fn reload(&mut self) -> Result<(Reload, Vec<String>), String> {
        let config = Arc::new((self.loader)()?);
        let logs = LogFiles::open(&config)?;
        temp_folders::make(&config, None)?;
        let is_new = |l: &&Listener| !self.config.listeners.iter().any(|old| old.address == l.address);
        let fresh: Vec<Listener> = config.listeners.iter().filter(is_new).cloned().collect();
        let sockets = self.open.open(&fresh, self.started.workers.max(1)).map_err(|e| e.to_string())?;

        descriptors::raise_limit(&config);
        let mut warnings: Vec<String> = config.warnings.iter().map(|w| w.to_string()).collect();
        warnings.extend(descriptors::warning(&config));
        let fixed = fixed(&self.started, &config).into_iter().chain(self.open.adapt(&config.listeners));
        warnings.extend(fixed.map(|what| format!("{what} has changed; restart the server for it to take effect")));
        self.config = Arc::clone(&config);
        Ok((Reload { config, logs, sockets: Arc::new(Mutex::new(sockets)) }, warnings))
    }
}

/// The names of the directives that differ and that a reload cannot change.
fn fixed(started: &Config, new: &Config) -> Vec<String> {
    let rows = [
        ("worker_processes", started.workers != new.workers),
        ("use", started.events.poller != new.events.poller),
        ("try_first", started.events.try_first != new.events.try_first),
        ("user", started.user != new.user),
        ("pid", started.pid != new.pid),
        ("daemon", started.daemon != new.daemon),
    ];
    rows.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| format!("\"{what}\"")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::User;

    #[test]
    fn what_a_reload_cannot_change_is_named() {
        let started = Config::default();
        assert_eq!(fixed(&started, &started), [""; 0]);
        let user = Some(User { name: "nobody".into(), group: None });
        let mut new = Config { workers: 3, user, pid: Some("run/pid".into()), daemon: true, ..started.clone() };
        new.events.poller = Some("poll");
        new.events.try_first = false;
        // A reload can change these: the loop reads them each time.
        new.events.worker_connections = 1;
        new.events.multi_accept = true;
        let all = ["worker_processes", "use", "try_first", "user", "pid", "daemon"].map(|name| format!("\"{name}\""));
        assert_eq!(fixed(&started, &new), all);
    }
}
