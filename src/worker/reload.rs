//! Loads a new configuration while the server runs. Every step that can fail comes before the first change.

use super::{Loader, descriptors};
use crate::config::{Config, ConfigFiles, Listener};
use crate::handover::Handover;
use crate::listen::{Open, Socket, Sockets};
use crate::log::{LogFiles, LogOpener};
use crate::temp_folders;
use std::sync::{Arc, Mutex, PoisonError};
use webserv_sys::process::{Account, Pid};

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
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner).take(worker)
    }

    /// Takes the new sockets of all workers.
    pub fn take_all_sockets(&self) -> Sockets {
        std::mem::take(&mut *self.sockets.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// With whose rights files and sockets are opened.
pub enum Rights {
    /// With those of this process.
    Own,
    /// With root's rights, for a server that becomes this user.
    ForUser(Account),
    /// The master process has opened what a reload needs, with root's rights.
    Handed(Handover),
}

/// The state for reloads. Only the first worker has it, and the master process.
pub struct Leader {
    /// The configuration that the server was started with. The settings in `fixed` keep its values.
    started: Arc<Config>,
    /// The current configuration.
    config: Arc<Config>,
    /// Its open log files.
    logs: LogFiles,
    loader: Loader,
    open: Open,
    /// The master process, in its worker process.
    master: Option<Pid>,
}

impl Leader {
    /// For a server that starts with this configuration; its logs and sockets are open.
    pub fn new(config: Arc<Config>, loader: Loader, logs: LogFiles, open: Open) -> Self {
        Self { started: Arc::clone(&config), config, logs, loader, open, master: None }
    }

    /// The configuration that the server was started with.
    pub fn started(&self) -> &Arc<Config> {
        &self.started
    }

    /// The current configuration.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The open log files of the current configuration.
    pub fn logs(&self) -> &LogFiles {
        &self.logs
    }

    /// The master process. Returns None if this process has none.
    pub fn master(&self) -> Option<Pid> {
        self.master
    }

    /// This process has this master process from now on.
    pub fn set_master(&mut self, master: Pid) {
        self.master = Some(master);
    }

    /// Reads the configuration again, opens its log files, and the sockets for new addresses. Returns them with the
    /// warnings for the log. [`Leader::commit`] makes them the current ones.
    ///
    /// # Errors
    /// A message for the log: what is wrong with the configuration, or what cannot be opened. Then nothing has changed.
    pub fn prepare(&mut self, rights: Rights) -> Result<(Reload, Vec<String>), String> {
        let account = match &rights {
            Rights::ForUser(account) => Some(account.clone()),
            Rights::Own | Rights::Handed(_) => None,
        };
        let (files, opener, handed) = match rights {
            Rights::Own => (ConfigFiles::default(), LogOpener::Own, None),
            Rights::ForUser(account) => (ConfigFiles::default(), LogOpener::ForUser(account), None),
            Rights::Handed(handover) => {
                let opener = LogOpener::Handed(handover.logs);
                (ConfigFiles::handed(handover.texts), opener, Some(handover.sockets))
            }
        };
        let config = Arc::new((self.loader)(&files)?);
        config.zones.adopt(&self.config.zones);
        config.upstreams.iter().for_each(|upstream| upstream.adopt(&self.config.upstreams));
        if handed.is_none() {
            temp_folders::make(&config, account.as_ref())?; // else the master process has made them
        }
        let logs = self.logs.renew(&config, &opener)?;
        let is_new = |l: &&Listener| !self.config.listeners.iter().any(|old| old.address == l.address);
        let fresh: Vec<Listener> = config.listeners.iter().filter(is_new).cloned().collect();
        let workers = self.started.workers.max(1);
        let sockets = match handed {
            None => self.open.open(&fresh, workers),
            Some(handed) => self.open.adopt(&fresh, workers, handed),
        };
        let sockets = sockets.map_err(|e| e.to_string())?;

        descriptors::raise_limit(&config);
        let mut warnings: Vec<String> = config.warnings.iter().map(|w| w.to_string()).collect();
        warnings.extend(descriptors::warning(&config));
        let fixed = fixed(&self.started, &config).into_iter().chain(self.open.fixed_options(&config.listeners));
        warnings.extend(fixed.map(|what| format!("{what} has changed; restart the server for it to take effect")));
        Ok((Reload { config, logs, sockets: Arc::new(Mutex::new(sockets)) }, warnings))
    }

    /// Continues with this configuration.
    pub fn commit(&mut self, reload: &Reload) {
        self.config = Arc::clone(&reload.config);
        self.open.adapt(&self.config.listeners);
        self.logs = reload.logs.clone();
    }

    /// Opens the log files again.
    ///
    /// # Errors
    /// A message for the log: the file that cannot be opened, and why. Then the old files stay in use.
    pub fn reopen(&mut self, opener: &LogOpener) -> Result<LogFiles, String> {
        self.logs = self.logs.renew(&self.config, opener)?;
        Ok(self.logs.clone())
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
